//! A block of replicas that is looked at after every step, or every so many.

use super::{RareRun, Score};
use crate::Problem;
use crate::Stop;
use crate::engine::{AnyDynamics, Block, Dynamics, LaneEnd, MovingBlock, ReplicaState};
use crate::ensemble::{LossMeter, Region, time_seen};
use crate::random::{Purpose, seed_state, stream};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Why a walk ended before its work was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// It is time for a pause, or the user asked for an end.
    Paused,
    /// The steps that were allowed are used up.
    Budget,
}

/// What a look at a lane has shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Seen {
    /// The lane is empty, or not due to be looked at.
    Nothing,
    /// Inside, with this score.
    Score(f64),
    /// Outside.
    Left,
    /// Outside by divergence: not a number, or absurdly large.
    Diverged,
}

/// The random streams of one repeat, one for each branch in the order of the branches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Streams {
    seed: u64,
    next: u64,
}

impl Streams {
    /// Streams of the repeat `repeat < 2²⁴`, of which there are 2⁴⁰.
    pub(super) fn new(seed: u64, repeat: u64) -> Self {
        Self { seed, next: repeat << 40 }
    }

    /// A generator that nothing has used.
    pub(super) fn next(&mut self) -> rand_chacha::ChaCha8Rng {
        self.next += 1;
        stream(self.seed, Purpose::Splitting, self.next - 1)
    }

    /// A replica that goes on from `state` on its own.
    pub(super) fn branch(&mut self, state: &ReplicaState) -> ReplicaState {
        ReplicaState { rng: seed_state(&mut self.next()), spare: None, ..state.clone() }
    }
}

/// The scale of scores: home below, and equal levels above the first one, which also bound the states that are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ladder {
    /// Home is where the score is at most this.
    pub(super) home: f64,
    /// Excursions begin above this.
    pub(super) first: f64,
    /// Levels in a unit of the score.
    pub(super) per_unit: f64,
}

impl Ladder {
    /// 0 up to the first level, and the number of the level above it.
    #[inline]
    pub(super) fn level(&self, score: f64) -> u32 {
        // A cast from beyond the range gives its end.
        if score > self.first { 1 + (((score - self.first) * self.per_unit) as u32).min(REACHED - 2) } else { 0 }
    }
}

/// Excursions that no lane follows yet, by their jobs.
pub(super) type Waiting = VecDeque<(usize, ReplicaState)>;

/// A walk between two looks, in a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PausedWalk {
    lanes: Vec<Option<PausedLane>>,
    cost: u64,
    diverged: u64,
}

/// A lane of it that has a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PausedLane {
    job: usize,
    /// Steps to its next look.
    left: u64,
    /// Nothing where it has diverged, which the next look will show.
    replica: Option<ReplicaState>,
    /// Its clock then.
    #[serde(with = "crate::model::unbounded::undefined")]
    gone: f64,
}

impl PausedWalk {
    /// Whether it is one of so many lanes with so many parameters, whose jobs are below `jobs`.
    pub(super) fn fits(&self, [lanes, dim, jobs]: [usize; 3]) -> bool {
        let fits = |lane: &PausedLane| {
            lane.job < jobs && lane.left > 0 && lane.replica.as_ref().is_none_or(|replica| replica.theta.len() == dim)
        };
        self.lanes.len() == lanes && self.lanes.iter().flatten().all(fits)
    }
}

/// The level of the exit, above all others.
pub(super) const REACHED: u32 = u32::MAX;

/// What is kept of an excursion.
pub(super) trait Watch {
    /// Excursion `job` is at `level`; whether it goes on. `state` tells its state.
    fn at(&mut self, job: usize, level: u32, state: impl FnOnce() -> ReplicaState) -> bool;
    /// It has reached the exit.
    fn reached(&mut self, job: usize);
}

/// What moves in a run, and how it is seen.
pub(super) struct Parts<'a, 'd, S> {
    pub(super) dynamics: &'a AnyDynamics<'d>,
    pub(super) score: &'a S,
    pub(super) problem: &'a dyn Problem,
    pub(super) stop: &'a Stop,
}

