//! Where home ends, and how often the chain leaves it.

use serde::{Deserialize, Serialize};

use super::walk::{Halt, Ladder, Seen, Streams, Walker};
use super::{NotFound, Score};
use crate::engine::{Block, ReplicaState};

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

/// Runs replicas from the start for windows of doubling length until the quantiles of the score stay the same.
pub(super) fn pilot<S: Score>(
    walker: &mut Walker<'_, '_, S>,
    start: &[f64],
    streams: &mut Streams,
) -> Result<Result<Placement, NotFound>, Halt> {
    let lanes = walker.lanes();
    let mut seen = vec![Seen::Nothing; lanes];
    for lane in 0..lanes {
        walker.load(lane, lane, &ReplicaState::new(start, streams.next()));
    }
    let mut looks = WINDOW.div_ceil(lanes as u64);
    let mut before: Option<[f64; 2]> = None;
    let mut burn_in = 0;
    loop {
        let thin = (looks * lanes as u64).div_ceil(KEPT);
        let mut scores = Vec::new();
        let mut steps = 0;
        for look in 0..looks {
            steps += match walker.look(&mut seen) {
                Ok(steps) => steps,
                Err(Halt::Budget) => return Ok(Err(NotFound::NotStationary { steps: walker.cost })),
                Err(halt) => return Err(halt),
            };
            for lane in 0..lanes {
                match seen[lane] {
                    Seen::Score(score) if look % thin == 0 => scores.push(score),
                    Seen::Left | Seen::Diverged => {
                        walker.load(lane, lane, &ReplicaState::new(start, streams.next()));
                    }
                    Seen::Score(_) | Seen::Nothing => {}
                }
            }
        }
        scores.sort_unstable_by(f64::total_cmp);
        let (Some(&lowest), Some(&highest)) = (scores.first(), scores.last()) else {
            return Ok(Err(NotFound::LeavesAtOnce));
        };
        let now = [0.5, 0.9].map(|share| scores[(share * (scores.len() - 1) as f64) as usize]);
        let spread = now[1] - now[0];
        let same = before.is_some_and(|b| (0..2).all(|i| (now[i] - b[i]).abs() <= CHANGE * spread));
        if same {
            if lowest == highest {
                return Ok(Err(NotFound::Still { score: lowest, steps: walker.cost }));
            }
            // With more than a tenth of the time in one state, home is all up to there.
            let home = if now[0] < highest { now[0] } else { scores[scores.partition_point(|s| *s < highest) - 1] };
            let first = if now[1] < highest { now[1] } else { home };
            let rung = if spread > 0.0 { spread } else { highest - home } / RUNGS;
            let cost = walker.cost;
            return Ok(Ok(Placement { home, first, rung, burn_in, steps: 0, interfaces: Vec::new(), cost }));
        }
        burn_in += steps;
        before = Some(now);
        looks *= 2;
    }
}

/// What a run at home has seen.
pub(super) struct Flux {
    /// Where each excursion began: its level and state, or `None` where it left the region with its first step.
    pub(super) entries: Vec<Option<(u32, ReplicaState)>>,
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

/// Runs replicas, put back to the start when they leave, and counts excursions after the burn-in.
pub(super) fn flux<S: Score>(
    walker: &mut Walker<'_, '_, S>,
    (start, until): (&[f64], Until),
    placement: &Placement,
    streams: &mut Streams,
) -> Result<Flux, Halt> {
    let lanes = walker.lanes();
    let ladder = placement.ladder();
    let mut seen = vec![Seen::Nothing; lanes];
    // Whether the replica of a lane has been home since its last excursion, and its clock when counting began. The start is
    // home, whatever its score.
    let mut home = vec![true; lanes];
    let mut clocks = vec![0.0; lanes];
    for lane in 0..lanes {
        walker.load(lane, lane, &ReplicaState::new(start, streams.next()));
    }
    let mut flux = Flux { entries: Vec::new(), steps: 0, time: 0.0 };
    let (mut steps, mut counting) = (0, false);
    while !counting
        || match until {
            Until::Excursions(count) => flux.entries.len() < count,
            Until::Steps(length) => flux.steps < length,
        }
    {
        let taken = walker.look(&mut seen)?;
        steps += taken;
        flux.steps += if counting { taken } else { 0 };
        for lane in 0..lanes {
            match seen[lane] {
                Seen::Nothing => {}
                Seen::Score(score) if home[lane] && score > ladder.first => {
                    home[lane] = false;
                    if counting {
                        flux.entries.push(Some((ladder.level(score), walker.block.store(lane))));
                    }
                }
                Seen::Score(score) => home[lane] |= score <= ladder.home,
                Seen::Left | Seen::Diverged => {
                    if counting {
                        flux.time += elapsed(walker.time(lane), clocks[lane]);
                        if home[lane] {
                            flux.entries.push(None);
                        }
                    }
                    walker.load(lane, lane, &ReplicaState::new(start, streams.next()));
                    (home[lane], clocks[lane]) = (true, 0.0);
                }
            }
        }
        if !counting && steps >= placement.burn_in {
            counting = true;
            (0..lanes).for_each(|lane| clocks[lane] = walker.time(lane));
        }
    }
    flux.time += (0..lanes).map(|lane| elapsed(walker.time(lane), clocks[lane])).sum::<f64>();
    Ok(flux)
}
