//! What a data format is.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::watch::Watch;
use super::{DataError, Dataset};

/// A column of a table, or an array of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Its place among all columns, from 1.
    Position(usize),
    /// Its name, or a pattern such as `x*` for every name that begins with `x`.
    Name(String),
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => write!(f, "{position}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// How a file is to be read; each format takes what concerns it. The default reads what the format's own description says.
///
/// Columns keep the order of the file within a pattern, and the order in which they are asked for otherwise.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions<'a> {
    /// The inputs. Where none are named: every column that is no target and has a name, or, where targets are not named either
    /// and there are columns named `x…` and `y…` (the letter alone, or no letter after it), those named `x…`.
    pub inputs: Vec<Column>,
    /// The targets. Where none are named: the columns named `y…` where inputs are those named `x…`; the last column otherwise.
    pub targets: Vec<Column>,
    /// Whether the one column of targets of a table names classes, which may be text.
    pub one_hot: bool,
    /// Who may end the reading, and hears how far it has come.
    pub watch: Watch<'a>,
}

impl ReadOptions<'_> {
    /// Refuses columns that are asked for, in a format that has none to name, as `what` says.
    pub(super) fn refuse_columns(&self, path: &Path, what: &str) -> Result<(), DataError> {
        match self.inputs.iter().chain(&self.targets).next() {
            None => Ok(()),
            Some(column) => Err(DataError::Column {
                file: path.display().to_string(),
                column: column.to_string(),
                problem: format!("is asked for, but {what}"),
                hint: "leave out `inputs` and `targets`",
            }),
        }
    }
}

/// What the columns of a table hold, and which of them would be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Names of the columns in the order of the table.
    pub names: Vec<String>,
    /// What each column holds.
    pub entries: Vec<Entries>,
    /// Places of the inputs, from 0.
    pub inputs: Vec<usize>,
    /// Places of the targets, from 0.
    pub targets: Vec<usize>,
}

/// How many entries of a column are what; none of them are where the format can tell that no number can be made of the column, such as of dates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entries {
    /// Finite numbers.
    pub numbers: u32,
    /// Something else, such as text.
    pub texts: u32,
    /// Nothing.
    pub holes: u32,
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
    /// Looks through the columns, for a format of tables; `None` for arrays.
    ///
    /// # Errors
    ///
    /// [`DataError`] where it is not there, not whole, or no table with such columns.
    fn survey(&self, _path: &Path, _options: &ReadOptions) -> Result<Option<Survey>, DataError> {
        Ok(None)
    }
}

/// Whether the path ends with this extension, in capitals or not.
pub(super) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
