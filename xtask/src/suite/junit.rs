//! Reports of tests in JUnit's format, as nextest and pytest write them.

use roxmltree::Document;

use super::tally::{self, Tally};

/// The tests of a report in JUnit's format.
pub(super) fn read(report: &str) -> Result<Tally, roxmltree::Error> {
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
        if test.children().any(|child| child.has_tag_name("skipped")) {
            tally.skipped += 1;
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
    <testsuite name="b" tests="2" errors="1">
        <testcase name="has-no-library" classname="b" time="0.0"><skipped type="pytest.skip"/></testcase>
        <testcase name="ends" classname="b" time="2.0"><error type="execution failure"/></testcase>
    </testsuite>
</testsuites>"#;
        let tally = read(report).unwrap();
        assert_eq!((tally.passed, tally.failed, tally.skipped), (1, 2, 2));
        assert_eq!(tally.slowest(2), [&(2.0, "b ends".to_string()), &(1.5, "a fails".to_string())]);
    }
}
