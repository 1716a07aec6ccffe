//! A run that has not ended, read from what it keeps while it goes on. Nothing is written there, and nothing is locked.

use crate::asked::Study;
use crate::record::{Manifest, Record, RecordError, UnfinishedFolder};
use crate::stages::{SoFar, so_far};
use crate::store::Store;
use crate::text::{count, rounded};
use logscape::SgdSettings;
use std::fmt;
use std::time::SystemTime;

/// Settings that are named one by one; of more, the first ones are.
const NAMED: usize = 8;

/// What an unfinished run has come to, and what is missing.
#[derive(Debug)]
pub(crate) struct Unfinished {
    /// Results and tables of what is finished; its manifest tells when they were read. Paths of replicas are not among them.
    pub(crate) record: Record,
    /// What is not finished.
    pub(crate) missing: Missing,
}

/// What is missing of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    /// Stages before the settings, by name.
    pub stages: Vec<&'static str>,
    /// Settings, in the order of the record.
    pub settings: Vec<SgdSettings>,
    /// Number of all settings.
    pub of: usize,
}

impl fmt::Display for Missing {
    /// A sentence without its stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stages, settings, of } = self;
        if *of == 0 {
            return match stages.as_slice() {
                [] => write!(f, "only the record is yet to be written"),
                stages => write!(f, "missing: {}", stages.join(" and ")),
            };
        }
        write!(f, "{} of {} finished", of - settings.len(), count(*of, "setting"))?;
        if !stages.is_empty() {
            write!(f, "; missing before them: {}", stages.join(" and "))?;
        }
        let Some((first, more)) = settings.split_first() else {
            return write!(f, "; only the record is yet to be written");
        };
        write!(f, "; missing: {}", name(first))?;
        more.iter().take(NAMED - 1).try_for_each(|sgd| write!(f, "; {}", name(sgd)))?;
        match settings.len().saturating_sub(NAMED) {
            0 => Ok(()),
            rest => write!(f, "; and {rest} more"),
        }
    }
}

fn name(sgd: &SgdSettings) -> String {
    format!("learning rate {}, batch size {}", rounded(sgd.learning_rate), sgd.batch_size)
}

/// Reads the unfinished run in `folder`, which may be at work.
///
/// # Errors
/// If its minimum is not measured yet, if it ends meanwhile, or if what it has kept cannot be read.
pub(crate) fn read(folder: &UnfinishedFolder) -> Result<Unfinished, RecordError> {
    read_present(folder).map_err(|error| folder.ended().unwrap_or(error))
}

