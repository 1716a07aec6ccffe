//! `results.json` is what its schema says, and a record reads back as what was written.

mod derived;
mod dynamics;
mod rare;
mod results;
pub(crate) mod runs;
mod saddles;
mod verdict;

pub(crate) use runs::complaints;
