//! `cargo nextest run`, whose report is read for counts and times.

use std::fs;
use std::path::PathBuf;

use roxmltree::Document;
use serde_json::Value;

use super::tally::{self, Tally};
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
    match read(&text) {
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
    let metadata = cargo::output(&["metadata", "--no-deps", "--format-version", "1", "--locked"])?;
    let metadata: Value = serde_json::from_slice(&metadata).ok()?;
    Some(PathBuf::from(metadata["target_directory"].as_str()?).join("nextest/default/junit.xml"))
}

/// The tests of a report in JUnit's format.
fn read(report: &str) -> Result<Tally, roxmltree::Error> {
    let mut tally = Tally::default();
    let report = Document::parse(report)?;
    for test in report.descendants().filter(|node| node.has_tag_name("testcase")) {
        let name = [test.attribute("classname"), test.attribute("name")].map(Option::unwrap_or_default).join(" ");
        let seconds = test.attribute("time").and_then(|time| time.parse().ok());
        tally.times.extend(seconds.map(|seconds| (seconds, name)));
        if test.children().any(|child| child.has_tag_name("failure") || child.has_tag_name("error")) {
            tally.failed += 1;
            continue;
        }
        let output = test.children().find(|child| child.has_tag_name("system-out")).and_then(|output| output.text());
        if output.is_some_and(|output| output.lines().any(tally::says_skipped)) {
            tally.skipped += 1;
        } else {
            tally.passed += 1;
        }
    }
    Ok(tally)
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
    fn a_report_has_counts_and_times() {
        let report = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="4" failures="1" errors="1" time="3.5">
    <testsuite name="a" tests="3" failures="1">
        <testcase name="x::passes" classname="a" time="0.25">
            <system-out>
running 1 test
test x::passes ... ok
            </system-out>
        </testcase>
        <testcase name="fails" classname="a" time="1.5">
            <failure type="test failure"/>
            <system-out>skipped: but then it failed</system-out>
        </testcase>
        <testcase name="cannot" classname="a" time="0.5">
            <system-out>
running 1 test
skipped: 1 &lt; 2
test cannot ... ok
            </system-out>
        </testcase>
    </testsuite>
    <testsuite name="b" tests="1" errors="1">
        <testcase name="ends" classname="b" time="2.0"><error type="execution failure"/></testcase>
    </testsuite>
</testsuites>"#;
        let tally = read(report).unwrap();
        assert_eq!((tally.passed, tally.failed, tally.skipped), (1, 2, 1));
        assert_eq!(tally.slowest(2), [&(2.0, "b ends".to_string()), &(1.5, "a fails".to_string())]);
    }

    #[test]
    fn ignored_tests_are_counted_over_all_programs() {
        let list = br#"{"test-count": 4, "rust-suites": {
            "a": {"testcases": {"x": {"ignored": true}, "y": {"ignored": false}}},
            "b": {"testcases": {"x": {"ignored": true}}},
            "c": {"testcases": {}}}}"#;
        assert_eq!(ignored(list), Some(2));
    }
}
