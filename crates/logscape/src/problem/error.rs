//! The errors of problems: data that do not fit, and failures at work.

use thiserror::Error;

/// Why data do not make a problem.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// There is nothing of something of which there must be at least one.
    #[error("{what}: there must be at least one")]
    Empty {
        /// What is missing.
        what: &'static str,
    },
    /// A flat array has the wrong number of values.
    #[error("{what}: {found} values, expected {expected}")]
    Length {
        /// Which array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that fits the rest of the data.
        expected: usize,
    },
    /// A value is infinite or not a number.
    #[error("{what}: value {index} is {value}, not a finite number")]
    NotFinite {
        /// Which array.
        what: &'static str,
        /// Position in the flat array.
        index: usize,
        /// The value found there.
        value: f64,
    },
    /// The loss needs targets that are probabilities.
    #[error("targets of sample {sample} are no probabilities; the loss needs {needs}")]
    NoProbabilities {
        /// Index into the data.
        sample: usize,
        /// What the targets have to be.
        needs: &'static str,
    },
    /// An observed entry lies outside of the matrix.
    #[error("entry {index} is at row {row}, column {column}, outside of a {rows} × {columns} matrix")]
    OutsideMatrix {
        /// Position in the list of entries.
        index: usize,
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
    },
}

/// What stopped a problem that computes by means that can fail, such as a callback into another language.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the problem failed: {message}")]
pub struct ProblemFailure {
    /// What it says of the failure.
    pub message: String,
}

/// `Ok` if `count > 0`.
pub(crate) fn require_some(what: &'static str, count: usize) -> Result<(), ProblemError> {
    if count == 0 { Err(ProblemError::Empty { what }) } else { Ok(()) }
}

/// `Ok` if `values` are `expected` finite numbers.
pub(crate) fn require_finite(what: &'static str, values: &[f64], expected: usize) -> Result<(), ProblemError> {
    if values.len() != expected {
        return Err(ProblemError::Length { what, found: values.len(), expected });
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(ProblemError::NotFinite { what, index, value: values[index] }),
        None => Ok(()),
    }
}
