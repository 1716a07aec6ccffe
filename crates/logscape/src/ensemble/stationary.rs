//! Stationary runs: streaming histograms and moments near a minimum, by independent groups of replicas.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{EnsembleError, Interrupt, LossMeter, Purpose, check_length, stream};
use crate::dynamics::{Block, Dynamics, ExitTest, LaneSgd, ReplicaState, RowSgd, Sgd, TimeUnit};
use crate::problem::VectorForm;
use crate::stats::{Histogram, Moments, WeightedHistogram};
use crate::{Problem, Sampling, SgdSettings};

/// An ensemble that samples the stationary law. Memory does not grow with the number of steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StationaryRun {
    /// Where every replica starts, and the origin of displacements.
    pub start: Vec<f64>,
    /// Number of replicas.
    pub replicas: usize,
    /// Number of groups that the replicas are split into; groups are independent.
    pub groups: usize,
    /// Steps before the first sample.
    pub burn_in: u64,
    /// Samples of each replica.
    pub samples: u64,
    /// Steps between samples, at least 1.
    pub thin: u64,
    /// Loss `L*` at the minimum; the loss histogram holds `L − L*`.
    pub minimum_loss: f64,
    /// Histogram whose bins (not counts) are used for `L − L*`.
    pub loss_bins: Histogram,
    /// Directions `v` along which the displacement `v·(θ − start)` is recorded.
    pub directions: Vec<Vec<f64>>,
    /// Histogram whose bins (not counts) are used for every displacement.
    pub displacement_bins: Histogram,
    /// Whether to keep mean and covariance of `θ` (`P²` memory for each group).
    pub moments: bool,
    /// Seed of the random streams.
    pub seed: u64,
}

/// What one group of replicas saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupStatistics {
    /// Excess loss `L − L*`.
    pub loss: Histogram,
    /// Excess loss weighted by `dt/dτ = 1/L`, for a dynamics whose time is `τ`: its law in the time `t`.
    pub loss_in_time: Option<WeightedHistogram>,
    /// Displacement along each direction.
    pub displacements: Vec<Histogram>,
    /// Mean and covariance of `θ`, where asked for.
    pub moments: Option<Moments>,
    /// Replicas that diverged; what they saw before counts.
    pub diverged: u64,
}

impl StationaryRun {
    /// [`run`](Self::run) with SGD on `problem`, in double precision and in the fastest layout that the problem has.
    ///
    /// # Errors
    /// If settings or lengths make no run.
    pub fn run_sgd<P: Problem + ?Sized>(
        &self,
        problem: &P,
        settings: SgdSettings,
        interrupt: &Interrupt,
    ) -> Result<Vec<GroupStatistics>, EnsembleError> {
        let SgdSettings { learning_rate: eta, batch_size: b, sampling } = settings;
        match problem.vector_form().filter(|_| sampling == Sampling::WithReplacement) {
            Some(VectorForm::LinearRegression(model)) => {
                self.run(&RowSgd::<f64, _>::new(model, eta, b)?, problem, interrupt)
            }
            Some(VectorForm::PhaseRetrieval(model)) => {
                self.run(&RowSgd::<f64, _>::new(model, eta, b)?, problem, interrupt)
            }
            Some(VectorForm::Sinusoid(model)) => self.run(&LaneSgd::<f64, _>::new(model, eta, b)?, problem, interrupt),
            None => self.run(&Sgd::new(problem, settings)?, problem, interrupt),
        }
    }

