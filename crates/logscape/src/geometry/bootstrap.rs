//! Studentised bootstrap intervals for positive functions of sample means.

use crate::Estimate;
use crate::Interrupted;
use crate::Stop;
use crate::random::{Purpose, stream};
use crate::stats::freedom;
use rand::RngExt;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
use std::borrow::Cow;

/// Samples from which on there are intervals: those of two have equal influence on their variance, as if it had no error.
const LEAST: usize = 5;
/// Groups in which more samples than twice as many are resampled: their error of the interval's ends is that of as many samples.
const GROUPS: usize = 10_000;

/// 95 % intervals for positive statistics of the column means of `rows` (row-major, `width` columns, one row per
/// sample), by the studentised bootstrap of their logarithms.
///
/// `values(means)` gives the statistics `T_i`; `influences(means, values, row, out)` writes the influence of one row on
/// each `ln T_i`, that is `∇ ln T_i · (row − means)`, so that `se_i² = Σ_μ u_μi² / N²`. Rows are resampled whole, so
/// columns stay joint; many of them in random groups, whose means are as independent as they are. With `t = (ln T' − ln T)/se'` over the resamples, the interval is
/// `ln T − t_{97.5 %} se … ln T − t_{2.5 %} se`. A statistic that is not positive on the data or does not vary gets a
/// degenerate interval, one that varies in second order alone `ln T ± q` with the quantile of 95 % of `|ln T' − ln T|`; resamples on which it is not positive are left out. Source: Efron, Tibshirani, *An introduction
/// to the bootstrap* (1993), §12.5.
///
/// Resamples have no rare large values but those that the samples have. `se` is therefore multiplied by Student's quantile over the normal one,
/// with [`freedom`], which is small where few samples carry most of it.
///
/// Where few samples carry a statistic, resamples without them have a tiny `T'` and a tiny `se'`, and the ends are anything. An
/// end on which `|ln T'/T|` is more than twice the largest of all resamples on that side is therefore left out: 0 below, infinite
/// above. So are both for fewer than [`LEAST`] samples.
///
/// # Errors
/// On an interrupt, which is asked for before every resample.
pub(super) fn log_studentised<V, I>(
    rows: &[f64],
    width: usize,
    (resamples, seed): (usize, u64),
    stop: &Stop,
    values: V,
    influences: I,
) -> Result<Vec<Estimate>, Interrupted>
where
    V: Fn(&[f64]) -> Vec<f64> + Sync,
    I: Fn(&[f64], &[f64], &[f64], &mut [f64]) + Sync,
{
    let rows = in_groups(rows, width, seed);
    let n = rows.len() / width;
    // Statistics and standard errors of their logarithms where sample `μ` counts `weights[μ]` times.
    let evaluate = |weights: &[f64]| {
        let weighted = || rows.chunks_exact(width).zip(weights).filter(|(_, w)| **w > 0.0);
        let mut means = vec![0.0; width];
        weighted().for_each(|(row, w)| crate::operator::axpy(w / n as f64, row, &mut means));
        let values = values(&means);
        let mut squares = vec![0.0; values.len()];
        let mut u = vec![0.0; values.len()];
        for (row, w) in weighted() {
            influences(&means, &values, row, &mut u);
            squares.iter_mut().zip(&u).for_each(|(s, u)| *s += w * u * u);
        }
        let errors: Vec<f64> = squares.iter().map(|s| s.sqrt() / n as f64).collect();
        (values, errors)
    };
    let (found, errors) = evaluate(&vec![1.0; n]);
    if n < LEAST {
        return Ok(found.iter().map(|&value| Estimate::new(value, 0.0, f64::INFINITY)).collect());
    }
    let freedom = degrees_of_freedom(&rows, width, &found, &influences);
    let draws: Vec<Vec<[f64; 2]>> = (0..resamples)
        .into_par_iter()
        .map(|draw| {
            stop.check()?;
            let mut rng = stream(seed, Purpose::Resampling, draw as u64);
            let mut weights = vec![0.0; n];
            (0..n).for_each(|_| weights[rng.random_range(0..n)] += 1.0);
            let (values, errors) = evaluate(&weights);
            let changes = values.iter().zip(&found).map(|(x, found)| x.ln() - found.ln());
            Ok(changes.zip(&errors).map(|(change, se)| [change / se, change]).collect())
        })
        .collect::<Result<_, Interrupted>>()?;
    Ok(found
        .iter()
        .zip(&errors)
        .enumerate()
        .map(|(i, (&value, &error))| interval(value, error, freedom[i], draws.iter().map(|t| t[i]).collect()))
        .collect())
}

