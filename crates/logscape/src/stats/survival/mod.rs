//! Escape rates and survival curves from censored times.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Gamma};

use super::Repeats;
use crate::Estimate;

mod observation;
mod weibull;

use observation::Z95;

pub use observation::Observation;
pub use weibull::{WeibullCheck, weibull_check};

/// A measured escape rate. Every unit is steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateEstimate {
    /// Mean escape time in steps; `None` when nothing escaped.
    pub mean_steps: Option<Estimate>,
    /// Escape rate per step; `None` when nothing escaped.
    pub rate_per_step: Option<Estimate>,
    /// One-sided 95 % lower bound of the mean escape time in steps.
    pub mean_steps_lower_bound: f64,
    /// Replicas that escaped, by divergence or not.
    pub escaped: u64,
    /// Replicas still inside at the end.
    pub censored: u64,
    /// How many of those that escaped did so by divergence; for repeats, trajectories that diverged.
    pub diverged: u64,
    /// Steps at risk, summed over replicas.
    pub exposure: f64,
    /// How the times were obtained.
    pub method: String,
    /// Seed of the random streams.
    pub seed: u64,
    /// Check that escape times are exponential; `None` with fewer than two different escape times.
    pub weibull: Option<WeibullCheck>,
    /// For a rate from repeats of a whole estimate, what it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
}

impl RateEstimate {
    /// The rate of exponential escape times in steps. `diverged` says how many of the events are divergences.
    pub fn from_observations(observations: &[Observation], diverged: u64, method: &str, seed: u64) -> Self {
        let escaped = observations.iter().filter(|o| o.event).count() as u64;
        let unseen = observations.len() as u64 - escaped;
        let exposure = observations.iter().map(|o| o.time).sum();
        let rate = exponential_rate(escaped, unseen, exposure);
        Self {
            mean_steps: rate.map(|r| Estimate::new(1.0 / r.value, 1.0 / r.ci95[1], 1.0 / r.ci95[0])),
            rate_per_step: rate,
            mean_steps_lower_bound: gamma_quantile(escaped + u64::from(unseen > 0), 0.95).map_or(0.0, |b| exposure / b),
            escaped,
            censored: unseen,
            diverged,
            exposure,
            method: method.to_owned(),
            seed,
            weibull: weibull_check(observations),
            repeats: None,
        }
    }

    /// Escape rate per unit of `t = ηk`: the rate per step over the learning rate `η`.
    pub fn rate_per_time(&self, learning_rate: f64) -> Option<Estimate> {
        let scale = |x: f64| x / learning_rate;
        self.rate_per_step.map(|r| Estimate::new(scale(r.value), scale(r.ci95[0]), scale(r.ci95[1])))
    }
}

/// Rate `d/T` of an exponential law from `d` events in total time at risk `T`, per unit of `T`, with the 95 % interval
/// `[γ(d, 2.5 %), γ(d', 97.5 %)]/T`, where `γ(a, p)` is the quantile of the gamma law with shape `a` and scale 1
/// (`2κT ~ χ²`; Epstein and Sobel 1953). Without censoring `d' = d` and the interval is exact; with it `d' = d + 1` and it
/// is conservative. `None` without events or time.
pub fn exponential_rate(events: u64, censored: u64, exposure: f64) -> Option<Estimate> {
    if exposure.is_nan() || exposure <= 0.0 {
        return None;
    }
    let lower = gamma_quantile(events, 0.025)?;
    let upper = gamma_quantile(events + u64::from(censored > 0), 0.975)?;
    Some(Estimate::new(events as f64 / exposure, lower / exposure, upper / exposure))
}

/// One-sided 95 % lower bound of the mean time of exponential events, after `events` of them in total time at risk
/// `exposure`, which ended at no event.
pub(crate) fn mean_time_lower_bound(events: u64, exposure: f64) -> f64 {
    gamma_quantile(events + 1, 0.95).map_or(0.0, |bound| exposure / bound)
}

/// Quantile of the gamma law with the given shape and scale 1; `None` for shape 0.
fn gamma_quantile(shape: u64, p: f64) -> Option<f64> {
    Gamma::new(shape as f64, 1.0).ok().map(|law| law.inverse_cdf(p))
}

/// One step of a survival curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SurvivalPoint {
    /// Time of the step.
    pub time: f64,
    /// How many were at risk just before.
    pub at_risk: u64,
    /// Events at this time.
    pub events: u64,
    /// Probability to survive beyond this time.
    pub survival: Estimate,
}

/// Kaplan–Meier curve `S = Π (1 − d_i/n_i)` with Greenwood's variance and 95 % intervals on the log-log scale,
/// `S^exp(±1.96 se)` with `se² = Σ d_i/(n_i(n_i − d_i)) / (ln S)²`. Where `S = 0` the variance is undefined and the upper end
/// of the step before is kept. At equal times events precede censoring.
pub fn kaplan_meier(observations: &[Observation]) -> Vec<SurvivalPoint> {
    let mut sorted = observations.to_vec();
    sorted.sort_by(|a, b| a.time.total_cmp(&b.time));
    let (mut survival, mut greenwood, mut last_upper) = (1.0, 0.0, 1.0);
    let mut points = Vec::new();
    let mut first = 0;
    while first < sorted.len() {
        let time = sorted[first].time;
        let tied = sorted[first..].iter().take_while(|o| o.time.total_cmp(&time).is_eq()).count();
        let events = sorted[first..first + tied].iter().filter(|o| o.event).count() as u64;
        let at_risk = (sorted.len() - first) as u64;
        first += tied;
        if events == 0 {
            continue;
        }
        let (d, n) = (events as f64, at_risk as f64);
        survival *= (n - d) / n;
        greenwood += d / (n * (n - d));
        let estimate = if events == at_risk {
            Estimate::new(0.0, 0.0, last_upper)
        } else {
            let spread = (Z95 * greenwood.sqrt() / survival.ln().abs()).exp();
            Estimate::new(survival, survival.powf(spread), survival.powf(1.0 / spread))
        };
        last_upper = estimate.ci95[1];
        points.push(SurvivalPoint { time, at_risk, events, survival: estimate });
    }
    points
}

#[cfg(test)]
mod tests;
