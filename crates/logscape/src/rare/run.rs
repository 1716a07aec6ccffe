//! A run of repeats: its settings, its progress, its result.

use crate::Stop;
use crate::problem::unless_failed;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::mem;
use std::sync::{Mutex, PoisonError};

use super::flux::{Counted, Placement};
use super::splitting::Passage;
use super::walk::Parts;
use super::work::{Done, Paused, Repetition, Search, work};
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

impl Repeat {
    /// What the work of one has come to.
    fn of(done: &Done<(Counted, Passage)>) -> Self {
        let Done { ref output, cost, diverged, lanes } = *done;
        let Some((counted, passage)) = output else {
            let none = Self {
                flux: [0.0; 2],
                probability: 0.0,
                reached: 0,
                levels: 0,
                exposure: 0,
                cost,
                diverged,
                finished: false,
            };
            return none;
        };
        let exposure = counted.steps * lanes;
        let excursions = counted.excursions as f64;
        Self {
            flux: [excursions / exposure as f64, excursions / counted.time],
            probability: passage.probability,
            reached: passage.reached,
            levels: passage.levels.len() as u64,
            exposure,
            cost,
            diverged,
            finished: true,
        }
    }
}

/// How far a [`RareRun`] has come: what a checkpoint holds. The default has not begun. Of the pilot and each repeat that is on
/// its way it holds the states that replicas go on from: about as many as the trajectories of a repeat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RareProgress {
    /// The pilot, while it is on its way.
    search: Option<Paused<Search>>,
    /// What the pilot has found.
    placement: Option<Result<Placement, NotFound>>,
    /// Repeats on their way, and those that are done, in the order of their numbers.
    running: Vec<(u64, Paused<Repetition>)>,
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

    /// Does what is left of the pilot and the repeats, on rayon's current pool, until `stop` is due; `problem` gives the loss that
    /// a region may need. The result depends on the seed alone, not on threads or pauses.
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
            match work(self, &parts, &(), Self::PILOT, progress.search.take()) {
                Ok(Done { output, .. }) => {
                    let unfinished = Err(NotFound::PilotUnfinished { steps: self.max_cost });
                    progress.placement = Some(output.unwrap_or(unfinished));
                }
                Err(paused) => progress.search = Some(paused),
            }
        }
        unless_failed(problem, Ok(())).map_err(RareError::Ensemble)?;
        let Some(Ok(placement)) = &progress.placement else { return Ok(()) };
        // Those that were paused go first, so that no more are on their way than there are threads.
        let begun: Vec<u64> = progress.running.iter().map(|(number, _)| *number).collect();
        let known = |number: &u64| begun.contains(number) || progress.repeats.iter().any(|(done, _)| done == number);
        let fresh = (0..self.repeats as u64).filter(|number| !known(number)).map(|number| (number, None));
        let paused = mem::take(&mut progress.running).into_iter().map(|(number, paused)| (number, Some(paused)));
        let queue = Mutex::new(paused.chain(fresh).collect::<VecDeque<_>>());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let worker = |_| {
            let (mut repeats, mut running) = (Vec::new(), Vec::new());
            while !stop.is_due()
                && let Some((number, paused)) = next()
            {
                match work(self, &parts, placement, number, paused) {
                    Ok(done) => repeats.push((number, Repeat::of(&done))),
                    Err(paused) => running.push((number, paused)),
                }
            }
            (repeats, running)
        };
        let workers: Vec<_> = (0..rayon::current_num_threads()).into_par_iter().map(worker).collect();
        for (repeats, running) in workers {
            progress.repeats.extend(repeats);
            progress.running.extend(running);
        }
        let left = queue.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter();
        progress.running.extend(left.filter_map(|(number, paused)| Some((number, paused?))));
        progress.repeats.sort_unstable_by_key(|(number, _)| *number);
        progress.running.sort_unstable_by_key(|(number, _)| *number);
        unless_failed(problem, Ok(())).map_err(RareError::Ensemble)
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