/// Degrees of freedom of each statistic's `se²`, from the kurtosis of its influences.
fn degrees_of_freedom<I>(rows: &[f64], width: usize, values: &[f64], influences: &I) -> Vec<f64>
where
    I: Fn(&[f64], &[f64], &[f64], &mut [f64]),
{
    let n = (rows.len() / width) as f64;
    let mut means = vec![0.0; width];
    rows.chunks_exact(width).for_each(|row| crate::operator::axpy(1.0 / n, row, &mut means));
    let (mut moments, mut u) = (vec![[0.0; 2]; values.len()], vec![0.0; values.len()]);
    for row in rows.chunks_exact(width) {
        influences(&means, values, row, &mut u);
        for ([second, fourth], u) in moments.iter_mut().zip(&u) {
            *second += u * u / n;
            *fourth += u.powi(4) / n;
        }
    }
    moments.iter().map(|[second, fourth]| freedom(n, fourth / (second * second))).collect()
}

/// The rows, or those of random groups of them with the same mean, where they are many.
fn in_groups(rows: &[f64], width: usize, seed: u64) -> Cow<'_, [f64]> {
    let n = rows.len() / width;
    if n <= 2 * GROUPS {
        return Cow::Borrowed(rows);
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(&mut stream(seed, Purpose::Resampling, u64::MAX));
    let mut groups = vec![0.0; GROUPS * width];
    for (k, row) in order.into_iter().enumerate() {
        let share = GROUPS as f64 / n as f64;
        crate::operator::axpy(share, &rows[row * width..][..width], &mut groups[k % GROUPS * width..][..width]);
    }
    Cow::Owned(groups)
}

/// Student's quantile over the normal one.
fn widening(freedom: f64) -> f64 {
    // Beyond, and where all influences are of one size, it is 1.
    let student = Some(freedom).filter(|&nu| nu < 1e6).and_then(|nu| StudentsT::new(0.0, 1.0, nu).ok());
    student.map_or(1.0, |student| student.inverse_cdf(0.975) / Normal::standard().inverse_cdf(0.975))
}

