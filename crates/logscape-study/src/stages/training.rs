//! The training before the search for a minimum, as an ensemble of one.

use super::minimum::start_of;
use super::{Context, Ensemble, Stage};
use crate::asked::TrainTable;
use crate::error::RunError;
use crate::events::{Event, Trained};
use logscape::model::{WorkTime, memory};
use logscape::training::{Training, TrainingConfig};
use logscape::{Problem, Stop};
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
        let config = input.table.config(problem.samples(), input.seed);
        // Beside the parameters what the optimiser keeps of them, and a gradient.
        let vectors = (2 + config.optimiser.kept()) * problem.dim();
        let gradients = problem.batch_gradient(batch, config.precision);
        let gradients = gradients.map_or_else(|| problem.scratch_len(batch.min(problem.samples())), |g| g.numbers());
        let work = vectors.saturating_add(gradients);
        memory::require(format!("training with batches of {batch}"), work as u128, 8).map_err(|error| {
            let hint = "use smaller batches, or raise the limit by --memory";
            RunError::input("minimum.train.batch_size", format!("{error}\n  hint: {hint}"))
        })?;
        let now = Instant::now();
        let steps = Steps {
            context,
            input,
            config,
            begun: context.stop.work_time(),
            told: Cell::new(now),
            before: Cell::new(None),
        };
        // An ensemble that is complete has made some progress.
        Ok(context.ensemble(&steps)?.unwrap_or_else(|| Training::new(input.start)))
    }
}

/// How long the steps are timed that tell how long all take.
const TIMED: Duration = Duration::from_millis(300);

/// What a training takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingCost {
    /// Steps.
    pub steps: u64,
    /// Measurements of loss and noise of all data.
    pub measurements: u64,
    /// Seconds of both together, about.
    pub seconds: f64,
}

/// How many steps take as long as a measurement, about: a pass forward, one back to the weights and one back through the layers take as
/// long as each other, and beside the gradients, which are these three, there are one forward and the two back from each output.
fn measurement(problem: &dyn Problem, batch_size: usize) -> f64 {
    let passes = 4.0 + 2.0 * problem.outputs() as f64;
    passes / 3.0 * problem.samples() as f64 / batch_size as f64
}

/// What the training takes that a study asks for, by some steps of it from the start of its search.
pub(crate) fn time_of(context: &Context, start: &[f64]) -> Result<Option<TrainingCost>, RunError> {
    let Some(table) = &context.study.minimum.train else { return Ok(None) };
    let asked = table.config(context.problem.samples(), context.study.seed);
    let config = TrainingConfig { measure_every: None, ..asked.clone() };
    let (mut training, begun) =
        (Training::new(&start_of(context.problem, start, &context.study.minimum)?), Instant::now());
    training.advance(context.problem, &config, &context.stop.within(TIMED), |_| {})?;
    context.stop.check()?;
    let a_step = begun.elapsed().as_secs_f64() / training.steps.max(1) as f64;
    let (steps, measurements) = (asked.steps, asked.measurements());
    let work = steps as f64 + measurements as f64 * measurement(context.problem, asked.batch_size);
    Ok(Some(TrainingCost { steps, measurements, seconds: a_step * work }))
}

/// The steps of a training.
struct Steps<'a> {
    context: &'a Context<'a>,
    input: &'a Input<'a>,
    config: TrainingConfig,
    begun: WorkTime,
    /// When it was last told how far it has come.
    told: Cell<Instant>,
    /// The share of its work that was done when it went on here.
    before: Cell<Option<f64>>,
}

impl Steps<'_> {
    /// The share of all steps and measurements that is done.
    fn share(&self, training: &Training) -> f64 {
        let measurement = measurement(self.context.problem, self.config.batch_size);
        let work = |steps: u64, measurements: u64| steps as f64 + measurement * measurements as f64;
        work(training.steps, training.noise().len() as u64) / work(self.config.steps, self.config.measurements())
    }

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
            share: self.share(training),
            share_before: self.before.get().unwrap_or(0.0),
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
        self.before.set(self.before.get().or(Some(self.share(training))));
        let complete = training.advance(self.context.problem, &self.config, stop, |training| self.tell(training))?;
        if complete {
            training.finish();
        }
        Ok(complete)
    }
}
