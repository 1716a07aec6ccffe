//! A run of steps.

use super::batches::{Batches, Place};
use super::history::{History, LossPoint, NoisePoint};
use super::{BadOption, Optimiser, Schedule, SgdOptions, TrainingError, require};
use crate::operator::{axpy, linearise, norm};
use crate::problem::{BatchGradient, unless_failed};
use crate::{Interrupted, Precision, Problem, Samples, Sampling, Stop};
use serde::{Deserialize, Serialize};

/// What a training is run with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingConfig {
    /// What makes a step of a gradient.
    pub optimiser: Optimiser,
    /// Learning rate `η`, where the schedule has the share 1.
    pub learning_rate: f64,
    /// What the learning rate does.
    pub schedule: Schedule,
    /// Steps of a linear warm-up, fewer than all.
    pub warm_up: u64,
    /// Batch size `B`.
    pub batch_size: usize,
    /// How batches are drawn.
    pub sampling: Sampling,
    /// Steps.
    pub steps: u64,
    /// Steps between two measurements of loss and noise of all data, of which the first is at the start.
    pub measure_every: Option<u64>,
    /// Seed of the batches.
    pub seed: u64,
    /// Precision of the gradients, of measurements too; parameters, and what the optimiser keeps of them, are always in double
    /// precision.
    pub precision: Precision,
}

impl TrainingConfig {
    /// Plain SGD at a constant learning rate, with batches of shuffled epochs and the seed 0.
    pub fn new(learning_rate: f64, batch_size: usize, steps: u64) -> Self {
        Self {
            optimiser: Optimiser::Sgd(SgdOptions::default()),
            learning_rate,
            schedule: Schedule::Constant,
            warm_up: 0,
            batch_size,
            sampling: Sampling::EpochShuffle,
            steps,
            measure_every: None,
            seed: 0,
            precision: Precision::Float64,
        }
    }

    /// Refuses what no training can have, whatever the problem.
    ///
    /// # Errors
    /// Which option, and why.
    pub fn check(&self) -> Result<(), BadOption> {
        require(
            self.learning_rate.is_finite() && self.learning_rate > 0.0,
            "learning_rate",
            "it is not positive",
            "use a positive learning rate",
        )?;
        require(self.batch_size > 0, "batch_size", "a batch of 0 samples", "use 1 or more")?;
        require(self.steps > 0, "steps", "there is none", "use 1 or more")?;
        require(
            self.warm_up == 0 || self.warm_up < self.steps,
            "warm_up",
            "it takes all steps",
            "use fewer steps of warm-up than of training",
        )?;
        require(self.measure_every != Some(0), "measure_every", "it is 0 steps", "use 1 or more, or leave it out")?;
        self.schedule.check()?;
        self.optimiser.check()
    }

    /// How often loss and noise of all data are measured.
    pub fn measurements(&self) -> u64 {
        self.measure_every.map_or(0, |every| self.steps / every.max(1) + 1)
    }

    fn fits(&self, problem: &dyn Problem, theta: &[f64]) -> Result<(), TrainingError> {
        self.check()?;
        let (samples, batch) = (problem.samples(), self.batch_size);
        if theta.len() != problem.dim() {
            return Err(TrainingError::Length { expected: problem.dim(), found: theta.len() });
        }
        if samples == 0 || u32::try_from(samples).is_err() {
            return Err(TrainingError::Samples(samples));
        }
        if batch > samples && self.sampling != Sampling::WithReplacement {
            return Err(TrainingError::BatchSize { batch, samples });
        }
        Ok(())
    }
}

/// A training between two steps: everything that it goes on from, as plain data. It holds up to three numbers for each parameter, and
/// [`advance`](Self::advance) one more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Parameters `θ` (`P`).
    pub theta: Vec<f64>,
    /// Steps taken.
    pub steps: u64,
    /// Loss of the last batch, before its step; none before the first.
    pub loss: Option<f64>,
    /// What the optimiser keeps; empty before the first step.
    kept: Vec<f64>,
    place: Place,
    history: History,
    noise: Vec<NoisePoint>,
}

/// What takes the gradients of a training.
///
/// # Errors
/// If the problem has none in that precision.
fn gradients<'a>(
    problem: &'a dyn Problem,
    config: &TrainingConfig,
) -> Result<Box<dyn BatchGradient + 'a>, TrainingError> {
    match problem.batch_gradient(config.batch_size, config.precision) {
        Some(gradients) => Ok(gradients),
        None if config.precision == Precision::Float32 => Err(TrainingError::Precision),
        None => Ok(Box::new(Whole { problem, scratch: vec![0.0; problem.scratch_len(config.batch_size)] })),
    }
}

