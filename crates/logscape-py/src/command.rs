//! The command line.

use pyo3::prelude::*;
use std::ffi::OsString;

/// Runs the command `logscape` with these arguments, of which the first is its name; returns its exit code. Other threads of Python go on
/// meanwhile. Commands that work for long listen to signals by themselves from then on: this is for a process that does nothing else.
#[pyfunction]
pub(crate) fn command(py: Python, arguments: Vec<OsString>) -> u8 {
    py.detach(|| logscape_cli::run(arguments))
}
