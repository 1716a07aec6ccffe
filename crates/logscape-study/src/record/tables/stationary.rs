//! Histograms of stationary ensembles.

use super::table::{Place, Table};
use logscape::stats::Histogram;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// One bin of a stationary histogram, summed over all groups.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct StationaryRow {
    /// Setting, in the order of `results.json`, from 0.
    pub setting: u64,
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch_size: u64,
    /// `sgd`, or the name of the dynamics.
    pub dynamics: String,
    /// `excess_loss` (`L − L*`), or `displacement_K` along the `K`-th outlier direction, from 1.
    pub quantity: String,
    /// Lower edge.
    pub lower: f64,
    /// Upper edge.
    pub upper: f64,
    /// Samples in the bin.
    pub count: u64,
    /// Samples of this quantity in all, those outside of all bins included.
    pub total: u64,
}

impl Table for StationaryRow {
    const MEANING: &'static str = "histograms of excess loss and displacement";
}

/// The rows of one stationary histogram.
pub(crate) fn stationary_rows(
    (setting, sgd, dynamics): Place,
    quantity: &str,
    histogram: &Histogram,
) -> Vec<StationaryRow> {
    let counts = histogram.counts();
    (0..counts.len())
        .map(|bin| StationaryRow {
            setting: setting as u64,
            learning_rate: sgd.learning_rate,
            batch_size: sgd.batch_size as u64,
            dynamics: dynamics.to_owned(),
            quantity: quantity.to_owned(),
            lower: histogram.edge(bin),
            upper: histogram.edge(bin + 1),
            count: counts[bin],
            total: histogram.total(),
        })
        .collect()
}
