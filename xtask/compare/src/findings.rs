//! What a comparison found.

use std::collections::BTreeSet;

/// What two records do not have in common.
#[derive(Default, Debug, PartialEq)]
pub(crate) struct Findings {
    /// Values that differ or that the new one lacks, with both of them, in the order of the record.
    pub(crate) differences: Vec<String>,
    /// What only the new one has.
    pub(crate) additions: BTreeSet<String>,
}

impl Findings {
    /// Notes two values that should be the same.
    pub(crate) fn differ(&mut self, place: &str, old: &str, new: &str) {
        self.differences.push(format!("{place}: old {}, new {}", brief(old), brief(new)));
    }

    /// Notes what the new record lacks.
    pub(crate) fn missing(&mut self, what: &str, place: &str, old: &str) {
        let old = if old.is_empty() { String::new() } else { format!(": old {}", brief(old)) };
        self.differences.push(format!("missing {what} {place}{old}"));
    }

    /// Notes what only the new record has.
    pub(crate) fn addition(&mut self, what: &str, place: &str) {
        self.additions.insert(format!("new {what} {place}"));
    }
}

/// A value, cut where it is long.
fn brief(value: &str) -> String {
    const LONGEST: usize = 100;
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.into(),
    }
}
