//! First-passage runs: how many steps each replica needs to leave a region.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{EnsembleError, LossMeter, Purpose, Region, check_length, stream};
use crate::dynamics::{Advanced, Block, Dynamics, ExitTest, LaneSgd, ReplicaState, RowSgd, Sgd};
use crate::problem::VectorForm;
use crate::stats::{Observation, RateEstimate};
use crate::{Problem, Sampling, SgdSettings};

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

/// How one replica ended, after how many steps and at what time `t` of its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum Termination {
    /// It left the region.
    Escaped {
        /// Steps taken.
        steps: u64,
        /// Time `t`.
        time: f64,
    },
    /// It was still inside when the run ended.
    Censored {
        /// Steps taken.
        steps: u64,
        /// Time `t`.
        time: f64,
    },
    /// A coordinate or the loss became non-finite or absurdly large.
    Diverged {
        /// Steps taken.
        steps: u64,
        /// Time `t`.
        time: f64,
    },
}

/// An ensemble of replicas that start together and run until they leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EscapeRun {
    /// Where every replica starts.
    pub start: Vec<f64>,
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

    /// [`run`](Self::run) with SGD on `problem`, in double precision and in the fastest layout that the problem has.
    ///
    /// # Errors
    /// If settings, lengths or region make no run, or the start is not inside the region.
    pub fn run_sgd<P: Problem + ?Sized>(
        &self,
        problem: &P,
        settings: SgdSettings,
        interrupt: &Interrupt,
        progress: impl Fn(u64) + Sync,
    ) -> Result<Vec<Termination>, EnsembleError> {
        let SgdSettings { learning_rate: eta, batch_size: b, sampling } = settings;
        match problem.vector_form().filter(|_| sampling == Sampling::WithReplacement) {
            Some(VectorForm::LinearRegression(model)) => {
                self.run(&RowSgd::<f64, _>::new(model, eta, b)?, problem, interrupt, progress)
            }
            Some(VectorForm::PhaseRetrieval(model)) => {
                self.run(&RowSgd::<f64, _>::new(model, eta, b)?, problem, interrupt, progress)
            }
            Some(VectorForm::Sinusoid(model)) => {
                self.run(&LaneSgd::<f64, _>::new(model, eta, b)?, problem, interrupt, progress)
            }
            None => self.run(&Sgd::new(problem, settings)?, problem, interrupt, progress),
        }
    }

    /// Runs all replicas of `dynamics` on rayon's current pool; `problem` gives the loss that a region may need. The
    /// result is in replica order and the same for any number of threads. `progress` is told how many replicas have
    /// ended. An interrupt censors every replica where it is, which leaves rates unbiased, but then the step counts
    /// depend on timing.
    ///
    /// # Errors
    /// If lengths or region make no run, or the start is not inside the region.
    pub fn run<D: Dynamics, P: Problem + ?Sized>(
        &self,
        dynamics: &D,
        problem: &P,
        interrupt: &Interrupt,
        progress: impl Fn(u64) + Sync,
    ) -> Result<Vec<Termination>, EnsembleError> {
        check_length("start", self.start.len(), dynamics.dim())?;
        self.region.validate(dynamics.dim())?;
        if self.start_is_outside(problem) {
            return Err(EnsembleError::StartOutside);
        }
        let next = AtomicU64::new(0);
        let ended = AtomicU64::new(0);
        let ended = |_| progress(ended.fetch_add(1, Ordering::Relaxed) + 1);
        let mut ends: Vec<(u64, Termination)> = (0..rayon::current_num_threads())
            .into_par_iter()
            .flat_map_iter(|_| Worker::new(self, dynamics, problem).run(&next, interrupt, &ended))
            .collect();
        ends.sort_unstable_by_key(|end| end.0);
        Ok(ends.into_iter().map(|end| end.1).collect())
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

    /// Steps that a replica may take before the run has to look at it again.
    fn slice(&self, steps: u64) -> u64 {
        let left = self.max_steps - steps;
        match self.region {
            Region::LossLevel { check_every, .. } => left.min(check_every - steps % check_every),
            Region::Box { .. } | Region::Ball { .. } => left.min(Self::SLICE),
        }
    }
}

/// One block of one thread, kept full: the next replica takes the lane of one that has ended. Escape times are nearly
/// exponential, so that a block that waited for its last replica would idle for most of the time.
struct Worker<'a, D: Dynamics, P: Problem + ?Sized> {
    run: &'a EscapeRun,
    dynamics: &'a D,
    meter: LossMeter<'a, P>,
    block: D::Block,
    /// Number of the replica in each lane.
    replicas: Vec<Option<u64>>,
    theta: Vec<f64>,
}

