//! Intervals from the scatter of independent groups.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::Estimate;

/// Degrees of freedom of the mean square of `count` deviations with this kurtosis `κ`, `ν = (3/2) count/(κ − 1)`: a variance has the relative
/// error `√((κ − 1)/count)`, which `2 count/(κ − 1)` of them have. Three quarters are left, since few values show too small a kurtosis; where
/// few carry the mean square, they are few.
pub(crate) fn freedom(count: f64, kurtosis: f64) -> f64 {
    // It is 1 for deviations of one size, and less by rounding alone.
    if kurtosis > 1.0 { 1.5 * count / (kurtosis - 1.0) } else { f64::INFINITY }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_have_one_degree_of_freedom() {
        for [a, b] in [[0.1, 0.3], [1.0 / 3.0, 0.7], [2.0, 2.0]] {
            let found = jackknife(&[a, b], |kept| kept.iter().sum::<f64>() / kept.len() as f64).unwrap();
            // The mean of two, ± 12.706 |a − b|/2.
            assert!((found.value - 0.5 * (a + b)).abs() < 1e-15);
            assert!((found.ci95[1] - found.value - 12.706_204_736 * 0.5 * f64::abs(a - b)).abs() < 1e-6, "{found:?}");
        }
    }

    /// Values of which one carries all of the scatter, and those of which each carries as much.
    #[test]
    fn a_group_that_carries_the_scatter_leaves_few_degrees_of_freedom() {
        let mean = |kept: &[f64]| kept.iter().sum::<f64>() / kept.len() as f64;
        let half = |values: &[f64], nu: f64| {
            let (n, center) = (values.len() as f64, mean(values));
            let square = values.iter().map(|x| (x - center).powi(2)).sum::<f64>() / (n * (n - 1.0));
            StudentsT::new(0.0, 1.0, nu).unwrap().inverse_cdf(0.975) * square.sqrt()
        };
        let mut one = [0.0; 16];
        one[3] = 1.0;
        // Of a share p: (q³ + p³)/(pq), as pq(q³ + p³) is the fourth moment and pq the second.
        let (p, q): (f64, f64) = (1.0 / 16.0, 15.0 / 16.0);
        let exact = (q.powi(3) + p.powi(3)) / (p * q);
        let found = jackknife(&one, mean).unwrap();
        assert!(((found.ci95[1] - found.value) / half(&one, 1.5 * 16.0 / (exact - 1.0)) - 1.0).abs() < 1e-9);
        let sides: Vec<f64> = (0..16).map(|k| f64::from(k % 2)).collect();
        let found = jackknife(&sides, mean).unwrap();
        assert!(((found.ci95[1] - found.value) / half(&sides, 15.0) - 1.0).abs() < 1e-9);
    }
}
