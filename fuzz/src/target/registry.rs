//! The list of readers.

use super::{Target, arrow, checkpoint, data, parquet, record, study, weights};

/// All readers.
pub(crate) const TARGETS: [Target; 15] = [
    study::STUDY,
    data::CSV,
    data::CSV_GZ,
    parquet::PARQUET,
    arrow::ARROW,
    data::NPY,
    data::NPZ,
    data::IDX,
    data::IDX_GZ,
    data::CIFAR,
    weights::WEIGHTS,
    record::RECORD,
    checkpoint::CHECKPOINT,
    checkpoint::FORGED,
    checkpoint::UNFINISHED,
];

/// The target of that name.
pub(crate) fn by_name(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}
