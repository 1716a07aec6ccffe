//! One theory's numbers.

use logscape::theory::Prediction;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One theory's numbers; all null, with the reason in `warnings`, where it does not apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PredictionRecord {
    /// Committed escapes `κ` per unit `t`, summed over the ways out; null where it is unknown or out of range.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub rate: Option<f64>,
    /// The same per step, `η κ`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub rate_per_step: Option<f64>,
    /// `log10` of the mean steps per committed escape, which cannot overflow.
    #[serde(default)]
    pub log10_committed_steps: Option<f64>,
    /// Mean steps to the event that the region defines; null where it is unknown or out of range.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub mean_steps: Option<f64>,
    /// The same as a decimal logarithm, which cannot overflow.
    pub log10_mean_steps: Option<f64>,
    /// Power of `L^s/L*` in the escape time (of the way out with the largest rate; `L_c/L*` at a loss level), for theories whose
    /// rate is such a power; null for others.
    #[serde(default)]
    pub exponent: Option<f64>,
    /// How far the boundary was moved outward for the overshoot of discrete steps, in units of the parameters: the ends of an
    /// interval, or the radius of a level; nowhere at saddles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 2)))]
    pub boundary_shift: Vec<f64>,
    /// Which assumptions fail, in words.
    pub warnings: Vec<String>,
}

/// The numbers of each theory, by its name, at this learning rate.
pub(crate) fn by_theory(predictions: &[Prediction], learning_rate: f64) -> BTreeMap<String, PredictionRecord> {
    predictions.iter().map(|p| (p.theory.clone(), PredictionRecord::new(p, learning_rate))).collect()
}

impl PredictionRecord {
    fn new(prediction: &Prediction, learning_rate: f64) -> Self {
        Self {
            rate: prediction.rate(),
            rate_per_step: prediction.rate_per_step(learning_rate),
            log10_committed_steps: prediction.log10_committed_steps(learning_rate),
            mean_steps: prediction.mean_steps(),
            log10_mean_steps: prediction.log10_mean_steps,
            exponent: prediction.exponent,
            boundary_shift: prediction.boundary_shift.clone(),
            warnings: prediction.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}
