//! The displaced points of the scaling test.

use super::table::Table;
use logscape::Geometry;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// One displaced point of the scaling test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct ScalingRow {
    /// Loss `L`.
    pub loss: f64,
    /// `tr C`.
    pub noise_trace: f64,
}

impl Table for ScalingRow {
    const MEANING: &'static str = "loss and noise at displaced points";
}

/// The rows of a geometry.
pub(crate) fn scaling_rows(geometry: &Geometry) -> Vec<ScalingRow> {
    let points = geometry.decoupling.iter().flat_map(|decoupling| &decoupling.scaling_points);
    points.map(|&(loss, noise_trace)| ScalingRow { loss, noise_trace }).collect()
}
