//! The direct solution of problems that are linear in their parameters.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Mat, Par, diag::Diag};

/// Parameters up to which a direct solution is cheap beside a search.
const MOST: usize = 256;

/// The step `δ` (`d`) to the least of `Σ (r_μ + x_μ·δ)²`, for rows `x_μ` (`N` of `d`) and residuals `r_μ`, by the singular values of the
/// rows with columns of unit length: columns of unlike scale cost no digits. Where the rows leave directions free the step has no
/// part in them. None beyond a few hundred parameters, or where a number is not finite.
///
/// Sequential, so that the result does not depend on the number of threads.
pub(super) fn least_squares_step<'a>(rows: impl Fn(usize) -> &'a [f64], residuals: &[f64]) -> Option<Vec<f64>> {
    let (n, d) = (residuals.len(), rows(0).len());
    if d > MOST {
        return None;
    }
    let length = |j: usize| {
        // Of the largest entry first, whose square may be out of range.
        let largest = (0..n).map(|i| rows(i)[j].abs()).fold(0.0, f64::max);
        let length = largest * (0..n).map(|i| (rows(i)[j] / largest).powi(2)).sum::<f64>().sqrt();
        if largest > 0.0 { length } else { 1.0 }
    };
    let lengths: Vec<f64> = (0..d).map(length).collect();
    let columns = Mat::from_fn(n, d, |i, j| rows(i)[j] / lengths[j]);
    let size = n.min(d);
    let (mut values, mut left, mut right) = (Diag::<f64>::zeros(size), Mat::zeros(n, size), Mat::zeros(d, size));
    let thin = ComputeSvdVectors::Thin;
    let scratch = svd_scratch::<f64>(n, d, thin, thin, Par::Seq, faer::prelude::default());
    svd(
        columns.as_ref(),
        values.as_mut(),
        Some(left.as_mut()),
        Some(right.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        faer::prelude::default(),
    )
    .ok()?;
    let rounding = f64::EPSILON * n.max(d) as f64 * values[0];
    let mut step = vec![0.0; d];
    for k in (0..size).filter(|&k| values[k] > rounding) {
        let along = (0..n).map(|i| left[(i, k)] * residuals[i]).sum::<f64>() / values[k];
        step.iter_mut().enumerate().for_each(|(j, step)| *step -= along * right[(j, k)] / lengths[j]);
    }
    step.iter().all(|x| x.is_finite()).then_some(step)
}
