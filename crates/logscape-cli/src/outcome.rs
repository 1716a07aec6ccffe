//! How the command ends: what it prints, and its exit codes.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// The run failed.
pub(crate) const FAILED: u8 = 1;
/// The input is bad.
pub(crate) const BAD_INPUT: u8 = 2;

/// Prints data.
pub(crate) fn print(text: &str) -> ExitCode {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // Who reads the output, such as `head`, has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&format!("cannot write to standard output: {error}"), FAILED),
    }
}

/// Says words on standard error. Where nobody can hear them the work goes on.
pub(crate) fn tell(words: &str) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// Tells what went wrong.
pub(crate) fn fail(message: &str, code: u8) -> ExitCode {
    tell(&format!("error: {message}"));
    ExitCode::from(code)
}
