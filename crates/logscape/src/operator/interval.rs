//! Intervals of means whose distribution is skewed.

use crate::Estimate;

/// The normal distribution is within so many standard deviations of its mean in 95 % of cases.
pub(super) const NORMAL: f64 = 1.959_963_984_540_054;

/// The interval of a mean `x̄` from its standard error `σ̂`, its skewness `γ`, and the quantile of its studentised form without skewness,
/// which is symmetric. `shared` is the covariance `c` of `(x̄ − μ)/σ` and `σ̂²/σ²`.
///
/// To first order in them `T = (x̄ − μ)/σ̂` has the mean `−c/2` and the third cumulant `γ − 3c`, so that `T + aT² + γ/6` with
/// `a = (3c − γ)/6` is symmetric. Where `σ̂²` is the samples' own variance `c = γ` and `a = γ/3` (Hall 1992, *J. R. Stat. Soc. B* 54, 221). With a cubic term,
/// as there, it is `((1 + aT)³ − 1)/(3a) + γ/6`, which increases.
pub(super) fn skewed(mean: f64, error: f64, [skewness, shared]: [f64; 2], quantile: f64) -> Estimate {
    let a = (3.0 * shared - skewness) / 6.0;
    let studentised = |y: f64| {
        let y = y - skewness / 6.0;
        if a.abs() < 1e-9 { y } else { ((1.0 + 3.0 * a * y).cbrt() - 1.0) / a }
    };
    Estimate::new(mean, mean - error * studentised(quantile), mean - error * studentised(-quantile))
}
