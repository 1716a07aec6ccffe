//! Development commands: `cargo xtask test` runs every test and check, `cargo xtask check` the fast ones, `cargo xtask docs` builds the docs.

mod peers;

use std::env;
use std::process::{Command, ExitCode};

/// A cargo invocation: its arguments and extra environment.
type Step = (&'static [&'static str], &'static [(&'static str, &'static str)]);

const FMT: Step = (&["fmt", "--all", "--", "--check"], &[]);
const CLIPPY: Step = (&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[]);
const TEST: Step = (&["test", "--workspace", "--locked"], &[]);
const DOCS: Step = (&["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")]);

const BENCH: Step = (&["bench", "--package", "logscape-bench", "--locked"], &[]);

const PRECISION: Step = (&["run", "--release", "--package", "logscape-bench", "--bin", "precision"], &[]);

const USAGE: &str = "usage: cargo xtask <command>

  test    fmt, clippy with warnings denied, docs build, unit, doc and integration tests
  check   fmt and clippy only
  bench   benchmarks, with throughput in replica-steps per second
  bench peers [--json FILE] [--work NAME]...
          our rates beside those of other libraries; installs them with pip
  bench scaling [--json FILE]
          our rates against replicas, dimension and batch size
  bench precision
          what single precision changes, on the same random streams
  docs    build the API documentation, warnings denied";

fn run((arguments, environment): &Step) -> bool {
    cargo(arguments, environment)
}

fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> bool {
    eprintln!("xtask: cargo {}", arguments.join(" "));
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    match Command::new(cargo).args(arguments).envs(environment.iter().copied()).status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("xtask: cannot start cargo: {error}");
            false
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let steps: &[Step] = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => &[FMT, CLIPPY, DOCS, TEST],
        ["check"] => &[FMT, CLIPPY],
        ["bench"] => &[BENCH],
        ["bench", "peers", ref rest @ ..] => {
            return if peers::run(rest) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        ["bench", "precision"] => &[PRECISION],
        ["bench", "scaling", ref rest @ ..] => {
            let program = [&["run", "--release", "--package", "logscape-bench", "--bin", "scaling", "--"][..], rest];
            return if cargo(&program.concat(), &[]) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        ["docs"] => &[DOCS],
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if steps.iter().all(run) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
