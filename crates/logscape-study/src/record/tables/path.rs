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

/// The rows of a path, up to the end of its shortest list.
pub(crate) fn path_rows(Path { position, loss, gradient, curvature, noise, .. }: &Path) -> Vec<PathRow> {
    let slopes = gradient.iter().zip(curvature).zip(noise);
    let nodes = position.iter().zip(loss).zip(slopes);
    let row = |((&position, &loss), ((&gradient, &curvature), &noise))| PathRow {
        position,
        loss,
        gradient,
        curvature,
        noise,
    };
    nodes.map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_was_shortened_by_hand_has_as_many_rows_as_it_can() {
        let list = |nodes: u32| (0..nodes).map(f64::from).collect();
        let path = Path {
            position: list(5),
            loss: list(4),
            gradient: list(5),
            curvature: list(3),
            noise: list(6),
            sample_slopes: Vec::new(),
            minimum: 0.0,
            quasi_potential: Vec::new(),
        };
        let row = |x| PathRow { position: x, loss: x, gradient: x, curvature: x, noise: x };
        assert_eq!(path_rows(&path), [0.0, 1.0, 2.0].map(row));
    }
}