/// The gradient of any problem, by one thread.
struct Whole<'a> {
    problem: &'a dyn Problem,
    scratch: Vec<f64>,
}

impl BatchGradient for Whole<'_> {
    fn numbers(&self) -> usize {
        self.scratch.len()
    }

    fn mean_into(&mut self, theta: &[f64], batch: &[u32], out: &mut [f64]) -> f64 {
        self.problem.batch_gradient_into(theta, Samples::Indices(batch), out, &mut self.scratch)
    }
}

impl Training {
    /// At `start` (`P`), before the first step.
    pub fn new(start: &[f64]) -> Self {
        Self {
            theta: start.to_vec(),
            steps: 0,
            loss: None,
            kept: Vec::new(),
            place: Place::default(),
            history: History::default(),
            noise: Vec::new(),
        }
    }

    /// The mean loss of the batches of each window of steps so far: about 1000 of them over all steps, or one for each step.
    pub fn losses(&self) -> &[LossPoint] {
        &self.history.points
    }

    /// Loss and noise of all data where they were measured.
    pub fn noise(&self) -> &[NoisePoint] {
        &self.noise
    }

    /// Drops what further steps would need, once all are taken.
    pub fn finish(&mut self) {
        (self.kept, self.place) = (Vec::new(), Place::default());
    }

    /// Goes on until all steps of `config` are taken, and says so, or `stop` is due; `told` hears after every step. `config` and
    /// `problem` must be those of the steps before. How often it was interrupted changes no bit. Allocates nothing within a step, but
    /// for measurements.
    ///
    /// # Errors
    /// If the config or the start do not fit the problem, it fails, or the loss leaves the finite numbers.
    pub fn advance(
        &mut self,
        problem: &dyn Problem,
        config: &TrainingConfig,
        stop: &Stop,
        told: impl FnMut(&Self),
    ) -> Result<bool, TrainingError> {
        config.fits(problem, &self.theta)?;
        let advanced = self.descend(problem, config, stop, told);
        unless_failed(problem, advanced)
    }

    /// Whether that is all.
    fn descend(
        &mut self,
        problem: &dyn Problem,
        config: &TrainingConfig,
        stop: &Stop,
        mut told: impl FnMut(&Self),
    ) -> Result<bool, TrainingError> {
        let (p, steps) = (problem.dim(), config.steps);
        let mut batch = vec![0_u32; config.batch_size];
        let mut gradient = vec![0.0; p];
        let mut gradients = gradients(problem, config)?;
        self.kept.resize(config.optimiser.kept() * p, 0.0);
        let mut place = std::mem::take(&mut self.place);
        let mut batches = Batches::from(&mut place, config.sampling, problem.samples(), config.seed);
        while self.steps < steps && !stop.is_due() && self.measure(problem, config, stop).is_ok() {
            batches.draw(self.steps, &mut batch);
            let loss = gradients.mean_into(&self.theta, &batch, &mut gradient);
            let rate = config.learning_rate * config.schedule.share(self.steps, steps, config.warm_up);
            self.steps += 1;
            config.optimiser.direct(self.steps, &self.theta, &mut self.kept, &mut gradient);
            axpy(-rate, &gradient, &mut self.theta);
            if !loss.is_finite() || !norm(&self.theta).is_finite() {
                return Err(TrainingError::Diverged { step: self.steps, loss: self.loss });
            }
            self.loss = Some(loss);
            self.history.add(loss, self.steps, steps);
            told(self);
        }
        let complete = self.steps == steps && self.measure(problem, config, stop).is_ok();
        batches.note();
        self.place = place;
        Ok(complete)
    }

    /// Measures loss, noise and curvature of all data, where it is time and that was not done yet.
    ///
    /// # Errors
    /// On an interrupt, with nothing measured.
    fn measure(&mut self, problem: &dyn Problem, config: &TrainingConfig, stop: &Stop) -> Result<(), Interrupted> {
        let due = config.measure_every.is_some_and(|every| self.steps.is_multiple_of(every));
        if due && self.noise.last().is_none_or(|point| point.steps < self.steps) {
            let around = linearise(problem, &self.theta, config.precision, 0);
            let found = around.gradients(stop)?;
            self.noise.push(NoisePoint {
                steps: self.steps,
                loss: found.loss,
                noise_trace: found.noise_trace(),
                gauss_newton_trace: around.gauss_newton_trace(stop)?,
                gradient_norm: norm(&found.gradient),
            });
        }
        Ok(())
    }
}
