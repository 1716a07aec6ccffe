//! Studies, from a file, a text or tables of Python's.

use crate::error::{of_field, of_study, words};
use logscape_study::StudyError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// A study, and where relative paths in it start.
#[pyclass(frozen, module = "logscape._lib")]
pub(crate) struct Study {
    /// What it asks for.
    pub(crate) study: logscape_study::Study,
    /// The folder that relative paths in it start at.
    pub(crate) base: PathBuf,
}

impl Study {
    fn new(py: Python, study: Result<logscape_study::Study, StudyError>, base: &Path, own: bool) -> PyResult<Self> {
        let study = study.map_err(|error| of_study(py, error))?;
        if own && study.problem.is_some() {
            let message = "the study names a problem, and another is given";
            return Err(of_field(py, "problem", message, "leave the table out, or do not give `problem`"));
        }
        Ok(Self { study, base: base.to_path_buf() })
    }
}

/// The study in a file; relative paths in it start at its folder. One for an own problem needs no table `[problem]`.
#[pyfunction]
pub(crate) fn of_file(py: Python, path: PathBuf, overrides: Vec<String>, own: bool) -> PyResult<Study> {
    let load = if own { logscape_study::load_for_own_problem } else { logscape_study::load };
    Study::new(py, load(&path, &overrides), path.parent().unwrap_or(Path::new("")), own)
}

/// The study that a text in TOML holds; relative paths in it start at the current folder.
#[pyfunction]
pub(crate) fn of_text(py: Python, text: &str, overrides: Vec<String>, own: bool) -> PyResult<Study> {
    Study::new(py, parse(own)("the text", text, &overrides), Path::new(""), own)
}

/// The study whose tables an object in JSON holds; relative paths in it start at the current folder.
#[pyfunction]
pub(crate) fn of_json(py: Python, json: &str, overrides: Vec<String>, own: bool) -> PyResult<Study> {
    let text = toml::to_string(&of_value::<toml::Table>(json)?).map_err(refused)?;
    Study::new(py, parse(own)("the tables, as TOML", &text, &overrides), Path::new(""), own)
}

type Parse = fn(&str, &str, &[String]) -> Result<logscape_study::Study, StudyError>;

fn parse(own: bool) -> Parse {
    if own { logscape_study::parse_for_own_problem } else { logscape_study::parse }
}

/// The assignment of a value in JSON to a field, as `--set` takes it.
#[pyfunction]
pub(crate) fn assignment(field: &str, json: &str) -> PyResult<String> {
    Ok(format!("{field}={}", of_value::<toml::Value>(json)?))
}

/// The value in TOML of one in JSON.
fn of_value<T: DeserializeOwned>(json: &str) -> PyResult<T> {
    serde_json::from_str(json).map_err(refused)
}

fn refused(error: impl Display) -> PyErr {
    PyValueError::new_err(words(&error))
}