/// One block, with what is needed to look at its replicas.
pub(super) struct Walker<'a, 'd, S: Score> {
    run: &'a RareRun,
    parts: &'a Parts<'a, 'd, S>,
    scratch: S::Scratch,
    /// For regions that only the loss of all data tells, where the score does not see them.
    meter: Option<LossMeter<'a>>,
    pub(super) block: Box<dyn MovingBlock + 'd>,
    /// The job in each lane.
    jobs: Vec<Option<usize>>,
    /// Steps of each occupied lane to its next look.
    left: Vec<u64>,
    /// Clock at the next look of a replica that diverged before it, in a region that is looked at now and then.
    gone: Vec<Option<f64>>,
    theta: Vec<f64>,
    stride: u64,
    looks: u64,
    /// Replica-steps so far.
    pub(super) cost: u64,
    /// Replica-steps allowed.
    budget: u64,
    /// Replicas that diverged.
    pub(super) diverged: u64,
}

impl<'a, 'd, S: Score> Walker<'a, 'd, S> {
    /// Looks between two tests of the stop, where they are cheap.
    const PATIENCE: u64 = 64;
    /// Parameters up to which they are.
    const CHEAP: usize = 16;

    pub(super) fn new(run: &'a RareRun, parts: &'a Parts<'a, 'd, S>) -> Self {
        let Parts { dynamics, score, problem, .. } = *parts;
        let block = dynamics.block();
        let (jobs, left) = (vec![None; block.lanes()], vec![0; block.lanes()]);
        let seen = matches!(run.region, Region::LossLevel { .. }) && score.loss_level_score().is_some();
        let unseen = run.region.check_every().is_some() && !seen;
        Self {
            run,
            parts,
            scratch: score.scratch(),
            meter: unseen.then(|| LossMeter::new(problem)),
            block,
            gone: vec![None; jobs.len()],
            jobs,
            left,
            theta: vec![0.0; dynamics.dim()],
            stride: run.stride(),
            looks: 0,
            cost: 0,
            budget: run.max_cost,
            diverged: 0,
        }
    }

    /// The walk as it is between two looks.
    pub(super) fn pause(&self) -> PausedWalk {
        let lane = |lane: usize| {
            let (job, gone) = (self.jobs[lane]?, self.gone[lane]);
            let replica = gone.is_none().then(|| self.block.store(lane));
            Some(PausedLane { job, left: self.left[lane], replica, gone: gone.unwrap_or(f64::NAN) })
        };
        let lanes = (0..self.jobs.len()).map(lane).collect();
        PausedWalk { lanes, cost: self.cost, diverged: self.diverged }
    }

    /// Goes on with a walk that [fits](PausedWalk::fits).
    pub(super) fn go_on(&mut self, paused: &PausedWalk) {
        (self.cost, self.diverged) = (paused.cost, paused.diverged);
        for (lane, paused) in paused.lanes.iter().enumerate() {
            let Some(PausedLane { job, left, replica, gone }) = paused else { continue };
            if let Some(replica) = replica {
                self.block.load(lane, replica);
            }
            self.jobs[lane] = Some(*job);
            self.gone[lane] = replica.is_none().then_some(*gone);
            self.left[lane] = *left;
        }
    }

