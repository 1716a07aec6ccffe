//! The ends of replicas.

use super::table::{Place, Table};
use logscape::ensemble::Termination;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// The end of one replica.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct EscapeRow {
    /// Setting, in the order of `results.json`, from 0.
    pub setting: u64,
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch_size: u64,
    /// `sgd`, or the name of the dynamics.
    pub dynamics: String,
    /// Replica, from 0.
    pub replica: u64,
    /// Steps taken, of the dynamics' own.
    pub steps: u64,
    /// Time `t`.
    pub time: f64,
    /// `escaped`, `diverged` (which is an escape), or `censored`.
    pub end: String,
}

impl Table for EscapeRow {
    const MEANING: &'static str = "the end of every replica";
}

/// The rows of an escape ensemble.
pub(crate) fn escape_rows((setting, sgd, dynamics): Place, ends: &[Termination]) -> Vec<EscapeRow> {
    ends.iter()
        .zip(0..)
        .map(|(end, replica)| {
            let (end, steps, time) = match *end {
                Termination::Escaped { steps, time } => ("escaped", steps, time),
                Termination::Censored { steps, time } => ("censored", steps, time),
                Termination::Diverged { steps, time } => ("diverged", steps, time),
            };
            EscapeRow {
                setting: setting as u64,
                learning_rate: sgd.learning_rate,
                batch_size: sgd.batch_size as u64,
                dynamics: dynamics.to_owned(),
                replica,
                steps,
                time,
                end: end.to_owned(),
            }
        })
        .collect()
}
