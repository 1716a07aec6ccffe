//! SGD near a minimum that interpolates.

use logscape::Estimate;
use logscape::interpolation::{Interpolation, Starts};
use serde::{Deserialize, Serialize};

/// SGD near a minimum that interpolates, where neither a stationary law nor an escape time exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InterpolationRecord {
    /// Products of random matrices.
    #[serde(flatten)]
    pub products: Interpolation,
    /// Escapes from starts at a given loss, where the study asks for a region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape: Option<StartEscapeRecord>,
    /// Why there are none, though the study asks for a region, and what to ask instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape_reason: Option<String>,
}

/// Escapes of SGD from starts at a given loss: which share of the replicas reaches the region's boundary before it has collapsed.
///
/// Each starts at `θ* + a Σ_μ J_μᵀ ξ_μ` with independent standard normal `ξ_μ`, and with the length `a` at which the loss of all data is
/// that of the start. It has no part along the manifold of minima.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StartEscapeRecord {
    /// Loss `L_c` of the boundary: the level, or the least loss on it that is known. Null where none is.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub level: Option<f64>,
    /// Share of a start's loss below which a replica has collapsed.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub collapse: f64,
    /// Steps after which a replica is undecided.
    pub max_steps: u64,
    /// The starts, from the highest loss down.
    pub starts: Vec<StartRecord>,
    /// Slope of the logarithm of the probability on that of the start's loss, over the starts from which escape is rare but seen; null
    /// with fewer than two.
    pub slope: Option<Estimate>,
    /// The slope that is predicted, `α/2`; null without `α`.
    pub slope_predicted: Option<Estimate>,
}

/// Replicas from one loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StartRecord {
    /// Loss `L_0` of the start.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub loss: f64,
    /// How they ended.
    #[serde(flatten)]
    pub ends: Starts,
    /// Probability to escape before collapse, over the replicas that did either; null where none did.
    pub probability: Option<Estimate>,
    /// `(L_0/L_c)^{α/2}`, to which it is proportional as `L_0 → 0`; null without `α`, or without `L_c`.
    pub predicted: Option<Estimate>,
}

impl StartRecord {
    /// Replicas that ended so, from this loss, where a boundary at `level` is predicted to be reached with a power `exponent`.
    pub(crate) fn new(loss: f64, ends: Starts, level: Option<f64>, exponent: Option<Estimate>) -> Self {
        let predicted = level.zip(exponent).map(|(level, exponent)| {
            let power = |x: f64| (loss / level).powf(x);
            Estimate::new(power(exponent.value), power(exponent.ci95[1]), power(exponent.ci95[0]))
        });
        Self { loss, ends, probability: ends.probability(), predicted }
    }
}
