//! A study for data of one's own.

use super::choice::{Choice, SEED, choose};
use super::model::{Candidate, candidates, holds_classes};
use super::words::{Source, text};
use crate::asked::DataTable;
use crate::error::RunError;
use crate::events::{Events, reading};
use crate::stages::{dataset, input_of, shortened, warnings_of_data};
use crate::text::count;
use crate::warning::Warning;
use logscape::Stop;
use logscape::data::{Column, Dataset, ReadOptions, Survey, Watch, survey};
use logscape::network::Network;
use logscape::problem::{Kind, Mlp, Registered};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// What to do about a target that cannot be one.
const ANOTHER: &str = "name the column to predict by --target COLUMN";

/// What a study is wanted for.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The data, from the current folder.
    pub data: &'a Path,
    /// The path of the data as the study is to say it.
    pub written: PathBuf,
    /// The problem; what suits the data without it.
    pub kind: Option<&'static Kind>,
    /// The inputs, as in a study.
    pub inputs: Vec<Column>,
    /// The targets, as in a study.
    pub targets: Vec<Column>,
}

/// Data as a study is to read them.
struct Read {
    table: DataTable,
    data: Dataset,
    /// Names of the columns that are left out, each with the reason.
    left_out: Vec<(String, String)>,
}

/// A commented study that runs as it is. The events are those of reading, and the stages that choose its numbers.
///
/// # Errors
/// [`RunError`] as for a run of such a study: where the data cannot be read, or make no such problem.
pub fn of_data(asked: &Asked, stop: &Stop, events: &dyn Events) -> Result<String, RunError> {
    let Read { mut table, data, left_out } = read(asked, &Watch { stop: stop.clone(), told: Some(&reading(events)) })?;
    stop.check()?;
    let mut all = candidates(&data, asked.kind)?.into_iter().peekable();
    let mut refused = None;
    while let Some(candidate) = all.next() {
        let last = all.peek().is_none();
        match choose(&candidate, &data, last, (stop, events)) {
            Ok(None) => {}
            Ok(Some(choice)) => {
                table.path = Some(asked.written.clone());
                return Ok(words(asked, &table, &data, &left_out, &candidate, &choice));
            }
            Err(error @ RunError::Interrupted { .. }) => return Err(error),
            Err(error) => refused = Some(error),
        }
    }
    Err(refused.unwrap_or_else(|| RunError::input("problem.kind", "nothing suits the data".to_owned())))
}

fn words(
    asked: &Asked,
    table: &DataTable,
    data: &Dataset,
    left_out: &[(String, String)],
    candidate: &Candidate,
    choice: &Choice,
) -> String {
    let warnings = shortened(warnings_of_data(data, candidate.kind.name));
    let file =
        asked.data.file_name().map_or_else(|| asked.data.display().to_string(), |name| name.display().to_string());
    text(
        &Source { name: &name_of(asked.data), file: &file, table, data, left_out, warnings: &warnings },
        candidate,
        choice,
    )
}

/// A name for a study, after its data.
fn name_of(path: &Path) -> String {
    let file = path.file_name().map_or_else(String::new, |name| name.display().to_string());
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "study".to_owned() } else { name.to_owned() }
}

