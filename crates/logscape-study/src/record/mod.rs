//! What a run leaves behind: results, tables, manifest, and the folder that holds them.

mod error;
mod files;
mod folder;
mod hash;
mod manifest;
mod open;
mod owner;
mod place;
mod results;
#[cfg(feature = "schema")]
mod schema;
mod sums;
mod tables;
mod unfinished;

pub use error::RecordError;
pub(crate) use folder::write_pages;
pub use folder::{Checkpoints, Record, RunFolder};
pub(crate) use hash::{sha256, sha256_of_all, sha256_of_file};
pub use manifest::{DataColumns, DataFile, Manifest, Origin};
pub use open::OpenRecord;
pub(crate) use results::by_theory;
pub use results::{
    ClassesRecord, CommittedRecord, CurvatureRecord, DynamicsEscape, DynamicsStationary, EscapeRecord, GeometryRecord,
    InterpolationRecord, Judgement, LookBias, MeasuredRecord, Method, MinimumRecord, NoiseSubspaceRecord,
    PredictionRecord, QuantileRecord, RareRecord, RefutationRecord, Results, SaddleRecord, SaddlesRecord, SeriesRecord,
    SettingRecord, StandingRecord, StartEscapeRecord, StartRecord, StationaryRecord, StudyVerdictRecord,
    TrainingRecord, UnstandardisedRecord, VerdictRecord,
};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use tables::{
    ClassRow, Column, DensityRow, EigenvalueRow, EnergyPathRow, EscapeRow, LanczosRow, LeadingNoiseRow, NoiseRow,
    PathRow, PhaseRow, ScalingRow, SpectrumRow, StationaryRow, Table, Tables, TrainingNoiseRow, TrainingRow,
    TrajectoryRow, Values,
};
pub(crate) use tables::{
    density_rows, eigenvalue_rows, energy_path_rows, escape_rows, lanczos_rows, path_rows, stationary_rows,
    training_rows, trajectory_rows,
};
pub(crate) use unfinished::UnfinishedFolder;
