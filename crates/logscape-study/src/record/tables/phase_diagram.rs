//! What theory says over learning rates and batch sizes.

use super::table::Table;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// A number of theory at one point of the plane of learning rates and batch sizes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct PhaseRow {
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch_size: u64,
    /// `log10_mean_steps` to the region's event, `critical_dimension_measured` or `mean_square_growth`.
    pub quantity: String,
    /// The theory behind the mean steps; empty for the others.
    pub theory: String,
    /// Its value; points without one have no row.
    pub value: f64,
}

impl Table for PhaseRow {
    const MEANING: &'static str = "theory over learning rates and batch sizes";
}
