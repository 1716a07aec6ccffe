//! `[[expect]]`: what the results must show.

use super::check::{Wrong, require};
use serde::{Deserialize, Serialize};

/// `[[expect]]`: a number of `results.json` that must lie between two bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Where the number is: keys and list positions from 0, as in `settings.0.phi`; of an estimate its value is taken,
    /// and true and false are 1 and 0.
    pub what: String,
    /// Bounds, included.
    pub between: [f64; 2],
    /// Why.
    pub because: String,
}

impl Expectation {
    pub(super) fn check(&self) -> Result<(), Wrong> {
        let [low, high] = self.between;
        require(low <= high, "expect", format!("no number lies between {low} and {high}"), "give [low, high]")
    }
}
