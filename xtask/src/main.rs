//! Development commands: `cargo xtask test` runs every test and check, `cargo xtask check` the fast ones, `cargo xtask docs` builds the docs.

mod circles;
mod lengths;
mod peers;
mod workspace;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Something that passes or fails.
#[derive(Clone, Copy)]
enum Step {
    /// A cargo invocation: its arguments and extra environment.
    Cargo(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// A check of the packages of the workspace at this root.
    Packages(fn(&Path, &[PathBuf]) -> bool),
}

const FMT: Step = Step::Cargo(&["fmt", "--all", "--", "--check"], &[]);
const CLIPPY: Step = Step::Cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"], &[]);
const TEST: Step = Step::Cargo(&["test", "--workspace", "--locked"], &[]);
const DOCS: Step = Step::Cargo(&["doc", "--workspace", "--no-deps", "--locked"], &[("RUSTDOCFLAGS", "-D warnings")]);
const CIRCLES: Step = Step::Packages(circles::check);
const ROOMS: Step = Step::Packages(circles::print_rooms);
const LENGTHS: Step = Step::Packages(lengths::check);

const BENCH: Step = Step::Cargo(&["bench", "--package", "logscape-bench", "--locked"], &[]);

const PRECISION: Step = Step::Cargo(&["run", "--release", "--package", "logscape-bench", "--bin", "precision"], &[]);

const USAGE: &str = "usage: cargo xtask <command>

  test    everything that `check` does, docs build, unit, doc and integration tests
  check   fmt, import circles, lengths of files, and clippy with warnings denied
  circles
          source files that import each other in a circle, and files that are too long
  circles --rooms
          which top-level modules of each crate import which
  compare OLD NEW
          where two records, or two folders of records, differ; to the bit
  bench   benchmarks, with throughput in replica-steps per second
  bench peers [--json FILE] [--work NAME]...
          our rates beside those of other libraries; installs them with pip
  bench scaling [--json FILE]
          our rates against replicas, dimension and batch size
  bench precision
          what single precision changes, on the same random streams
  docs    build the API documentation, warnings denied";

fn run(step: &Step) -> bool {
    match step {
        Step::Cargo(arguments, environment) => cargo(arguments, environment),
        Step::Packages(check) => match workspace::root() {
            Ok(root) => check(&root, &workspace::packages(&root)),
            Err(error) => {
                eprintln!("xtask: {error}");
                false
            }
        },
    }
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
        ["test"] => &[FMT, CIRCLES, LENGTHS, CLIPPY, DOCS, TEST],
        ["check"] => &[FMT, CIRCLES, LENGTHS, CLIPPY],
        // Both, so that one sees at once all that there is to mend.
        ["circles"] => {
            return if [CIRCLES, LENGTHS].map(|step| run(&step)) == [true; 2] {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        ["circles", "--rooms"] => &[ROOMS],
        ["compare", old, new] => {
            let program =
                ["run", "--quiet", "--locked", "--package", "compare-records", "--features", "zstd", "--", old, new];
            return if cargo(&program, &[]) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
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
