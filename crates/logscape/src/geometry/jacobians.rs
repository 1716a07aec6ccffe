//! The samples' Jacobians, by their products `J_μ J_μᵀ`.

use crate::network::OutputLoss;
use crate::operator::dense::{EigenError, eigen};
use crate::operator::full::map_chunks;
use crate::{Interrupted, Problem, Samples, Stop};
use faer::Mat;

/// The samples' matrices `J_μ J_μᵀ` (`N × c²`).
///
/// # Errors
/// On an interrupt.
pub(super) fn output_grams(problem: &dyn Problem, theta: &[f64], stop: &Stop) -> Result<Vec<f64>, Interrupted> {
    let (c, pieces) = (problem.outputs(), stop.pieces());
    let grams = map_chunks(problem, c * c, |range, out, scratch| {
        if !pieces.are_over() {
            problem.jacobian_grams_into(theta, Samples::Range(range), out, scratch);
        }
    });
    pieces.ended()?;
    Ok(grams)
}

/// `tr G = mean tr(W_μ J_μ J_μᵀ)` with `W_μ = ∇²_f ℓ_μ`, and the quantiles (50 %, 90 %, 99 %, 100 %) over the samples of the
/// largest eigenvalue of `W_μ J_μ J_μᵀ`, which for the mean square is `‖J_μ J_μᵀ‖`.
///
/// From the samples' [`output_grams`].
pub(super) fn sample_jacobians(
    problem: &dyn Problem,
    theta: &[f64],
    mut grams: Vec<f64>,
) -> Result<(f64, [f64; 4]), EigenError> {
    let c = problem.outputs();
    if problem.output_loss() != Some(OutputLoss::MeanSquare) {
        weigh_grams(problem, theta, &mut grams)?;
    }
    let mut norms = Vec::with_capacity(problem.samples());
    let mut trace = 0.0;
    for gram in grams.chunks_exact(c * c) {
        let (values, _) = eigen(Mat::from_fn(c, c, |i, j| gram[i * c + j]).as_ref())?;
        trace += (0..c).map(|k| gram[k * c + k]).sum::<f64>();
        norms.push(values[0]);
    }
    norms.sort_by(f64::total_cmp);
    let quantile = |q: f64| norms[(q * (norms.len() - 1) as f64).ceil() as usize];
    Ok((trace / norms.len() as f64, [quantile(0.5), quantile(0.9), quantile(0.99), quantile(1.0)]))
}

/// Replaces each of the `grams` (`N × c²`) by `√W_μ J_μ J_μᵀ √W_μ`, which has the eigenvalues of `W_μ J_μ J_μᵀ`.
fn weigh_grams(problem: &dyn Problem, theta: &[f64], grams: &mut [f64]) -> Result<(), EigenError> {
    let c = problem.outputs();
    let columns: Vec<Vec<f64>> = (0..c)
        .map(|k| {
            map_chunks(problem, c, |range, out, scratch| {
                out.fill(0.0);
                out.iter_mut().skip(k).step_by(c).for_each(|x| *x = 1.0);
                problem.weigh_outputs(theta, Samples::Range(range), out, scratch);
            })
        })
        .collect();
    for (sample, gram) in grams.chunks_exact_mut(c * c).enumerate() {
        let entry = |i: usize, j: usize| 0.5 * (columns[j][sample * c + i] + columns[i][sample * c + j]);
        let (values, vectors) = eigen(Mat::from_fn(c, c, entry).as_ref())?;
        let roots: Vec<f64> = values.iter().map(|w| w.max(0.0).sqrt()).collect();
        let root = Mat::from_fn(c, c, |i, j| (0..c).map(|k| vectors[(i, k)] * roots[k] * vectors[(j, k)]).sum::<f64>());
        let product = |left: &dyn Fn(usize, usize) -> f64, right: &dyn Fn(usize, usize) -> f64| {
            Mat::from_fn(c, c, |i, j| (0..c).map(|k| left(i, k) * right(k, j)).sum::<f64>())
        };
        let half = product(&|i, k| root[(i, k)], &|k, j| gram[k * c + j]);
        let whole = product(&|i, k| half[(i, k)], &|k, j| root[(k, j)]);
        (0..c * c).for_each(|k| gram[k] = whole[(k / c, k % c)]);
    }
    Ok(())
}
