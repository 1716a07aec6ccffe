//! What more is told of a minimum: the span of its noise, where its outliers come from, how sharp it is, how many parameters count.

use super::direction::DirectionNoise;
use serde::{Deserialize, Serialize};

/// The leading eigenvectors of the noise covariance `C`, as many as the Hessian has outliers, beside these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoiseSubspace {
    /// Curvature, noise and ratio along each of them, by descending noise. The intervals take the direction as given, although it is
    /// where these samples are noisiest.
    pub directions: Vec<DirectionNoise>,
    /// Whether the eigenpairs have converged to `10⁻⁴` of the largest eigenvalue.
    pub converged: bool,
    /// Cosines of the principal angles between their span and that of the outliers, descending: 1 where a direction is in both.
    pub cosines: Vec<f64>,
    /// Share of `tr C` within the span of the outliers.
    pub share_of_outliers: f64,
    /// Share of `tr C` within the span of the leading eigenvectors of `C`, the most that as many directions can have.
    pub share_of_leading: f64,
}

/// What the Gauss–Newton matrix `G = (1/N) Σ_μk w_μk g_μk g_μkᵀ` of a model that tells classes is made of, after Papyan (2019).
///
/// With `∇²_f ℓ_μ = Σ_k w_μk r_μk r_μkᵀ` the vectors are `g_μk = J_μᵀ r_μk`: with the cross-entropy `w_μk` is the probability of the
/// class `k` and `g_μk` the gradient if that were the sample's; other losses have one output in each. Means over the samples of a class
/// `c`, weighted by `w`, are `g_ck`, their means over `k ≠ c` are `g_c`, and the parts add up to `G`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassParts {
    /// The class means `g_c` (loss per squared parameter).
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub class_means: f64,
    /// The cross-class means `g_ck − g_c`, `k ≠ c`.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub cross_class: f64,
    /// The samples within, `g_μk − g_ck`, `k ≠ c`.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub within_class: f64,
    /// The samples' own classes, `k = c`, whose vectors are the samples' gradients with the cross-entropy.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub own_class: f64,
}

impl ClassParts {
    /// The sum, `tr G` or `vᵀGv`.
    pub fn sum(&self) -> f64 {
        self.class_means + self.cross_class + self.within_class + self.own_class
    }

    /// The parts in the order above.
    pub fn parts(&self) -> [f64; 4] {
        [self.class_means, self.cross_class, self.within_class, self.own_class]
    }
}

/// The levels of classes in `G`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassStructure {
    /// Classes that have samples.
    pub classes: usize,
    /// The parts of `tr G`.
    pub traces: ClassParts,
    /// The parts of `vᵀGv` along leading eigenvectors of the Hessian, in the order of the eigenvalues: the outliers, and some of the
    /// bulk after them.
    pub directions: Vec<ClassDirection>,
}

/// The parts of `vᵀGv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassDirection {
    /// Hessian eigenvalue `h = vᵀHv`.
    pub curvature: f64,
    /// What `vᵀGv` is made of.
    pub parts: ClassParts,
}

/// The largest loss that was found in a box around the minimum (Keskar et al., 2017).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BoxSharpness {
    /// `ε` of the box `|θ_i − θ*_i| ≤ ε (|θ*_i| + 1)`.
    pub epsilon: f64,
    /// `max L − L*` in the box, as far as an ascent from corner to corner has come: a lower bound.
    pub rise: f64,
    /// `100 (max L − L*)/(1 + L*)`, as published: a number that depends on the units of loss and parameters.
    pub sharpness: f64,
}

/// How many parameters the data determine (MacKay, 1992).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EffectiveParameters {
    /// `γ = Σ_i λ_i/(λ_i + a)` over the positive eigenvalues of the Hessian.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub count: f64,
    /// The curvature `a` of the prior that has the most evidence by Laplace's approximation, where `‖θ*‖² = γ/α`: with the mean square,
    /// whose noise is estimated beside, `a = 2 L γ/((N c − γ) ‖θ*‖²)`; with other losses `a = γ/(N ‖θ*‖²)`.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub prior_curvature: f64,
}
