//! Forward flux sampling.
//!
//! Allen, Warren & ten Wolde 2005, *Phys. Rev. Lett.* 94, 018104. Between two interfaces `n` trials start from the states in
//! which the last ones passed the lower interface; the share that passes the upper one before it is home is one factor of
//! the probability. Each state is the start of `⌊n/m⌋` or one more of the trials, at random and equally, so that the
//! product is unbiased (fixed effort: Garvels & Kroese 1998). Only `n` states are kept. A trial that jumps over several
//! interfaces passes all of them.

use super::Score;
use super::flux::Flux;
use super::splitting::{Passage, below};
use super::walk::{Halt, Ladder, REACHED, Streams, Walker, Watch};
use crate::engine::ReplicaState;
use crate::random::{RngState, seed_state};

/// A level and the state in which it was reached; no state at the exit.
type Arrival = (u32, Option<ReplicaState>);

/// Trials that end above an interface.
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

/// Follows the excursions of `flux` from one of the `interfaces`, which rise, to the next, and to the exit.
pub(super) fn forward_flux<S: Score>(
    walker: &mut Walker<'_, '_, S>,
    flux: &Flux,
    ladder: &Ladder,
    interfaces: &[u32],
    streams: &mut Streams,
) -> Result<Passage, Halt> {
    let n = flux.entries.len();
    let mut choices = seed_state(&mut streams.next());
    let entry = |entry: &Option<(u32, ReplicaState)>| match entry {
        Some((level, state)) => (*level, Some(state.clone())),
        None => (REACHED, None),
    };
    let mut starts: Vec<Arrival> = flux.entries.iter().map(entry).collect();
    let mut passage = Passage { probability: 1.0, reached: 0, levels: Vec::new() };
    // The exit is above the highest of all other levels.
    for &interface in interfaces.iter().chain(&[REACHED - 1]) {
        let mut trials = Trials { interface, arrivals: vec![None; n] };
        let mut jobs = Vec::new();
        for (job, (level, state)) in starts.iter().enumerate() {
            match state {
                Some(state) if *level <= interface => jobs.push((job, streams.branch(state))),
                _ => trials.arrivals[job] = Some((*level, state.clone())),
            }
        }
        walker.excursions(jobs, ladder, &mut trials)?;
        let arrivals: Vec<Arrival> = trials.arrivals.into_iter().flatten().collect();
        passage.probability *= arrivals.len() as f64 / n.max(1) as f64;
        passage.levels.push(interface);
        if interface == REACHED - 1 {
            passage.reached = arrivals.len() as u64;
        }
        if arrivals.is_empty() {
            break;
        }
        starts = resample(&arrivals, n, &mut choices);
    }
    Ok(passage)
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
