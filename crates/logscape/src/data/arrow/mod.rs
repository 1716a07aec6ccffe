//! Reads a data set from the columns of an Arrow file, or of a stream of Arrow's messages in a file.

mod batch;
mod batches;
mod flatbuffer;
mod schema;
mod source;
mod values;

use std::path::Path;

use self::batches::Batches;
use self::source::{Form, Source};
use super::format::{Format, ReadOptions, Survey, has_extension};
use super::table::Table;
use super::{DataError, Dataset};

/// The format of [`read_arrow`].
#[derive(Debug, Clone, Copy)]
pub struct Arrow;

impl Format for Arrow {
    fn name(&self) -> &'static str {
        "Arrow"
    }

    fn looks_like(&self) -> &'static str {
        "an `.arrow`, `.feather` or `.ipc` file, or `.arrows` stream, of such columns"
    }

    fn reads(&self, path: &Path) -> bool {
        ["arrow", "feather", "ipc", "arrows"].iter().any(|extension| has_extension(path, extension))
    }

    fn read(&self, path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
        read_arrow(path, options)
    }

    fn survey(&self, path: &Path, options: &ReadOptions) -> Result<Option<Survey>, DataError> {
        open(path, options)?.survey().map(Some)
    }
}

/// Reads an Arrow file (Feather is one since its second version) or stream, whose buffers are packed by LZ4 or zstd, or not at all.
///
/// Columns hold integers of every width, with a sign or without, up to `2⁵³`; reals of 2, 4 or 8 bytes; booleans, as 0 and 1; or places in
/// a dictionary of these. One that holds text can be the target, as classes. The columns in which pandas keeps the numbers of rows have no
/// name here.
///
/// # Errors
///
/// [`DataError`] with row and column for a null and for a number that is not finite or not exact, with the column where it holds
/// anything else, is missing or named twice, and for a file that is damaged, or without samples.
pub fn read_arrow(path: &Path, options: &ReadOptions) -> Result<Dataset, DataError> {
    Ok(open(path, options)?.read()?.read_from(&[path]))
}

/// Reads what the file says of its columns and of where they are.
fn open<'a>(path: &Path, options: &'a ReadOptions) -> Result<Table<'a, Batches<'a>>, DataError> {
    let (source, form) = Source::open(path, &options.watch)?;
    let (batches, header) = match form {
        Form::Listed => Batches::listed(source)?,
        Form::Stream => Batches::stream(source)?,
    };
    Table::new(batches, header, options)
}

#[cfg(test)]
mod tests;
