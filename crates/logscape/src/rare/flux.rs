//! Where home ends, and how often the chain leaves it.

use serde::{Deserialize, Serialize};

use super::walk::{Halt, Ladder, Seen, Streams, Walker};
use super::{NotFound, Score};
use crate::engine::{Block, ReplicaState};
use std::mem;

/// What a pilot run has found: everything that the repeats share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Home is where the score is at most this: the median of the score, `−∞` where that is the
    /// logarithm of a loss of 0.
    #[serde(with = "crate::model::unbounded::below")]
    pub home: f64,
    /// Excursions begin above this score, its 90 % quantile.
    #[serde(with = "crate::model::unbounded::below")]
    pub first: f64,
    /// Height of a level; scores of one level count as equal.
    #[serde(with = "crate::model::unbounded::above")]
    pub rung: f64,
    /// Steps before excursions are counted.
    pub burn_in: u64,
    /// Steps in which each lane of a repeat counts them: a fixed number, so that their rate is unbiased.
    pub steps: u64,
    /// Interfaces of forward flux sampling, by level.
    pub interfaces: Vec<u32>,
    /// Replica-steps of the pilot.
    pub cost: u64,
}

impl Placement {
    pub(super) fn ladder(&self) -> Ladder {
        Ladder { home: self.home, first: self.first, per_unit: 1.0 / self.rung }
    }
}

/// Levels in the distance between the two quantiles.
const RUNGS: f64 = 32.0;
/// Scores in the first window of the pilot.
const WINDOW: u64 = 4096;
/// Scores that are kept of a window at most.
const KEPT: u64 = 1 << 16;
/// How far the quantiles of two windows may be apart, in units of the distance between the quantiles.
const CHANGE: f64 = 0.1;

/// The run that finds a [`Placement`]: replicas from the start, for windows of doubling length, until the quantiles of the score
/// stay the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pilot {
    /// Looks in the window, and those that were made.
    looks: [u64; 2],
    /// Scores of the window.
    #[serde(with = "crate::model::unbounded::all_below")]
    scores: Vec<f64>,
    /// Steps in the window, and before it.
    steps: u64,
    burn_in: u64,
    /// Quantiles in the window before; empty in the first one.
    #[serde(with = "crate::model::unbounded::all_below")]
    before: Vec<f64>,
}

impl Pilot {
    /// Puts replicas at the start.
    pub(super) fn begin<S: Score>(walker: &mut Walker<'_, '_, S>, start: &[f64], streams: &mut Streams) -> Self {
        let lanes = walker.lanes();
        for lane in 0..lanes {
            walker.load(lane, lane, &ReplicaState::new(start, streams.next()));
        }
        let looks = [WINDOW.div_ceil(lanes as u64), 0];
        Self { looks, scores: Vec::new(), steps: 0, burn_in: 0, before: Vec::new() }
    }

    /// Runs it to its end.
    pub(super) fn advance<S: Score>(
        &mut self,
        walker: &mut Walker<'_, '_, S>,
        start: &[f64],
        streams: &mut Streams,
    ) -> Result<Result<Placement, NotFound>, Halt> {
        let lanes = walker.lanes();
        let mut seen = vec![Seen::Nothing; lanes];
        loop {
            let thin = (self.looks[0] * lanes as u64).div_ceil(KEPT);
            while self.looks[1] < self.looks[0] {
                self.steps += match walker.look(&mut seen) {
                    Ok(steps) => steps,
                    Err(Halt::Budget) => return Ok(Err(NotFound::NotStationary { steps: walker.cost })),
                    Err(halt) => return Err(halt),
                };
                for lane in 0..lanes {
                    match seen[lane] {
                        Seen::Score(score) if self.looks[1].is_multiple_of(thin) => self.scores.push(score),
                        Seen::Left | Seen::Diverged => {
                            walker.load(lane, lane, &ReplicaState::new(start, streams.next()));
                        }
                        Seen::Score(_) | Seen::Nothing => {}
                    }
                }
                self.looks[1] += 1;
            }
            let mut scores = mem::take(&mut self.scores);
            scores.sort_unstable_by(f64::total_cmp);
            let (Some(&lowest), Some(&highest)) = (scores.first(), scores.last()) else {
                return Ok(Err(NotFound::LeavesAtOnce));
            };
            let now = [0.5, 0.9].map(|share| scores[(share * (scores.len() - 1) as f64) as usize]);
            let spread = now[1] - now[0];
            let near = |(now, before): (&f64, &f64)| (now - before).abs() <= CHANGE * spread;
            if !self.before.is_empty() && now.iter().zip(&self.before).all(near) {
                if lowest == highest {
                    return Ok(Err(NotFound::Still { score: lowest, steps: walker.cost }));
                }
                // With more than a tenth of the time in one state, home is all up to there.
                let home = if now[0] < highest { now[0] } else { scores[scores.partition_point(|s| *s < highest) - 1] };
                let first = if now[1] < highest { now[1] } else { home };
                let rung = if spread > 0.0 { spread } else { highest - home } / RUNGS;
                let (burn_in, cost) = (self.burn_in, walker.cost);
                return Ok(Ok(Placement { home, first, rung, burn_in, steps: 0, interfaces: Vec::new(), cost }));
            }
            self.burn_in += mem::take(&mut self.steps);
            self.before = now.to_vec();
            self.looks = [2 * self.looks[0], 0];
        }
    }
}

