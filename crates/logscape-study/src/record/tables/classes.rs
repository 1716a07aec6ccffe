//! Where the curvature along leading directions comes from, where targets are classes.

use super::table::Table;
use logscape::Geometry;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// The parts of `vᵀGv` along one leading eigenvector of the Hessian.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct ClassRow {
    /// 1 for the sharpest direction.
    pub rank: u64,
    /// Hessian eigenvalue `h`.
    pub curvature: f64,
    /// Whether the direction is an outlier.
    pub outlier: bool,
    /// The means of the classes.
    pub class_means: f64,
    /// The means of a class and another output, around that of the class.
    pub cross_class: f64,
    /// The samples around those means.
    pub within_class: f64,
    /// The samples' own classes.
    pub own_class: f64,
}

impl ClassRow {
    /// The shares of the parts in `vᵀGv`, in the order of the columns; none of a direction without.
    pub(crate) fn shares(&self) -> Option<[f64; 4]> {
        let parts = [self.class_means, self.cross_class, self.within_class, self.own_class];
        let sum: f64 = parts.iter().sum();
        (sum > 0.0 && sum.is_finite()).then(|| parts.map(|part| part / sum))
    }
}

impl Table for ClassRow {
    const MEANING: &'static str = "levels of classes in the Gauss–Newton matrix per leading direction";
}

/// The rows of a geometry.
pub(crate) fn class_rows(geometry: &Geometry) -> Vec<ClassRow> {
    let directions = geometry.classes.iter().flat_map(|found| &found.directions);
    directions
        .zip(1..)
        .map(|(direction, rank)| ClassRow {
            rank,
            curvature: direction.curvature,
            outlier: rank as usize <= geometry.outliers.count,
            class_means: direction.parts.class_means,
            cross_class: direction.parts.cross_class,
            within_class: direction.parts.within_class,
            own_class: direction.parts.own_class,
        })
        .collect()
}
