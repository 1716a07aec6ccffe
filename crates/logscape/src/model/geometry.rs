//! What is measured at a minimum: curvature, gradient noise, and how one follows the other.

use super::direction::DirectionNoise;
use super::sgd::Precision;
use super::structure::{BoxSharpness, ClassStructure, EffectiveParameters, NoiseSubspace};
use crate::Estimate;
use crate::network::OutputLoss;
use crate::operator::TraceAndNorm;
use serde::{Deserialize, Serialize};

/// Outliers of the Hessian spectrum and the rule that chose them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outliers {
    /// Number of outliers `n`, the effective dimension.
    pub count: usize,
    /// Typical outlier curvature `h* = (Π h_i)^{1/n}`, the geometric mean of the outliers (loss per squared parameter).
    /// Its interval is the sampling error of the curvatures along the fixed eigendirections, `h_i = mean v_iᵀH_μ v_i`.
    pub h_star: Estimate,
    /// The rule in words.
    pub rule: String,
    /// Ratio of the last outlier to the first bulk eigenvalue; infinite when there is no bulk.
    #[serde(with = "super::unbounded::above")]
    pub gap: f64,
    /// Other cuts with the largest gaps, as `(n, h*, gap)`, largest gap first: the sensitivity to the rule.
    #[serde(with = "super::unbounded::cuts")]
    pub alternatives: Vec<(usize, f64, f64)>,
}

/// How well `C ≈ 2 s L H` holds at the minimum and along displacements from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Decoupling {
    /// `tr C / (2 L tr H)`.
    pub trace_ratio_hessian: f64,
    /// `tr C / (2 L tr G)` with the Gauss–Newton matrix `G`.
    pub trace_ratio_gauss_newton: f64,
    /// `‖C − aH‖_F / ‖C‖_F` in the outlier span with the best scalar `a`: 0 is perfect shape.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub frobenius_distance: f64,
    /// Share of `‖C‖_F²` that lies off the diagonal in the outlier eigenbasis of `H`.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub off_diagonal_share: f64,
    /// Exponent `γ` of `tr C ∝ L^γ` along displacements from the minimum; 1 where the scaling half of decoupling holds. The
    /// directions are uniform on the sphere of `√h_i (θ−θ*)_i` in the outlier span, so that each outlier has the same share of the
    /// rise of the quadratic loss on average, and this rise is to 1.3 to 4 times `L*`, in equal ratios. Another law has another
    /// exponent where `tr C` is no function of `L` alone. The interval is Student's for the slope of `ln tr C` on `ln L`.
    pub scaling_exponent: Estimate,
    /// The displaced points behind the exponent, as `(L, tr C)`.
    pub scaling_points: Vec<(f64, f64)>,
}

/// How the noise follows the Gauss–Newton matrix where the loss is another than the mean square: of probabilities that hold,
/// `C + ∇L ∇Lᵀ = G` (Fisher's identity), without the factor `2 L`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FisherDecoupling {
    /// `tr C / tr G`; 1 where Fisher's identity holds.
    pub trace_ratio: f64,
    /// Exponent of `tr C/tr G ∝ L^x` along the displacements of the scaling exponent; 0 where the identity holds, 1 where `C ∝ 2 L G`.
    /// That of `tr C/(2 L tr G)` is less by 1.
    pub exponent: Estimate,
}

/// Second moments of the samples' Hessians in the outlier span, `A_μ = VᵀH_μV`: the matrix of `M ↦ (1/N) Σ A_μ M A_μ` on
/// symmetric matrices.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HessianMoments {
    /// The basis, orthonormal: `(v_i v_jᵀ + v_j v_iᵀ)/√2`, or `v_i v_iᵀ` for `i = j`, of each of these pairs `i ≤ j`. All pairs of
    /// the leading 16 outliers, and `i = j` of the others; none where no samples were looked at.
    pub pairs: Vec<[usize; 2]>,
    /// Its lower triangle by rows (loss per squared parameter, squared).
    pub matrix: Vec<Vec<f64>>,
}