/// Reads the data, leaving out what cannot be meant.
fn read(asked: &Asked, watch: &Watch) -> Result<Read, RunError> {
    let (inputs, targets) = (asked.inputs.clone(), asked.targets.clone());
    let options =
        ReadOptions { inputs: inputs.clone(), targets: targets.clone(), one_hot: false, watch: watch.clone() };
    let path = Some(asked.data.to_path_buf());
    let mut table = DataTable { path, inputs, targets, ..DataTable::default() };
    let mut left_out = Vec::new();
    // What is wrong with the path itself is told by the reader, in the words of a run.
    let surveyed = survey(asked.data, &options).ok().flatten();
    if let Some(survey) = &surveyed {
        table.targets = columns(survey, &survey.targets);
        table.one_hot = holds_text(survey);
        let is_text = |at: &&usize| survey.entries[**at].numbers == 0;
        let (texts, numbers): (Vec<usize>, Vec<usize>) = survey.inputs.iter().partition(is_text);
        if asked.inputs.is_empty() && !texts.is_empty() && !numbers.is_empty() {
            table.inputs = columns(survey, &numbers);
            let why = |at: usize| if survey.entries[at].texts > 0 { "text" } else { "no numbers" };
            left_out.extend(texts.iter().map(|at| (survey.names[*at].clone(), why(*at).to_owned())));
        }
    }
    let mut data = dataset(&table, Path::new(""), SEED, watch)?;
    check_classes(&data)?;
    let kind = asked.kind.map_or("", |kind| kind.name);
    let warnings = warnings_of_data(&data, kind);
    if let Some(constant) = warnings.iter().find(|warning| matches!(warning, Warning::ConstantTarget { .. })) {
        return Err(RunError::input("problem.data.targets", format!("{constant}\n  hint: {ANOTHER}")));
    }
    let useless: HashSet<&String> = warnings.iter().filter_map(input_of).collect();
    if let Some(survey) = surveyed.filter(|_| asked.inputs.is_empty() && useless.len() < data.input_dim) {
        let kept = data.input_names.iter().filter(|name| !useless.contains(name));
        let places = survey.names.iter().enumerate().map(|(at, name)| (name, at));
        let places: HashMap<&String, usize> = places.collect();
        let kept: Vec<usize> = kept.filter_map(|name| places.get(name).copied()).collect();
        if !useless.is_empty() {
            table.inputs = columns(&survey, &kept);
            left_out.extend(warnings.iter().filter_map(|warning| Some((input_of(warning)?.clone(), warning.why()?))));
            data = dataset(&table, Path::new(""), SEED, watch)?;
        }
    }
    if !table.one_hot
        && holds_classes(&data)
        && asked.kind.is_none_or(|kind| [Mlp::NAME, Network::NAME].contains(&kind.name))
    {
        table.one_hot = true;
        data = data.one_hot()?;
    }
    let unlike = |warning: &Warning| matches!(warning, Warning::UnlikeScales { .. });
    if warnings_of_data(&data, kind).iter().any(unlike) {
        table.standardise = true;
        data = data.standardise_inputs()?;
    }
    Ok(Read { table, data, left_out })
}

/// Columns of a table by their names, or by their places where a name would be a pattern.
fn columns(survey: &Survey, places: &[usize]) -> Vec<Column> {
    let column = |at: &usize| match &survey.names[*at] {
        name if name.is_empty() || name.contains('*') => Column::Position(at + 1),
        name => Column::Name(name.clone()),
    };
    places.iter().map(column).collect()
}

/// Whether the target is text, which names classes.
fn holds_text(survey: &Survey) -> bool {
    match survey.targets[..] {
        [target] => survey.entries[target].numbers == 0 && survey.entries[target].texts > 0,
        _ => false,
    }
}

/// Refuses text as classes where nearly every sample has its own.
fn check_classes(data: &Dataset) -> Result<(), RunError> {
    let (classes, samples) = (data.classes.len(), data.len());
    if 2 * classes <= samples || classes <= 2 {
        return Ok(());
    }
    let target = data.target_names.first().map_or("", String::as_str);
    let message = format!(
        "the target `{target}` holds {classes} different texts in {}, which are hardly classes",
        count(samples, "sample")
    );
    Err(RunError::input("problem.data.targets", format!("{message}\n  hint: {ANOTHER}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Event;
    use std::fs;
    use std::sync::Mutex;

    #[test]
    fn reading_and_then_each_choice_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("line.csv");
        // Long enough to be read in several pieces.
        let row = |k: u32| format!("{},{:.4000}\n", k, 2.0 * f64::from(k) + f64::from(k % 7));
        fs::write(&path, format!("x,y\n{}", (0..1_500).map(row).collect::<String>())).expect("a table");
        let told = Mutex::new(Vec::new());
        let hear = |event: &Event| told.lock().expect("one thread").push(event.clone());
        let asked = Asked { data: &path, written: path.clone(), kind: None, inputs: Vec::new(), targets: Vec::new() };
        of_data(&asked, &Stop::new(), &hear).expect("a study");
        let told = told.into_inner().expect("one thread");
        assert!(matches!(told.first(), Some(Event::Reading { .. })), "{told:?}");
        let stage = |event: &Event| match event {
            Event::Stage { name, setting: None } => Some(*name),
            _ => None,
        };
        let stages: Vec<&str> = told.iter().filter_map(stage).collect();
        assert_eq!(stages, ["minimum", "geometry", "learning rate"]);
    }
}
