//! How the command ends: what it prints, and its exit codes.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// The run failed.
pub(crate) const FAILED: u8 = 1;
/// The input is bad.
pub(crate) const BAD_INPUT: u8 = 2;

/// Prints data.
pub(crate) fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads the output, such as `head`, has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&format!("cannot write to standard output: {error}"), FAILED),
    }
}

/// Tells what went wrong.
pub(crate) fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(code)
}
