//! Runs a study: from what it asks for to a record in a folder.

use crate::asked::{Start, Study};
use crate::destination::Destination;
use crate::error::RunError;
use crate::events::{Event, Events, reading};
use crate::extend::ensembles_of;
use crate::record::{Manifest, Origin, Record, RunFolder};
use crate::stages::{Context, Log, Model, Survey, check_sizes, model, probe, survey, table, tell_of};
use crate::store::{Store, going_on, origin_of};
use crate::text::count;
use crate::warning::Warning;
use logscape::data::Watch;
use logscape::model::to_safetensors;
use logscape::{Problem, Stop};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Runs the study on the problem that it names and keeps its record; relative paths in the study start at `base`. Returns the
/// record and its folder.
///
/// # Errors
/// [`RunError`] when the study does not fit its data, when the record cannot be kept, or when stopped.
pub fn run(
    study: &Study,
    base: &Path,
    destination: &Destination,
    stop: &Stop,
    events: &dyn Events,
) -> Result<(Record, PathBuf), RunError> {
    let table = table(study)?;
    Run { study, destination, stop, events }.record(|work| {
        let told = reading(events);
        let watch = Watch { stop: stop.clone(), told: Some(&told) };
        let Model { problem, start, origin, warnings, .. } = model(table, &study.minimum, study.seed, base, &watch)?;
        work.on(&*problem, &start, origin, warnings)
    })
}

/// Runs the study on a problem of the caller's, whose search for a minimum starts at `start` (`P`) unless the study says
/// otherwise; a table `[problem]` is not needed and not looked at. Returns the record and its folder.
///
/// An unfinished run is continued, and a record extended, where the problem's residuals and gradient at `start` are those of then.
///
/// # Errors
/// [`RunError`] when the study does not fit the problem, when the record cannot be kept, or when stopped.
pub fn run_with(
    problem: &dyn Problem,
    start: &[f64],
    study: &Study,
    destination: &Destination,
    stop: &Stop,
    events: &dyn Events,
) -> Result<(Record, PathBuf), RunError> {
    check_start(problem, start, study)?;
    Run { study, destination, stop, events }.record(|work| work.on(problem, start, probe(problem, start), Vec::new()))
}

/// Refuses a start that a problem of the caller's cannot have.
pub(crate) fn check_start(problem: &dyn Problem, start: &[f64], study: &Study) -> Result<(), RunError> {
    if start.len() != problem.dim() {
        let message =
            format!("{}, but the problem has {}", count(start.len(), "number"), count(problem.dim(), "parameter"));
        return Err(RunError::input("start", message));
    }
    if let Some(Start::File(path)) = &study.minimum.start {
        let message = format!("{}: a file is for problems that the study names", path.display());
        let hint = "\n  hint: leave it out, and give its parameters with the problem";
        return Err(RunError::input("minimum.start", message + hint));
    }
    Ok(())
}

/// What is asked of one run.
struct Run<'a> {
    study: &'a Study,
    destination: &'a Destination,
    stop: &'a Stop,
    events: &'a dyn Events,
}

/// A run at work in its folder.
struct Work<'a> {
    run: &'a Run<'a>,
    folder: &'a RunFolder,
    log: &'a Mutex<Log>,
}

impl Run<'_> {
    /// Opens the run's folder, lets `fill` work in it, and moves it to its place when the record is complete.
    fn record(&self, fill: impl FnOnce(&Work) -> Result<Record, RunError>) -> Result<(Record, PathBuf), RunError> {
        let Destination { place, force, resume, .. } = self.destination;
        let folder = RunFolder::open(place, self.study, *force, *resume)?;
        let log = Mutex::new(Log::default());
        let filled = fill(&Work { run: self, folder: &folder, log: &log });
        let log = log.into_inner().unwrap_or_else(PoisonError::into_inner);
        match filled {
            Ok(record) => {
                let place = folder.finish(&record, &crate::report::pages(&record)?)?;
                self.events.tell(&Event::Finished { record: place.clone() });
                Ok((record, place))
            }
            Err(error @ RunError::Interrupted { .. }) if log.is_empty() && !folder.goes_on() => {
                folder.discard();
                Err(error)
            }
            Err(RunError::Interrupted { .. }) => {
                Err(RunError::Interrupted { kept: Some(folder.partial().to_path_buf()) })
            }
            Err(error) if log.finished == 0 && !folder.goes_on() => {
                folder.discard();
                Err(error)
            }
            Err(error) if error.is_bad_study() => {
                folder.note_refusal()?;
                Err(RunError::Refused { error: Box::new(error), kept: folder.partial().to_path_buf() })
            }
            Err(error) => Err(error),
        }
    }
}

impl Work<'_> {
    /// The record of the study on `problem`, which was made from `origin`, whose data give these warnings.
    fn on(
        &self,
        problem: &dyn Problem,
        start: &[f64],
        origin: Origin,
        mut warnings: Vec<Warning>,
    ) -> Result<Record, RunError> {
        let Run { study, destination, stop, events } = *self.run;
        let begun = SystemTime::now();
        tell_of(problem, &origin, &mut warnings, events);
        check_sizes(study, problem)?;
        let any_version = destination.allow_other_version;
        let record = destination.extend.as_ref().filter(|_| !destination.resume);
        let extended = record.map(|record| ensembles_of(record, study)).transpose()?;
        let origin = match &extended {
            Some(ensembles) => going_on(origin, origin_of(ensembles)?, ensembles, any_version)?,
            None => origin,
        };
        let context = Context {
            study,
            problem,
            warnings: &warnings,
            outputs: Store::open(self.folder.checkpoints(), origin.clone(), any_version)?
                .with(destination.memo.clone()),
            ensembles: Store::open(self.folder.ensembles(), origin, any_version)?,
            every: destination.checkpoint_every,
            stop,
            events,
            log: self.log,
        };
        if let Some(ensembles) = &extended {
            context.ensembles.take_over(ensembles)?;
        }
        let Survey { results, tables, theta } = survey(&context, start)?;
        self.folder.keep_weights(to_safetensors(&problem.tensors(&theta)))?;
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let manifest = Manifest::complete(study, context.ensembles.origin().clone(), warnings, begun, &log.seconds);
        Ok(Record { study: study.clone(), results, tables, manifest })
    }
}
