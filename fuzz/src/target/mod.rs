//! What reads bytes from outside, and good input for it.

mod arrow;
mod checkpoint;
mod data;
mod parquet;
mod record;
mod registry;
mod study;
mod weights;

pub(crate) use registry::{TARGETS, by_name};

use crate::input::Input;
use std::path::Path;
use std::time::Duration;

/// What a reader's words begin with that took what it should not have taken.
pub(crate) const WRONG: &str = "wrong: ";

/// A reader.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: &'static str,
    /// Good input.
    pub(crate) good: fn() -> Vec<Input>,
    /// Packs the input, as archives do, or makes its checksums right again.
    pub(crate) pack: Option<fn(&mut Input)>,
    /// Reads the input from its folder, and does with it what a user would see next. An error is what the user is told; one that
    /// begins with [`WRONG`] tells what must not be.
    pub(crate) read: fn(&Path) -> Result<(), String>,
    /// One of these is in whatever the user is told.
    pub(crate) names: &'static [&'static str],
    /// It takes no longer.
    pub(crate) time: Duration,
    /// Bytes that it may take, beside ten times those of the input.
    pub(crate) beside: usize,
    /// Bytes that it may take whatever the input: the limit, where that may unpack to more.
    pub(crate) memory: usize,
}

/// The limit of memory that readers are told.
pub(crate) const LIMIT: usize = 16 << 20;
