//! The measured stationary law of one dynamics in one setting.

use super::quantile::QuantileRecord;
use logscape::Estimate;
use logscape::engine::TimeUnit;
use logscape::ensemble::observable::ExcessLoss;
use logscape::stats::SeriesSummary;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Distance of distribution functions above which a fitted law does not describe the loss.
const POOR_FIT: f64 = 0.1;

/// The stationary law of one setting: `φ` of `P(θ) ∝ L^−φ`, predicted and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StationaryRecord {
    /// `φ` with noise strength 1, as published.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub tail_exponent_predicted: Option<f64>,
    /// `φ` with the measured noise strength.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub tail_exponent_predicted_measured: Option<f64>,
    /// `φ` fitted to the histogram of the loss; null with the reason in `note`.
    pub tail_exponent: Option<Estimate>,
    /// Largest distance between the distribution functions of the loss and of the fitted law; 0 is a perfect fit.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub distance: Option<f64>,
    /// Why there is no fit; absent with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Losses sampled, over all replicas.
    pub samples: u64,
    /// Replicas that diverged.
    pub diverged: u64,
    /// Mean, spread and autocorrelation of `excess_loss` (`L − L*`), `log_loss` (`ln L`) and `displacement_K`; null without any
    /// spread.
    #[serde(default)]
    pub statistics: BTreeMap<String, Option<SeriesRecord>>,
    /// Quantiles of `L − L*`, in units of loss.
    #[serde(default)]
    pub excess_loss_quantiles: Vec<QuantileRecord>,
}

impl StationaryRecord {
    /// The record where there is no law, for this reason, and nothing was simulated.
    pub(crate) fn none(note: String) -> Self {
        Self {
            tail_exponent_predicted: None,
            tail_exponent_predicted_measured: None,
            tail_exponent: None,
            distance: None,
            note: Some(note),
            samples: 0,
            diverged: 0,
            statistics: BTreeMap::new(),
            excess_loss_quantiles: Vec::new(),
        }
    }

    /// Whether there is a fit, but its law is not that of the loss, so that `φ` means little.
    pub fn is_poor(&self) -> bool {
        self.distance.is_some_and(|distance| distance > POOR_FIT)
    }

    /// Whether the tail of the loss is so heavy that its standard deviation has no upper end.
    pub fn is_heavy(&self) -> bool {
        let summary = self.statistics.get(ExcessLoss::NAME);
        summary.is_some_and(|summary| summary.is_some_and(|found| found.deviation.ci95[1] == f64::INFINITY))
    }
}

/// A quantity along the stationary ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SeriesRecord {
    /// Mean, in the unit of the quantity.
    pub mean: Estimate,
    /// Standard deviation, in the unit of the quantity. That of the loss has no upper end where the fitted law has no fourth moment.
    pub deviation: Estimate,
    /// Integrated autocorrelation time `1 + 2Σρ` in steps of SGD (of the time `η L*` in `τ` for a dynamics of the
    /// logarithmic landscape); null where the replicas are too short to tell.
    pub autocorrelation_steps: Option<Estimate>,
    /// Independent values that the samples are worth; null without an autocorrelation time.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub effective_samples: Option<f64>,
}

impl SeriesRecord {
    /// A summary of values that are so many steps apart.
    pub fn new(summary: &SeriesSummary, steps: f64) -> Self {
        let in_steps = |time: Estimate| Estimate { value: steps * time.value, ci95: time.ci95.map(|end| steps * end) };
        Self {
            mean: summary.mean,
            deviation: summary.deviation,
            autocorrelation_steps: summary.time.map(in_steps),
            effective_samples: summary.effective(),
        }
    }
}

/// The stationary law of a dynamics beside SGD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DynamicsStationary {
    /// Its name in the study.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z0-9_-]+$")))]
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its clock: the statistics are averages over steps of that.
    pub clock: TimeUnit,
    /// What was measured.
    #[serde(flatten)]
    pub law: StationaryRecord,
}
