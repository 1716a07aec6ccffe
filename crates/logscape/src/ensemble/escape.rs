//! First-passage runs: how many steps each replica needs to leave a region.

use crate::Stop;
use crate::problem::unless_failed;
use crate::random::{Purpose, stream};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::pace::Pace;
use super::watch::{Curvature, Look, Shown, Watch, Watching};
use super::{EnsembleError, LossMeter, Region, check_length};
use crate::engine::{AnyDynamics, Block, Dynamics, LaneEnd, MovingBlock, ReplicaState, Sgd, TimeUnit};
use crate::stats::{Observation, RateEstimate};
use crate::{Precision, Problem, SgdSettings};

/// How one replica ended, after how many steps and at what time `t` of its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "(End, u64, f64)", into = "(End, u64, f64)")]
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
    /// It left by divergence: a coordinate or the loss became non-finite or absurdly large.
    Diverged {
        /// Steps taken.
        steps: u64,
        /// Time `t`.
        time: f64,
    },
}

/// The short form of a [`Termination`] in files, which hold one for each replica.
#[derive(Serialize, Deserialize)]
enum End {
    #[serde(rename = "e")]
    Escaped,
    #[serde(rename = "c")]
    Censored,
    #[serde(rename = "d")]
    Diverged,
}

impl From<(End, u64, f64)> for Termination {
    fn from((end, steps, time): (End, u64, f64)) -> Self {
        match end {
            End::Escaped => Self::Escaped { steps, time },
            End::Censored => Self::Censored { steps, time },
            End::Diverged => Self::Diverged { steps, time },
        }
    }
}

impl From<Termination> for (End, u64, f64) {
    fn from(end: Termination) -> Self {
        match end {
            Termination::Escaped { steps, time } => (End::Escaped, steps, time),
            Termination::Censored { steps, time } => (End::Censored, steps, time),
            Termination::Diverged { steps, time } => (End::Diverged, steps, time),
        }
    }
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

/// How far an [`EscapeRun`] has come: what a checkpoint holds. Its size is that of the ends, and of as many replicas as
/// there are lanes. The default has not begun.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EscapeProgress {
    /// Number of each replica that has ended, in the order of the ends, and how it did.
    ends: Vec<(u64, Termination)>,
    /// Replicas on their way.
    running: Vec<Running>,
    /// The curvature that looks at the loss begin with, once they need one.
    curvature: Option<Curvature>,
    /// The first replica that has not begun.
    next: u64,
}

/// A replica on its way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Running {
    /// Its number.
    replica: u64,
    state: ReplicaState,
    /// How its loss was last seen, where that is watched.
    look: Option<Look>,
}

impl EscapeProgress {
    /// Whether all replicas of `run` have ended.
    pub fn is_complete(&self, run: &EscapeRun) -> bool {
        self.ends.len() >= run.replicas
    }

    /// How each replica of `run` has ended, in replica order; those that have not are censored where they are.
    pub fn terminations(&self, run: &EscapeRun) -> Vec<Termination> {
        let mut all = vec![Termination::Censored { steps: 0, time: 0.0 }; run.replicas];
        let censored = |state: &ReplicaState| Termination::Censored { steps: state.steps, time: state.time };
        let running = self.running.iter().map(|running| (running.replica, censored(&running.state)));
        for (replica, end) in self.ends.iter().copied().chain(running) {
            if let Some(slot) = all.get_mut(replica as usize) {
                *slot = end;
            }
        }
        all
    }
}

impl EscapeRun {
    /// [`run`](Self::run) with SGD on `problem`, in double precision and in the fastest layout that the problem has.
    ///
    /// # Errors
    /// If settings, lengths or region make no run, or the start is not inside the region.
    pub fn run_sgd(
        &self,
        problem: &dyn Problem,
        settings: SgdSettings,
        stop: &Stop,
        ended: impl Fn(u64) + Sync,
    ) -> Result<Vec<Termination>, EnsembleError> {
        let mut progress = EscapeProgress::default();
        self.advance_sgd(problem, settings, &mut progress, stop, ended)?;
        Ok(progress.terminations(self))
    }

    /// [`advance`](Self::advance) with SGD on `problem`, as [`run_sgd`](Self::run_sgd) does.
    ///
    /// # Errors
    /// If settings, lengths or region make no run, or the start is not inside the region.
    pub fn advance_sgd(
        &self,
        problem: &dyn Problem,
        settings: SgdSettings,
        progress: &mut EscapeProgress,
        stop: &Stop,
        ended: impl Fn(u64) + Sync,
    ) -> Result<(), EnsembleError> {
        self.advance(&Sgd::on(problem, settings, Precision::Float64)?, problem, progress, stop, ended)
    }

