//! What can be wrong with a data set, and how to put it right.

use std::path::Path;

use thiserror::Error;

use crate::model::Interrupted;
use crate::model::memory::{self, TooLarge};

/// Why a data set was refused. Rows and lines count from 1; [`DataError::hint`] names the fix.
#[derive(Debug, Error)]
pub enum DataError {
    /// The file cannot be opened or read.
    #[error("{file}: cannot be read: {source}")]
    Read {
        /// The file.
        file: String,
        /// What the operating system or the decoder said.
        source: std::io::Error,
    },
    /// The path looks like none of the formats.
    #[error("{file}: no known format; there are: {known}")]
    UnknownFormat {
        /// The path.
        file: String,
        /// What paths of known formats look like.
        known: String,
    },
    /// There is no file of targets where those of these inputs belong.
    #[error("{file}: no targets beside these inputs; looked for {looked_for}")]
    NoTargets {
        /// The file of inputs.
        file: String,
        /// The path that was tried.
        looked_for: String,
    },
    /// The folder holds no pair of IDX files.
    #[error("{folder}: no IDX images and labels here; looked for {looked_for}; there is {there}")]
    MissingFiles {
        /// The folder.
        folder: String,
        /// The names that were tried.
        looked_for: String,
        /// The names like them that there are.
        there: String,
    },
    /// There is no sample, or a sample has no input or no target.
    #[error("{file}: no samples")]
    Empty {
        /// The file or generator.
        file: String,
    },
    /// An array's length does not fit the number of samples.
    #[error("{file}: {array} hold {found} numbers, not {rows} rows of {columns}")]
    Shape {
        /// The file or generator.
        file: String,
        /// Which array.
        array: String,
        /// Numbers in it.
        found: usize,
        /// Rows it should have.
        rows: usize,
        /// Columns it should have.
        columns: usize,
    },
    /// One entry of a table is not what it has to be.
    #[error("{file}: row {row}, column `{column}`: found `{found}`, wanted {wanted}")]
    Value {
        /// The file or generator.
        file: String,
        /// The row.
        row: usize,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
        /// What has to stand there.
        wanted: String,
    },
    /// One field of a CSV file is not a finite number.
    #[error("{file}: line {line}, column `{column}`: found `{found}`, wanted {wanted}")]
    Field {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// The column.
        column: String,
        /// What stands there.
        found: String,
        /// What has to stand there.
        wanted: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// A CSV file is written in a way that is not read.
    #[error("{file}: line {line}: {problem}")]
    Dialect {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A line of a CSV file has too few or too many fields.
    #[error("{file}: line {line} has {found} fields, the header has {expected}; {detail}")]
    Ragged {
        /// The file.
        file: String,
        /// The line.
        line: usize,
        /// Fields in the header.
        expected: usize,
        /// Fields on this line.
        found: usize,
        /// The first column without a value, or the last one before the surplus.
        detail: String,
    },
    /// No column of a CSV file, or no array of an NPZ file, has the wanted name.
    #[error("{file}: nothing is named `{column}`; there is {available}")]
    MissingColumn {
        /// The file.
        file: String,
        /// The name or pattern looked for.
        column: String,
        /// The names there are.
        available: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A column is named twice, or asked for where it cannot be had, such as both as input and as target.
    #[error("{file}: column `{column}` {problem}")]
    Column {
        /// The file.
        file: String,
        /// The column or pattern.
        column: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// A field of the file's header is wrong, or the file is not of this format.
    #[error("{file}: {field}: {problem}")]
    Format {
        /// The file.
        file: String,
        /// The field of the header.
        field: String,
        /// What it says, and what it should say.
        problem: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The file ends too early.
    #[error("{file}: truncated: {field} take {expected} bytes, found {found}")]
    Truncated {
        /// The file.
        file: String,
        /// What is cut off.
        field: String,
        /// Bytes that the header promises.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The file goes on after its last sample.
    #[error("{file}: {field} take {expected} bytes, and more follow")]
    Trailing {
        /// The file.
        file: String,
        /// What should have been last.
        field: String,
        /// Bytes that the header promises.
        expected: u64,
    },
    /// It would take more memory than the [limit](crate::model::memory).
    #[error("{file}: {source}")]
    TooLarge {
        /// The file or generator.
        file: String,
        /// How much, and of what.
        source: TooLarge,
    },
    /// Classes are needed, and the targets are none.
    #[error("{file}: {found}, which are no classes")]
    NoLabels {
        /// The file or generator.
        file: String,
        /// What the targets are.
        found: String,
    },
    /// A setting of a generator or a transformation is out of range.
    #[error("{file}: `{field}` is {found}, wanted {wanted}")]
    Parameter {
        /// The file or generator.
        file: String,
        /// The setting.
        field: String,
        /// Its value.
        found: String,
        /// What it should be.
        wanted: String,
    },
    /// Reading was ended on request.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl DataError {
    /// What to do about it, in one sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } => "check the path, the permissions and that the file is whole",
            Self::UnknownFormat { .. } => "check the path and its extension; is there such a file or folder?",
            Self::NoTargets { .. } => {
                "put inputs in `x.npy` and targets in `y.npy` of one folder (or `name_x.npy` and `name_y.npy`), or both in one NPZ"
            }
            Self::MissingFiles { .. } => {
                "give the folder that holds the image and the label file, gzip or plain, and rename them where their names differ"
            }
            Self::Empty { .. } => "give at least one sample with at least one input and one target",
            Self::Shape { .. } => "give inputs, targets and labels the same number of samples",
            Self::Value { .. } => "correct or drop the row; NaN, infinities and classes out of range are not accepted",
            Self::Field { hint, .. }
            | Self::Dialect { hint, .. }
            | Self::MissingColumn { hint, .. }
            | Self::Column { hint, .. }
            | Self::Format { hint, .. } => hint,
            Self::Ragged { .. } => "give every line as many fields as the header; quote a field that holds a separator",
            Self::Truncated { .. } => "copy or download the file again; it is not whole",
            Self::Trailing { .. } => "check the header's dimensions; the file holds more than they say",
            Self::TooLarge { .. } => "use fewer samples, columns or classes, or raise the limit by --memory",
            Self::NoLabels { .. } => {
                "leave out `one_hot`, or name one column of whole numbers or text by `targets = [...]`"
            }
            Self::Parameter { .. } => "change the setting to lie in the stated range",
            Self::Interrupted(_) => "read it again",
        }
    }

    /// Wraps what the system said on reading `path`.
    pub(super) fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::unreadable(&path.display().to_string(), source)
    }

    /// What the system said, or a decoder, or who ended the reading.
    pub(super) fn unreadable(file: &str, source: std::io::Error) -> Self {
        match source.downcast() {
            Ok(interrupted @ Interrupted) => Self::Interrupted(interrupted),
            Err(source) => Self::Read { file: file.into(), source },
        }
    }

    /// A part of a file cannot be what was written.
    pub(super) fn damaged(file: &str, part: &str) -> Self {
        Self::Format {
            file: file.into(),
            field: part.into(),
            problem: "it is damaged".into(),
            hint: "copy or download the file again, or write it anew",
        }
    }

    /// Refuses `count` numbers of so many bytes that take more than the limit of memory.
    pub(super) fn require_memory(file: &str, what: &str, count: u128, bytes_each: u128) -> Result<(), Self> {
        let too_large = |source| Self::TooLarge { file: file.into(), source };
        memory::require(what, count, bytes_each).map_err(too_large)
    }

    /// A setting out of range.
    pub(super) fn parameter(file: &str, field: &str, found: &dyn ToString, wanted: &str) -> Self {
        Self::Parameter { file: file.into(), field: field.into(), found: found.to_string(), wanted: wanted.into() }
    }

    /// A wrong field of a header, in a file that may not be what its name says.
    pub(super) fn format(file: &str, field: &str, found: &dyn ToString, wanted: &str) -> Self {
        let hint = "check that the file is what its name says, or save it again in this format";
        Self::format_with(file, field, found, wanted, hint)
    }

    /// A wrong field of a header, and what to do about it.
    pub(super) fn format_with(file: &str, field: &str, found: &dyn ToString, wanted: &str, hint: &'static str) -> Self {
        let problem = format!("found {}, wanted {wanted}", excerpt(&found.to_string()));
        Self::Format { file: file.into(), field: field.into(), problem, hint }
    }
}

/// What is shown of text of a file: all of what anyone would write, and of more its start, on one line and without what a terminal acts on.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown = String::new();
    for letter in text.chars().take(LONGEST) {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
