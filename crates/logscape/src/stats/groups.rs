//! Intervals from the scatter of independent groups.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::Estimate;

/// Degrees of freedom of the mean square of `count` deviations with this kurtosis `κ`, `ν = (3/2) count/(κ − 1)`: a variance has the relative
/// error `√((κ − 1)/count)`, which `2 count/(κ − 1)` of them have. Three quarters are left, since few values show too small a kurtosis; where
/// few carry the mean square, they are few.
pub(crate) fn freedom(count: f64, kurtosis: f64) -> f64 {
    1.5 * count / (kurtosis - 1.0)
}

/// `f` of all groups, with the 95 % interval of the jackknife: `f` of all but one, for each of them, and Student's quantile with
/// [`freedom`], at most one less than there are groups. `None` with fewer than two groups, or where a value is not finite.
pub(super) fn jackknife<T: Copy>(groups: &[T], f: impl Fn(&[T]) -> f64) -> Option<Estimate> {
    let g = groups.len() as f64;
    let value = f(groups);
    let left_out: Vec<f64> = (0..groups.len()).map(|k| f(&[&groups[..k], &groups[k + 1..]].concat())).collect();
    let mean = left_out.iter().sum::<f64>() / g;
    let moment = |power: i32| left_out.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / g;
    let (second, kurtosis) = (moment(2), moment(4) / moment(2).powi(2));
    let freedom = freedom(g, kurtosis).min(g - 1.0);
    let half = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.975) * ((g - 1.0) * second).sqrt();
    (value.is_finite() && half.is_finite()).then(|| Estimate::new(value, value - half, value + half))
}
