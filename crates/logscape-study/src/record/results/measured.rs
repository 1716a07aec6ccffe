//! A measured escape time.

use super::quantile::QuantileRecord;
use crate::text::{count, with_interval};
use logscape::Estimate;
use logscape::rare::RareMethod;
use logscape::stats::{Observation, RateEstimate, WeibullCheck, kaplan_meier, survival_quantile};
use logscape::verdict::Measured;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How an escape time is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Replicas run until they escape.
    Direct,
    /// Multilevel splitting.
    Splitting,
    /// Forward flux sampling.
    ForwardFlux,
    /// Nothing was run, since escape is impossible.
    NotRun,
}

impl From<RareMethod> for Method {
    fn from(method: RareMethod) -> Self {
        match method {
            RareMethod::Splitting => Self::Splitting,
            RareMethod::ForwardFlux => Self::ForwardFlux,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(match self {
            Self::Direct => "direct",
            Self::Splitting => RareMethod::Splitting.name(),
            Self::ForwardFlux => RareMethod::ForwardFlux.name(),
            Self::NotRun => "not run",
        })
    }
}

/// A measured escape time. Every unit is steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MeasuredRecord {
    /// How.
    pub method: Method,
    /// Why in this way.
    #[serde(default)]
    pub why: String,
    /// Mean steps to the event; null without one.
    pub mean_steps: Option<Estimate>,
    /// Its decimal logarithm.
    pub log10_mean_steps: Option<Estimate>,
    /// One-sided 95 % lower bound of the mean steps; null where escape is impossible.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub mean_steps_lower_bound: Option<f64>,
    /// Replicas that escaped, by divergence or not; null unless `direct`, like all that tells of single escapes.
    pub escaped: Option<u64>,
    /// Replicas still inside at the end.
    pub censored: Option<u64>,
    /// How many of those that escaped did so by divergence; trajectories that diverged, unless `direct`.
    pub diverged: u64,
    /// Steps at risk, summed over replicas.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub exposure: Option<f64>,
    /// Check that the times are exponential; null with fewer than two different escape times.
    pub weibull: Option<WeibullCheck>,
    /// Quantiles of the times in steps (Kaplan–Meier).
    #[serde(default)]
    pub quantiles: Vec<QuantileRecord>,
    /// What the times owe to looks that are more than a step apart; absent where every step is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_bias: Option<LookBias>,
    /// What the rate is made of, unless `direct`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rare: Option<RareRecord>,
}

/// How much longer times are that `check_every` steps between two looks at the loss give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LookBias {
    /// Steps between two looks.
    #[cfg_attr(feature = "schema", schemars(range(min = 2)))]
    pub check_every: u64,
    /// Replicas that were run once more with every step seen: the first ones, on the same random streams.
    pub replicas: u64,
    /// Decades by which their mean time is longer with the looks than without; null where too few of them escaped.
    pub decades: Option<Estimate>,
}

impl LookBias {
    /// Decades above which it is worth a word.
    const SMALL: f64 = 0.05;

    /// What to know of it; none where it is small.
    pub fn warning(&self) -> Option<String> {
        let (every, replicas) = (self.check_every, self.replicas);
        match &self.decades {
            Some(decades) if decades.ci95[1] <= Self::SMALL => None,
            Some(decades) => {
                let factor = Estimate { value: power(decades.value), ci95: decades.ci95.map(power) };
                Some(format!(
                    "looks every {every} steps make times {} times as long, by {} watched at each step",
                    with_interval(&factor),
                    count(replicas, "replica")
                ))
            }
            None => Some(format!(
                "looks every {every} steps make times longer by what {} watched at each step did not tell",
                count(replicas, "replica")
            )),
        }
    }
}

/// What a rate by splitting or forward flux sampling is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RareRecord {
    /// Score that told how far a replica was.
    pub score: String,
    /// Trajectories of each repeat, on average.
    #[cfg_attr(feature = "schema", schemars(range(min = 10)))]
    pub trajectories: u64,
    /// Independent repeats that were done.
    pub repeats: u64,
    /// Repeats in which no trajectory reached the exit; they count as zeros.
    pub extinct: u64,
    /// Trajectories at the exit, in all repeats.
    pub reached: u64,
    /// Excursions from home per step of the dynamics; null without a rate of them.
    pub flux: Option<Estimate>,
    /// Probability that one reaches the exit before it is home; null without a rate.
    pub probability: Option<Estimate>,
    /// Levels of a repeat, on average.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub levels: f64,
    /// Replica-steps of all repeats and their pilot.
    pub cost: u64,
    /// Why there is no rate, and what was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_found: Option<String>,
}

