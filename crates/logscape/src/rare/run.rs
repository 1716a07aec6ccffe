//! A run of repeats: its settings, its progress, its result.

use crate::Stop;
use crate::problem::unless_failed;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::flux::{Placement, Until, flux, pilot};
use super::forward_flux::forward_flux;
use super::splitting::splitting;
use super::walk::{Halt, Parts, Streams, Walker};
use super::{NotFound, RareError, RareMethod, RareRun, RegionScore, Score};
use crate::engine::{AnyDynamics, Dynamics, Sgd};
use crate::ensemble::{EscapeRun, Region};
use crate::stats::{RateEstimate, Repeats, mean_of_repeats, mean_time_lower_bound};
use crate::{Precision, Problem, SgdSettings};

/// What one repeat has given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Repeat {
    /// Excursions per step, and per unit `t`.
    flux: [f64; 2],
    /// Probability of the exit.
    probability: f64,
    reached: u64,
    levels: u64,
    /// Replica-steps at home, and all.
    exposure: u64,
    cost: u64,
    diverged: u64,
    /// Whether the steps were enough.
    finished: bool,
}

/// How far a [`RareRun`] has come: what a checkpoint holds. The default has not begun.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RareProgress {
    /// What the pilot has found.
    placement: Option<Result<Placement, NotFound>>,
    /// Repeats that are done, in the order of their numbers.
    repeats: Vec<(u64, Repeat)>,
}

impl RareProgress {
    /// Whether there is nothing left to do of `run`.
    pub fn is_complete(&self, run: &RareRun) -> bool {
        match &self.placement {
            None => false,
            Some(Err(_)) => true,
            Some(Ok(_)) => self.repeats.len() >= run.repeats,
        }
    }

    /// Repeats that are done.
    pub fn repeats(&self) -> usize {
        self.repeats.len()
    }

    /// What the pilot has found, if it has.
    pub fn placement(&self) -> Option<&Placement> {
        self.placement.as_ref().and_then(|placement| placement.as_ref().ok())
    }
}

impl RareRun {
    /// Number of the pilot among the repeats' streams.
    const PILOT: u64 = (1 << 24) - 1;
    /// Shares that the pilot of forward flux sampling tries to drop; a quarter passes an interface if it can.
    const CUTS: [f64; 3] = [0.75, 0.5, 0.25];

    /// A run with 20 repeats of 1000 excursions, of which splitting drops a quarter at a time, and 10⁹ steps for each.
    pub fn new(start: Vec<f64>, region: Region, method: RareMethod, seed: u64) -> Self {
        Self {
            start,
            region,
            method,
            trajectories: 1000,
            repeats: 20,
            cut: 0.25,
            look_every: 1,
            max_cost: 1_000_000_000,
            seed,
        }
    }

    /// Steps between looks.
    pub(super) fn stride(&self) -> u64 {
        self.region.check_every().unwrap_or(self.look_every)
    }

    fn validate(&self, dim: usize, problem: &dyn Problem) -> Result<(), RareError> {
        let inside = EscapeRun {
            start: self.start.clone(),
            region: self.region.clone(),
            replicas: 1,
            max_steps: 1,
            seed: self.seed,
        };
        inside.validate(dim, problem)?;
        let counts = [
            ("trajectories", 10, self.trajectories as u64),
            ("repeats", 3, self.repeats as u64),
            ("look_every", 1, self.look_every),
            ("max_cost", 1, self.max_cost),
        ];
        if let Some(&(what, least, got)) = counts.iter().find(|(_, least, got)| got < least) {
            return Err(RareError::TooFew { what, least, got });
        }
        if self.cut > 0.0 && self.cut < 1.0 { Ok(()) } else { Err(RareError::Cut(self.cut)) }
    }

    /// Runs everything with SGD on `problem`, in double precision and in the fastest layout that the problem has, with the
    /// score that suits the region.
    ///
    /// # Errors
    /// If settings, lengths or region make no run, or the start is not inside the region.
    pub fn run_sgd(
        &self,
        problem: &dyn Problem,
        settings: SgdSettings,
        stop: &Stop,
    ) -> Result<RareProgress, RareError> {
        let mut progress = RareProgress::default();
        let score = RegionScore::new(&self.region, &self.start, problem);
        self.advance_sgd(problem, settings, &score, &mut progress, stop)?;
        Ok(progress)
    }

