//! Studentised bootstrap intervals for positive functions of sample means.

use crate::Estimate;
use crate::Interrupted;
use crate::Stop;
use crate::random::{Purpose, stream};
use rand::RngExt;
use rayon::prelude::*;

/// 95 % intervals for positive statistics of the column means of `rows` (row-major, `width` columns, one row per
/// sample), by the studentised bootstrap of their logarithms.
///
/// `values(means)` gives the statistics `T_i`; `influences(means, values, row, out)` writes the influence of one row on
/// each `ln T_i`, that is `∇ ln T_i · (row − means)`, so that `se_i² = Σ_μ u_μi² / N²`. Rows are resampled whole, so
/// columns stay joint. With `t = (ln T' − ln T)/se'` over the resamples, the interval is
/// `ln T − t_{97.5 %} se … ln T − t_{2.5 %} se`. A statistic that is not positive on the data or does not vary gets a
/// degenerate interval; resamples on which it is not positive are left out. Source: Efron, Tibshirani, *An introduction
/// to the bootstrap* (1993), §12.5.
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
    let draws: Vec<Vec<f64>> = (0..resamples)
        .into_par_iter()
        .map(|draw| {
            stop.check()?;
            let mut rng = stream(seed, Purpose::Resampling, draw as u64);
            let mut weights = vec![0.0; n];
            (0..n).for_each(|_| weights[rng.random_range(0..n)] += 1.0);
            let (values, errors) = evaluate(&weights);
            Ok(values.iter().zip(&found).zip(&errors).map(|((x, found), se)| (x.ln() - found.ln()) / se).collect())
        })
        .collect::<Result<_, Interrupted>>()?;
    Ok(found
        .iter()
        .zip(&errors)
        .enumerate()
        .map(|(i, (&value, &error))| interval(value, error, draws.iter().map(|t| t[i]).collect()))
        .collect())
}

/// The interval of one statistic from its resampled `t`.
fn interval(value: f64, error: f64, mut draws: Vec<f64>) -> Estimate {
    draws.retain(|t| t.is_finite());
    if draws.len() < 2 || value.is_nan() || value <= 0.0 || error < 1e-14 {
        return Estimate::exact(value);
    }
    draws.sort_by(f64::total_cmp);
    let end = |level: f64| {
        let position = (level * draws.len() as f64 - 0.5).clamp(0.0, draws.len() as f64 - 1.0);
        let low = position.floor() as usize;
        let high = (low + 1).min(draws.len() - 1);
        let t = draws[low] + (position - low as f64) * (draws[high] - draws[low]);
        value * (-t * error).exp()
    };
    Estimate::new(value, end(0.975), end(0.025))
}
