//! Curvature and noise along the leading directions.

use super::table::Table;
use logscape::Geometry;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// Curvature and noise along one leading direction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct NoiseRow {
    /// 1 for the sharpest direction.
    pub rank: u64,
    /// Curvature `h`.
    pub curvature: f64,
    /// One-sample noise `vᵀCv`.
    pub noise: f64,
    /// Lower end of its 95 % interval.
    pub noise_low: f64,
    /// Upper end.
    pub noise_high: f64,
    /// Whether the direction is an outlier.
    pub outlier: bool,
    /// `vᵀCv/(2 L* h)`.
    pub ratio: f64,
    /// Lower end of its 95 % interval.
    pub ratio_low: f64,
    /// Upper end.
    pub ratio_high: f64,
}

impl Table for NoiseRow {
    const MEANING: &'static str = "curvature and noise per leading direction";
}

/// The rows of a geometry.
pub(crate) fn noise_rows(geometry: &Geometry) -> Vec<NoiseRow> {
    let rows = geometry.directions.iter().zip(1..);
    rows.map(|(direction, rank)| NoiseRow {
        rank,
        curvature: direction.curvature,
        noise: direction.noise.value,
        noise_low: direction.noise.ci95[0],
        noise_high: direction.noise.ci95[1],
        outlier: rank as usize <= geometry.outliers.count,
        ratio: direction.ratio.value,
        ratio_low: direction.ratio.ci95[0],
        ratio_high: direction.ratio.ci95[1],
    })
    .collect()
}

/// Curvature and noise along one of the leading eigenvectors of the noise covariance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct LeadingNoiseRow {
    /// 1 for the noisiest direction.
    pub rank: u64,
    /// Curvature `uᵀHu`.
    pub curvature: f64,
    /// One-sample noise `uᵀCu`.
    pub noise: f64,
    /// Lower end of its 95 % interval.
    pub noise_low: f64,
    /// Upper end.
    pub noise_high: f64,
    /// `uᵀCu/(2 L* uᵀHu)`.
    pub ratio: f64,
    /// Lower end of its 95 % interval.
    pub ratio_low: f64,
    /// Upper end.
    pub ratio_high: f64,
}

impl Table for LeadingNoiseRow {
    const MEANING: &'static str = "curvature and noise per leading direction of the noise";
}

/// The rows of a geometry.
pub(crate) fn leading_noise_rows(geometry: &Geometry) -> Vec<LeadingNoiseRow> {
    let directions = geometry.noise_subspace.iter().flat_map(|found| &found.directions);
    directions
        .zip(1..)
        .map(|(direction, rank)| LeadingNoiseRow {
            rank,
            curvature: direction.curvature,
            noise: direction.noise.value,
            noise_low: direction.noise.ci95[0],
            noise_high: direction.noise.ci95[1],
            ratio: direction.ratio.value,
            ratio_low: direction.ratio.ci95[0],
            ratio_high: direction.ratio.ci95[1],
        })
        .collect()
}