impl<'a, D: Dynamics, P: Problem + ?Sized> Worker<'a, D, P> {
    fn new(run: &'a EscapeRun, dynamics: &'a D, problem: &'a P) -> Self {
        let block = dynamics.block();
        let replicas = vec![None; block.lanes()];
        Self { run, dynamics, meter: LossMeter::new(problem), block, replicas, theta: vec![0.0; dynamics.dim()] }
    }

    /// Runs replicas, taken by counting `next` up, until there is none left; returns how each of them ended.
    fn run(mut self, next: &AtomicU64, interrupt: &Interrupt, ended: &impl Fn(u64)) -> Vec<(u64, Termination)> {
        let exit: ExitTest = self.run.region.exit_test();
        let mut ends = Vec::new();
        self.refill(next);
        while let Some(slice) = self.slice() {
            let stop = interrupt.is_requested();
            let done = if stop { Advanced::default() } else { self.dynamics.advance(&mut self.block, slice, &exit) };
            for lane in 0..self.replicas.len() {
                let Some(replica) = self.replicas[lane] else { continue };
                if let Some(end) = self.end(lane, done, stop) {
                    ends.push((replica, end));
                    self.block.clear(lane);
                    self.replicas[lane] = None;
                    ended(replica);
                }
            }
            self.refill(next);
        }
        ends
    }

    /// Puts the next replicas into the empty lanes.
    fn refill(&mut self, next: &AtomicU64) {
        for (lane, slot) in self.replicas.iter_mut().enumerate().filter(|(_, slot)| slot.is_none()) {
            let replica = next.fetch_add(1, Ordering::Relaxed);
            if replica >= self.run.replicas as u64 {
                return;
            }
            let stream = stream(self.run.seed, Purpose::Escape, replica);
            self.block.load(lane, &ReplicaState::new(&self.run.start, stream));
            *slot = Some(replica);
        }
    }

    /// Steps that all lanes may take; `None` when they are empty.
    fn slice(&self) -> Option<u64> {
        let lanes = self.replicas.iter().enumerate().filter(|(_, slot)| slot.is_some());
        lanes.map(|(lane, _)| self.run.slice(self.block.steps(lane))).min()
    }

    /// How the replica of a lane has ended, if it has.
    fn end(&mut self, lane: usize, done: Advanced, stop: bool) -> Option<Termination> {
        let (steps, time) = (self.block.steps(lane), self.block.time(lane));
        if done.diverged >> lane & 1 == 1 {
            return Some(Termination::Diverged { steps, time });
        }
        if done.escaped >> lane & 1 == 1 {
            return Some(Termination::Escaped { steps, time });
        }
        let last = steps >= self.run.max_steps;
        if let Region::LossLevel { loss: level, check_every } = self.run.region
            && !stop
            && (last || steps.is_multiple_of(check_every))
        {
            self.block.theta_into(lane, &mut self.theta);
            let loss = self.meter.loss(&self.theta);
            if !loss.is_finite() {
                return Some(Termination::Diverged { steps, time });
            }
            if loss > level {
                return Some(Termination::Escaped { steps, time });
            }
        }
        (last || stop).then_some(Termination::Censored { steps, time })
    }
}

impl Termination {
    /// Steps taken, time `t`, and whether the replica escaped.
    fn parts(&self) -> (u64, f64, bool) {
        match *self {
            Self::Escaped { steps, time } => (steps, time, true),
            Self::Censored { steps, time } | Self::Diverged { steps, time } => (steps, time, false),
        }
    }
}

/// The times in steps as survival data: an escape is an event; a censored or diverged replica was at risk until it ended.
pub fn survival_times(terminations: &[Termination]) -> Vec<Observation> {
    terminations.iter().map(Termination::parts).map(|(k, _, event)| Observation { time: k as f64, event }).collect()
}

/// [`survival_times`] in the time `t` of each replica's clock.
pub fn survival_clocks(terminations: &[Termination]) -> Vec<Observation> {
    terminations.iter().map(Termination::parts).map(|(_, time, event)| Observation { time, event }).collect()
}

/// Escape rate per step of a run with the given seed.
pub fn rate_estimate(terminations: &[Termination], seed: u64) -> RateEstimate {
    let diverged = terminations.iter().filter(|end| matches!(end, Termination::Diverged { .. })).count() as u64;
    RateEstimate::from_observations(&survival_times(terminations), diverged, "direct simulation", seed)
}
