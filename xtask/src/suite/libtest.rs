//! `cargo test`, whose output is read for the counts.

use std::mem;

use super::tally::{self, Tally};
use crate::cargo;

/// Runs unit and integration tests.
pub(super) fn run() -> (bool, Tally) {
    // Without what passing tests print, one that skips looks as one that passes.
    let arguments = ["test", "--workspace", "--tests", "--locked", "--no-fail-fast", "--", "--show-output"];
    read(&arguments)
}

/// Runs the examples in the documentation, which no other runner does.
pub(super) fn run_docs() -> (bool, Tally) {
    read(&["test", "--doc", "--workspace", "--locked", "--no-fail-fast"])
}

fn read(arguments: &[&str]) -> (bool, Tally) {
    let mut reader = Reader::default();
    let sound = cargo::run_with_lines(arguments, |line| reader.line(line));
    (sound, reader.tally)
}

/// Where in the output of a test program a line stands.
#[derive(Default, PartialEq)]
enum Part {
    /// Outside of what tests print.
    #[default]
    Own,
    /// Among what passing tests print.
    Successes,
    /// In what a passing test prints that has not said that it cannot run here.
    Success,
}

#[derive(Default)]
struct Reader {
    tally: Tally,
    part: Part,
    /// Tests of this program that passed by saying that they cannot run here.
    said_skipped: usize,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.part = Part::Own;
            let said = mem::take(&mut self.said_skipped);
            self.tally.passed += count(counts, "passed").saturating_sub(said);
            self.tally.failed += count(counts, "failed");
            self.tally.skipped += count(counts, "ignored") + said;
        } else if line == "successes:" {
            self.part = Part::Successes;
        } else if line == "failures:" {
            self.part = Part::Own;
        } else if self.part != Part::Own && line.starts_with("---- ") && line.ends_with(" stdout ----") {
            self.part = Part::Success;
        } else if self.part == Part::Success && tally::says_skipped(line) {
            self.part = Part::Successes;
            self.said_skipped += 1;
        }
    }
}

/// The number before a word in `ok. 3 passed; 0 failed; …`.
fn count(counts: &str, word: &str) -> usize {
    let mut parts = counts.split(['.', ';']).map(str::trim);
    parts.find_map(|part| part.strip_suffix(word)?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(output: &str) -> Tally {
        let mut reader = Reader::default();
        output.lines().for_each(|line| reader.line(line));
        reader.tally
    }

    const PASSING: &str = "
running 4 tests
test a ... ok
test b ... ok
test c ... ignored
test d ... ok

successes:

---- a stdout ----
skipped: no disk
skipped: no second disk either

---- b stdout ----
all is well: skipped: nothing


successes:
    a
    b
    d

test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s
";

    const FAILING: &str = "
running 2 tests
test a ... FAILED
test b ... ok

successes:

successes:
    b

failures:

---- a stdout ----
skipped: but then it failed

failures:
    a

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s
";

    #[test]
    fn counts_are_read_and_a_test_that_skips_has_not_passed() {
        assert_eq!(read(PASSING), Tally { passed: 2, failed: 0, skipped: 2, times: vec![] });
    }

    #[test]
    fn a_test_that_fails_has_not_skipped() {
        assert_eq!(read(FAILING), Tally { passed: 1, failed: 1, skipped: 0, times: vec![] });
    }

    #[test]
    fn programs_add_up() {
        assert_eq!(read(&[PASSING, FAILING].concat()), Tally { passed: 3, failed: 1, skipped: 2, times: vec![] });
    }
}
