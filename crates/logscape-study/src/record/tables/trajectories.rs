//! The paths of replicas. The last column is a list of as many numbers as there are parameters.

use super::table::{Place, Table};
use logscape::ensemble::TrajectoryPoint;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::record::RecordWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::sync::Arc;

/// Where one replica was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrajectoryRow {
    /// Setting, in the order of `results.json`, from 0.
    pub setting: u64,
    /// `sgd`, or the name of the dynamics.
    pub dynamics: String,
    /// Replica, from 0.
    pub replica: u64,
    /// Steps taken, of the dynamics' own.
    pub step: u64,
    /// Time `t`.
    pub time: f64,
    /// Loss of all data.
    pub loss: f64,
    /// Parameters `θ` (`P`).
    pub theta: Vec<f64>,
}

impl Table for TrajectoryRow {
    const MEANING: &'static str = "the paths of the first replicas";
}

const SCHEMA: &str = "message trajectories {
    required int64 setting (integer(64, false));
    required binary dynamics (string);
    required int64 replica (integer(64, false));
    required int64 step (integer(64, false));
    required double time;
    required double loss;
    required group theta (list) {
        repeated group list {
            required double element;
        }
    }
}";

/// The rows of the trajectories of one dynamics in one setting.
pub(crate) fn trajectory_rows((setting, _, dynamics): Place, points: Vec<TrajectoryPoint>) -> Vec<TrajectoryRow> {
    let row = |point: TrajectoryPoint| TrajectoryRow {
        setting: setting as u64,
        dynamics: dynamics.to_owned(),
        replica: point.replica,
        step: point.steps,
        time: point.time,
        loss: point.loss,
        theta: point.theta,
    };
    points.into_iter().map(row).collect()
}

impl RecordWriter<TrajectoryRow> for &[TrajectoryRow] {
    fn write_to_row_group<W: Write + Send>(&self, group: &mut SerializedRowGroupWriter<W>) -> Result<()> {
        let rows = *self;
        let integers = |f: fn(&TrajectoryRow) -> u64| rows.iter().map(f).map(u64::cast_signed).collect::<Vec<_>>();
        let numbers = |f: fn(&TrajectoryRow) -> f64| rows.iter().map(f).collect::<Vec<_>>();
        let names: Vec<ByteArray> = rows.iter().map(|row| row.dynamics.as_str().into()).collect();
        column::<Int64Type>(group, &integers(|row| row.setting), None)?;
        column::<ByteArrayType>(group, &names, None)?;
        column::<Int64Type>(group, &integers(|row| row.replica), None)?;
        column::<Int64Type>(group, &integers(|row| row.step), None)?;
        column::<DoubleType>(group, &numbers(|row| row.time), None)?;
        column::<DoubleType>(group, &numbers(|row| row.loss), None)?;
        let theta: Vec<f64> = rows.iter().flat_map(|row| row.theta.iter().copied()).collect();
        // The first entry of a list begins a row, the others go on with it.
        let repetition: Vec<i16> = rows.iter().flat_map(|row| (0..row.theta.len()).map(|i| i16::from(i > 0))).collect();
        column::<DoubleType>(group, &theta, Some((&vec![1; theta.len()], &repetition)))?;
        Ok(())
    }

    fn schema(&self) -> Result<TypePtr> {
        Ok(Arc::new(parse_message_type(SCHEMA)?))
    }
}

/// Writes the next column, with its definition and repetition levels where it has some.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<impl Write + Send>,
    values: &[T::T],
    levels: Option<(&Vec<i16>, &Vec<i16>)>,
) -> Result<()> {
    let missing = || ParquetError::General("the schema of trajectories has fewer columns".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    let (definition, repetition) = levels.unzip();
    column.typed::<T>().write_batch(values, definition.map(Vec::as_slice), repetition.map(Vec::as_slice))?;
    column.close()
}
