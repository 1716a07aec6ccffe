//! The stationary law of SGD in a basin: temperature, power of the loss, critical dimension, linear stability.

use crate::{Geometry, SgdSettings};
use serde::{Deserialize, Serialize};

/// Predictions for one setting (Mori, Ziyin, Liu, Ueda 2022). "Published" has noise strength `s = 1`; `None` where the
/// geometry gives no finite number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stationary {
    /// `T = η h*/B`, dimensionless.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub temperature: Option<f64>,
    /// `T = η s h*/B` with the measured `s`.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub temperature_measured: Option<f64>,
    /// `φ = 1 + 1/T` of `P(θ) ∝ L(θ)^{−φ}`, published.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub phi: Option<f64>,
    /// The same with the measured `s`.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub phi_measured: Option<f64>,
    /// `n_c = 2φ`: more outliers than this and the law cannot be normalised; published.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub critical_dimension: Option<f64>,
    /// The same with the measured `s`.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub critical_dimension_measured: Option<f64>,
    /// Whether `η λ_max < 2`.
    pub linearly_stable: bool,
    /// `max_i (1 − η λ_i)² + η² n s h*²/B`, the growth of `E|θ|²` per step with noise `C = 2 s L H` on `n` equal outliers
    /// (`E[ξ_i²] = 2 s (½h|θ|²) h/B` summed over `n`); the minimum is stable in mean square if it is at most 1. The
    /// constant part of the noise, from `L*`, does not enter.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub mean_square_growth: Option<f64>,
}

impl Stationary {
    /// The predictions for `geometry` under `sgd`.
    pub fn predict(geometry: &Geometry, sgd: &SgdSettings) -> Self {
        let batch = sgd.effective_batch_size(geometry.samples);
        let temperature = |s: f64| {
            let t = sgd.learning_rate * s * geometry.outliers.h_star.value / batch;
            (t.is_finite() && t > 0.0).then_some(t)
        };
        let published = temperature(1.0);
        let measured = temperature(geometry.noise_strength.value);
        let phi = |t: Option<f64>| t.map(|t| 1.0 + 1.0 / t);
        let critical = |t: Option<f64>| t.map(|t| 2.0 * (1.0 + 1.0 / t));
        let eta = sgd.learning_rate;
        let sharpest = geometry.eigenvalues.first().copied().unwrap_or(f64::NAN);
        let outliers = geometry.eigenvalues.get(..geometry.outliers.count).unwrap_or(&[]);
        let contraction = outliers.iter().map(|h| (1.0 - eta * h).powi(2)).fold(f64::NAN, f64::max);
        let kick = eta * geometry.outliers.count as f64 * geometry.outliers.h_star.value;
        let growth = measured.map(|t| contraction + kick * t).filter(|g| g.is_finite());
        Self {
            temperature: published,
            temperature_measured: measured,
            phi: phi(published),
            phi_measured: phi(measured),
            critical_dimension: critical(published),
            critical_dimension_measured: critical(measured),
            linearly_stable: eta * sharpest < 2.0,
            mean_square_growth: growth,
        }
    }
}
