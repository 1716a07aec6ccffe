//! Stationary runs: streaming histograms and moments near a minimum, by independent groups of replicas.

use crate::Stop;
use crate::problem::unless_failed;
use crate::random::{Purpose, stream};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::observable::{Observable, Sample, Statistic};
use super::pace::Pace;
use super::{EnsembleError, LossMeter, check_length};
use crate::engine::{AnyDynamics, Block, Dynamics, ExitTest, LaneEnd, ReplicaState, Sgd, TimeUnit};
use crate::stats::{Histogram, Moments, OpenBlocks};
use crate::{Precision, Problem, SgdSettings};

/// An ensemble that samples the stationary law. Memory does not grow with the number of steps.
#[derive(Debug, Clone)]
pub struct StationaryRun {
    /// Where every replica starts.
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
    /// What is recorded of every sample.
    pub observables: Vec<Arc<dyn Observable>>,
    /// Whether to keep mean and covariance of `θ` (`P²` memory for each group).
    pub moments: bool,
    /// Seed of the random streams.
    pub seed: u64,
}

/// What one group of replicas saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupStatistics {
    /// Samples taken.
    pub samples: u64,
    /// What was recorded of each observable.
    pub statistics: Vec<Statistic>,
    /// Mean and covariance of `θ`, where asked for.
    pub moments: Option<Moments>,
    /// Replicas that diverged; what they saw before counts.
    pub diverged: u64,
}

impl GroupStatistics {
    /// What was recorded of the observable of that name.
    pub fn get(&self, name: &str) -> Option<&Statistic> {
        self.statistics.iter().find(|statistic| statistic.name == name)
    }

    /// Its histogram, where it has one.
    pub fn histogram(&self, name: &str) -> Option<&Histogram> {
        self.get(name)?.histogram.as_ref()
    }

    /// Whether it is of these observables.
    fn is_of(&self, observables: &[Arc<dyn Observable>]) -> bool {
        let names = observables.iter().map(|observable| observable.name());
        self.statistics.iter().map(|statistic| statistic.name.clone()).eq(names)
    }
}

/// How far a [`StationaryRun`] has come: what a checkpoint holds. Its size is that of the statistics, and of as many
/// replicas as there are lanes. The default has not begun.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StationaryProgress {
    /// Replicas of complete runs: the units are about those that follow.
    counted: usize,
    /// What is done by one thread in one order; empty before the first call.
    units: Vec<Unit>,
}

/// Neighbouring groups, which share blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit {
    seen: Vec<GroupStatistics>,
    /// Blocks of replicas that are finished.
    finished: usize,
    /// The replicas of the block that is not: none before it has begun, and `None` for one that has diverged.
    running: Vec<Option<ReplicaState>>,
    /// The open blocks of their series.
    open: Vec<Vec<OpenBlocks>>,
}

impl StationaryProgress {
    /// Samples taken so far.
    pub fn samples(&self) -> u64 {
        self.units.iter().flat_map(|unit| &unit.seen).map(|seen| seen.samples).sum()
    }

    /// What the groups have seen so far, in group order.
    pub fn groups(&self) -> Vec<GroupStatistics> {
        self.units.iter().flat_map(|unit| unit.seen.iter().cloned()).collect()
    }

    /// Lets more replicas follow those of a complete run, `replicas` in number.
    pub fn extend(&mut self, replicas: usize) {
        self.counted = replicas;
        for unit in &mut self.units {
            (unit.finished, unit.running, unit.open) = (0, Vec::new(), Vec::new());
        }
    }
}

impl StationaryRun {
    /// [`run`](Self::run) with SGD on `problem`, in double precision and in the fastest layout that the problem has.
    ///
    /// # Errors
    /// If settings or lengths make no run.
    pub fn run_sgd(
        &self,
        problem: &dyn Problem,
        settings: SgdSettings,
        stop: &Stop,
    ) -> Result<Vec<GroupStatistics>, EnsembleError> {
        let mut progress = StationaryProgress::default();
        self.advance_sgd(problem, settings, &mut progress, stop)?;
        Ok(progress.groups())
    }

    /// [`advance`](Self::advance) with SGD on `problem`, as [`run_sgd`](Self::run_sgd) does.
    ///
    /// # Errors
    /// If settings or lengths make no run.
    pub fn advance_sgd(
        &self,
        problem: &dyn Problem,
        settings: SgdSettings,
        progress: &mut StationaryProgress,
        stop: &Stop,
    ) -> Result<bool, EnsembleError> {
        self.advance(&Sgd::on(problem, settings, Precision::Float64)?, problem, progress, stop)
    }

    /// Runs all groups of replicas of `dynamics`; see [`advance`](Self::advance). An interrupt ends every replica soon;
    /// the counts so far are returned.
    ///
    /// # Errors
    /// If settings or lengths make no run.
    pub fn run(
        &self,
        dynamics: &AnyDynamics<'_>,
        problem: &dyn Problem,
        stop: &Stop,
    ) -> Result<Vec<GroupStatistics>, EnsembleError> {
        let mut progress = StationaryProgress::default();
        self.advance(dynamics, problem, &mut progress, stop)?;
        Ok(progress.groups())
    }

