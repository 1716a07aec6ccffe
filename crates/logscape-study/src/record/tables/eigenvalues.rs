//! The known eigenvalues of the matrices that a study asks for.

use super::table::Table;
use crate::matrices::{MatrixCurvature, uncertainties};
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// One eigenvalue of a matrix.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct EigenvalueRow {
    /// Name of the matrix.
    pub matrix: String,
    /// The study's name of the parameters of its block; empty for all.
    pub block: String,
    /// Which end: `largest` or `lowest`.
    pub end: String,
    /// 1 for the outermost.
    pub rank: u64,
    /// The eigenvalue.
    pub eigenvalue: f64,
    /// Residual norm `‖Av − λv‖`.
    pub residual: f64,
    /// About how far the value is from the eigenvalue of its rank: the residual, and where others are so near that they cannot be told
    /// apart, the largest of theirs.
    pub uncertainty: f64,
    /// Whether the residual is at most the study's tolerance times the largest `|λ|`.
    pub converged: bool,
}

impl Table for EigenvalueRow {
    const MEANING: &'static str = "eigenvalues of the matrices that [curvature] asks for";
}

/// The rows of the matrices.
pub(crate) fn eigenvalue_rows(found: &[MatrixCurvature]) -> Vec<EigenvalueRow> {
    let rows = |found: &MatrixCurvature| {
        let (matrix, block) = (found.matrix.name(), found.block.clone().unwrap_or_default());
        let eigenvalues = &found.eigenvalues;
        let ends = [("largest", &eigenvalues.largest), ("lowest", &eigenvalues.lowest)];
        let rows = ends.into_iter().flat_map(|(end, pairs)| {
            pairs.iter().zip(uncertainties(pairs)).zip(1..).map(move |(pair, rank)| (end, pair, rank))
        });
        rows.map(|(end, (pair, uncertainty), rank)| EigenvalueRow {
            matrix: matrix.to_owned(),
            block: block.clone(),
            end: end.to_owned(),
            rank,
            eigenvalue: pair.value,
            residual: pair.residual,
            uncertainty,
            converged: pair.converged,
        })
        .collect::<Vec<_>>()
    };
    found.iter().flat_map(rows).collect()
}