/// Everything that a theory may know of a minimum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Geometry {
    /// Number of parameters `P`.
    pub parameters: usize,
    /// Number of samples `N`.
    pub samples: usize,
    /// Number of outputs `c`.
    pub outputs: usize,
    /// Loss at the minimum `L*`.
    pub loss: f64,
    /// Why the fit interpolates, if it does: see [`Minimum::interpolating`](crate::Minimum::interpolating). What is a ratio to `L*`,
    /// or noise at the minimum, is then not known.
    #[serde(default)]
    pub interpolating: Option<String>,
    /// Norm of the full gradient there.
    pub gradient_norm: f64,
    /// Number of eigenvalues below `−10⁻⁶ λ_max`.
    pub index: usize,
    /// Known Hessian eigenvalues, descending.
    pub eigenvalues: Vec<f64>,
    /// Residual norms `‖Hv − λv‖`, same order.
    pub residuals: Vec<f64>,
    /// Whether `eigenvalues` is the whole spectrum.
    pub complete: bool,
    /// The lowest eigenvalues, ascending, of a spectrum that is not whole.
    #[serde(default)]
    pub lowest: Vec<f64>,
    /// Their residual norms.
    #[serde(default)]
    pub lowest_residuals: Vec<f64>,
    /// Products of the Hessian with a vector that the eigenvalues took.
    #[serde(default)]
    pub products: usize,
    /// Numbers in which their eigenvectors were kept meanwhile: single precision where memory allows no double.
    #[serde(default)]
    pub basis: Precision,
    /// Trace and Frobenius norm of the Hessian by random vectors; none where the spectrum is whole, or the fit interpolates.
    #[serde(default)]
    pub hessian_sums: Option<TraceAndNorm>,
    /// The outliers.
    pub outliers: Outliers,
    /// Unit eigenvectors of the outliers (`n` of length `P`), same order as the eigenvalues.
    pub vectors: Vec<Vec<f64>>,
    /// Noise along leading directions: the outliers, in the order of the eigenvalues, and some of the bulk after them. Empty where
    /// the fit interpolates.
    pub directions: Vec<DirectionNoise>,
    /// Noise strength `s`: mean of the outliers' ratios. None where the fit interpolates.
    pub noise_strength: Option<Estimate>,
    /// Decoupling measures. None where the fit interpolates.
    pub decoupling: Option<Decoupling>,
    /// The loss of the outputs; none for one that has no name.
    #[serde(default = "mean_square")]
    pub output_loss: Option<OutputLoss>,
    /// Share of the samples whose class has the largest output; none where the targets are no classes.
    #[serde(default)]
    pub accuracy: Option<f64>,
    /// How the noise follows `G`, for another loss than the mean square. None where the fit interpolates.
    #[serde(default)]
    pub fisher: Option<FisherDecoupling>,
    /// How far the Hessian is from the slope of the gradient over a distance, where the loss has kinks: the norm of
    /// `(∇L(θ+δ) − ∇L(θ−δ))/2 − Hδ` in units of `‖Hδ‖`, for a displacement `δ` among the outliers by which the quadratic loss rises by
    /// a hundredth. None where it is smooth, and where the fit interpolates.
    #[serde(default)]
    pub kinks: Option<f64>,
    /// The leading directions of the noise beside the outliers. None where the fit interpolates.
    #[serde(default)]
    pub noise_subspace: Option<NoiseSubspace>,
    /// Where the outliers come from; none where the targets are no classes, or more than a hundred.
    #[serde(default)]
    pub classes: Option<ClassStructure>,
    /// The largest loss in boxes around the minimum.
    #[serde(default)]
    pub sharpness: Vec<BoxSharpness>,
    /// How many parameters the data determine. None where the spectrum is not whole, and where the fit interpolates.
    #[serde(default)]
    pub effective_parameters: Option<EffectiveParameters>,
    /// Quantiles (50 %, 90 %, 99 %, 100 %) over the samples of the curvature of one sample, the largest eigenvalue of
    /// `J_μᵀ ∇²_f ℓ_μ J_μ`: `‖J_μ J_μᵀ‖` for the mean square.
    pub sample_curvature: [f64; 4],
    /// Second moments of the samples' Hessians in the outlier span.
    pub hessian_moments: HessianMoments,
}

impl Geometry {
    /// The noise strength `s`, which no check or formula passes where there is none: then it is NaN.
    pub(crate) fn strength(&self) -> f64 {
        self.noise_strength.map_or(f64::NAN, |strength| strength.value)
    }
}

#[allow(clippy::unnecessary_wraps, reason = "it stands for a field that is absent")]
fn mean_square() -> Option<OutputLoss> {
    Some(OutputLoss::MeanSquare)
}