    /// Runs all replicas of `dynamics`; see [`advance`](Self::advance). An interrupt censors every replica where it is,
    /// which leaves rates unbiased, but then the step counts depend on timing.
    ///
    /// # Errors
    /// If lengths or region make no run, or the start is not inside the region.
    pub fn run(
        &self,
        dynamics: &AnyDynamics<'_>,
        problem: &dyn Problem,
        stop: &Stop,
        ended: impl Fn(u64) + Sync,
    ) -> Result<Vec<Termination>, EnsembleError> {
        let mut progress = EscapeProgress::default();
        self.advance(dynamics, problem, &mut progress, stop, ended)?;
        Ok(progress.terminations(self))
    }

    /// Runs replicas of `dynamics` on rayon's current pool from where `progress` stands until all have ended or `stop`
    /// is due; `problem` gives the loss that a region may need. What a replica does depends on its number and the seed
    /// alone, not on threads, pauses, or how many replicas there are. `ended` is told how many have ended.
    ///
    /// # Errors
    /// If lengths or region make no run, the start is not inside the region, or the problem fails; then `progress` is of no
    /// more use.
    pub fn advance(
        &self,
        dynamics: &AnyDynamics<'_>,
        problem: &dyn Problem,
        progress: &mut EscapeProgress,
        stop: &Stop,
        ended: impl Fn(u64) + Sync,
    ) -> Result<(), EnsembleError> {
        self.advance_all(dynamics, problem, progress, stop, &ended)
    }

    /// [`advance`](Self::advance), compiled once for all that may be told.
    fn advance_all(
        &self,
        dynamics: &AnyDynamics<'_>,
        problem: &dyn Problem,
        progress: &mut EscapeProgress,
        stop: &Stop,
        ended: &(dyn Fn(u64) + Sync),
    ) -> Result<(), EnsembleError> {
        self.validate(dynamics.dim(), problem)?;
        if self.region.is_watched() && progress.curvature.is_none() {
            // Without one nothing has begun.
            let Ok(found) = Curvature::at(problem, &self.start, self.seed, stop) else {
                return unless_failed(problem, Ok(()));
            };
            progress.curvature = Some(found);
        }
        let curvature = progress.curvature.take();
        let watching = curvature.as_ref().map(|curvature| self.watching(problem, curvature));
        let queue = Queue { waiting: Mutex::new(mem::take(&mut progress.running)), next: progress.next.into() };
        let count = AtomicU64::new(progress.ends.len() as u64);
        let ended = || ended(count.fetch_add(1, Ordering::Relaxed) + 1);
        let workers: Vec<_> = (0..rayon::current_num_threads())
            .into_par_iter()
            .map(|_| Worker::new(self, dynamics, problem, watching.as_ref()).run(&queue, stop, &ended))
            .collect();
        for (ends, running) in workers {
            progress.ends.extend(ends);
            progress.running.extend(running);
        }
        progress.running.extend(queue.waiting.into_inner().unwrap_or_else(PoisonError::into_inner));
        progress.curvature = curvature;
        progress.next = queue.next.into_inner().min(self.replicas as u64).max(progress.next);
        unless_failed(problem, Ok(()))
    }

    /// Refuses what makes no run on `problem`.
    ///
    /// # Errors
    /// If lengths or region make no run, or the start is not inside the region.
    pub fn check(&self, problem: &dyn Problem) -> Result<(), EnsembleError> {
        self.validate(problem.dim(), problem)
    }

    /// Checks lengths, region and start for a problem with `dim` parameters.
    pub(crate) fn validate(&self, dim: usize, problem: &dyn Problem) -> Result<(), EnsembleError> {
        check_length("start", self.start.len(), dim)?;
        self.region.validate(dim)?;
        if self.start_is_outside(problem) { Err(EnsembleError::StartOutside) } else { Ok(()) }
    }

    fn start_is_outside(&self, problem: &dyn Problem) -> bool {
        if self.start.iter().any(|x| !x.is_finite()) {
            return true;
        }
        LossMeter::new(problem).is_outside(&self.region, &self.start) != Some(false)
    }

    /// How replicas are watched where the curvature at the start is this.
    pub(super) fn watching<'a>(&self, problem: &dyn Problem, curvature: &'a Curvature) -> Watching<'a> {
        let state = ReplicaState::new(&self.start, stream(self.seed, Purpose::Escape, 0));
        Watching { curvature, first: Look::first(&mut LossMeter::new(problem), &state, curvature) }
    }

    /// Steps that a replica may take before the run has to look at it again.
    pub(super) fn slice(&self, steps: u64) -> u64 {
        let left = self.max_steps - steps;
        let looks = self.region.check_every().filter(|_| !self.region.is_watched());
        left.min(looks.map_or(u64::MAX, |every| every - steps % every))
    }
}

