//! The command `logscape`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(logscape_cli::run(std::env::args_os()))
}