/// A run at home, which counts excursions after the burn-in; replicas that leave are put back to the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Flux {
    /// Where each excursion began: its level and state, or `None` where it left the region with its first step.
    pub(super) entries: Vec<Option<(u32, ReplicaState)>>,
    /// Steps of each lane.
    pub(super) steps: u64,
    /// Time `t` of all replicas; until the end, of those that have left.
    pub(super) time: f64,
    /// Whether the replica of a lane has been home since its last excursion. The start is home, whatever its score.
    home: Vec<bool>,
    /// The clock of each lane when counting began, which is after the burn-in.
    clocks: Vec<f64>,
    counting: bool,
    /// Steps of each lane so far.
    taken: u64,
}

/// What a run at home has counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Counted {
    /// Excursions that began.
    pub(super) excursions: u64,
    /// Steps of each lane.
    pub(super) steps: u64,
    /// Time `t` of all replicas.
    pub(super) time: f64,
}

/// When a run at home ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// When so many excursions have begun.
    Excursions(usize),
    /// After so many steps of each lane.
    Steps(u64),
}

/// Time between two readings of a clock; nothing where that of a replica that diverged is no number.
fn elapsed(now: f64, then: f64) -> f64 {
    if now.is_finite() { now - then } else { 0.0 }
}

impl Flux {
    /// Puts replicas at the start.
    pub(super) fn begin<S: Score>(walker: &mut Walker<'_, '_, S>, start: &[f64], streams: &mut Streams) -> Self {
        let lanes = walker.lanes();
        for lane in 0..lanes {
            walker.load(lane, lane, &ReplicaState::new(start, streams.next()));
        }
        let (home, clocks) = (vec![true; lanes], vec![0.0; lanes]);
        Self { entries: Vec::new(), steps: 0, time: 0.0, home, clocks, counting: false, taken: 0 }
    }

    /// Whether it is one of so many lanes with so many parameters.
    pub(super) fn fits(&self, [lanes, dim]: [usize; 2]) -> bool {
        let mut entries = self.entries.iter().flatten();
        self.home.len() == lanes && self.clocks.len() == lanes && entries.all(|(_, state)| state.theta.len() == dim)
    }

    /// What it has counted.
    pub(super) fn counted(&self) -> Counted {
        Counted { excursions: self.entries.len() as u64, steps: self.steps, time: self.time }
    }

    /// Runs it to its end, after which all lanes are empty.
    pub(super) fn advance<S: Score>(
        &mut self,
        walker: &mut Walker<'_, '_, S>,
        (start, until): (&[f64], Until),
        placement: &Placement,
        streams: &mut Streams,
    ) -> Result<(), Halt> {
        let lanes = walker.lanes();
        let ladder = placement.ladder();
        let mut seen = vec![Seen::Nothing; lanes];
        while !self.counting
            || match until {
                Until::Excursions(count) => self.entries.len() < count,
                Until::Steps(length) => self.steps < length,
            }
        {
            let taken = walker.look(&mut seen)?;
            self.taken += taken;
            self.steps += if self.counting { taken } else { 0 };
            for lane in 0..lanes {
                match seen[lane] {
                    Seen::Nothing => {}
                    Seen::Score(score) if self.home[lane] && score > ladder.first => {
                        self.home[lane] = false;
                        if self.counting {
                            self.entries.push(Some((ladder.level(score), walker.block.store(lane))));
                        }
                    }
                    Seen::Score(score) => self.home[lane] |= score <= ladder.home,
                    Seen::Left | Seen::Diverged => {
                        if self.counting {
                            self.time += elapsed(walker.time(lane), self.clocks[lane]);
                            if self.home[lane] {
                                self.entries.push(None);
                            }
                        }
                        walker.load(lane, lane, &ReplicaState::new(start, streams.next()));
                        (self.home[lane], self.clocks[lane]) = (true, 0.0);
                    }
                }
            }
            if !self.counting && self.taken >= placement.burn_in {
                self.counting = true;
                (0..lanes).for_each(|lane| self.clocks[lane] = walker.time(lane));
            }
        }
        self.time += (0..lanes).map(|lane| elapsed(walker.time(lane), self.clocks[lane])).sum::<f64>();
        walker.clear_all();
        Ok(())
    }
}