/// Replicas that no lane holds: those that were on their way at the last stop, then fresh ones.
struct Queue {
    waiting: Mutex<Vec<Running>>,
    next: AtomicU64,
}

impl Queue {
    /// The next replica; one that has not begun was looked at like `first`.
    fn take(&self, run: &EscapeRun, first: Option<&Look>) -> Option<Running> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if waiting.is_some() {
            return waiting;
        }
        let replica = self.next.fetch_add(1, Ordering::Relaxed);
        (replica < run.replicas as u64).then(|| {
            let state = ReplicaState::new(&run.start, stream(run.seed, Purpose::Escape, replica));
            Running { replica, look: first.map(|look| look.of(&state)), state }
        })
    }
}

/// One block of one thread, kept full: the next replica takes the lane of one that has ended. Escape times are nearly
/// exponential, so that a block that waited for its last replica would idle for most of the time.
pub(super) struct Worker<'a, 'd> {
    run: &'a EscapeRun,
    dynamics: &'a AnyDynamics<'d>,
    pub(super) meter: LossMeter<'a>,
    /// Where the loss is to be seen at every step.
    watch: Option<Watch<'a>>,
    /// The look at a replica that begins, there.
    pub(super) first: Option<&'a Look>,
    pub(super) block: Box<dyn MovingBlock + 'd>,
    /// Number of the replica in each lane.
    replicas: Vec<Option<u64>>,
    /// Time of each lane at the last look.
    clocks: Vec<f64>,
    pub(super) theta: Vec<f64>,
}

/// Replicas that ended and how, and replicas that are on their way.
type Worked = (Vec<(u64, Termination)>, Vec<Running>);

impl<'a, 'd> Worker<'a, 'd> {
    /// An empty block.
    pub(super) fn new(
        run: &'a EscapeRun,
        dynamics: &'a AnyDynamics<'d>,
        problem: &'a dyn Problem,
        watching: Option<&'a Watching<'a>>,
    ) -> Self {
        let block = dynamics.block();
        let watch = |with: &'a Watching<'a>| Watch::over(&run.region, block.lanes(), dynamics.dim(), with.curvature);
        Self {
            run,
            dynamics,
            meter: LossMeter::new(problem),
            watch: watching.and_then(watch),
            first: watching.map(|with| &with.first),
            replicas: vec![None; block.lanes()],
            clocks: vec![0.0; block.lanes()],
            theta: vec![0.0; dynamics.dim()],
            block,
        }
    }

    /// Runs replicas of the queue until there is none left or `stop` is due.
    fn run(mut self, queue: &Queue, stop: &Stop, ended: &dyn Fn()) -> Worked {
        let mut ends = Vec::new();
        let mut pace = Pace::new();
        while !stop.is_due() {
            self.refill(queue);
            let Some(slice) = self.slice() else { break };
            pace.time(slice, |steps| self.advance(steps));
            for lane in 0..self.replicas.len() {
                let Some(replica) = self.replicas[lane] else { continue };
                if let Some(end) = self.end(lane) {
                    ends.push((replica, end));
                    self.block.clear(lane);
                    self.replicas[lane] = None;
                    ended();
                }
            }
        }
        let running = |lane: usize| {
            let look = self.watch.as_ref().and_then(|watch| watch.last(lane).cloned());
            Some(Running { replica: self.replicas[lane]?, state: self.block.store(lane), look })
        };
        (ends, (0..self.replicas.len()).filter_map(running).collect())
    }

    /// Takes up to so many steps, ending after the first after which a replica has to be looked at.
    pub(super) fn advance(&mut self, steps: u64) {
        let exit = self.watch.as_ref().map_or_else(|| self.run.region.exit_test(), Watch::exit_test);
        self.dynamics.advance(&mut self.block, steps, &exit);
    }

    /// Puts a replica into a lane.
    pub(super) fn load(&mut self, lane: usize, state: &ReplicaState, look: Option<Look>) {
        self.block.load(lane, state);
        self.clocks[lane] = state.time;
        if let (Some(watch), Some(look)) = (&mut self.watch, look) {
            watch.put(lane, look);
        }
    }

    /// Puts the next replicas into the empty lanes.
    fn refill(&mut self, queue: &Queue) {
        for lane in 0..self.replicas.len() {
            if self.replicas[lane].is_none() {
                let Some(Running { replica, state, look }) = queue.take(self.run, self.first) else { return };
                self.load(lane, &state, look);
                self.replicas[lane] = Some(replica);
            }
        }
    }

