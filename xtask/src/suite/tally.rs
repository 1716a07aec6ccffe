//! What became of the tests.

/// How a test that cannot run here begins the line that says why.
const SKIP: &str = "skipped:";

/// Counts of tests, and the times that are known.
#[derive(Default, Debug, PartialEq)]
pub(crate) struct Tally {
    /// Ran to their end.
    pub(crate) passed: usize,
    /// Did not.
    pub(crate) failed: usize,
    /// Ignored, or said that they cannot run here.
    pub(crate) skipped: usize,
    /// Seconds and names; empty where the runner does not say.
    pub(crate) times: Vec<(f64, String)>,
}

impl Tally {
    /// Adds the tests of another.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.times.extend(other.times);
    }

    /// The tests that took longest, the slowest first.
    pub(crate) fn slowest(&self, count: usize) -> Vec<&(f64, String)> {
        let mut times: Vec<_> = self.times.iter().collect();
        times.sort_by(|a, b| b.0.total_cmp(&a.0));
        times.truncate(count);
        times
    }
}

/// Whether a test says in this line that it cannot run here. Where tests run one at a time, what one prints first stands
/// behind its name.
pub(super) fn says_skipped(line: &str) -> bool {
    let behind_name = || line.strip_prefix("test ")?.split_once(" ... ").map(|(_, rest)| rest);
    line.starts_with(SKIP) || behind_name().is_some_and(|rest| rest.starts_with(SKIP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_said_at_the_start_of_a_line() {
        assert!(says_skipped("skipped: no disk"));
        assert!(says_skipped("test a::b ... skipped: no disk"));
        assert!(!says_skipped("it was skipped: no disk"));
        assert!(!says_skipped("test a::skipped ... ok"));
    }

    #[test]
    fn the_slowest_come_first() {
        let times = [1.0, 3.0, 2.0].map(|seconds| (seconds, format!("{seconds}")));
        let tally = Tally { times: times.to_vec(), ..Tally::default() };
        assert_eq!(tally.slowest(2), [&(3.0, "3".to_string()), &(2.0, "2".to_string())]);
    }
}
