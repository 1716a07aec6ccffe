//! Bias-corrected and accelerated bootstrap intervals for functions of sample means.

use crate::Estimate;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

/// 95 % intervals for statistics of the column means of `rows` (row-major, `width` columns, one row per sample).
///
/// `statistics` maps the means to any number of values. Rows are resampled whole, so columns stay joint. The interval
/// is BCa: the bias correction comes from the resamples and the acceleration from the jackknife. A statistic that is
/// not finite on the data or that does not vary gets a degenerate interval. Source: Efron, *Better bootstrap
/// confidence intervals* (1987).
pub fn bca<F>(rows: &[f64], width: usize, resamples: usize, seed: u64, statistics: F) -> Vec<Estimate>
where
    F: Fn(&[f64]) -> Vec<f64> + Sync,
{
    let n = rows.len() / width;
    let mut sums = vec![0.0; width];
    rows.chunks_exact(width).for_each(|row| crate::operator::axpy(1.0, row, &mut sums));
    let values = statistics(&sums.iter().map(|s| s / n as f64).collect::<Vec<_>>());
    let draws: Vec<Vec<f64>> = (0..resamples)
        .into_par_iter()
        .map(|draw| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(draw as u64);
            let mut means = vec![0.0; width];
            for _ in 0..n {
                let k = rng.random_range(0..n);
                crate::operator::axpy(1.0 / n as f64, &rows[k * width..(k + 1) * width], &mut means);
            }
            statistics(&means)
        })
        .collect();
    let left_out: Vec<Vec<f64>> = rows
        .par_chunks_exact(width)
        .map(|row| {
            let means: Vec<f64> = sums.iter().zip(row).map(|(s, x)| (s - x) / (n as f64 - 1.0)).collect();
            statistics(&means)
        })
        .collect();
    values
        .iter()
        .enumerate()
        .map(|(i, &value)| {
            let column = |set: &[Vec<f64>]| set.iter().map(|x| x[i]).filter(|x| x.is_finite()).collect::<Vec<_>>();
            interval(value, column(&draws), &column(&left_out))
        })
        .collect()
}

/// The BCa interval of one statistic.
fn interval(value: f64, mut draws: Vec<f64>, left_out: &[f64]) -> Estimate {
    draws.sort_by(f64::total_cmp);
    if draws.len() < 2 || left_out.len() < 2 || draws[0] == draws[draws.len() - 1] {
        return Estimate::exact(value);
    }
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let (second, third) = left_out.iter().fold((0.0, 0.0), |(a, b), x| {
        let d = mean - x;
        (a + d * d, b + d * d * d)
    });
    let acceleration = if second > 0.0 { third / (6.0 * second.powf(1.5)) } else { 0.0 };
    let normal = Normal::standard();
    let count = draws.len() as f64;
    let below = draws.iter().filter(|&&x| x < value).count() as f64;
    let bias = normal.inverse_cdf(below.clamp(0.5, count - 0.5) / count);
    let end = |z: f64| {
        let shifted = bias + z;
        let level = normal.cdf(bias + shifted / (1.0 - acceleration * shifted));
        let position = (level * count - 0.5).clamp(0.0, count - 1.0);
        let low = position.floor() as usize;
        let high = (low + 1).min(draws.len() - 1);
        draws[low] + (position - low as f64) * (draws[high] - draws[low])
    };
    Estimate::new(value, end(-1.959_963_985), end(1.959_963_985))
}