    /// Steps that all lanes may take; `None` when they are empty.
    fn slice(&self) -> Option<u64> {
        let lanes = self.replicas.iter().enumerate().filter(|(_, slot)| slot.is_some());
        lanes.map(|(lane, _)| self.run.slice(self.block.steps(lane))).min()
    }

    /// How the replica of a lane has ended, if it has. One whose loss is watched may be where it was before.
    pub(super) fn end(&mut self, lane: usize) -> Option<Termination> {
        let steps = self.block.steps(lane);
        // The clock of a replica that has diverged may be no number; then it is that of the last look.
        let time = Some(self.block.time(lane)).filter(|time| time.is_finite()).unwrap_or(self.clocks[lane]);
        self.clocks[lane] = time;
        match self.block.ends()[lane] {
            Some(LaneEnd::Diverged) => return Some(self.diverged(steps, time)),
            Some(LaneEnd::Escaped) => {
                let Some(watch) = &mut self.watch else { return Some(Termination::Escaped { steps, time }) };
                self.block.theta_into(lane, &mut self.theta);
                match watch.look(lane, &mut *self.block, &self.theta, &mut self.meter) {
                    Shown::Outside => return Some(Termination::Escaped { steps, time }),
                    Shown::Diverged => return Some(Termination::Diverged { steps, time }),
                    Shown::Inside => {}
                }
            }
            None => {}
        }
        let last = self.block.steps(lane) >= self.run.max_steps;
        if self.watch.is_some() {
            return last.then_some(Termination::Censored { steps, time });
        }
        let region = &self.run.region;
        if region.check_every().is_some_and(|every| last || steps.is_multiple_of(every)) {
            self.block.theta_into(lane, &mut self.theta);
            match self.meter.is_outside(region, &self.theta) {
                None => return Some(Termination::Diverged { steps, time }),
                Some(true) => return Some(Termination::Escaped { steps, time }),
                Some(false) => {}
            }
        }
        last.then_some(Termination::Censored { steps, time })
    }

    /// A divergence after so many steps, which a region that is looked at now and then sees at the next look.
    fn diverged(&self, steps: u64, time: f64) -> Termination {
        let every = self.run.region.check_every().unwrap_or(1);
        let seen = steps.checked_next_multiple_of(every).unwrap_or(u64::MAX).min(self.run.max_steps);
        Termination::Diverged { steps: seen, time: time_seen(self.dynamics.time_unit(), time, steps, seen) }
    }
}

/// Time `t` at the look after `seen` steps that shows a divergence after `steps` of them at time `time`. A clock of steps or
/// of `t` goes on until then; that of the landscape stands still, where the loss is beyond all numbers.
pub(crate) fn time_seen(unit: TimeUnit, time: f64, steps: u64, seen: u64) -> f64 {
    match unit {
        TimeUnit::LandscapeTime => time,
        TimeUnit::Steps | TimeUnit::LearningTime => time * (seen as f64 / steps as f64),
    }
}

impl Termination {
    /// Survival data on the clock that steps and time `t` give. A replica that has diverged has left: no path leads from
    /// inside a region to infinity but through its boundary.
    pub fn observation(&self, clock: impl Fn(u64, f64) -> f64) -> Observation {
        match *self {
            Self::Escaped { steps, time } | Self::Diverged { steps, time } => {
                Observation { time: clock(steps, time), event: true }
            }
            Self::Censored { steps, time } => Observation { time: clock(steps, time), event: false },
        }
    }

    /// Whether it left by divergence.
    pub fn is_divergence(&self) -> bool {
        matches!(self, Self::Diverged { .. })
    }
}

/// The times in steps as survival data: an escape, by divergence or not, is an event; a censored replica was at risk until
/// the end.
pub fn survival_times(terminations: &[Termination]) -> Vec<Observation> {
    terminations.iter().map(|end| end.observation(|steps, _| steps as f64)).collect()
}

/// [`survival_times`] in the time `t` of each replica's clock.
pub fn survival_clocks(terminations: &[Termination]) -> Vec<Observation> {
    terminations.iter().map(|end| end.observation(|_, time| time)).collect()
}

/// Escape rate per step of a run with the given seed.
pub fn rate_estimate(terminations: &[Termination], seed: u64) -> RateEstimate {
    let diverged = terminations.iter().filter(|end| end.is_divergence()).count() as u64;
    RateEstimate::from_observations(&survival_times(terminations), diverged, "direct simulation", seed)
}