    /// [`advance`](Self::advance) with SGD on `problem`.
    ///
    /// # Errors
    /// If settings, lengths or region make no run, or the start is not inside the region.
    pub fn advance_sgd<S: Score>(
        &self,
        problem: &dyn Problem,
        settings: SgdSettings,
        score: &S,
        progress: &mut RareProgress,
        stop: &Stop,
    ) -> Result<(), RareError> {
        self.advance(&Sgd::on(problem, settings, Precision::Float64)?, score, problem, progress, stop)
    }

    /// Does what is left of the pilot and the repeats, on rayon's current pool; `problem` gives the loss that a region may
    /// need. No new repeat begins when `stop` is due, and those that have begun are given up when it is requested. The result depends on the seed alone, not on threads or pauses.
    ///
    /// # Errors
    /// If lengths or region make no run, the start is not inside the region, or the problem fails; then `progress` is of no
    /// more use.
    pub fn advance<S: Score>(
        &self,
        dynamics: &AnyDynamics<'_>,
        score: &S,
        problem: &dyn Problem,
        progress: &mut RareProgress,
        stop: &Stop,
    ) -> Result<(), RareError> {
        self.validate(dynamics.dim(), problem)?;
        let parts = Parts { dynamics, score, problem, stop };
        if progress.placement.is_none() {
            progress.placement = self.place(&parts);
        }
        unless_failed(problem, Ok(())).map_err(RareError::Ensemble)?;
        let Some(Ok(placement)) = &progress.placement else { return Ok(()) };
        let left: Vec<u64> =
            (0..self.repeats as u64).filter(|k| progress.repeats.iter().all(|(done, _)| done != k)).collect();
        let done: Vec<_> = left
            .into_par_iter()
            .with_max_len(1)
            .filter_map(|k| {
                if stop.is_due() {
                    return None;
                }
                Some((k, self.repeat(&parts, placement, k)?))
            })
            .collect();
        progress.repeats.extend(done);
        progress.repeats.sort_unstable_by_key(|(k, _)| *k);
        unless_failed(problem, Ok(())).map_err(RareError::Ensemble)
    }

    /// The pilot; `None` when it was interrupted.
    fn place<S: Score>(&self, parts: &Parts<'_, '_, S>) -> Option<Result<Placement, NotFound>> {
        let mut walker = Walker::new(self, parts);
        let mut streams = Streams::new(self.seed, Self::PILOT);
        let mut placement = match pilot(&mut walker, &self.start, &mut streams) {
            Ok(Ok(placement)) => placement,
            Ok(Err(reason)) => return Some(Err(reason)),
            Err(_) => return None,
        };
        let ladder = placement.ladder();
        let until = Until::Excursions(self.trajectories);
        let found = flux(&mut walker, (&self.start, until), &placement, &mut streams).and_then(|seen| {
            if self.method == RareMethod::Splitting {
                return Ok(Some((seen.steps, Vec::new())));
            }
            for cut in Self::CUTS {
                let passage = splitting(&mut walker, &seen, &ladder, cut, &mut streams)?;
                if passage.reached > 0 {
                    return Ok(Some((seen.steps, passage.levels)));
                }
            }
            Ok(None)
        });
        match found {
            Ok(Some((steps, interfaces))) => (placement.steps, placement.interfaces) = (steps, interfaces),
            Ok(None) => return Some(Err(NotFound::NoInterfaces)),
            Err(Halt::Budget) => return Some(Err(NotFound::PilotUnfinished { steps: self.max_cost })),
            Err(Halt::Interrupted) => return None,
        }
        placement.cost = walker.cost;
        Some(Ok(placement))
    }

