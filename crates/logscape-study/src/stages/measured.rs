//! From how replicas ended, or what repeats gave, to numbers with intervals.

use super::dynamics::StudyDynamics;
use super::plan::{Found, Outcome};
use crate::record::{DynamicsEscape, EscapeRow, MeasuredRecord, escape_rows};
use logscape::Estimate;
use logscape::engine::TimeUnit;
use logscape::ensemble::Termination;
use logscape::stats::{Observation, RateEstimate};

impl StudyDynamics<'_> {
    /// Rows of the table of escape times, which direct simulation has.
    pub(super) fn rows(&self, found: &Found) -> Vec<EscapeRow> {
        match &found.outcome {
            Outcome::Direct(ends) => escape_rows((self.setting.number, &self.setting.sgd, self.name), ends),
            Outcome::Rare(_) => Vec::new(),
        }
    }

    /// What was measured, in steps of SGD.
    pub(super) fn measured(&self, found: &Found, seed: u64) -> MeasuredRecord {
        let eta = self.setting.sgd.learning_rate;
        match &found.outcome {
            Outcome::Direct(ends) => {
                let times = observations(ends, |steps, time| self.built.sgd_steps(steps, time, eta));
                MeasuredRecord::direct(&rate(ends, &times, seed), &times, found.why.clone())
            }
            Outcome::Rare(rare) => {
                let rate = match self.time_unit() {
                    TimeUnit::Steps => rare.rate.rate_per_step,
                    TimeUnit::LearningTime | TimeUnit::LandscapeTime => {
                        per_time(&rare.rate).map(|rate| times(rate, eta))
                    }
                };
                let lower = rare.rate.mean_steps_lower_bound / self.built.steps_per_sgd_step;
                let (mean, why) = (rate.map(inverse), found.why.clone());
                MeasuredRecord::rare(rare.run.method.into(), why, (mean, lower), rare.rate.diverged, rare.record())
            }
        }
    }

    /// The record of a dynamics beside SGD, of which `sgd` was measured.
    pub(super) fn record(&self, found: &Found, sgd: &MeasuredRecord, seed: u64) -> DynamicsEscape {
        let measured = self.measured(found, seed);
        let step = self.built.step;
        let (mean_time, mean_step_time) = match &found.outcome {
            Outcome::Direct(ends) => {
                let mean = |clock: &dyn Fn(u64, f64) -> f64| rate(ends, &observations(ends, clock), seed).mean_steps;
                (mean(&|_, time| time), mean(&|steps, _| steps as f64 * step))
            }
            Outcome::Rare(rare) => {
                (per_time(&rare.rate).map(inverse), rare.rate.mean_steps.map(|mean| times(mean, step)))
            }
        };
        DynamicsEscape {
            name: self.name.to_owned(),
            kind: self.kind.to_owned(),
            options: self.options.clone(),
            clock: self.time_unit(),
            step,
            mean_time,
            mean_landscape_time: mean_step_time.filter(|_| self.time_unit() == TimeUnit::LandscapeTime),
            decades_from_sgd: difference(measured.log10_mean_steps, sgd.log10_mean_steps),
            measured,
        }
    }
}

/// The ends as survival data on the clock that `steps` and `t` give.
fn observations(ends: &[Termination], clock: impl Fn(u64, f64) -> f64) -> Vec<Observation> {
    ends.iter().map(|end| end.observation(&clock)).collect()
}

fn rate(ends: &[Termination], times: &[Observation], seed: u64) -> RateEstimate {
    let diverged = ends.iter().filter(|end| end.is_divergence()).count() as u64;
    RateEstimate::from_observations(times, diverged, "direct simulation", seed)
}

/// Escapes per unit `t` that repeats gave.
fn per_time(rate: &RateEstimate) -> Option<Estimate> {
    rate.repeats.as_ref()?.rate_per_time
}

fn times(estimate: Estimate, factor: f64) -> Estimate {
    Estimate::new(factor * estimate.value, factor * estimate.ci95[0], factor * estimate.ci95[1])
}

fn inverse(rate: Estimate) -> Estimate {
    Estimate::new(1.0 / rate.value, 1.0 / rate.ci95[1], 1.0 / rate.ci95[0])
}

/// Mean steps of committed escapes over those of arrivals. The intervals are taken as independent; direct ensembles follow the
/// same random streams, so that theirs is wider than it need be.
pub(super) fn factor(committed: &MeasuredRecord, arrivals: &MeasuredRecord) -> Option<Estimate> {
    let decades = difference(committed.log10_mean_steps, arrivals.log10_mean_steps)?;
    let power = |x: f64| 10.0_f64.powf(x);
    Some(Estimate { value: power(decades.value), ci95: decades.ci95.map(power) })
}

/// `a − b`, with the squares of the distances to the ends of the intervals added.
fn difference(a: Option<Estimate>, b: Option<Estimate>) -> Option<Estimate> {
    let (a, b) = (a?, b?);
    let value = a.value - b.value;
    let low = (a.value - a.ci95[0]).hypot(b.ci95[1] - b.value);
    let high = (a.ci95[1] - a.value).hypot(b.value - b.ci95[0]);
    Some(Estimate::new(value, value - low, value + high))
}
