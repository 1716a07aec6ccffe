//! Stationary runs: streaming histograms and moments of SGD near a minimum, by independent groups of replicas.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{EnsembleError, Interrupt, LossMeter, Purpose, check_length, stream};
use crate::dynamics::{Dynamics, ExitTest, Progress, Replica, Sgd};
use crate::stats::{Histogram, Moments};
use crate::{Problem, SgdSettings};

/// An ensemble that samples the stationary law. Memory does not grow with the number of steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StationaryRun {
    /// Where every replica starts, and the origin of displacements.
    pub start: Vec<f64>,
    /// SGD settings.
    pub settings: SgdSettings,
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
    /// Displacement along each direction.
    pub displacements: Vec<Histogram>,
    /// Mean and covariance of `θ`, where asked for.
    pub moments: Option<Moments>,
    /// Replicas that diverged; what they saw before counts.
    pub diverged: u64,
}

impl StationaryRun {
    /// Runs all groups on rayon's current pool; the result is in group order and the same for any number of threads. An
    /// interrupt ends every replica soon; the counts so far are returned.
    ///
    /// # Errors
    /// If settings or lengths make no run.
    pub fn run<P: Problem + ?Sized>(
        &self,
        problem: &P,
        interrupt: &Interrupt,
    ) -> Result<Vec<GroupStatistics>, EnsembleError> {
        let sgd = Sgd::new(problem, self.settings)?;
        check_length("start", self.start.len(), problem.dim())?;
        for direction in &self.directions {
            check_length("direction", direction.len(), problem.dim())?;
        }
        if self.thin == 0 {
            return Err(EnsembleError::NotPositive("thin"));
        }
        if self.groups == 0 || self.groups > self.replicas {
            return Err(EnsembleError::Groups { groups: self.groups, replicas: self.replicas });
        }
        let empty = GroupStatistics {
            loss: self.loss_bins.emptied()?,
            displacements: vec![self.displacement_bins.emptied()?; self.directions.len()],
            moments: self.moments.then(|| Moments::new(problem.dim())),
            diverged: 0,
        };
        Ok((0..self.groups)
            .into_par_iter()
            .map(|group| self.run_group(&sgd, problem, group, empty.clone(), interrupt))
            .collect())
    }

    fn run_group<D: Dynamics, P: Problem + ?Sized>(
        &self,
        dynamics: &D,
        problem: &P,
        group: usize,
        mut seen: GroupStatistics,
        interrupt: &Interrupt,
    ) -> GroupStatistics {
        let mut scratch = vec![0.0; dynamics.scratch_len()];
        let mut meter = LossMeter::new(problem);
        for index in (group..self.replicas).step_by(self.groups) {
            let mut replica = dynamics.replica(&self.start, stream(self.seed, Purpose::Stationary, index as u64));
            let mut target = self.burn_in;
            for _ in 0..self.samples {
                target = target.saturating_add(self.thin);
                match advance_to(dynamics, &mut replica, target, interrupt, &mut scratch) {
                    None => break,
                    Some(Progress::Diverged) => {
                        seen.diverged += 1;
                        break;
                    }
                    Some(_) => self.record(&replica.theta, &mut meter, &mut seen),
                }
            }
        }
        seen
    }

    fn record<P: Problem + ?Sized>(&self, theta: &[f64], meter: &mut LossMeter<'_, P>, seen: &mut GroupStatistics) {
        seen.loss.add(meter.loss(theta) - self.minimum_loss);
        for (direction, histogram) in self.directions.iter().zip(&mut seen.displacements) {
            histogram.add(direction.iter().zip(theta).zip(&self.start).map(|((v, x), x0)| v * (x - x0)).sum());
        }
        if let Some(moments) = &mut seen.moments {
            moments.add(theta);
        }
    }
}

/// Advances to step `target` in slices; `None` when interrupted.
fn advance_to<D: Dynamics>(
    dynamics: &D,
    replica: &mut Replica,
    target: u64,
    interrupt: &Interrupt,
    scratch: &mut [f64],
) -> Option<Progress> {
    const SLICE: u64 = 4096;
    while replica.steps < target {
        if interrupt.is_requested() {
            return None;
        }
        let slice = SLICE.min(target - replica.steps);
        if dynamics.advance(replica, slice, &ExitTest::Never, scratch) == Progress::Diverged {
            return Some(Progress::Diverged);
        }
    }
    Some(Progress::Running)
}
