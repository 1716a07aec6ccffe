//! Errors of the core as exceptions of the package, which defines them in `logscape/_errors.py`.

use logscape_study::record::RecordError;
use logscape_study::{RunError, StudyError};
use miette::Report;
use pyo3::prelude::*;
use std::fmt::Display;
use std::path::Path;

/// What the words of the command line are in a call from Python.
const WORDS: [(&str, &str); 8] = [
    ("the same command and --resume", "the same call and resume=True"),
    ("--resume", "resume=True"),
    ("--force", "force=True"),
    ("--allow-other-version", "allow_other_version=True"),
    ("--extend", "`extend`"),
    ("--memory", "`memory`"),
    ("--out", "`to`"),
    ("--set", "`set`"),
];

/// What the command line would say, in words of a call from Python.
pub(crate) fn words(error: &impl Display) -> String {
    WORDS.iter().fold(error.to_string(), |text, (theirs, ours)| text.replace(theirs, ours))
}

/// A study cannot be used.
pub(crate) fn of_study(py: Python, error: StudyError) -> PyErr {
    let field = error.field().map(str::to_owned);
    let report = Report::new(error);
    let hint = report.help().map(|help| words(&help));
    made(py, "StudyError", (words(&format!("{report:?}").trim_matches('\n')), hint, field))
}

/// A field of a study cannot be used.
pub(crate) fn of_field(py: Python, field: &str, message: &str, hint: &str) -> PyErr {
    made(py, "StudyError", (format!("{field}: {message}\n  hint: {hint}"), hint, field))
}

/// A run has no record.
pub(crate) fn of_run(py: Python, error: &RunError) -> PyErr {
    let text = words(error);
    let hint = hint(&text);
    match error {
        RunError::Interrupted { kept } => made(py, "Interrupted", (text, hint, kept.as_deref().map(Path::to_path_buf))),
        error if error.is_bad_study() => made(py, "StudyError", (text, hint, error.field())),
        _ => made(py, "Error", (text, hint)),
    }
}

/// A file has no parameters of a problem.
pub(crate) fn of_weights(py: Python, file: &str, message: impl Display, hint: Option<&str>) -> PyErr {
    made(py, "ModelError", (format!("{file}: {message}"), hint))
}

/// A record cannot be read.
pub(crate) fn of_record(py: Python, error: &RecordError) -> PyErr {
    let text = words(error);
    let hint = hint(&text);
    made(py, "Error", (text, hint))
}

/// Anything else went wrong.
pub(crate) fn other(py: Python, text: String) -> PyErr {
    made(py, "Error", (text,))
}

fn hint(text: &str) -> Option<String> {
    text.split_once("\n  hint: ").map(|(_, hint)| hint.to_owned())
}

fn made<'py>(py: Python<'py>, class: &str, arguments: impl pyo3::call::PyCallArgs<'py>) -> PyErr {
    let made = py.import("logscape._errors").and_then(|module| module.getattr(class)?.call1(arguments));
    made.map_or_else(|error| error, PyErr::from_value)
}