    /// Runs all groups of replicas of `dynamics` on rayon's current pool; `problem` gives the loss. The result is in
    /// group order and the same for any number of threads. An interrupt ends every replica soon; the counts so far are
    /// returned.
    ///
    /// # Errors
    /// If settings or lengths make no run.
    pub fn run<D: Dynamics, P: Problem + ?Sized>(
        &self,
        dynamics: &D,
        problem: &P,
        interrupt: &Interrupt,
    ) -> Result<Vec<GroupStatistics>, EnsembleError> {
        check_length("start", self.start.len(), dynamics.dim())?;
        for direction in &self.directions {
            check_length("direction", direction.len(), dynamics.dim())?;
        }
        if self.thin == 0 {
            return Err(EnsembleError::NotPositive("thin"));
        }
        if self.groups == 0 || self.groups > self.replicas {
            return Err(EnsembleError::Groups { groups: self.groups, replicas: self.replicas });
        }
        let empty = GroupStatistics {
            loss: self.loss_bins.emptied()?,
            loss_in_time: if dynamics.time_unit() == TimeUnit::LandscapeTime {
                Some(WeightedHistogram::new(&self.loss_bins)?)
            } else {
                None
            },
            displacements: vec![self.displacement_bins.emptied()?; self.directions.len()],
            moments: self.moments.then(|| Moments::new(dynamics.dim())),
            diverged: 0,
        };
        // As many groups together as fill a block.
        let together = (dynamics.block().lanes() / (self.replicas / self.groups)).max(1);
        let mut groups = vec![empty; self.groups];
        groups.par_chunks_mut(together).enumerate().for_each(|(chunk, seen)| {
            self.run_groups(dynamics, problem, chunk * together, seen, interrupt);
        });
        Ok(groups)
    }

    /// Runs the replicas of the groups from number `first` on, block by block.
    fn run_groups<D: Dynamics, P: Problem + ?Sized>(
        &self,
        dynamics: &D,
        problem: &P,
        first: usize,
        seen: &mut [GroupStatistics],
        interrupt: &Interrupt,
    ) {
        let mut meter = LossMeter::new(problem);
        let mut theta = vec![0.0; dynamics.dim()];
        let mut block = dynamics.block();
        let replicas: Vec<(usize, usize)> = (0..seen.len())
            .flat_map(|group| (first + group..self.replicas).step_by(self.groups).map(move |replica| (group, replica)))
            .collect();
        for replicas in replicas.chunks(block.lanes()) {
            for (lane, &(_, replica)) in replicas.iter().enumerate() {
                let stream = stream(self.seed, Purpose::Stationary, replica as u64);
                block.load(lane, &ReplicaState::new(&self.start, stream));
            }
            let mut alive: u32 = (0..replicas.len()).map(|lane| 1 << lane).sum();
            let mut wait = self.burn_in.saturating_add(self.thin);
            for _ in 0..self.samples {
                let Some(diverged) = advance(dynamics, &mut block, wait, interrupt) else { break };
                wait = self.thin;
                for (lane, &(group, _)) in replicas.iter().enumerate() {
                    if diverged >> lane & 1 == 1 {
                        seen[group].diverged += 1;
                    } else if alive >> lane & 1 == 1 {
                        block.theta_into(lane, &mut theta);
                        self.record(&theta, &mut meter, &mut seen[group]);
                    }
                }
                alive &= !diverged;
                if alive == 0 {
                    break;
                }
            }
            (0..replicas.len()).for_each(|lane| block.clear(lane));
        }
    }

    fn record<P: Problem + ?Sized>(&self, theta: &[f64], meter: &mut LossMeter<'_, P>, seen: &mut GroupStatistics) {
        let loss = meter.loss(theta);
        seen.loss.add(loss - self.minimum_loss);
        if let Some(histogram) = &mut seen.loss_in_time {
            histogram.add(loss - self.minimum_loss, 1.0 / loss);
        }
        for (direction, histogram) in self.directions.iter().zip(&mut seen.displacements) {
            histogram.add(direction.iter().zip(theta).zip(&self.start).map(|((v, x), x0)| v * (x - x0)).sum());
        }
        if let Some(moments) = &mut seen.moments {
            moments.add(theta);
        }
    }
}

/// Takes `steps` steps in slices and empties the lanes that diverge; returns which did, or `None` when interrupted.
fn advance<D: Dynamics>(dynamics: &D, block: &mut D::Block, steps: u64, interrupt: &Interrupt) -> Option<u32> {
    const SLICE: u64 = 4096;
    let mut left = steps;
    let mut diverged = 0;
    while left > 0 {
        if interrupt.is_requested() {
            return None;
        }
        let done = dynamics.advance(block, left.min(SLICE), &ExitTest::Never);
        left -= done.steps;
        diverged |= done.diverged;
        (0..block.lanes()).filter(|lane| done.diverged >> lane & 1 == 1).for_each(|lane| block.clear(lane));
    }
    Some(diverged)
}
