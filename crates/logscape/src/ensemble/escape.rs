//! First-passage runs of SGD: how many steps each replica needs to leave a region.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{EnsembleError, LossMeter, Purpose, Region, check_length, stream};
use crate::dynamics::{Dynamics, ExitTest, Progress, Sgd};
use crate::stats::{Observation, RateEstimate};
use crate::{Problem, SgdSettings};

/// A flag that asks a run to stop soon.
#[derive(Debug, Default)]
pub struct Interrupt(AtomicBool);

impl Interrupt {
    /// A flag that is not raised.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Raises the flag; safe from any thread.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it is raised.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How one replica ended, and after how many steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum Termination {
    /// It left the region.
    Escaped {
        /// Steps taken.
        steps: u64,
    },
    /// It was still inside when the run ended.
    Censored {
        /// Steps taken.
        steps: u64,
    },
    /// A coordinate or the loss became non-finite or absurdly large.
    Diverged {
        /// Steps taken.
        steps: u64,
    },
}

/// An ensemble of replicas that start together and run until they leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EscapeRun {
    /// Where every replica starts.
    pub start: Vec<f64>,
    /// SGD settings.
    pub settings: SgdSettings,
    /// What escape means.
    pub region: Region,
    /// Number of replicas.
    pub replicas: usize,
    /// Steps after which a replica is censored.
    pub max_steps: u64,
    /// Seed of the random streams.
    pub seed: u64,
}

impl EscapeRun {
    /// Steps between two looks at the interrupt.
    const SLICE: u64 = 4096;

    /// Runs all replicas on rayon's current pool; the result is in replica order and the same for any number of threads.
    /// `progress` is told how many replicas have ended. An interrupt censors every replica where it is, which leaves
    /// rates unbiased, but then the step counts depend on timing.
    ///
    /// # Errors
    /// If settings, lengths or region make no run, or the start is not inside the region.
    pub fn run<P: Problem + ?Sized>(
        &self,
        problem: &P,
        interrupt: &Interrupt,
        progress: impl Fn(u64) + Sync,
    ) -> Result<Vec<Termination>, EnsembleError> {
        let sgd = Sgd::new(problem, self.settings)?;
        check_length("start", self.start.len(), problem.dim())?;
        self.region.validate(problem.dim())?;
        if self.start_is_outside(problem) {
            return Err(EnsembleError::StartOutside);
        }
        let ended = AtomicU64::new(0);
        Ok((0..self.replicas as u64)
            .into_par_iter()
            .map_init(
                || (vec![0.0; sgd.scratch_len()], LossMeter::new(problem)),
                |(scratch, meter), index| {
                    let termination = self.run_replica(&sgd, index, interrupt, scratch, meter);
                    progress(ended.fetch_add(1, Ordering::Relaxed) + 1);
                    termination
                },
            )
            .collect())
    }

    fn start_is_outside<P: Problem + ?Sized>(&self, problem: &P) -> bool {
        if self.start.iter().any(|x| !x.is_finite()) {
            return true;
        }
        match self.region {
            Region::LossLevel { loss, .. } => {
                let start = LossMeter::new(problem).loss(&self.start);
                !start.is_finite() || start > loss
            }
            Region::Box { .. } | Region::Ball { .. } => self.region.exit_test().is_outside(&self.start),
        }
    }

    fn run_replica<D: Dynamics, P: Problem + ?Sized>(
        &self,
        dynamics: &D,
        index: u64,
        interrupt: &Interrupt,
        scratch: &mut [f64],
        meter: &mut LossMeter<'_, P>,
    ) -> Termination {
        let mut replica = dynamics.replica(&self.start, stream(self.seed, Purpose::Escape, index));
        let exit: ExitTest = self.region.exit_test();
        while replica.steps < self.max_steps && !interrupt.is_requested() {
            let left = self.max_steps - replica.steps;
            let slice = match self.region {
                Region::LossLevel { check_every, .. } => check_every.min(left),
                Region::Box { .. } | Region::Ball { .. } => Self::SLICE.min(left),
            };
            let outcome = dynamics.advance(&mut replica, slice, &exit, scratch);
            let steps = replica.steps;
            match (outcome, &self.region) {
                (Progress::Diverged, _) => return Termination::Diverged { steps },
                (Progress::Escaped, _) => return Termination::Escaped { steps },
                (Progress::Running, Region::LossLevel { loss: level, .. }) => {
                    let loss = meter.loss(&replica.theta);
                    if !loss.is_finite() {
                        return Termination::Diverged { steps };
                    }
                    if loss > *level {
                        return Termination::Escaped { steps };
                    }
                }
                (Progress::Running, _) => {}
            }
        }
        Termination::Censored { steps: replica.steps }
    }
}

/// The times in steps as survival data: an escape is an event; a censored or diverged replica was at risk until it ended.
pub fn survival_times(terminations: &[Termination]) -> Vec<Observation> {
    terminations
        .iter()
        .map(|end| match *end {
            Termination::Escaped { steps } => Observation { time: steps as f64, event: true },
            Termination::Censored { steps } | Termination::Diverged { steps } => {
                Observation { time: steps as f64, event: false }
            }
        })
        .collect()
}

/// Escape rate per step of a run with the given seed.
pub fn rate_estimate(terminations: &[Termination], seed: u64) -> RateEstimate {
    let diverged = terminations.iter().filter(|end| matches!(end, Termination::Diverged { .. })).count() as u64;
    RateEstimate::from_observations(&survival_times(terminations), diverged, "direct simulation", seed)
}
