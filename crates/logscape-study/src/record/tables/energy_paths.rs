//! The minimum-energy paths over the saddles, in several dimensions.

use super::path::{PathRow, path_rows};
use super::table::Table;
use logscape::WayOut;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// One node of a minimum-energy path over a saddle, from the minimum to the one beyond.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct EnergyPathRow {
    /// Saddle, in the order of `results.json`, from 0.
    pub saddle: u64,
    /// Arc length from the minimum.
    pub position: f64,
    /// Loss.
    pub loss: f64,
    /// Slope of the loss along the path.
    pub gradient: f64,
    /// Its curvature along the path's tangent.
    pub curvature: f64,
    /// One-sample noise along the path's tangent.
    pub noise: f64,
}

impl Table for EnergyPathRow {
    const MEANING: &'static str = "loss and noise along the path over each saddle";
}

/// The rows of the paths over the saddles.
pub(crate) fn energy_path_rows(ways_out: &[WayOut]) -> Vec<EnergyPathRow> {
    let paths = ways_out.iter().zip(0..).filter_map(|(way, saddle)| Some((way.path.as_ref()?, saddle)));
    let rows = paths.flat_map(|(path, saddle)| path_rows(path).into_iter().map(move |row| (row, saddle)));
    rows.map(|(PathRow { position, loss, gradient, curvature, noise }, saddle)| EnergyPathRow {
        saddle,
        position,
        loss,
        gradient,
        curvature,
        noise,
    })
    .collect()
}
