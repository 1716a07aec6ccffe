//! Curvature and noise at the minimum.

use logscape::model::{Decoupling, FisherDecoupling};
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
            sample_curvature: geometry.sample_curvature,
        }
    }
}
