//! What a study comes to before anything is simulated: its data, its problem, its minimum where that is soon found, and how long it
//! takes at most.

use crate::asked::{SETTING, Study};
use crate::error::RunError;
use crate::events::{Events, reading};
use crate::matrices::ProductCost;
use crate::stages::{
    Context, END, Log, Model, TrainingCost, at_minimum, at_most, at_most_from_start, check_all, check_sizes, cost,
    explore, model, table, tell_of, time_of,
};
use crate::store::Store;
use logscape::Stop;
use logscape::data::Watch;
use logscape::model::memory;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long the minimum is searched for.
const SEARCH: Duration = Duration::from_millis(1_200);
/// Vectors that the search for a minimum and the measurement of its curvature hold, as long as there are parameters.
const VECTORS: u128 = 300;
/// Parameters up to which the Hessian is a matrix, and matrices of its size that there are then at once.
const EXACT: u128 = 1_500;
const MATRICES: u128 = 5;
/// Bytes that figures and pages take, as the shipped studies do.
const PAGES: u128 = 15_000_000;

/// What a study comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Examination {
    /// Numbers in one input of a sample.
    pub inputs: usize,
    /// Whether the minimum was found, and with it all is checked that a run checks before it simulates. Else it takes longer than
    /// anyone waits for a check.
    pub searched: bool,
    /// What the training before the search takes, by some steps of it here and now; none without training.
    pub training: Option<TrainingCost>,
    /// The most replica-steps of all settings together.
    pub steps: f64,
    /// Seconds that the ensembles take at most, by some steps of each; where the minimum was not found, by steps of SGD from where its
    /// search starts.
    pub seconds: f64,
    /// Bytes of memory that the run takes, about.
    pub memory: u128,
    /// What products with matrices take that are too large to be decomposed; none without.
    pub products: Option<ProductCost>,
}

/// Reads the data of a study, makes its problem, and refuses what a run would refuse before it simulates; relative paths start at `base`.
/// The events are those of a run.
///
/// # Errors
/// [`RunError`] as a run, or when stopped.
pub fn examine(study: &Study, base: &Path, stop: &Stop, events: &dyn Events) -> Result<Examination, RunError> {
    let told = reading(events);
    let watch = Watch { stop: stop.clone(), told: Some(&told) };
    let Model { problem, start, inputs, origin, mut warnings } =
        model(table(study)?, &study.minimum, study.seed, base, &watch)?;
    stop.check()?;
    tell_of(&*problem, &origin, &mut warnings, events);
    check_sizes(study, &*problem)?;
    // Searches end at a request alone: here the end of the time is one.
    let (asked, begun) = (stop.clone(), Instant::now());
    let soon = Stop::when(move || asked.is_requested() || begun.elapsed() > SEARCH);
    let log = Mutex::new(Log::default());
    let context = |stop| Context {
        study,
        problem: &*problem,
        warnings: &warnings,
        outputs: Store::nowhere(origin.clone()),
        ensembles: Store::nowhere(origin.clone()),
        every: SEARCH,
        stop,
        events,
        log: &log,
    };
    let found = explore(&context(&soon), &start);
    stop.check()?;
    let context = context(stop);
    let (searched, seconds) = match found {
        Ok(known) => {
            let at = at_minimum(&context, &known);
            check_all(&context, &known, &at)?;
            (true, at_most(&context, &known, &at)?)
        }
        Err(RunError::Interrupted { .. }) if study.sgd.is_absent() => (false, 0.0),
        Err(RunError::Interrupted { .. }) => (false, at_most_from_start(&context, &start)?),
        Err(error) => return Err(error),
    };
    let products = cost(&*problem, &start, study.curvature.as_ref(), stop)?;
    let training = time_of(&context, &start)?;
    let parameters = problem.dim() as u128;
    let settings = (study.sgd.settings() * (1 + study.dynamics.len())) as u128;
    let replicas = study.escape.as_ref().map_or(0, |table| table.replicas) as u128;
    // What there is by now has the data, and where the minimum was found all that its search took.
    let searching = if searched {
        0
    } else if parameters <= EXACT {
        8 * MATRICES * parameters * parameters
    } else {
        8 * VECTORS * parameters
    };
    let results = settings * (SETTING + END * replicas) + PAGES;
    let memory = memory::taken().unwrap_or(0) + searching + results;
    let steps = study.most_steps();
    Ok(Examination { inputs, searched, training, steps, seconds, memory, products })
}
