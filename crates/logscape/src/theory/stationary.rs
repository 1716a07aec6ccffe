//! The stationary law of SGD in a basin: temperature, power of the loss, critical dimension, linear stability.

use crate::operator::dense::eigen;
use crate::{Geometry, SgdSettings};
use faer::Mat;
use serde::{Deserialize, Serialize};

/// Predictions for one setting (Mori, Ziyin, Liu, Ueda 2022). "Published" has noise strength `s = 1`; `None` where the
/// geometry gives no finite number, or the fit interpolates.
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
    /// Growth of `E‖θ − θ*‖²` per step of the linearised chain `θ ← (I − ηH_B)θ` in the outlier span, where `H_B` is the mean Hessian
    /// of a batch, from those of the samples: above 1 the minimum is unstable in mean square, and the variances of that
    /// chain are infinite. Exact for these samples where all directions are outliers and no more than 16; elsewhere a lower bound.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub mean_square_growth: Option<f64>,
}

impl Stationary {
    /// The predictions for `geometry` under `sgd`.
    pub fn predict(geometry: &Geometry, sgd: &SgdSettings) -> Self {
        let batch = sgd.effective_batch_size(geometry.samples);
        let temperature = |s: f64| {
            let t = sgd.learning_rate * s * geometry.outliers.h_star.value / batch;
            // Where the fit interpolates SGD comes to rest, and no law is stationary.
            (t.is_finite() && t > 0.0 && geometry.interpolating.is_none()).then_some(t)
        };
        let published = temperature(1.0);
        let measured = temperature(geometry.strength());
        let phi = |t: Option<f64>| t.map(|t| 1.0 + 1.0 / t);
        let critical = |t: Option<f64>| t.map(|t| 2.0 * (1.0 + 1.0 / t));
        let eta = sgd.learning_rate;
        let sharpest = geometry.eigenvalues.first().copied().unwrap_or(f64::NAN);
        Self {
            temperature: published,
            temperature_measured: measured,
            phi: phi(published),
            phi_measured: phi(measured),
            critical_dimension: critical(published),
            critical_dimension_measured: critical(measured),
            linearly_stable: eta * sharpest < 2.0,
            mean_square_growth: mean_square_growth(geometry, sgd),
        }
    }
}

/// Growth of `E‖θ − θ*‖²` per step of the linearised chain `θ ← (I − ηH_B)θ` in the outlier span, from the Hessians `H_μ` of the
/// samples themselves, with their second derivatives of the model. It is the spectral radius of
/// `M ↦ E (I − ηH_B) M (I − ηH_B) = (I − ηH) M (I − ηH) + (η²/B_eff) ((1/N) Σ H_μ M H_μ − HMH)` on symmetric matrices, to which the
/// second moments of `θ` are subject, with [`effective_batch_size`](SgdSettings::effective_batch_size) for `B_eff`. Sources: Wu, Ma,
/// E 2018; Ma, Ying 2021; Mulayoff, Michaeli 2024. In one dimension `(1 − ηh)² + η² Var(h_μ)/B_eff`, and with Gaussian inputs of
/// linear regression `1 − 2ηh + η²h²(1 + 2/B)`.
///
/// It is exact for these samples, without sampling error, where no more than 16 outliers are all that there is. Elsewhere it bounds
/// the growth in the whole space from below, since the map is symmetric and this is its compression to the matrices of
/// [`HessianMoments`](crate::model::HessianMoments): what is above 1 is unstable. Batches of shuffled epochs depend on each other,
/// and have the growth of independent ones here. `None` without moments, or where they are not finite.
pub fn mean_square_growth(geometry: &Geometry, sgd: &SgdSettings) -> Option<f64> {
    let (eta, moments) = (sgd.learning_rate, &geometry.hessian_moments);
    let noise = eta * eta / sgd.effective_batch_size(geometry.samples);
    let h = &geometry.eigenvalues;
    let size = moments.pairs.len();
    if size == 0 {
        return None;
    }
    let map = Mat::from_fn(size, size, |a, b| {
        let fluctuation = noise * moments.matrix[a.max(b)][a.min(b)];
        let [i, j] = moments.pairs[a];
        if a == b { fluctuation - noise * h[i] * h[j] + (1.0 - eta * h[i]) * (1.0 - eta * h[j]) } else { fluctuation }
    });
    // A map that keeps positive matrices positive has its spectral radius among its eigenvalues.
    Some(eigen(map.as_ref()).ok()?.0.first()?.max(0.0))
}
