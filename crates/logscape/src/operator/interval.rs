//! Intervals of means whose distribution is skewed.

use crate::Estimate;

/// The normal distribution is within so many standard deviations of its mean in 95 % of cases.
pub(super) const NORMAL: f64 = 1.959_963_984_540_054;

/// The interval of a mean from its standard error, its skewness and the quantile of its studentised form without skewness, which
/// is symmetric.
///
/// With `T = (x̄ − μ)/σ̂` and skewness `γ` of `x̄`, the transformed `T + γT²/3 + γ²T³/27 + γ/6` is symmetric to order `γ` (Hall
/// 1992, *J. R. Stat. Soc. B* 54, 221). It increases, with the inverse `3 ((1 + γ(y − γ/6))^{1/3} − 1)/γ`.
pub(super) fn skewed(mean: f64, error: f64, skewness: f64, quantile: f64) -> Estimate {
    let studentised = |y: f64| {
        if skewness.abs() < 1e-8 { y } else { 3.0 * ((1.0 + skewness * (y - skewness / 6.0)).cbrt() - 1.0) / skewness }
    };
    Estimate::new(mean, mean - error * studentised(quantile), mean - error * studentised(-quantile))
}
