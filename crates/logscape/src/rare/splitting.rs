//! Adaptive multilevel splitting.
//!
//! Cérou & Guyader 2007, *Stoch. Anal. Appl.* 25, 417; in the form that is unbiased for chains in discrete time, with ties
//! (Bréhier, Gazeau, Goudenège, Lelièvre & Rousset 2016, *Ann. Appl. Probab.* 26, 3559). Of `n` excursions, each followed
//! until it is home or out, those whose highest level is at most the `k`-th lowest are dropped, `K ≥ k` with ties. Each is
//! replaced by a branch of one of the others, drawn at random, from the state where that was first above this level. The
//! weight `1 − K/n` of each round multiplies up until `n − k` excursions have reached the exit; if all are dropped, the
//! probability is 0 in this repeat.
//!
//! Kept are the states where an excursion reached a new highest level, of which there are about as many as levels of the
//! [`Placement`](super::Placement) between home and the exit; those below the last level dropped are forgotten.

use super::Score;
use super::flux::Flux;
use super::walk::{Halt, Ladder, REACHED, Streams, Walker, Watch};
use crate::engine::ReplicaState;
use crate::random::{RngState, index_pair, next_word, seed_state};

/// The probability that an excursion reaches the exit, from one repeat.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Passage {
    /// The estimate.
    pub(super) probability: f64,
    /// Excursions that had reached the exit at the end.
    pub(super) reached: u64,
    /// The levels dropped.
    pub(super) levels: Vec<u32>,
}

/// An excursion, as far as it matters.
#[derive(Debug, Clone, Default)]
struct Excursion {
    /// Highest level.
    highest: u32,
    /// Rising levels, and the states at the first passage to each.
    records: Vec<(u32, ReplicaState)>,
}

struct Pool(Vec<Excursion>);

impl Watch for Pool {
    #[inline]
    fn at(&mut self, job: usize, level: u32, state: impl FnOnce() -> ReplicaState) -> bool {
        let excursion = &mut self.0[job];
        if level > excursion.highest {
            excursion.highest = level;
            excursion.records.push((level, state()));
        }
        true
    }

    fn reached(&mut self, job: usize) {
        self.0[job].highest = REACHED;
    }
}

/// An index below `n`, drawn uniformly.
pub(super) fn below(n: usize, rng: &mut RngState) -> usize {
    index_pair(next_word(rng), [n as u32; 2])[0] as usize
}

/// Follows the excursions of `flux`, dropping a share `cut` of them in each round.
pub(super) fn splitting<S: Score>(
    walker: &mut Walker<'_, '_, S>,
    flux: &Flux,
    ladder: &Ladder,
    cut: f64,
    streams: &mut Streams,
) -> Result<Passage, Halt> {
    let n = flux.entries.len();
    if n == 0 {
        return Ok(Passage { probability: 0.0, reached: 0, levels: Vec::new() });
    }
    let dropped_at_least = ((cut * n as f64).ceil() as usize).clamp(1, n);
    let mut choices = seed_state(&mut streams.next());
    let mut pool = Pool(Vec::with_capacity(n));
    let mut jobs = Vec::new();
    for (job, entry) in flux.entries.iter().enumerate() {
        let Some((level, state)) = entry else {
            pool.0.push(Excursion { highest: REACHED, records: Vec::new() });
            continue;
        };
        pool.0.push(Excursion { highest: *level, records: vec![(*level, state.clone())] });
        jobs.push((job, streams.branch(state)));
    }
    walker.excursions(jobs, ladder, &mut pool)?;
    let mut weight = 1.0;
    let mut levels = Vec::new();
    loop {
        let mut heights: Vec<u32> = pool.0.iter().map(|excursion| excursion.highest).collect();
        let (_, &mut level, _) = heights.select_nth_unstable(dropped_at_least - 1);
        let reached = pool.0.iter().filter(|excursion| excursion.highest == REACHED).count();
        if level == REACHED {
            let probability = weight * reached as f64 / n as f64;
            return Ok(Passage { probability, reached: reached as u64, levels });
        }
        levels.push(level);
        let (dropped, kept): (Vec<usize>, Vec<usize>) = (0..n).partition(|&job| pool.0[job].highest <= level);
        if kept.is_empty() {
            return Ok(Passage { probability: 0.0, reached: 0, levels });
        }
        weight *= kept.len() as f64 / n as f64;
        for &job in &kept {
            let passed = pool.0[job].records.partition_point(|record| record.0 <= level);
            pool.0[job].records.drain(..passed);
        }
        let mut jobs = Vec::with_capacity(dropped.len());
        for job in dropped {
            let parent = &pool.0[kept[below(kept.len(), &mut choices)]];
            // Without a record its parent jumped to the exit from below the level.
            let record = parent.records.first().cloned();
            let highest = record.as_ref().map_or(REACHED, |record| record.0);
            jobs.extend(record.as_ref().map(|(_, state)| (job, streams.branch(state))));
            pool.0[job] = Excursion { highest, records: record.into_iter().collect() };
        }
        walker.excursions(jobs, ladder, &mut pool)?;
    }
}
