//! Curvature and noise at the minimum.

use logscape::model::{
    BoxSharpness, ClassParts, ClassStructure, Decoupling, EffectiveParameters, FisherDecoupling, NoiseSubspace,
};
use logscape::{Estimate, Geometry};
use serde::{Deserialize, Serialize};

/// The geometry of a run; spectrum and noise per direction are in the tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GeometryRecord {
    /// Number of outlier eigenvalues `n`, the effective dimension.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub outliers: usize,
    /// The rule that chose them, in words.
    pub outlier_rule: String,
    /// Ratio of the last outlier to the first bulk eigenvalue, dimensionless; null without a bulk.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub gap: Option<f64>,
    /// Typical outlier curvature `h*`, the geometric mean of the outliers, in units of loss per squared parameter.
    pub h_star: Estimate,
    /// Leading eigenvalues of the Hessian, descending, in units of loss per squared parameter; all known ones are in the table
    /// `spectrum`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub eigenvalues: Vec<f64>,
    /// Whether the table holds the whole spectrum.
    pub complete: bool,
    /// Noise strength `s` of `C ≈ 2 s L H`, dimensionless; 1 where decoupling holds as published. Null where the fit interpolates.
    pub noise_strength: Option<Estimate>,
    /// How well `C ≈ 2 s L H` holds. Null where the fit interpolates.
    pub decoupling: Option<Decoupling>,
    /// How the noise follows the Gauss–Newton matrix, for another loss than the mean square.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fisher: Option<FisherDecoupling>,
    /// Distance of the gradient's slope over a distance from the Hessian's, in units of the latter, where the loss has kinks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub kinks: Option<f64>,
    /// The span of the leading eigenvectors of the noise covariance `C`, as many as outliers, beside that of the outliers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_subspace: Option<NoiseSubspaceRecord>,
    /// Where the curvature comes from, where targets are classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassesRecord>,
    /// The largest loss in boxes around the minimum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sharpness: Vec<BoxSharpness>,
    /// How many parameters the data determine; absent where not all eigenvalues are known, and where the fit interpolates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_parameters: Option<EffectiveParameters>,
    /// Quantiles (50, 90, 99, 100 %) over the samples of one sample's curvature, `‖J_μ J_μᵀ‖` for the mean square, in units of
    /// loss per squared parameter.
    #[cfg_attr(feature = "schema", schemars(inner(range(min = 0))))]
    pub sample_curvature: [f64; 4],
}

impl From<&Geometry> for GeometryRecord {
    fn from(geometry: &Geometry) -> Self {
        let outliers = &geometry.outliers;
        let leading = (2 * outliers.count).max(50).min(geometry.eigenvalues.len());
        Self {
            outliers: outliers.count,
            outlier_rule: outliers.rule.clone(),
            gap: Some(outliers.gap).filter(|gap| gap.is_finite()),
            h_star: outliers.h_star,
            eigenvalues: geometry.eigenvalues[..leading].to_vec(),
            complete: geometry.complete,
            noise_strength: geometry.noise_strength,
            decoupling: geometry.decoupling.clone(),
            fisher: geometry.fisher,
            kinks: geometry.kinks,
            noise_subspace: geometry.noise_subspace.as_ref().map(NoiseSubspaceRecord::from),
            classes: geometry.classes.as_ref().map(ClassesRecord::from),
            sharpness: geometry.sharpness.clone(),
            effective_parameters: geometry.effective_parameters,
            sample_curvature: geometry.sample_curvature,
        }
    }
}

/// Leading eigenvectors of the noise covariance `C` beside the outliers of the Hessian; curvature and noise along each are in the table
/// `leading_noise`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NoiseSubspaceRecord {
    /// Whether the eigenpairs of `C` have converged.
    pub converged: bool,
    /// Cosines of the principal angles between the two spans, descending; 1 where a direction is in both.
    #[cfg_attr(feature = "schema", schemars(inner(range(min = 0, max = 1))))]
    pub cosines: Vec<f64>,
    /// Share of `tr C` within the span of the outliers.
    pub share_of_outliers: f64,
    /// The most of `tr C` that as many directions can have.
    pub share_of_leading: f64,
}

impl From<&NoiseSubspace> for NoiseSubspaceRecord {
    fn from(found: &NoiseSubspace) -> Self {
        Self {
            converged: found.converged,
            cosines: found.cosines.clone(),
            share_of_outliers: found.share_of_outliers,
            share_of_leading: found.share_of_leading,
        }
    }
}

/// The levels of classes in the Gauss–Newton matrix; the parts along each leading direction are in the table `classes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClassesRecord {
    /// Classes that have samples.
    pub classes: usize,
    /// The parts of `tr G`.
    pub traces: ClassParts,
}

impl From<&ClassStructure> for ClassesRecord {
    fn from(found: &ClassStructure) -> Self {
        Self { classes: found.classes, traces: found.traces }
    }
}
