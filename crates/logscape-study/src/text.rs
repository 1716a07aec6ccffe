//! Numbers in words.

use logscape::Estimate;

/// `value [low, high]` with four digits.
pub fn with_interval(estimate: &Estimate) -> String {
    format!("{:.4} {}", estimate.value, ends(estimate, |x| format!("{x:.4}")))
}

/// `[low, high]` of the 95 % interval, as `show` writes numbers; an end that is nowhere is unbounded.
pub fn ends(estimate: &Estimate, show: impl Fn(f64) -> String) -> String {
    let [low, high] = estimate.ci95.map(|x| if x.is_finite() { show(x) } else { "unbounded".to_owned() });
    format!("[{low}, {high}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_nowhere_is_unbounded() {
        assert_eq!(with_interval(&Estimate::new(0.69, 0.366, f64::INFINITY)), "0.6900 [0.3660, unbounded]");
        assert_eq!(with_interval(&Estimate::new(30.6, f64::NEG_INFINITY, 69.0)), "30.6000 [unbounded, 69.0000]");
    }
}
