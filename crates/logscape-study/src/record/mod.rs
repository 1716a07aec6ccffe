//! What a run leaves behind: results, tables, manifest, and the folder that holds them.

mod error;
mod folder;
mod manifest;
mod owner;
mod results;
#[cfg(feature = "schema")]
mod schema;
mod tables;

pub use error::RecordError;
pub use folder::{Checkpoints, Record, RunFolder};
pub(crate) use folder::{sha256, write_pages};
pub use manifest::Manifest;
pub use results::{
    CommittedRecord, DynamicsEscape, DynamicsStationary, EscapeRecord, GeometryRecord, Judgement, MeasuredRecord,
    Method, MinimumRecord, PredictionRecord, QuantileRecord, RareRecord, RefutationRecord, Results, SaddleRecord,
    SaddlesRecord, SeriesRecord, SettingRecord, StandingRecord, StationaryRecord, StudyVerdictRecord, VerdictRecord,
};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use tables::{
    EnergyPathRow, EscapeRow, NoiseRow, PathRow, PhaseRow, ScalingRow, SpectrumRow, StationaryRow, Table, Tables,
    TrajectoryRow,
};
pub(crate) use tables::{energy_path_rows, escape_rows, path_rows, stationary_rows, trajectory_rows};
