//! SGD near a minimum that interpolates, where every residual vanishes and with it the noise.
//!
//! There `e_μ = J_μ δ` at a displacement `δ`, so that a step is a factor of a product of random matrices,
//! `δ ← (I − η H_B) δ` with `H_B` the mean of `J_μᵀJ_μ` over the batch. What is measured of the product `Π_k` of `k` factors:
//!
//! - the Lyapunov exponent `λ = lim (1/k) E ln‖Π_k‖`: where it is negative SGD that starts near the minimum ends there almost surely,
//!   where it is positive it leaves;
//! - the growth `e^{Λ(2)}` of mean squares, where `Λ(α) = lim (1/k) ln E‖Π_k‖^α` are the generalised exponents, convex with
//!   `Λ(0) = 0` and `Λ'(0) = λ`. Above 1 mean losses diverge, though almost every replica may converge;
//! - the root `α > 0` of `Λ(α) = 0`. `ln‖δ‖` is a walk with drift `λ < 0`, and reaches `R` from `r` before it falls for ever with a
//!   probability in proportion to `(r/R)^α` as `r → 0` (Cramér and Lundberg for sums; Kesten 1973 for products). In
//!   losses that is `(L_0/L_c)^{α/2}`.
//!
//! In the limit of small steps, with `n` directions of equal curvature `h` and noise `C = 2sLH`, `ln‖δ‖` has drift `−h + (n − 2)σ²/2` and
//! variance `σ² = ηsh²/B` per unit time, so that `α/2 = B/(ηsh) + 1 − n/2`: the exponent of the published
//! escape rate (Mori, Ziyin, Liu, Ueda 2022) becomes that of a probability.
//!
//! Where there are more parameters than residuals the minimum is a manifold, along which nothing acts: displacements are in the
//! range of `Σ J_μᵀJ_μ`.

mod chains;
mod growth;
mod line;
mod moments;
mod products;
mod stability;
mod start;
#[cfg(test)]
mod tests;

pub use stability::stability;
pub use start::{StartRun, Starts, log_slope, share};

use crate::operator::EigenError;
use crate::problem::ProblemFailure;
use crate::{Estimate, Geometry, Interrupted, SgdSettings};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};
use thiserror::Error;

/// What products of one setting's random matrices do. All numbers are per step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Interpolation {
    /// Directions in which factors act; the others are along the manifold of minima.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub directions: usize,
    /// Lyapunov exponent `λ`; negative where SGD that starts near the minimum ends there. Null where it is `−∞`, since a batch can map
    /// every displacement to 0.
    pub lyapunov: Option<Estimate>,
    /// Growth of the mean square of a displacement, `e^{Λ(2)}`: mean losses diverge above 1.
    pub mean_square_growth: Estimate,
    /// The exponent `α > 0` with `Λ(α) = 0`; null with the reason in `alpha_reason`.
    pub alpha: Option<Estimate>,
    /// Why there is no `α`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha_reason: Option<String>,
    /// How they were computed.
    pub method: String,
}

/// Settings of [`stability`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InterpolationConfig {
    /// Independent repeats; intervals come from their scatter.
    pub groups: usize,
    /// Displacements that each repeat follows together.
    pub clones: usize,
    /// Steps that each of them is followed for, after four times as many that are not counted.
    pub steps: usize,
    /// Seed of the batches.
    pub seed: u64,
}

impl InterpolationConfig {
    /// Operations that a run may take, about, unless a factor alone costs a great share of them.
    const WORK: f64 = 1.6e10;

    /// Settings of about the same cost for every problem: fewer displacements where a factor costs more.
    pub fn for_problem(geometry: &Geometry, sgd: &SgdSettings, seed: u64) -> Self {
        let groups = 16;
        let width = geometry.parameters.min(geometry.samples * geometry.outputs);
        let per_factor = 100.0 + 4.0 * (sgd.batch_size * geometry.outputs * width) as f64;
        let factors = Self::WORK / per_factor / (4.0 * groups as f64);
        let steps = if factors > 1e5 { 256 } else { 64 };
        // Each keeps an order of the samples, unless they are drawn with replacement, or cotangents of all residuals.
        let most = (4e7 / (geometry.samples * geometry.outputs) as f64).clamp(16.0, 512.0);
        let clones = (factors / (5.0 * f64::from(steps))).clamp(16.0, most) as usize;
        Self { groups, clones, steps: steps as usize, seed }
    }
}

/// Why products cannot be measured.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum InterpolationError {
    /// The batch size does not fit the samples, or a number of the settings is 0.
    #[error("{0}")]
    Setting(&'static str),
    /// No factor acts on any direction.
    #[error("no sample's Jacobian is different from 0")]
    NoCurvature,
    /// The problem failed at its work.
    #[error(transparent)]
    Problem(#[from] ProblemFailure),
    /// A matrix of Jacobians could not be decomposed.
    #[error(transparent)]
    Eigen(EigenError),
    /// The work was stopped on request.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<EigenError> for InterpolationError {
    fn from(error: EigenError) -> Self {
        match error {
            EigenError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            error => Self::Eigen(error),
        }
    }
}

/// Mean of independent values with Student's 95 % interval.
fn mean(values: &[f64]) -> Estimate {
    let n = values.len() as f64;
    let (mean, variance) = mean_and_variance(values);
    let half = student(n) * (variance / n).sqrt();
    Estimate::new(mean, mean - half, mean + half)
}

/// Mean and unbiased variance.
fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// Student's 97.5 % quantile for the mean of `n` values.
fn student(n: f64) -> f64 {
    StudentsT::new(0.0, 1.0, n - 1.0).map_or(f64::NAN, |law| law.inverse_cdf(0.975))
}

/// The second of two estimates of what a product grows by if it is clearly larger, else the first.
fn larger(stiff: Estimate, soft: Estimate) -> Estimate {
    if soft.ci95[0] > stiff.ci95[1] { soft } else { stiff }
}
