//! Forward flux sampling.
//!
//! Allen, Warren & ten Wolde 2005, *Phys. Rev. Lett.* 94, 018104. Between two interfaces `n` trials start from the states in
//! which the last ones passed the lower interface; the share that passes the upper one before it is home is one factor of
//! the probability. Each state is the start of `⌊n/m⌋` or one more of the trials, at random and equally, so that the
//! product is unbiased (fixed effort: Garvels & Kroese 1998). Only `n` states are kept. A trial that jumps over several
//! interfaces passes all of them.

use super::Score;
use super::splitting::{Passage, below};
use super::walk::{Halt, Ladder, REACHED, Streams, Waiting, Walker, Watch};
use crate::engine::ReplicaState;
use crate::random::{RngState, seed_state};
use serde::{Deserialize, Serialize};
use std::mem;

/// A level and the state in which it was reached; no state at the exit.
type Arrival = (u32, Option<ReplicaState>);

/// The interface below the exit: the highest of all other levels.
const LAST: u32 = REACHED - 1;

/// Trials that end above an interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Trials {
    interface: u32,
    arrivals: Vec<Option<Arrival>>,
}

impl Watch for Trials {
    #[inline]
    fn at(&mut self, job: usize, level: u32, state: impl FnOnce() -> ReplicaState) -> bool {
        if level > self.interface {
            self.arrivals[job] = Some((level, Some(state())));
        }
        level <= self.interface
    }

    fn reached(&mut self, job: usize) {
        self.arrivals[job] = Some((REACHED, None));
    }
}

/// Excursions on their way from one interface to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ForwardFlux {
    choices: RngState,
    trials: Trials,
    waiting: Waiting,
    probability: f64,
    /// The interfaces passed.
    passed: Vec<u32>,
}

impl ForwardFlux {
    /// Follows excursions from where they began to the first of `interfaces`.
    pub(super) fn begin(entries: &[Option<(u32, ReplicaState)>], interfaces: &[u32], streams: &mut Streams) -> Self {
        let choices = seed_state(&mut streams.next());
        let entry = |entry: &Option<(u32, ReplicaState)>| match entry {
            Some((level, state)) => (*level, Some(state.clone())),
            None => (REACHED, None),
        };
        let (trials, waiting) = trials(entries.iter().map(entry), interfaces.first().copied(), streams);
        Self { choices, trials, waiting, probability: 1.0, passed: Vec::new() }
    }

    /// How many trials there are of each interface.
    pub(super) fn jobs(&self) -> usize {
        self.trials.arrivals.len()
    }

    /// Whether those that wait are among them, with `dim` parameters each.
    pub(super) fn fits(&self, dim: usize) -> bool {
        let arrivals = self.trials.arrivals.iter().flatten().filter_map(|(_, state)| state.as_ref());
        self.waiting.iter().all(|(job, _)| *job < self.jobs())
            && self.waiting.iter().map(|(_, state)| state).chain(arrivals).all(|state| state.theta.len() == dim)
    }

    /// Runs them from one of the `interfaces`, which rise, to the next, and to the exit.
    pub(super) fn advance<S: Score>(
        &mut self,
        walker: &mut Walker<'_, '_, S>,
        ladder: &Ladder,
        interfaces: &[u32],
        streams: &mut Streams,
    ) -> Result<Passage, Halt> {
        let n = self.jobs();
        loop {
            walker.excursions(&mut self.waiting, ladder, &mut self.trials)?;
            let arrivals: Vec<Arrival> = mem::take(&mut self.trials.arrivals).into_iter().flatten().collect();
            self.probability *= arrivals.len() as f64 / n.max(1) as f64;
            self.passed.push(self.trials.interface);
            let last = self.trials.interface == LAST;
            if last || arrivals.is_empty() {
                let (probability, levels) = (self.probability, self.passed.clone());
                let reached = if last { arrivals.len() as u64 } else { 0 };
                return Ok(Passage { probability, reached, levels });
            }
            let starts = resample(&arrivals, n, &mut self.choices);
            let next = interfaces.get(self.passed.len()).copied();
            (self.trials, self.waiting) = trials(starts.into_iter(), next, streams);
        }
    }
}

/// Trials from `starts` to an interface, or to the exit, and those of them that are below it, which have to be run.
fn trials(starts: impl Iterator<Item = Arrival>, interface: Option<u32>, streams: &mut Streams) -> (Trials, Waiting) {
    let interface = interface.unwrap_or(LAST);
    let mut trials = Trials { interface, arrivals: Vec::new() };
    let mut waiting = Waiting::new();
    for (job, (level, state)) in starts.enumerate() {
        let below = state.as_ref().filter(|_| level <= interface).map(|state| (job, streams.branch(state)));
        trials.arrivals.push(if below.is_some() { None } else { Some((level, state)) });
        waiting.extend(below);
    }
    (trials, waiting)
}

/// `n` arrivals, each `⌊n/m⌋` times or once more, which of them being random.
fn resample(arrivals: &[Arrival], n: usize, choices: &mut RngState) -> Vec<Arrival> {
    let m = arrivals.len();
    let mut order: Vec<usize> = (0..m).collect();
    for k in 0..n % m {
        order.swap(k, k + below(m - k, choices));
    }
    (0..n).map(|k| arrivals[if k < n % m { order[k] } else { (k - n % m) % m }].clone()).collect()
}
