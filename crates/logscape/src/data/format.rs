//! What a data format is.

use std::path::Path;

use super::{DataError, Dataset};

/// Which columns are inputs and which are targets: names, or patterns such as `x*` for every name that begins with `x`.
///
/// Columns keep the order of the file within a pattern, and the order of the patterns otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvColumns {
    /// Names or patterns of the inputs; `x*` unless told otherwise.
    pub inputs: Vec<String>,
    /// Names or patterns of the targets; `y*` unless told otherwise.
    pub targets: Vec<String>,
}

impl Default for CsvColumns {
    fn default() -> Self {
        Self { inputs: vec!["x*".into()], targets: vec!["y*".into()] }
    }
}

/// How a file is to be read; each format takes what concerns it. The default reads what the format's own description says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Columns of a table with names.
    pub columns: CsvColumns,
}

/// A format of data files.
pub trait Format: Sync {
    /// Its name, such as `CSV`.
    fn name(&self) -> &'static str;
    /// What a path in this format leads to, in words that follow "give": `a `.csv` file …`.
    fn looks_like(&self) -> &'static str;
    /// Whether the path looks like it; the data may still be wrong.
    fn reads(&self, path: &Path) -> bool;
    /// Reads what the path leads to.
    ///
    /// # Errors
    ///
    /// [`DataError`] where it is not there, not whole, or no data set.
    fn read(&self, path: &Path, options: &ReadOptions) -> Result<Dataset, DataError>;
}

/// Whether the path ends with this extension, in capitals or not.
pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
