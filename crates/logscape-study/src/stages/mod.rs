//! The stages of a run: each makes a value of a value, and is kept in the store by the hash of what it depends on.

mod assemble;
mod barrier;
mod blocks;
mod curvature;
mod direct;
mod dynamics;
mod escape;
mod estimate;
mod exit;
mod geometry;
mod interpolation;
mod measured;
mod minimum;
mod notes;
mod phase;
mod plan;
mod predict;
mod problem;
mod rare;
mod saddles;
mod setting;
mod stationary;
mod survey;
mod training;
mod trajectories;
mod warnings;

pub(crate) use curvature::cost;
pub(crate) use estimate::{at_most, at_most_from_start};
pub(crate) use geometry::measured;
pub(crate) use minimum::find;
pub(crate) use notes::{SoFar, so_far};
pub(crate) use phase::{CRITICAL_DIMENSION, GROWTH, STEPS, grid_of};
pub use problem::problem_of;
pub(crate) use problem::{END, Model, check_sizes, dataset, model, probe, table, tell_of};
pub(crate) use setting::predictions;
pub(crate) use stationary::GROUPS;
pub(crate) use survey::{Survey, at_minimum, check_all, explore, no_minimum, survey};
pub use training::TrainingCost;
pub(crate) use training::time_of;
pub(crate) use warnings::{input_of, of_data as warnings_of_data, shortened};

use crate::asked::Study;
use crate::error::RunError;
use crate::events::{Event, Events};
use crate::matrices::MatrixCurvature;
use crate::store::{Kept, Key, Store};
use crate::warning::Warning;
use logscape::landscape::SaddleSearch;
use logscape::training::Training;
use logscape::{Barrier, Geometry, Minimum, Problem, SgdSettings, Stop};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One learning rate and batch size of a study.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Setting {
    /// Its number in the order of the records, from 0.
    pub(crate) number: usize,
    /// What SGD is run with.
    pub(crate) sgd: SgdSettings,
}

/// What all stages of a run share.
pub(crate) struct Context<'a> {
    /// What is asked for.
    pub(crate) study: &'a Study,
    /// What is trained.
    pub(crate) problem: &'a dyn Problem,
    /// What its data give rise to.
    pub(crate) warnings: &'a [Warning],
    /// Outputs of stages; dropped when the record is complete.
    pub(crate) outputs: Store,
    /// Progress of ensembles; kept in the record.
    pub(crate) ensembles: Store,
    /// Time between two saves of an ensemble.
    pub(crate) every: Duration,
    pub(crate) stop: &'a Stop,
    pub(crate) events: &'a dyn Events,
    /// What was done, for the manifest.
    pub(crate) log: &'a Mutex<Log>,
}

/// Stages that are finished, and the time at work that each took here.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) finished: usize,
    /// Stages and ensembles that an earlier run had kept, whole or in part.
    pub(crate) kept: usize,
    /// Those that this one has kept.
    made: HashSet<Key>,
    pub(crate) seconds: Vec<(String, Duration)>,
}

impl Log {
    /// Whether the run has nothing to go on with.
    pub(crate) fn is_empty(&self) -> bool {
        self.finished == 0 && self.made.is_empty()
    }

    /// Notes that something was there already, if this run has not made it.
    fn found(&mut self, key: &Key) {
        self.kept += usize::from(!self.made.contains(key));
    }
}

/// A step of the pipeline. What it makes depends on its input and on the store's identity alone.
pub(crate) trait Stage {
    /// Its name in the store, in events and in the manifest.
    const NAME: &'static str;
    /// What it depends on beside the problem.
    type Input<'a>: Serialize;
    /// What it makes.
    type Output: Serialize + DeserializeOwned;

    /// Makes it.
    fn run(context: &Context, input: &Self::Input<'_>) -> Result<Self::Output, RunError>;
}

/// Replicas or repeats that are run in pieces, and whose number may grow later.
pub(crate) trait Ensemble {
    /// How far it has come.
    type Progress: Default + Serialize + DeserializeOwned;

    /// Its name in the store.
    fn name(&self) -> &'static str;

    /// What it depends on beside the problem and its size.
    fn input(&self) -> impl Serialize;

    /// How many replicas or repeats there are to be.
    fn size(&self) -> usize;

    /// Goes on until it is complete, and says so, or `stop` is due.
    fn advance(&self, progress: &mut Self::Progress, stop: &Stop) -> Result<bool, RunError>;