/// The interval of one statistic from its resampled `t` and `ln T'/T`.
fn interval(value: f64, error: f64, freedom: f64, draws: Vec<[f64; 2]>) -> Estimate {
    let (mut draws, changes): (Vec<f64>, Vec<f64>) =
        draws.into_iter().filter(|draw| draw.iter().all(|x| x.is_finite())).map(|[t, change]| (t, change)).unzip();
    if value.is_nan() || value <= 0.0 {
        return Estimate::exact(value);
    }
    if error < 1e-14 {
        let mut sizes: Vec<f64> = changes.iter().map(|change| change.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let size = sizes.get(sizes.len() * 19 / 20).copied().filter(|&size| size > 1e-14);
        return size.map_or(Estimate::exact(value), |q| Estimate::new(value, value * (-q).exp(), value * q.exp()));
    }
    if draws.len() < 2 {
        return Estimate::new(value, 0.0, f64::INFINITY);
    }
    draws.sort_by(f64::total_cmp);
    let [least, most] = changes.iter().fold([0.0_f64; 2], |[least, most], &x| [least.min(x), most.max(x)]);
    let end = |level: f64| {
        let position = (level * draws.len() as f64 - 0.5).clamp(0.0, draws.len() as f64 - 1.0);
        let low = position.floor() as usize;
        let high = (low + 1).min(draws.len() - 1);
        -error * (draws[low] + (position - low as f64) * (draws[high] - draws[low]))
    };
    let (lower, upper, wider) = (end(0.975), end(0.025), widening(freedom));
    Estimate::new(
        value,
        if lower < 2.0 * least { 0.0 } else { value * (wider * lower).exp() },
        if upper > 2.0 * most { f64::INFINITY } else { value * (wider * upper).exp() },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of one column.
    fn mean(rows: &[f64]) -> Estimate {
        let values = |means: &[f64]| means.to_vec();
        let influences = |means: &[f64], _: &[f64], row: &[f64], out: &mut [f64]| out[0] = row[0] / means[0] - 1.0;
        log_studentised(rows, 1, (2000, 3), &Stop::new(), values, influences).unwrap()[0]
    }

    #[test]
    fn few_samples_have_no_interval_and_equal_ones_have_no_width() {
        assert_eq!(mean(&[1.0, 1.0]).ci95, [0.0, f64::INFINITY]);
        assert_eq!(mean(&[1.0, 2.0, 3.0, 4.0]).ci95, [0.0, f64::INFINITY]);
        assert_eq!(mean(&[2.0; 5]), Estimate::exact(2.0));
    }

    /// Rows in any order: the interval of a mean of exponential numbers is `x̄ ± 1.96 x̄/√N`. Its ends scatter by some 2 % of its width.
    #[test]
    fn many_samples_have_the_interval_that_they_have_one_by_one() {
        let mut rng = stream(1, Purpose::Check, 0);
        let mut rows: Vec<f64> = (0..100_000).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
        rows.sort_by(f64::total_cmp);
        let mean_of = rows.iter().sum::<f64>() / rows.len() as f64;
        let found = mean(&rows);
        assert!((found.value / mean_of - 1.0).abs() < 1e-12, "{found:?}");
        let deviation = (rows.iter().map(|x| (x - mean_of).powi(2)).sum::<f64>() / rows.len() as f64).sqrt();
        let half = 1.96 * deviation / (rows.len() as f64).sqrt();
        for end in found.ci95 {
            assert!(((end - found.value).abs() / half - 1.0).abs() < 0.1, "{found:?}, {half}");
        }
    }

    /// `m(1 − m)` of a hundred coins of which half are heads changes by `−4 (m' − ½)²`, a hundredth of χ² with one degree of freedom.
    #[test]
    fn a_statistic_that_varies_in_second_order_has_an_interval() {
        let rows: Vec<f64> = (0..100).map(|k| f64::from(k % 2)).collect();
        let values = |means: &[f64]| vec![means[0] * (1.0 - means[0])];
        let influences = |means: &[f64], _: &[f64], row: &[f64], out: &mut [f64]| {
            out[0] = (1.0 / means[0] - 1.0 / (1.0 - means[0])) * (row[0] - means[0]);
        };
        let found = log_studentised(&rows, 1, (4000, 3), &Stop::new(), values, influences).unwrap()[0];
        // 95 % of χ² are below 3.841; counts are whole.
        let ends = found.ci95.map(|end| (end / found.value).ln());
        assert!((ends[0] + ends[1]).abs() < 1e-12 && (0.032..0.046).contains(&ends[1]), "{found:?}");
    }

    /// A mean that three of two hundred samples carry: one resample in twenty has none of them.
    #[test]
    fn an_end_that_no_resample_comes_near_is_none() {
        let mut rows = vec![1e-6; 200];
        rows[..3].fill(36.0);
        let found = mean(&rows);
        assert_eq!(found.ci95[1], f64::INFINITY, "{found:?}");
        // Of the exact interval for a count of three, 0.62 to 8.77, the lower end.
        assert!((0.1..0.45).contains(&(found.ci95[0] / found.value)), "{found:?}");
        // Thirty carry it: 20.2 to 42.8 for the count.
        rows[..30].fill(36.0);
        let found = mean(&rows);
        let ends = found.ci95.map(|end| end / found.value);
        assert!((0.62..0.75).contains(&ends[0]) && (1.25..1.5).contains(&ends[1]), "{found:?}");
    }
}