    /// One repeat; `None` when it was interrupted.
    fn repeat<S: Score>(&self, parts: &Parts<'_, '_, S>, placement: &Placement, number: u64) -> Option<Repeat> {
        let mut walker = Walker::new(self, parts);
        let mut streams = Streams::new(self.seed, number);
        let ladder = placement.ladder();
        let until = Until::Steps(placement.steps);
        let result = flux(&mut walker, (&self.start, until), placement, &mut streams).and_then(|seen| {
            let passage = match self.method {
                RareMethod::Splitting => splitting(&mut walker, &seen, &ladder, self.cut, &mut streams),
                RareMethod::ForwardFlux => {
                    forward_flux(&mut walker, &seen, &ladder, &placement.interfaces, &mut streams)
                }
            }?;
            Ok((seen, passage))
        });
        let (cost, diverged) = (walker.cost, walker.diverged);
        match result {
            Ok((seen, passage)) => {
                let count = seen.entries.len() as f64;
                let exposure = seen.steps * walker.lanes() as u64;
                Some(Repeat {
                    flux: [count / exposure as f64, count / seen.time],
                    probability: passage.probability,
                    reached: passage.reached,
                    levels: passage.levels.len() as u64,
                    exposure,
                    cost,
                    diverged,
                    finished: true,
                })
            }
            Err(Halt::Interrupted) => None,
            Err(Halt::Budget) => Some(Repeat {
                flux: [0.0; 2],
                probability: 0.0,
                reached: 0,
                levels: 0,
                exposure: 0,
                cost,
                diverged,
                finished: false,
            }),
        }
    }

    /// The rate that the repeats of `progress` give, in steps: `escaped` counts trajectories at the exit, `exposure` all
    /// replica-steps that were simulated. Without a rate [`Repeats::not_found`] says why.
    pub fn estimate(&self, progress: &RareProgress) -> RateEstimate {
        let repeats: Vec<&Repeat> = progress.repeats.iter().map(|(_, repeat)| repeat).collect();
        let sum = |of: fn(&Repeat) -> u64| repeats.iter().map(|repeat| of(repeat)).sum::<u64>();
        let mean = |most: f64, of: &dyn Fn(&Repeat) -> f64| {
            mean_of_repeats(&repeats.iter().map(|r| of(r)).collect::<Vec<_>>(), most)
        };
        let count = repeats.len() as u64;
        let unfinished = repeats.iter().filter(|repeat| !repeat.finished).count() as u64;
        let rate = mean(1.0, &|repeat| repeat.flux[0] * repeat.probability);
        let not_found = match &progress.placement {
            Some(Err(reason)) => Some(reason.clone()),
            _ if unfinished > 0 => Some(NotFound::Unfinished { repeats: unfinished, steps: self.max_cost }),
            _ if rate.is_none() => Some(NotFound::Extinct { repeats: count }),
            _ => None,
        };
        let rate = rate.filter(|_| not_found.is_none());
        let pilot = progress.placement().map_or(0, |placement| placement.cost);
        let cost = pilot + sum(|repeat| repeat.cost);
        // A run in which nothing left excludes rates above 3 in all its steps.
        let bound =
            rate.map_or_else(|| mean_time_lower_bound(0, sum(|repeat| repeat.exposure) as f64), |r| 1.0 / r.ci95[1]);
        RateEstimate {
            mean_steps: rate.map(|r| crate::Estimate::new(1.0 / r.value, 1.0 / r.ci95[1], 1.0 / r.ci95[0])),
            rate_per_step: rate,
            mean_steps_lower_bound: bound,
            escaped: sum(|repeat| repeat.reached),
            censored: 0,
            diverged: sum(|repeat| repeat.diverged),
            exposure: cost as f64,
            method: self.method.name().to_owned(),
            seed: self.seed,
            weibull: None,
            repeats: Some(Repeats {
                repeats: count,
                extinct: repeats.iter().filter(|repeat| repeat.finished && repeat.reached == 0).count() as u64,
                flux: mean(1.0, &|repeat| repeat.flux[0]),
                probability: mean(1.0, &|repeat| repeat.probability).filter(|_| rate.is_some()),
                rate_per_time: mean(f64::INFINITY, &|repeat| repeat.flux[1] * repeat.probability)
                    .filter(|_| rate.is_some()),
                levels: sum(|repeat| repeat.levels) as f64 / count.max(1) as f64,
                cost,
                not_found: not_found.map(|reason| reason.to_string()),
            }),
        }
    }
}
