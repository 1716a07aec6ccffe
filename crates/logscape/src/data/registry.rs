//! The list of data formats.

use std::path::Path;

use super::arrow::Arrow;
use super::cifar::Cifar10;
use super::csv::Csv;
use super::format::{Format, ReadOptions, Survey};
use super::idx::Idx;
use super::npy::{Npy, Npz};
use super::parquet::Parquet;
use super::{DataError, Dataset};

/// All formats, in the order in which a path is tried.
pub const FORMATS: &[&dyn Format] = &[&Csv, &Parquet, &Arrow, &Npz, &Npy, &Idx, &Cifar10];

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
    format_of(formats, path)?.read(path, options)
}

/// Looks through the columns of the table that a path leads to; `None` where it leads to arrays.
///
/// # Errors
///
/// As [`open`].
pub fn survey(path: &Path, options: &ReadOptions) -> Result<Option<Survey>, DataError> {
    format_of(FORMATS, path)?.survey(path, options)
}

/// The first format that the path looks like.
fn format_of<'a>(formats: &[&'a dyn Format], path: &Path) -> Result<&'a dyn Format, DataError> {
    let unknown = || DataError::UnknownFormat {
        file: path.display().to_string(),
        known: formats.iter().map(|format| format.looks_like()).collect::<Vec<_>>().join("; "),
    };
    formats.iter().copied().find(|format| format.reads(path)).ok_or_else(unknown)
}
