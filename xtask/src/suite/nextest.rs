//! `cargo nextest run`, whose report is read for counts and times.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::junit;
use super::tally::Tally;
use crate::cargo;

/// Runs unit and integration tests.
pub(super) fn run() -> (bool, Tally) {
    let Some(report) = report() else {
        eprintln!("xtask: cargo metadata does not say where builds go");
        return (false, Tally::default());
    };
    // One of an earlier run would be read where this one does not build.
    let _ = fs::remove_file(&report);
    let sound = cargo::run(&["nextest", "run", "--workspace", "--locked", "--profile", "default"], &[]);
    let Ok(text) = fs::read_to_string(&report) else { return (false, Tally::default()) };
    match junit::read(&text) {
        Ok(mut tally) => {
            // The report leaves them out.
            let list = ["nextest", "list", "--workspace", "--locked", "--message-format", "json"];
            tally.skipped += cargo::output(&list).and_then(|list| ignored(&list)).unwrap_or(0);
            (sound, tally)
        }
        Err(error) => {
            eprintln!("xtask: {}: {error}", report.display());
            (false, Tally::default())
        }
    }
}

/// Where `.config/nextest.toml` has the report written.
fn report() -> Option<PathBuf> {
    Some(cargo::target()?.join("nextest/default/junit.xml"))
}

/// How many tests of a list are ignored.
fn ignored(list: &[u8]) -> Option<usize> {
    let list: Value = serde_json::from_slice(list).ok()?;
    let suites = list["rust-suites"].as_object()?.values();
    let tests = suites.filter_map(|suite| suite["testcases"].as_object()).flat_map(|tests| tests.values());
    Some(tests.filter(|test| test["ignored"] == true).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_tests_are_counted_over_all_programs() {
        let list = br#"{"test-count": 4, "rust-suites": {
            "a": {"testcases": {"x": {"ignored": true}, "y": {"ignored": false}}},
            "b": {"testcases": {"x": {"ignored": true}}},
            "c": {"testcases": {}}}}"#;
        assert_eq!(ignored(list), Some(2));
    }
}
