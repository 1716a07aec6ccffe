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
use super::walk::{Halt, Ladder, REACHED, Streams, Waiting, Walker, Watch};
use crate::engine::ReplicaState;
use crate::random::{RngState, index_pair, next_word, seed_state};
use serde::{Deserialize, Serialize};

/// The probability that an excursion reaches the exit, from one repeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Passage {
    /// The estimate.
    pub(super) probability: f64,
    /// Excursions that had reached the exit at the end.
    pub(super) reached: u64,
    /// The levels dropped.
    pub(super) levels: Vec<u32>,
}

/// An excursion, as far as it matters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Excursion {
    /// Highest level.
    highest: u32,
    /// Rising levels, and the states at the first passage to each.
    records: Vec<(u32, ReplicaState)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

/// Excursions on their way, of which a share is dropped in each round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Splitting {
    choices: RngState,
    pool: Pool,
    waiting: Waiting,
    weight: f64,
    /// The levels dropped.
    levels: Vec<u32>,
}

impl Splitting {
    /// Follows excursions from where they began.
    pub(super) fn begin(entries: &[Option<(u32, ReplicaState)>], streams: &mut Streams) -> Self {
        let choices = seed_state(&mut streams.next());
        let mut pool = Pool(Vec::with_capacity(entries.len()));
        let mut waiting = Waiting::new();
        for (job, entry) in entries.iter().enumerate() {
            let Some((level, state)) = entry else {
                pool.0.push(Excursion { highest: REACHED, records: Vec::new() });
                continue;
            };
            pool.0.push(Excursion { highest: *level, records: vec![(*level, state.clone())] });
            waiting.push_back((job, streams.branch(state)));
        }
        Self { choices, pool, waiting, weight: 1.0, levels: Vec::new() }
    }

    /// How many excursions there are.
    pub(super) fn jobs(&self) -> usize {
        self.pool.0.len()
    }

    /// Whether those that wait are among them, with `dim` parameters each.
    pub(super) fn fits(&self, dim: usize) -> bool {
        let records = self.pool.0.iter().flat_map(|excursion| &excursion.records).map(|(_, state)| state);
        self.waiting.iter().all(|(job, _)| *job < self.jobs())
            && self.waiting.iter().map(|(_, state)| state).chain(records).all(|state| state.theta.len() == dim)
    }

    /// Runs them to the end, dropping a share `cut` of them in each round.
    pub(super) fn advance<S: Score>(
        &mut self,
        walker: &mut Walker<'_, '_, S>,
        ladder: &Ladder,
        cut: f64,
        streams: &mut Streams,
    ) -> Result<Passage, Halt> {
        let n = self.jobs();
        let extinct = |levels: &[u32]| Passage { probability: 0.0, reached: 0, levels: levels.to_vec() };
        if n == 0 {
            return Ok(extinct(&[]));
        }
        let dropped_at_least = ((cut * n as f64).ceil() as usize).clamp(1, n);
        loop {
            walker.excursions(&mut self.waiting, ladder, &mut self.pool)?;
            let pool = &mut self.pool.0;
            let mut heights: Vec<u32> = pool.iter().map(|excursion| excursion.highest).collect();
            let (_, &mut level, _) = heights.select_nth_unstable(dropped_at_least - 1);
            let reached = pool.iter().filter(|excursion| excursion.highest == REACHED).count();
            if level == REACHED {
                let probability = self.weight * reached as f64 / n as f64;
                return Ok(Passage { probability, reached: reached as u64, levels: self.levels.clone() });
            }
            self.levels.push(level);
            let (dropped, kept): (Vec<usize>, Vec<usize>) = (0..n).partition(|&job| pool[job].highest <= level);
            if kept.is_empty() {
                return Ok(extinct(&self.levels));
            }
            self.weight *= kept.len() as f64 / n as f64;
            for &job in &kept {
                let passed = pool[job].records.partition_point(|record| record.0 <= level);
                pool[job].records.drain(..passed);
            }
            for job in dropped {
                let parent = &pool[kept[below(kept.len(), &mut self.choices)]];
                // Without a record its parent jumped to the exit from below the level.
                let record = parent.records.first().cloned();
                let highest = record.as_ref().map_or(REACHED, |record| record.0);
                self.waiting.extend(record.as_ref().map(|(_, state)| (job, streams.branch(state))));
                pool[job] = Excursion { highest, records: record.into_iter().collect() };
            }
        }
    }
}
