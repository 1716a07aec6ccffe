//! Every test of the workspace: those in Rust by cargo-nextest where it is installed, else by `cargo test`, with one verdict; those of the
//! Python package by pytest.

mod junit;
mod libtest;
mod nextest;
mod python;
mod tally;

pub(crate) use python::{run as run_python, run_with_torch as run_python_with_torch};
pub(crate) use tally::Tally;

use crate::cargo;

/// Runs unit, integration and doc tests in Rust; whether all passed, and what ran.
pub(crate) fn run() -> (bool, Tally) {
    let (sound, mut tally) =
        if cargo::output(&["nextest", "--version"]).is_some() { nextest::run() } else { libtest::run() };
    let (docs_sound, docs) = libtest::run_docs();
    tally.add(docs);
    (sound && docs_sound && tally.failed == 0, tally)
}
