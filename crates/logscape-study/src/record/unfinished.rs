//! The folder of an unfinished run for who only looks: a run may be at work there.

use super::error::RecordError;
use super::files::{read, unreadable, write_whole};
use super::folder::{Checkpoints, NOTES};
use super::place::{PARTIAL, beside, remove_page, unfinished_page};
use crate::asked::Study;
use std::path::{Path, PathBuf};

/// The folder of an unfinished run, to look at.
#[derive(Debug)]
pub(crate) struct UnfinishedFolder {
    place: PathBuf,
    partial: PathBuf,
}

impl UnfinishedFolder {
    /// The unfinished run that `folder` is, or whose record will be there; none where there is no such run.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        // `.` has no name of its own.
        let folder = if folder.file_name().is_some() { folder.to_path_buf() } else { folder.canonicalize().ok()? };
        let name = folder.file_name()?.to_str();
        let found = match name.and_then(|name| name.strip_suffix(PARTIAL)) {
            Some(place) => Self { place: folder.with_file_name(place), partial: folder },
            None if !folder.exists() => Self { partial: beside(&folder, PARTIAL), place: folder },
            None => return None,
        };
        found.partial.join("checkpoint").join(NOTES[0]).is_file().then_some(found)
    }

    /// Where the run keeps its work.
    pub(crate) fn partial(&self) -> &Path {
        &self.partial
    }

    /// The study as the run noted it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn study(&self) -> Result<Study, RecordError> {
        let path = self.partial.join("checkpoint").join(NOTES[0]);
        toml::from_str(&read(&path)?).map_err(|error| unreadable(&path, &error.message()))
    }

    /// Outputs of finished stages.
    pub(crate) fn checkpoints(&self) -> Checkpoints {
        Checkpoints::of_stages(&self.partial)
    }

    /// That the run has ended, if it has: nothing more is there to read.
    pub(crate) fn ended(&self) -> Option<RecordError> {
        let (partial, place) = (self.partial.clone(), self.place.clone());
        (!self.partial.exists()).then_some(RecordError::Ended { partial, place })
    }

    /// Writes the run's page beside its folder, where no record will hold it; returns where.
    ///
    /// # Errors
    /// If the system refuses, or the run has ended meanwhile.
    pub(crate) fn write_page(&self, text: &str) -> Result<PathBuf, RecordError> {
        let path = unfinished_page(&self.place);
        write_whole(&path, text.as_bytes()).map_err(|source| RecordError::Write { path: path.clone(), source })?;
        match self.ended() {
            None => Ok(path),
            Some(error) => {
                remove_page(&self.place);
                Err(error)
            }
        }
    }
}
