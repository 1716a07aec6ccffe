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
const TESTS: Step = Step::tests("tests", suite::run);
const PYTHON: Step = Step::tests("python", suite::run_python);
const PYTHON_TORCH: Step = Step::tests("python", suite::run_python_with_torch);
const ROOMS: Step = Step::packages("rooms", circles::print_rooms);
const BENCH: Step = Step::cargo("bench", &["bench", "--package", "logscape-bench", "--locked"]);
const PRECISION: Step =
    Step::cargo("precision", &["run", "--release", "--package", "logscape-bench", "--bin", "precision"]);

const COVERAGE: [&str; 6] = ["run", "--release", "--package", "logscape-bench", "--bin", "coverage"];
/// The test that kills runs.
const KILLS: &[&str] = &[
    "test",
    "--workspace",
    "--locked",
    "--test",
    "cli",
    "--",
    "--exact",
    "--nocapture",
    "kills::every_method_killed_at_random_comes_to_the_bytes_of_a_run_on_one_thread",
];

const USAGE: &str = "usage: cargo xtask <command>

  test [--torch]
          everything that `check` does, docs build, unit, doc and integration tests, those of `python`; says what ran and what it took
  python [--torch]
          builds the wheel of the Python package, installs it in an environment of its own, and runs its tests; those of PyTorch models
          with `--torch`, which installs PyTorch there
  check   fmt, import circles, lengths of files, and clippy with warnings denied
  circles
          source files that import each other in a circle, and files that are too long
  circles --rooms
          which top-level modules of each crate import which
  compare OLD NEW
          where two records, or two folders of records, differ; to the bit
  fuzz [TARGET]... [--seconds N | --inputs N] [--seed S] [--threads N]
          broken input for every reader; what one fails at is kept
  kills [--count N] [--seed S]
          runs of every method, killed at random moments and resumed on one to three threads, come to the same bytes
  bench   benchmarks, with throughput in replica-steps per second
  bench peers [--json FILE] [--work NAME]...
          our rates beside those of other libraries; installs them with pip
  bench scaling [--json FILE]
          our rates against replicas, dimension and batch size
  bench sizes
          time and memory of products and noise against parameters, samples, vectors and memory
  bench coverage [--seeds N] [PART]...
          how often the intervals of a record cover, as a table for the book
  bench precision
          what single precision changes, on the same random streams
  bench passages [SEED [NAME]]
          how many passages through a loss level are not seen at their step, of the problems whose names contain NAME
  bench watching [FOLDER]
          what it costs to see passages through a loss level at their step; FOLDER holds MNIST in IDX files
  docs    build the API documentation, warnings denied";

/// What tells that test how many, and by which random numbers; none where an argument is wrong.
fn kills<'a>(arguments: &[&'a str]) -> Option<[(&'static str, &'a str); 2]> {
    let mut environment = [("LOGSCAPE_KILLS", "200"), ("LOGSCAPE_SEED", "1")];
    for pair in arguments.chunks(2) {
        let &[name, value] = pair else { return None };
        value.parse::<u64>().ok()?;
        let place = ["--count", "--seed"].iter().position(|known| *known == name)?;
        environment[place].1 = value;
    }
    Some(environment)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let sound = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => steps::run_with_summary(&[FMT, CIRCLES, CLIPPY, DOCS, TESTS, PYTHON]),
        ["test", "--torch"] => steps::run_with_summary(&[FMT, CIRCLES, CLIPPY, DOCS, TESTS, PYTHON_TORCH]),
        ["python", "--torch"] => steps::run_with_summary(&[PYTHON_TORCH]),
        ["python"] => steps::run_with_summary(&[PYTHON]),
        ["check"] => steps::run(&[FMT, CIRCLES, CLIPPY]),
        ["circles"] => steps::run(&[CIRCLES]),
        ["circles", "--rooms"] => steps::run(&[ROOMS]),
        ["compare", old, new] => {
            let program = ["run", "--quiet", "--locked", "--package", "compare-records", "--features", "zstd", "--"];
            cargo::run(&[&program[..], &[old, new]].concat(), &[])
        }
        ["fuzz", ref rest @ ..] => {
            let program = ["run", "--quiet", "--release", "--locked", "--package", "logscape-fuzz", "--"];
            cargo::run(&[&program[..], rest].concat(), &[])
        }
        ["kills", ref rest @ ..] => {
            let Some(environment) = kills(rest) else {
                eprintln!("usage: cargo xtask kills [--count N] [--seed S]");
                return ExitCode::from(2);
            };
            cargo::run(KILLS, &environment)
        }
        ["bench"] => steps::run(&[BENCH]),
        ["bench", "peers", ref rest @ ..] => peers::run(rest),
        ["bench", "coverage", ref rest @ ..] => cargo::run(&[&COVERAGE[..], &["--"], rest].concat(), &[]),
        ["bench", "precision"] => steps::run(&[PRECISION]),
        ["bench", name @ ("passages" | "scaling" | "sizes" | "watching"), ref rest @ ..] => {
            let program = ["run", "--release", "--package", "logscape-bench", "--bin", name, "--"];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_are_counted_and_seeded() {
        assert_eq!(kills(&[]), Some([("LOGSCAPE_KILLS", "200"), ("LOGSCAPE_SEED", "1")]));
        assert_eq!(kills(&["--seed", "7"]), Some([("LOGSCAPE_KILLS", "200"), ("LOGSCAPE_SEED", "7")]));
        for wrong in [&["--count"][..], &["--count", "x"], &["--cuont", "3"]] {
            assert_eq!(kills(wrong), None);
        }
    }
}
