//! Running cargo, the one that runs us.

use std::env;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A cargo invocation.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs cargo, with extra environment; whether it succeeded.
pub(crate) fn run(arguments: &[&str], environment: &[(&str, &str)]) -> bool {
    announce(arguments);
    let status = command(arguments).envs(environment.iter().copied()).status();
    status.map_or_else(|error| cannot_start(&error), |status| status.success())
}

/// Runs cargo and hands on each line that it prints, after printing it too; whether it succeeded.
pub(crate) fn run_with_lines(arguments: &[&str], mut each: impl FnMut(&str)) -> bool {
    announce(arguments);
    let mut lines = || -> io::Result<bool> {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(child.stdout.take().expect("standard output is piped"));
        // A test may print what is no text.
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line)? > 0 {
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            each(text.trim_end_matches(['\n', '\r']));
            line.clear();
        }
        Ok(child.wait()?.success())
    };
    lines().unwrap_or_else(|error| cannot_start(&error))
}

/// What cargo prints, without showing it; none where it fails.
pub(crate) fn output(arguments: &[&str]) -> Option<Vec<u8>> {
    let output = command(arguments).stderr(Stdio::null()).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// Where builds go; none where cargo does not say.
pub(crate) fn target() -> Option<PathBuf> {
    let metadata = output(&["metadata", "--no-deps", "--format-version", "1", "--locked"])?;
    let metadata: Value = serde_json::from_slice(&metadata).ok()?;
    Some(PathBuf::from(metadata["target_directory"].as_str()?))
}

fn announce(arguments: &[&str]) {
    eprintln!("xtask: cargo {}", arguments.join(" "));
}

fn cannot_start(error: &io::Error) -> bool {
    eprintln!("xtask: cannot run cargo: {error}");
    false
}
