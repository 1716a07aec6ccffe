//! The matrices of a problem at a point, by name.

use serde::{Deserialize, Serialize};

use super::LinearOperator;
use super::samples::{Gradients, SamplesAlong};
use crate::{Interrupted, Stop};

/// A symmetric matrix (`P × P`) of a problem at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Matrix {
    /// The Hessian `H = ∇²L` (loss per squared parameter).
    Hessian,
    /// The Gauss–Newton matrix `G = (1/N) Σ J_μᵀ ∇²_f ℓ_μ J_μ` (loss per squared parameter).
    GaussNewton,
    /// The rest `H − G`, the curvature of the outputs times what pulls at them (loss per squared parameter).
    Residual,
    /// The one-sample noise covariance `C = (1/N) Σ g_μ g_μᵀ − ∇L ∇Lᵀ` (squared gradient).
    NoiseCovariance,
    /// The empirical Fisher matrix `F = (1/N) Σ g_μ g_μᵀ = C + ∇L ∇Lᵀ` (squared gradient).
    EmpiricalFisher,
}

impl Matrix {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Hessian, Self::GaussNewton, Self::Residual, Self::NoiseCovariance, Self::EmpiricalFisher];

    /// Its name in studies and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hessian => "hessian",
            Self::GaussNewton => "gauss-newton",
            Self::Residual => "residual",
            Self::NoiseCovariance => "noise-covariance",
            Self::EmpiricalFisher => "empirical-fisher",
        }
    }

    /// Its letter in formulas.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Hessian => "H",
            Self::GaussNewton => "G",
            Self::Residual => "H − G",
            Self::NoiseCovariance => "C",
            Self::EmpiricalFisher => "F",
        }
    }

    /// Whether it is one of gradients (squared gradient), and not of curvature (loss per squared parameter).
    pub fn is_of_noise(self) -> bool {
        matches!(self, Self::NoiseCovariance | Self::EmpiricalFisher)
    }

    /// Whether no eigenvalue is negative, for losses that are convex in the outputs.
    pub fn is_positive(self) -> bool {
        !matches!(self, Self::Hessian | Self::Residual)
    }
}

/// A problem around a point: operators of its matrices there.
pub trait Linearisation: Send + Sync {
    /// The operator of a matrix. That of the noise covariance may compute the gradient first.
    fn operator(&self, which: Matrix) -> Box<dyn LinearOperator + '_>;

    /// Loss, gradient, and the lengths of the samples' gradients.
    ///
    /// # Errors
    /// On an interrupt, which is asked for before every block of samples, if the problem has such.
    fn gradients(&self, stop: &Stop) -> Result<Gradients, Interrupted>;

    /// How the samples change along each of `vectors` (of length `P`).
    ///
    /// # Errors
    /// As for [`gradients`](Self::gradients).
    fn along(&self, vectors: &[Vec<f64>], stop: &Stop) -> Result<Vec<SamplesAlong>, Interrupted>;

    /// `tr G`, exactly: a pass back from each output.
    ///
    /// # Errors
    /// As for [`gradients`](Self::gradients).
    fn gauss_newton_trace(&self, stop: &Stop) -> Result<f64, Interrupted>;

    /// The share of the data whose passes are kept from product to product.
    fn kept_share(&self) -> f64;
}
