//! A record with more replicas or repeats takes over those of a complete one.

use crate::asked::Study;
use crate::record::{Checkpoints, Record, RecordError};
use crate::stages::GROUPS;
use std::path::Path;

/// The ensembles of the complete record in `folder`, whose study differs by fewer replicas or repeats only.
///
/// # Errors
/// If there is no complete record, or it is of another study.
pub(crate) fn ensembles_of(folder: &Path, study: &Study) -> Result<Checkpoints, RecordError> {
    let old = Record::read(folder)?;
    let (old_counts, new_counts) = (Counts::of(&old.study), Counts::of(study));
    if new_counts.put_into(&old.study) != *study || !old_counts.can_become(&new_counts) {
        return Err(RecordError::CannotExtend(folder.to_path_buf()));
    }
    Ok(Checkpoints::of_ensembles(folder))
}

/// Numbers that may grow when a record is extended, where the study has such ensembles.
struct Counts {
    stationary: Option<usize>,
    escape: Option<usize>,
    repeats: Option<usize>,
}

impl Counts {
    fn of(study: &Study) -> Self {
        Self {
            stationary: study.stationary.as_ref().map(|table| table.replicas),
            escape: study.escape.as_ref().map(|table| table.replicas),
            repeats: study.escape.as_ref().map(|table| table.rare.repeats),
        }
    }

    fn can_become(&self, more: &Self) -> bool {
        let grouped = |count: Option<usize>| count.map(|count| count.min(GROUPS));
        let grow = self.stationary <= more.stationary && self.escape <= more.escape && self.repeats <= more.repeats;
        grow && grouped(self.stationary) == grouped(more.stationary)
    }

    /// The study with these numbers.
    fn put_into(&self, study: &Study) -> Study {
        let mut study = study.clone();
        if let (Some(table), Some(count)) = (&mut study.stationary, self.stationary) {
            table.replicas = count;
        }
        if let (Some(table), Some(count), Some(repeats)) = (&mut study.escape, self.escape, self.repeats) {
            (table.replicas, table.rare.repeats) = (count, repeats);
        }
        study
    }
}
