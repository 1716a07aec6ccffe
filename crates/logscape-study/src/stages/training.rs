//! The training before the search for a minimum, as an ensemble of one.

use super::{Context, Ensemble, Stage};
use crate::asked::TrainTable;
use crate::error::RunError;
use crate::events::{Event, Trained};
use logscape::Stop;
use logscape::model::memory;
use logscape::training::{Training, TrainingConfig};
use serde::Serialize;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Least time between two words on how far it has come.
const APART: Duration = Duration::from_millis(200);

/// Trains.
pub(super) struct Train;

/// Where from, and how.
#[derive(Serialize)]
pub(super) struct Input<'a> {
    pub(super) start: &'a [f64],
    pub(super) table: &'a TrainTable,
    pub(super) seed: u64,
}

impl Stage for Train {
    const NAME: &'static str = "training";
    type Input<'a> = Input<'a>;
    type Output = Training;

    fn run(context: &Context, input: &Input) -> Result<Training, RunError> {
        let (problem, batch) = (context.problem, input.table.batch_size);
        let work = problem.scratch_len(batch.min(problem.samples()));
        memory::require(format!("the work on a batch of {batch}"), work as u128, 8).map_err(|error| {
            let hint = "use smaller batches, or raise the limit by --memory";
            RunError::input("minimum.train.batch_size", format!("{error}\n  hint: {hint}"))
        })?;
        let config = input.table.config(problem.samples(), input.seed);
        let now = Instant::now();
        let steps = Steps { context, input, config, begun: now, told: Cell::new(now), before: Cell::new(None) };
        // An ensemble that is complete has made some progress.
        Ok(context.ensemble(&steps)?.unwrap_or_else(|| Training::new(input.start)))
    }
}

/// The steps of a training.
struct Steps<'a> {
    context: &'a Context<'a>,
    input: &'a Input<'a>,
    config: TrainingConfig,
    begun: Instant,
    /// When it was last told how far it has come.
    told: Cell<Instant>,
    /// Steps that were taken when it went on here.
    before: Cell<Option<u64>>,
}

impl Steps<'_> {
    fn tell(&self, training: &Training) {
        let (end, now) = (training.steps == self.config.steps, Instant::now());
        if !end && now - self.told.get() < APART {
            return;
        }
        self.told.set(now);
        self.context.events.tell(&Event::Training(Trained {
            optimiser: self.config.optimiser.name(),
            steps: training.steps,
            of: self.config.steps,
            loss: training.losses().last().map(|point| point.loss).or(training.loss),
            seconds: self.begun.elapsed().as_secs_f64(),
            steps_before: self.before.get().unwrap_or(0),
        }));
    }
}

impl Ensemble for Steps<'_> {
    type Progress = Option<Training>;

    fn name(&self) -> &'static str {
        Train::NAME
    }

    fn input(&self) -> impl Serialize {
        self.input
    }

    fn size(&self) -> usize {
        1
    }

    fn advance(&self, progress: &mut Option<Training>, stop: &Stop) -> Result<bool, RunError> {
        let training = progress.get_or_insert_with(|| Training::new(self.input.start));
        self.before.set(self.before.get().or(Some(training.steps)));
        let complete = training.advance(self.context.problem, &self.config, stop, |training| self.tell(training))?;
        if complete {
            training.finish();
        }
        Ok(complete)
    }
}
