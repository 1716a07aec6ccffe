//! Intervals from the scatter of independent groups.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::Estimate;

/// `f` of all groups, with the 95 % interval of the jackknife: `f` of all but one, for each of them, and Student's quantile.
/// `None` with fewer than two groups, or where a value is not finite.
pub(super) fn jackknife<T: Copy>(groups: &[T], f: impl Fn(&[T]) -> f64) -> Option<Estimate> {
    let g = groups.len() as f64;
    let value = f(groups);
    let left_out: Vec<f64> = (0..groups.len()).map(|k| f(&[&groups[..k], &groups[k + 1..]].concat())).collect();
    let mean = left_out.iter().sum::<f64>() / g;
    let variance = (g - 1.0) / g * left_out.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    let half = StudentsT::new(0.0, 1.0, g - 1.0).ok()?.inverse_cdf(0.975) * variance.sqrt();
    (value.is_finite() && half.is_finite()).then(|| Estimate::new(value, value - half, value + half))
}
