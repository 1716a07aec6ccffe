//! Development commands: `cargo xtask test` runs every test and check, `cargo xtask check` the fast ones, `cargo xtask docs` builds the docs.

mod cargo;
mod circles;
mod cpu;
mod lengths;
mod peers;
mod steps;
mod suite;
mod workspace;

use std::env;
use std::process::ExitCode;

use steps::Step;

const FMT: Step = Step::cargo("fmt", &["fmt", "--all", "--", "--check"]);
const CIRCLES: Step = Step::packages("circles", |root, packages| {
    // Both, so that one sees at once all that there is to mend.
    circles::check(root, packages) & lengths::check(root, packages)
});
const CLIPPY: Step =
    Step::cargo("clippy", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
const DOCS: Step =
    Step::cargo("docs", &["doc", "--workspace", "--no-deps", "--locked"]).with(&[("RUSTDOCFLAGS", "-D warnings")]);
const TESTS: Step = Step::tests("tests");
const ROOMS: Step = Step::packages("rooms", circles::print_rooms);
const BENCH: Step = Step::cargo("bench", &["bench", "--package", "logscape-bench", "--locked"]);
const PRECISION: Step =
    Step::cargo("precision", &["run", "--release", "--package", "logscape-bench", "--bin", "precision"]);

const COVERAGE: [&str; 6] = ["run", "--release", "--package", "logscape-bench", "--bin", "coverage"];

const USAGE: &str = "usage: cargo xtask <command>

  test    everything that `check` does, docs build, unit, doc and integration tests; says what ran and what it took
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
  bench coverage [--seeds N]
          how often the intervals of a record cover, as a table for the book
  bench precision
          what single precision changes, on the same random streams
  docs    build the API documentation, warnings denied";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let sound = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => steps::run_with_summary(&[FMT, CIRCLES, CLIPPY, DOCS, TESTS]),
        ["check"] => steps::run(&[FMT, CIRCLES, CLIPPY]),
        ["circles"] => steps::run(&[CIRCLES]),
        ["circles", "--rooms"] => steps::run(&[ROOMS]),
        ["compare", old, new] => {
            let program = ["run", "--quiet", "--locked", "--package", "compare-records", "--features", "zstd", "--"];
            cargo::run(&[&program[..], &[old, new]].concat(), &[])
        }
        ["bench"] => steps::run(&[BENCH]),
        ["bench", "peers", ref rest @ ..] => peers::run(rest),
        ["bench", "coverage", ref rest @ ..] => cargo::run(&[&COVERAGE[..], &["--"], rest].concat(), &[]),
        ["bench", "precision"] => steps::run(&[PRECISION]),
        ["bench", "scaling", ref rest @ ..] => {
            let program = ["run", "--release", "--package", "logscape-bench", "--bin", "scaling", "--"];
            cargo::run(&[&program[..], rest].concat(), &[])
        }
        ["docs"] => steps::run(&[DOCS]),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
