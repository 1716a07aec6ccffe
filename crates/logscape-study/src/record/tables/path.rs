//! The path through the minimum on a line.

use super::table::Table;
use logscape::Path;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// One node of a path through the minimum.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct PathRow {
    /// Arc length.
    pub position: f64,
    /// Loss.
    pub loss: f64,
    /// Slope of the loss.
    pub gradient: f64,
    /// Its curvature.
    pub curvature: f64,
    /// One-sample noise along the path.
    pub noise: f64,
}

impl Table for PathRow {
    const MEANING: &'static str = "loss and noise along the path";

    /// Every setting of a study walks the same path.
    fn extend(rows: &mut Vec<Self>, more: Vec<Self>) {
        if rows.is_empty() {
            *rows = more;
        }
    }
}

/// The rows of a path.
pub(crate) fn path_rows(path: &Path) -> Vec<PathRow> {
    (0..path.position.len())
        .map(|k| PathRow {
            position: path.position[k],
            loss: path.loss[k],
            gradient: path.gradient[k],
            curvature: path.curvature[k],
            noise: path.noise[k],
        })
        .collect()
}
