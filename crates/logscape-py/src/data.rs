//! Data that come with the program.

use crate::bytes::owned;
use crate::error::other;
use logscape::data;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;

/// Pictures (`N × 64`) and classes (`N × 10`) of handwritten digits.
#[pyfunction]
pub(crate) fn digits(py: Python<'_>) -> PyResult<[Bound<'_, PyByteArray>; 2]> {
    let digits = data::digits().map_err(|error| other(py, error.to_string()))?;
    Ok([owned(py, &digits.inputs), owned(py, &digits.targets)])
}