    /// Runs all groups of replicas of `dynamics` on rayon's current pool from where `progress` stands until they are
    /// complete or `stop` is due; `problem` gives the loss. Returns whether they are complete. Neither threads nor
    /// pauses change what is seen; replicas that are added later add the same counts as in a longer run.
    ///
    /// # Errors
    /// If settings or lengths make no run, or the problem fails; then `progress` is of no more use.
    pub fn advance(
        &self,
        dynamics: &AnyDynamics<'_>,
        problem: &dyn Problem,
        progress: &mut StationaryProgress,
        stop: &Stop,
    ) -> Result<bool, EnsembleError> {
        check_length("start", self.start.len(), dynamics.dim())?;
        for observable in &self.observables {
            observable.check(dynamics.dim())?;
        }
        if self.thin == 0 {
            return Err(EnsembleError::NotPositive("thin"));
        }
        if self.groups == 0 || self.groups > self.replicas {
            return Err(EnsembleError::Groups { groups: self.groups, replicas: self.replicas });
        }
        // As many groups together as fill a block.
        let together = (dynamics.block().lanes() / (self.replicas / self.groups)).max(1);
        if progress.units.is_empty() {
            let in_tau = dynamics.time_unit() == TimeUnit::LandscapeTime;
            let statistics = self.observables.iter().map(|observable| Statistic::new(observable.as_ref(), in_tau));
            let empty = GroupStatistics {
                samples: 0,
                statistics: statistics.collect::<Result<_, _>>()?,
                moments: self.moments.then(|| Moments::new(dynamics.dim())),
                diverged: 0,
            };
            let unit = |seen: &[GroupStatistics]| Unit {
                seen: seen.to_vec(),
                finished: 0,
                running: Vec::new(),
                open: Vec::new(),
            };
            progress.units = vec![empty; self.groups].chunks(together).map(unit).collect();
        }
        if !progress.units.iter().flat_map(|unit| &unit.seen).all(|seen| seen.is_of(&self.observables)) {
            return Err(EnsembleError::OtherObservables);
        }
        let firsts: Vec<usize> = progress
            .units
            .iter()
            .scan(0, |next, unit| {
                let first = *next;
                *next += unit.seen.len();
                Some(first)
            })
            .collect();
        let counted = progress.counted;
        let units = progress.units.par_iter_mut().zip(firsts);
        let complete = units
            .map(|(unit, first)| self.run_unit(dynamics, problem, [first, counted], unit, stop))
            .reduce(|| true, |a, b| a & b);
        unless_failed(problem, Ok(complete))
    }

    /// Runs the replicas from number `counted` on of the groups from number `first` on, block by block; returns whether
    /// it came to the end.
    fn run_unit(
        &self,
        dynamics: &AnyDynamics<'_>,
        problem: &dyn Problem,
        [first, counted]: [usize; 2],
        unit: &mut Unit,
        stop: &Stop,
    ) -> bool {
        let replicas: Vec<(usize, usize)> = (0..unit.seen.len())
            .flat_map(|group| (first + group..self.replicas).step_by(self.groups).map(move |replica| (group, replica)))
            .filter(|&(_, replica)| replica >= counted)
            .collect();
        let mut meter = LossMeter::new(problem);
        let mut theta = vec![0.0; dynamics.dim()];
        let mut block = dynamics.block();
        let mut pace = Pace::new();
        for replicas in replicas.chunks(block.lanes()).skip(unit.finished) {
            if unit.running.is_empty() {
                let fresh = |replica| ReplicaState::new(&self.start, stream(self.seed, Purpose::Stationary, replica));
                unit.running = replicas.iter().map(|&(_, replica)| Some(fresh(replica as u64))).collect();
                unit.open = vec![vec![OpenBlocks::default(); self.observables.len()]; replicas.len()];
            }
            for (lane, state) in unit.running.iter().enumerate() {
                if let Some(state) = state {
                    block.load(lane, state);
                }
            }
            let mut alive: Vec<bool> = unit.running.iter().map(Option::is_some).collect();
            // All have taken the same steps; where these end a waiting time, the sample has been taken.
            while let Some(steps) = alive.iter().position(|&alive| alive).map(|lane| block.steps(lane)) {
                let Some(wait) = self.wait(steps) else { break };
                if stop.is_due() {
                    let state = |lane: usize| alive[lane].then(|| block.store(lane));
                    unit.running = (0..replicas.len()).map(state).collect();
                    return false;
                }
                let done = pace.time(wait, |steps| dynamics.advance(&mut block, steps, &ExitTest::Never));
                let sampled = done.steps == wait;
                for (lane, &(group, _)) in replicas.iter().enumerate() {
                    if !alive[lane] {
                        continue;
                    }
                    if block.ends()[lane] == Some(LaneEnd::Diverged) {
                        unit.seen[group].diverged += 1;
                        block.clear(lane);
                        alive[lane] = false;
                    } else if sampled {
                        block.theta_into(lane, &mut theta);
                        self.record(&theta, &mut meter, &mut unit.seen[group], &mut unit.open[lane]);
                    }
                }
            }
            (0..replicas.len()).for_each(|lane| block.clear(lane));
            unit.finished += 1;
            unit.running.clear();
            unit.open.clear();
        }
        true
    }

    /// Steps from step `steps` to the next sample; `None` after the last.
    fn wait(&self, steps: u64) -> Option<u64> {
        let taken = steps.saturating_sub(self.burn_in) / self.thin;
        let next = self.burn_in.saturating_add((taken + 1).saturating_mul(self.thin));
        (taken < self.samples).then(|| next - steps)
    }

    fn record(&self, theta: &[f64], meter: &mut LossMeter<'_>, seen: &mut GroupStatistics, open: &mut [OpenBlocks]) {
        let sample = Sample { theta, loss: meter.loss(theta) };
        seen.samples += 1;
        for ((observable, statistic), open) in self.observables.iter().zip(&mut seen.statistics).zip(open) {
            statistic.add(open, observable.value(&sample), sample.loss);
        }
        if let Some(moments) = &mut seen.moments {
            moments.add(theta);
        }
    }
}
