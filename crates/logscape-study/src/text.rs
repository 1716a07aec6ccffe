//! Numbers in words.

use logscape::Estimate;
use std::fmt::Display;

/// A number of things, whose name in the singular is `thing`: `1 outlier`, `3 trajectories`.
pub fn count<N: Copy + Display + PartialEq + From<u8>>(number: N, thing: &str) -> String {
    let noun = noun(thing, number == N::from(1));
    format!("{number} {noun}")
}

/// The name of one thing, or of several.
pub(crate) fn noun(thing: &str, one: bool) -> String {
    match thing.strip_suffix('y') {
        _ if one => thing.to_owned(),
        Some(stem) => format!("{stem}ies"),
        None if thing.ends_with('s') => format!("{thing}es"),
        None => format!("{thing}s"),
    }
}

/// Whether a number is seen with a few digits after the point.
fn is_plain(x: f64) -> bool {
    x == 0.0 || (1e-2..1e6).contains(&x.abs())
}

/// The number with so many digits after the point where that shows it, else in powers of ten: `0.070099`, `7.009897e-20`.
pub fn decimal(x: f64, digits: usize) -> String {
    if is_plain(x) { format!("{x:.digits$}") } else { format!("{x:.digits$e}") }
}

/// Up to twelve digits: without the last bits that the arithmetic of a grid leaves.
pub fn rounded(x: f64) -> String {
    format!("{x:.11e}").parse().unwrap_or(x).to_string()
}

/// Numbers with as many digits as they are known to, up to four: `-1.58e-2 ± 1.2e-3` of what is known to less. `show` writes numbers
/// with so many digits after the first. Uncertainties that are missing are 0.
pub fn uncertain(values: &[f64], uncertainties: &[f64], show: impl Fn(f64, usize) -> String) -> Vec<String> {
    let of = |(k, &value): (usize, &f64)| {
        let uncertainty = uncertainties.get(k).copied().unwrap_or(0.0);
        if uncertainty <= 5e-4 * value.abs() {
            return show(value, 3);
        }
        let digits = (value.abs() / uncertainty).log10().floor().clamp(-1.0, 2.0) + 1.0;
        let of = |x: f64, digits: usize| show(format!("{x:.digits$e}").parse().unwrap_or(x), digits);
        format!("{} ± {}", of(value, digits as usize), of(uncertainty, 1))
    };
    values.iter().enumerate().map(of).collect()
}

/// `value [low, high]` with four digits, all three in powers of ten where the value is too small or too large to be seen without.
pub fn with_interval(estimate: &Estimate) -> String {
    let show = |x: f64| if is_plain(estimate.value) { format!("{x:.4}") } else { format!("{x:.3e}") };
    format!("{} {}", show(estimate.value), ends(estimate, show))
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

    #[test]
    fn what_is_known_to_few_digits_shows_few() {
        let values = [-1.583_37e-2, -1.583_37e-2, -1.583_37e-2, 2.585e-5, 0.0, 35.8443];
        let shown = uncertain(&values, &[6e-7, 1.26e-4, 1.26e-3, 0.0232, 0.0232], |x, digits| format!("{x:.digits$e}"));
        let words =
            ["-1.583e-2", "-1.583e-2 ± 1.3e-4", "-1.58e-2 ± 1.3e-3", "3e-5 ± 2.3e-2", "0e0 ± 2.3e-2", "3.584e1"];
        assert_eq!(shown, words);
    }

    #[test]
    fn the_bits_that_a_grid_leaves_are_not_shown() {
        assert_eq!([0.1 + 0.2, 0.02 * 3.0, 1e-5, 123_456.0].map(rounded), ["0.3", "0.06", "0.00001", "123456"]);
        assert_eq!(rounded(1.0 / 3.0), "0.333333333333");
    }

    #[test]
    fn one_thing_is_in_the_singular() {
        assert_eq!([0, 1, 2].map(|n| count(n, "outlier")), ["0 outliers", "1 outlier", "2 outliers"]);
        assert_eq!([1, 20].map(|n| count(n, "trajectory")), ["1 trajectory", "20 trajectories"]);
        assert_eq!([1, 7].map(|n| count(n, "loss")), ["1 loss", "7 losses"]);
        assert_eq!([1.0, 1.5].map(|n| count(n, "level")), ["1 level", "1.5 levels"]);
    }

    #[test]
    fn numbers_of_any_size_are_shown() {
        let shown = [0.070_098_97, 7.009_897_2e-20, 70_126.7, 7.0e17, 0.0, -3e-9].map(|x| decimal(x, 6));
        assert_eq!(shown, ["0.070099", "7.009897e-20", "70126.700000", "7.000000e17", "0.000000", "-3.000000e-9"]);
        assert_eq!(with_interval(&Estimate::new(0.5, 0.4, 0.6)), "0.5000 [0.4000, 0.6000]");
        assert_eq!(with_interval(&Estimate::new(5e-9, 4e-9, 6e-9)), "5.000e-9 [4.000e-9, 6.000e-9]");
    }
}
