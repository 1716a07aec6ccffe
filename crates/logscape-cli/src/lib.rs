//! The command `logscape` as a library: [`run()`] parses its arguments, calls the libraries and prints. What shows a run in words, on a
//! terminal or as lines of a log, is here for other programs that run studies.
//!
//! Data go to standard output, words to standard error.

#![warn(clippy::print_stderr, clippy::print_stdout)]

mod check;
mod command;
mod log;
mod new;
mod outcome;
mod progress;
mod quantity;
mod remaining;
mod shipped;
mod signals;
mod words;

pub use command::run;
pub use log::Log;
pub use progress::Terminal;
pub use quantity::{bytes, checkpoint_time};
