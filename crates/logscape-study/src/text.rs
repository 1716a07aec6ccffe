//! Numbers in words.

use logscape::Estimate;

/// `value [low, high]` with four digits.
pub fn with_interval(estimate: &Estimate) -> String {
    let [low, high] = estimate.ci95;
    format!("{:.4} [{low:.4}, {high:.4}]", estimate.value)
}