    pub(super) fn lanes(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn load(&mut self, lane: usize, job: usize, state: &ReplicaState) {
        self.block.load(lane, state);
        self.jobs[lane] = Some(job);
        self.gone[lane] = None;
        self.left[lane] = self.stride - state.steps % self.stride;
    }

    pub(super) fn clear(&mut self, lane: usize) {
        self.block.clear(lane);
        self.jobs[lane] = None;
    }

    pub(super) fn clear_all(&mut self) {
        (0..self.lanes()).for_each(|lane| self.clear(lane));
    }

    /// Moves all replicas to the next look, or to the first exit before it. `seen` has an entry for each lane. Returns the
    /// steps taken.
    pub(super) fn look(&mut self, seen: &mut [Seen]) -> Result<u64, Halt> {
        let dear = self.meter.is_some() || self.theta.len() > Self::CHEAP;
        // A walk that goes on makes one look at least, so that it comes to an end however often it is paused.
        if self.looks > 0
            && (dear || self.looks.is_multiple_of(Self::PATIENCE))
            && (self.parts.stop.is_due() || self.parts.problem.failure().is_some())
        {
            return Err(Halt::Paused);
        }
        if self.cost >= self.budget {
            return Err(Halt::Budget);
        }
        self.looks += 1;
        let occupied = self.jobs.iter().zip(&self.left).filter(|(job, _)| job.is_some());
        let steps = occupied.map(|(_, left)| *left).min().unwrap_or(self.stride);
        let run = self.run;
        let done = self.parts.dynamics.advance(&mut self.block, steps, &run.region.exit_test());
        for lane in 0..self.jobs.len() {
            seen[lane] = Seen::Nothing;
            if self.jobs[lane].is_none() {
                continue;
            }
            self.cost += done.steps;
            self.left[lane] -= done.steps;
            let due = self.left[lane] == 0;
            self.left[lane] += if due { self.stride } else { 0 };
            seen[lane] = match self.block.ends()[lane] {
                _ if self.gone[lane].is_some() => {
                    if due {
                        Seen::Diverged
                    } else {
                        Seen::Nothing
                    }
                }
                Some(LaneEnd::Diverged) if !due && run.region.check_every().is_some() => {
                    self.gone[lane] = Some(self.clock_at_next_look(lane));
                    self.block.clear(lane);
                    Seen::Nothing
                }
                Some(LaneEnd::Diverged) => Seen::Diverged,
                Some(LaneEnd::Escaped) => Seen::Left,
                None if due => self.inspect(lane),
                None => Seen::Nothing,
            };
            self.diverged += u64::from(seen[lane] == Seen::Diverged);
        }
        Ok(done.steps)
    }

    /// Time `t` of the replica in a lane.
    pub(super) fn time(&self, lane: usize) -> f64 {
        self.gone[lane].unwrap_or_else(|| self.block.time(lane))
    }

    /// The clock of a lane when it will be looked at; see [`time_seen`].
    fn clock_at_next_look(&self, lane: usize) -> f64 {
        let (steps, time) = (self.block.steps(lane), self.block.time(lane));
        time_seen(self.parts.dynamics.time_unit(), time, steps, steps + self.left[lane])
    }

    /// The score of a lane, and whether it is outside where that is not tested after every step.
    #[inline]
    fn inspect(&mut self, lane: usize) -> Seen {
        self.block.theta_into(lane, &mut self.theta);
        let score = self.parts.score.score(&self.theta, &mut self.scratch);
        let left = match (&self.run.region, self.parts.score.loss_level_score(), &mut self.meter) {
            (Region::LossLevel { .. }, Some(top), _) => Some(score > top),
            (region, _, Some(meter)) => meter.is_outside(region, &self.theta),
            (_, _, None) => Some(false),
        };
        match left {
            None => Seen::Diverged,
            _ if score.is_nan() || score == f64::INFINITY => Seen::Diverged,
            Some(true) => Seen::Left,
            Some(false) => Seen::Score(score),
        }
    }

    /// Runs excursions until each is home, has reached the exit, or `watch` ends it; the lanes are refilled from `waiting` as
    /// they fall empty. A replica that diverges has reached the exit.
    pub(super) fn excursions(
        &mut self,
        waiting: &mut Waiting,
        ladder: &Ladder,
        watch: &mut impl Watch,
    ) -> Result<(), Halt> {
        let mut seen = vec![Seen::Nothing; self.lanes()];
        loop {
            let mut occupied = false;
            for lane in 0..self.jobs.len() {
                if self.jobs[lane].is_none() {
                    let Some((job, state)) = waiting.pop_front() else { continue };
                    self.load(lane, job, &state);
                }
                occupied = true;
            }
            if !occupied {
                return Ok(());
            }
            self.look(&mut seen)?;
            for lane in 0..seen.len() {
                let Some(job) = self.jobs[lane] else { continue };
                let goes_on = match seen[lane] {
                    Seen::Nothing => true,
                    Seen::Left | Seen::Diverged => {
                        watch.reached(job);
                        false
                    }
                    Seen::Score(score) => {
                        score > ladder.home && watch.at(job, ladder.level(score), || self.block.store(lane))
                    }
                };
                if !goes_on {
                    self.clear(lane);
                }
            }
        }
    }
}
