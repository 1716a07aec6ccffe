//! How the command ends: what it prints, and its exit codes.

use std::io::{self, ErrorKind, Write};

/// All is done.
pub(crate) const DONE: u8 = 0;
/// The run failed.
pub(crate) const FAILED: u8 = 1;
/// The input is bad.
pub(crate) const BAD_INPUT: u8 = 2;

/// Prints data.
pub(crate) fn print(text: &str) -> u8 {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => DONE,
        // Who reads the output, such as `head`, has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => DONE,
        Err(error) => fail(&format!("cannot write to standard output: {error}"), FAILED),
    }
}

/// Says words on standard error. Where nobody can hear them the work goes on.
pub(crate) fn tell(words: &str) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// Tells what went wrong.
pub(crate) fn fail(message: &str, code: u8) -> u8 {
    tell(&format!("error: {message}"));
    code
}

/// Prints the help or the version that was asked for, or what is wrong with the arguments.
pub(crate) fn told(words: &clap::Error) -> u8 {
    match words.print() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe && !words.use_stderr() => {
            fail(&format!("cannot write to standard output: {error}"), FAILED)
        }
        // Usage errors have the code of bad input.
        _ => u8::try_from(words.exit_code()).unwrap_or(FAILED),
    }
}