fn power(decades: f64) -> f64 {
    10.0_f64.powf(decades)
}

fn log10(steps: Estimate) -> Estimate {
    Estimate { value: steps.value.log10(), ci95: steps.ci95.map(f64::log10) }
}

impl MeasuredRecord {
    /// The record of an escape that is impossible.
    pub(crate) fn impossible() -> Self {
        Self {
            method: Method::NotRun,
            why: "escape is impossible".to_owned(),
            mean_steps: None,
            log10_mean_steps: None,
            mean_steps_lower_bound: None,
            escaped: None,
            censored: None,
            diverged: 0,
            exposure: None,
            weibull: None,
            quantiles: Vec::new(),
            look_bias: None,
            rare: None,
        }
    }

    /// What a verdict judges by.
    pub(crate) fn judged(&self) -> Measured {
        match self.method {
            Method::NotRun => Measured::Never,
            _ => Measured::new(self.mean_steps, self.mean_steps_lower_bound.unwrap_or(f64::NAN)),
        }
    }

    /// What is known where no mean is: that it is above a bound, or that there is none.
    pub(crate) fn bound(&self) -> String {
        self.mean_steps_lower_bound.map_or_else(|| "infinitely many".to_owned(), |bound| format!("above {bound:.3e}"))
    }

    /// The record of direct simulation, with quantiles of the times behind it.
    pub(crate) fn direct(rate: &RateEstimate, times: &[Observation], why: String) -> Self {
        let curve = kaplan_meier(times);
        let quantile = |share| QuantileRecord { share, value: survival_quantile(&curve, share) };
        Self {
            method: Method::Direct,
            why,
            mean_steps: rate.mean_steps,
            log10_mean_steps: rate.mean_steps.map(log10),
            mean_steps_lower_bound: Some(rate.mean_steps_lower_bound),
            escaped: Some(rate.escaped),
            censored: Some(rate.censored),
            diverged: rate.diverged,
            exposure: Some(rate.exposure),
            weibull: rate.weibull,
            quantiles: [0.1, 0.5, 0.9].map(quantile).to_vec(),
            look_bias: None,
            rare: None,
        }
    }

    /// The record of repeats in which so many trajectories diverged, with what they are made of. They give this mean number of
    /// steps of SGD, or this lower bound without a rate.
    pub(crate) fn rare(
        method: Method,
        why: String,
        (mean, lower): (Option<Estimate>, f64),
        diverged: u64,
        rare: Option<RareRecord>,
    ) -> Self {
        Self {
            method,
            why,
            mean_steps: mean,
            log10_mean_steps: mean.map(log10),
            mean_steps_lower_bound: Some(mean.map_or(lower, |mean| mean.ci95[0])),
            escaped: None,
            censored: None,
            diverged,
            exposure: None,
            weibull: None,
            quantiles: Vec::new(),
            look_bias: None,
            rare,
        }
    }

    /// How the replicas ended, in words, or what the repeats took.
    pub fn ends(&self) -> String {
        if self.method == Method::NotRun {
            return "nothing was run".to_owned();
        }
        let of = |number: Option<u64>| number.unwrap_or_default();
        match &self.rare {
            None => {
                let (escaped, censored) = (of(self.escaped), of(self.censored));
                let by_divergence = match self.diverged {
                    0 => String::new(),
                    diverged => format!(" ({diverged} by divergence)"),
                };
                format!("{escaped} escaped{by_divergence}, {censored} censored")
            }
            Some(rare) => match &rare.not_found {
                Some(reason) => reason.clone(),
                None => format!(
                    "{}, {} of {}, {} extinct, {:.1e} replica-steps",
                    self.method,
                    count(rare.repeats, "repeat"),
                    count(rare.trajectories, "trajectory"),
                    rare.extinct,
                    rare.cost as f64
                ),
            },
        }
    }
}
