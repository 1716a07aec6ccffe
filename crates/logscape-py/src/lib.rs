//! The extension module `logscape._lib`: studies, runs, records and the command for the Python package `logscape`, which gives them their
//! public form. There are no numerics here.

#![allow(clippy::needless_pass_by_value, reason = "what comes from Python is owned")]

mod bytes;
mod command;
mod data;
mod error;
mod events;
mod operator;
mod outside;
mod problem;
mod record;
mod run;
mod study;
mod table;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What the package takes from here.
#[pyo3::pymodule]
mod _lib {
    #[pymodule_export]
    use super::command::command;
    #[pymodule_export]
    use super::data::digits;
    #[pymodule_export]
    use super::operator::{Operator, operator};
    #[pymodule_export]
    use super::problem::{Model, network, outside};
    #[pymodule_export]
    use super::record::{Record, open};
    #[pymodule_export]
    use super::run::{Run, SharedMemo, byte_count, predict, start};
    #[pymodule_export]
    use super::study::{Study, assignment, of_file, of_json, of_text};
    #[pymodule_export]
    use super::table::Table;
}