    /// Lets more follow those of a complete ensemble of `size`.
    fn grow(&self, _progress: &mut Self::Progress, _size: usize) {}

    /// Tells how far it has come, after each piece but the last.
    fn tell(&self, _progress: &Self::Progress, _seconds: f64) {}
}

/// The least time between two saves of an ensemble. One that gets nowhere in the time between them gets more.
const LEAST_PIECE: Duration = Duration::from_millis(10);

/// An ensemble in the store.
#[derive(Serialize, Deserialize)]
struct Sized<T> {
    size: usize,
    progress: T,
}

/// The same, to be written.
#[derive(Serialize)]
struct SizedRef<'a, T> {
    size: usize,
    progress: &'a T,
}

impl Context<'_> {
    /// A stage's output: from the store, or made and kept.
    pub(crate) fn stage<S: Stage>(&self, input: &S::Input<'_>) -> Result<Kept<S::Output>, RunError> {
        let key = self.outputs.key(S::NAME, input)?;
        if let Some(value) = self.outputs.load(S::NAME, &key)? {
            self.log(|log| {
                log.finished += 1;
                log.found(&key);
            });
            return Ok(Kept { value, key });
        }
        let begun = self.stop.work_time();
        self.events.tell(&Event::Stage { name: S::NAME, setting: None });
        let value = self.unless_failed(S::run(self, input))?;
        self.stop.check()?;
        self.outputs.save(S::NAME, &key, &value)?;
        self.log(|log| {
            log.finished += 1;
            log.made.insert(key.clone());
            log.seconds.push((S::NAME.to_owned(), begun.elapsed()));
        });
        Ok(Kept { value, key })
    }

    /// What an ensemble has come to when it is complete: from where the store has it.
    pub(crate) fn ensemble<E: Ensemble>(&self, ensemble: &E) -> Result<E::Progress, RunError> {
        let (name, size) = (ensemble.name(), ensemble.size());
        let key = self.ensembles.key(name, &ensemble.input())?;
        let mut progress = match self.ensembles.load::<Sized<E::Progress>>(name, &key)? {
            None => E::Progress::default(),
            Some(mut kept) => {
                self.log(|log| log.found(&key));
                if kept.size < size {
                    ensemble.grow(&mut kept.progress, kept.size);
                }
                kept.progress
            }
        };
        let begun = self.stop.work_time();
        let (mut every, mut before) = (self.every.max(LEAST_PIECE), String::new());
        loop {
            let piece = self.stop.work_time();
            let complete = self.unless_failed(ensemble.advance(&mut progress, &self.stop.within(every)))?;
            let in_full = piece.elapsed() >= every;
            let now = self.ensembles.save(name, &key, &SizedRef { size, progress: &progress })?;
            self.log(|log| log.made.insert(key.clone()));
            if complete {
                return Ok(progress);
            }
            self.stop.check()?;
            ensemble.tell(&progress, begun.elapsed().as_secs_f64());
            if now == before && in_full {
                every = every.saturating_mul(2);
            }
            before = now;
        }
    }

    /// What was made, unless the problem has failed meanwhile: whatever else is said then follows from that.
    fn unless_failed<T>(&self, made: Result<T, RunError>) -> Result<T, RunError> {
        self.problem.failure().map_or(made, |failure| Err(RunError::Failed(failure)))
    }

    /// Notes what was done.
    pub(crate) fn log<T>(&self, note: impl FnOnce(&mut Log) -> T) -> T {
        note(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is known of the minimum when settings begin.
pub(crate) struct Known {
    /// What came before the search, where the study asks for that.
    pub(crate) training: Option<Kept<Training>>,
    pub(crate) minimum: Kept<Minimum>,
    pub(crate) geometry: Kept<Geometry>,
    /// What the study asks for of matrices.
    pub(crate) curvature: Vec<MatrixCurvature>,
    /// Those of a problem with several parameters, where the study's region is made from them.
    pub(crate) saddles: Option<Kept<Saddles>>,
    /// What stands between the minimum and escape, where the study asks for that.
    pub(crate) barrier: Option<Kept<Barrier>>,
}

/// The saddles of a problem with several parameters, and the barrier that they make.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Saddles {
    pub(crate) search: SaddleSearch,
    pub(crate) barrier: Barrier,
}
