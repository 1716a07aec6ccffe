//! The eigenvalues of the Hessian.

use super::table::Table;
use logscape::Geometry;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// One Hessian eigenvalue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct SpectrumRow {
    /// 1 for the largest.
    pub rank: u64,
    /// Eigenvalue of the Hessian.
    pub eigenvalue: f64,
    /// Residual norm `‖Hv − λv‖`.
    pub residual: f64,
    /// Whether it is an outlier.
    pub outlier: bool,
}

impl Table for SpectrumRow {
    const MEANING: &'static str = "Hessian eigenvalues";
}

/// The rows of a geometry.
pub(crate) fn spectrum_rows(geometry: &Geometry) -> Vec<SpectrumRow> {
    let rows = geometry.eigenvalues.iter().zip(&geometry.residuals).zip(1..);
    rows.map(|((&eigenvalue, &residual), rank)| SpectrumRow {
        rank,
        eigenvalue,
        residual,
        outlier: rank as usize <= geometry.outliers.count,
    })
    .collect()
}