fn read_present(folder: &UnfinishedFolder) -> Result<Unfinished, RecordError> {
    let study: Study = folder.study()?;
    let nothing = || RecordError::NothingYet(folder.partial().to_path_buf());
    let store = Store::present(folder.checkpoints())?.ok_or_else(nothing)?;
    let SoFar { results, tables, missing, warnings } = so_far(&store, &study)?.ok_or_else(nothing)?;
    let grid = study.sgd.grid();
    let missing = Missing { stages: missing, settings: grid[results.settings.len()..].to_vec(), of: grid.len() };
    let manifest = Manifest::unfinished(&study, store.origin().clone(), warnings, SystemTime::now());
    Ok(Unfinished { record: Record { study, results, tables, manifest }, missing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Event;
    use crate::record::{SettingRecord, VerdictRecord};
    use crate::{Destination, parse, report, run};
    use logscape::Stop;
    use std::fs;
    use std::path::Path;

    const STUDY: &str = r#"
name = "small"
seed = 7
[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 60, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }
[minimum]
start = [5.5]
[sgd]
learning_rate = [0.1, 0.15, 0.2]
batch_size = [1, 2]
[[dynamics]]
kind = "heavy-ball"
momentum = 0.5
[stationary]
replicas = 8
burn_in = 100
steps = 500
[escape]
region = "dividing-surface"
replicas = 20
max_steps = 3_000
"#;

    /// The study's run into `place`, stopped when it says so; its record, if it comes to one.
    fn run_until(place: &Path, resume: bool, moment: fn(&Event) -> bool) -> Option<Record> {
        let study = parse("small.toml", STUDY, &[]).expect("a good study");
        let destination = Destination { resume, ..Destination::new(place.to_path_buf()) };
        let stop = Stop::new();
        let hear = |event: &Event| {
            if moment(event) {
                stop.request();
            }
        };
        run(&study, Path::new(""), &destination, &stop, &hear).ok().map(|(record, _)| record)
    }

    /// What was found in a setting, without its verdict, which looks at others.
    fn alone(setting: &SettingRecord) -> SettingRecord {
        let mut setting = setting.clone();
        setting.escape.as_mut().expect("an escape").verdict = VerdictRecord::default();
        setting
    }

    /// Every file of a folder with its bytes.
    fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> = entries
            .flat_map(|path| {
                if path.is_dir() {
                    files(&path)
                } else {
                    vec![(path.display().to_string(), fs::read(&path).expect("a file"))]
                }
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn what_is_finished_is_that_of_the_final_record_and_what_is_missing_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("record");
        let partial = folder.path().join("record.partial");
        let begun = |event: &Event| matches!(event, Event::Setting { number: 2, .. });
        assert!(run_until(&place, false, begun).is_none());
        let before = files(&partial);
        let found = read(&UnfinishedFolder::of(&partial).expect("an unfinished run")).expect("it is readable");
        let drawn = report::draw(&partial).expect("a page");
        assert_eq!(files(&partial), before, "nothing is written there");
        assert_eq!(drawn.page, folder.path().join("record.partial.html"));
        assert_eq!(drawn.missing.as_ref(), Some(&found.missing));
        let words = found.missing.to_string();
        let expected = "2 of 6 settings finished; missing: learning rate 0.15, batch size 1; learning rate 0.15, batch size 2; \
                        learning rate 0.2, batch size 1; learning rate 0.2, batch size 2";
        assert_eq!(words, expected);
        let page = fs::read_to_string(&drawn.page).expect("the page");
        assert!(page.contains("This run is not finished.") && page.contains(expected), "{page}");
        assert_eq!(page.matches("\">Learning rate η").count(), 2);
        // By the place of the record to be as well.
        assert_eq!(report::draw(&place).expect("a page").page, drawn.page);

        let whole = run_until(&place, true, |_| false).expect("it ends");
        assert!(!drawn.page.exists(), "the page of what was unfinished goes");
        assert_eq!(found.record.results.minimum, whole.results.minimum);
        assert_eq!(found.record.results.geometry, whole.results.geometry);
        assert_eq!(found.record.results.settings.len(), 2);
        for (now, then) in found.record.results.settings.iter().zip(&whole.results.settings) {
            assert_eq!(alone(now), alone(then));
        }
        let (now, then) = (&found.record.tables, &whole.tables);
        assert!(!now.escape_times.is_empty() && !now.stationary.is_empty() && !now.path.is_empty());
        assert_eq!(now.escape_times, then.escape_times[..now.escape_times.len()]);
        assert_eq!(now.stationary, then.stationary[..now.stationary.len()]);
        assert_eq!((&now.path, &now.spectrum, &now.scaling), (&then.path, &then.spectrum, &then.scaling));

        let untouched = folder.path().join("untouched");
        run_until(&untouched, false, |_| false).expect("it ends");
        let names = |place: &Path| -> Vec<String> {
            let length = place.display().to_string().len();
            files(place).into_iter().map(|(name, _)| name[length..].to_owned()).collect()
        };
        assert_eq!(names(&place), names(&untouched), "nothing is left");
        assert_eq!(fs::read(place.join("results.json")).ok(), fs::read(untouched.join("results.json")).ok());
        let done = report::draw(&place).expect("its pages");
        assert!(done.missing.is_none() && done.page == place.join("report.html"));
    }

    #[test]
    fn a_run_has_a_page_from_the_geometry_on_and_a_word_before_that() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("early");
        assert!(run_until(&place, false, |event| matches!(event, Event::Minimum { .. })).is_none());
        let error = report::draw(&folder.path().join("early.partial")).expect_err("nothing yet").to_string();
        assert!(error.contains("nothing to report yet") && error.contains("--resume"), "{error}");
        assert!(!folder.path().join("early.partial.html").exists());

        let place = folder.path().join("geometry");
        assert!(run_until(&place, false, |event| matches!(event, Event::Geometry { .. })).is_none());
        let drawn = report::draw(&folder.path().join("geometry.partial")).expect("a page");
        let missing = drawn.missing.expect("it is not finished");
        assert_eq!((&missing.stages[..], missing.settings.len()), (&["barrier"][..], 6));
        let page = fs::read_to_string(&drawn.page).expect("the page");
        assert!(page.contains("missing before them: barrier") && page.contains("None is finished yet."), "{page}");
        for nothing in [folder.path(), &folder.path().join("gone.partial")] {
            let error = report::draw(nothing).expect_err("there is no run").to_string();
            assert!(error.contains("neither a record nor an unfinished run"), "{error}");
        }
    }

    #[test]
    fn warnings_of_the_data_stand_on_the_page() {
        let folder = tempfile::tempdir().expect("a folder");
        let rows: Vec<String> = (0..40).map(|k| format!("{},{},{}\n", k + 1, k % 7, (k * k) % 11)).collect();
        fs::write(folder.path().join("a.csv"), format!("row,a,b\n{}", rows.concat())).expect("a table");
        let text = "name = \"a\"\nseed = 1\n[problem]\nkind = \"linear-regression\"\ndata = \"a.csv\"\n\
                    [sgd]\nlearning_rate = 1e-4\nbatch_size = 1\n[stationary]\nreplicas = 4\nsteps = 1_000\n";
        let study = parse("a.toml", text, &[]).expect("a good study");
        let destination = Destination::new(folder.path().join("record"));
        let (stop, heard) = (Stop::new(), std::sync::Mutex::new(Vec::new()));
        let hear = |event: &Event| match event {
            Event::Warning { warning } => heard.lock().expect("one thread").push(warning.clone()),
            Event::Setting { .. } => stop.request(),
            _ => {}
        };
        let error = run(&study, folder.path(), &destination, &stop, &hear).expect_err("it was stopped");
        assert!(matches!(error, crate::RunError::Interrupted { kept: Some(_) }), "{error}");
        let heard = heard.into_inner().expect("one thread");
        assert!(!heard.is_empty());
        let partial = folder.path().join("record.partial");
        let found = read(&UnfinishedFolder::of(&partial).expect("an unfinished run")).expect("it is readable");
        assert_eq!(found.record.manifest.warnings, heard);
        let page = fs::read_to_string(report::draw(&partial).expect("a page").page).expect("the page");
        assert!(page.contains("Likely not meant so:"), "{page}");
    }

    #[test]
    fn of_many_missing_settings_the_first_are_named() {
        let sgd = |k: u32| SgdSettings {
            learning_rate: 0.1 * f64::from(k),
            batch_size: 1,
            sampling: logscape::Sampling::WithReplacement,
        };
        let missing = Missing { stages: vec!["saddles", "barrier"], settings: (1..=20).map(sgd).collect(), of: 20 };
        let words = missing.to_string();
        let start = "0 of 20 settings finished; missing before them: saddles and barrier; missing: learning rate 0.1, batch size 1;";
        assert!(words.starts_with(start) && words.ends_with("learning rate 0.8, batch size 1; and 12 more"), "{words}");
        let none = Missing { stages: Vec::new(), settings: Vec::new(), of: 1 };
        assert_eq!(none.to_string(), "1 of 1 setting finished; only the record is yet to be written");
    }
}
