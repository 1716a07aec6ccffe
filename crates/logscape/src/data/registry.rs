//! The list of data formats.

use std::path::Path;

use super::csv::Csv;
use super::format::{Format, ReadOptions};
use super::idx::Idx;
use super::npy::{Npy, Npz};
use super::{DataError, Dataset};

/// All formats, in the order in which a path is tried.
pub const FORMATS: &[&dyn Format] = &[&Csv, &Npz, &Npy, &Idx];

/// Reads the data set that a path leads to, in the first of [`FORMATS`] that it looks like.
///
/// # Errors
///
/// [`DataError::UnknownFormat`] where it looks like none, and those of the format.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
    open_in(FORMATS, path, options)
}

/// [`open`] with a list of formats of one's own.
///
/// # Errors
///
/// As [`open`].
pub fn open_in(formats: &[&dyn Format], path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
    match formats.iter().find(|format| format.reads(path)) {
        Some(format) => format.read(path, options),
        None => Err(DataError::UnknownFormat {
            file: path.display().to_string(),
            known: formats.iter().map(|format| format.looks_like()).collect::<Vec<_>>().join("; "),
        }),
    }
}
