//! Full-data loss, gradient and curvature operators of a problem, the same for any number of threads.

use super::samples::Gradients;
use super::{LinearOperator, axpy, dot, scale};
use crate::{Interrupted, Problem, Samples, Stop};
use faer::{MatMut, MatRef};
use rayon::prelude::*;
use std::ops::Range;

/// Chunks in flight at once, which bounds the memory of a pass.
const GROUP: usize = 8;

/// Vectors that share one forward pass in a Hessian product, which bounds its memory.
const WIDTH: usize = 16;

/// The samples of each call of a pass over all data, in order.
fn chunks(problem: &dyn Problem) -> Vec<Range<usize>> {
    let (samples, at_once) = (problem.samples(), problem.samples_at_once());
    (0..samples).step_by(at_once).map(|start| start..(start + at_once).min(samples)).collect()
}

/// Sum over the chunks of the vectors that `f(chunk, out, scratch)` writes, added in the order of the data.
pub(crate) fn sum_over_chunks<F>(problem: &dyn Problem, width: usize, f: F) -> Vec<f64>
where
    F: Fn(Range<usize>, &mut [f64], &mut [f64]) + Sync,
{
    sum_over(problem, &chunks(problem), width, f)
}

/// Sum over these `chunks` of the vectors that `f(chunk, out, scratch)` writes, in their order.
pub(crate) fn sum_over<F>(problem: &dyn Problem, chunks: &[Range<usize>], width: usize, f: F) -> Vec<f64>
where
    F: Fn(Range<usize>, &mut [f64], &mut [f64]) + Sync,
{
    let mut total = vec![0.0; width];
    for group in chunks.chunks(GROUP) {
        let parts: Vec<Vec<f64>> = group
            .par_iter()
            .map(|range| {
                let mut out = vec![0.0; width];
                let mut scratch = vec![0.0; problem.scratch_len(range.len())];
                f(range.clone(), &mut out, &mut scratch);
                out
            })
            .collect();
        total.par_chunks_mut(4096).enumerate().for_each(|(k, total)| {
            for part in &parts {
                axpy(1.0, &part[4096 * k..][..total.len()], total);
            }
        });
    }
    total
}

/// Rows of `width` numbers per sample that `f(chunk, out, scratch)` writes, in the order of the data.
pub(crate) fn map_chunks<F>(problem: &dyn Problem, width: usize, f: F) -> Vec<f64>
where
    F: Fn(Range<usize>, &mut [f64], &mut [f64]) + Sync,
{
    let mut rows = vec![0.0; problem.samples() * width];
    rows.par_chunks_mut((problem.samples_at_once() * width).max(1)).zip(chunks(problem)).for_each(|(out, range)| {
        let mut scratch = vec![0.0; problem.scratch_len(range.len())];
        f(range, out, &mut scratch);
    });
    rows
}

/// Losses `ℓ_μ` of all samples (`N`).
pub fn losses(problem: &dyn Problem, theta: &[f64]) -> Vec<f64> {
    map_chunks(problem, 1, |range, out, scratch| problem.losses_into(theta, Samples::Range(range), out, scratch))
}

/// Residuals `e_μ` of all samples, `N × c` row-major; output gradients for another loss than the mean square.
pub fn residuals(problem: &dyn Problem, theta: &[f64]) -> Vec<f64> {
    map_chunks(problem, problem.outputs(), |range, out, scratch| {
        problem.residuals_into(theta, Samples::Range(range), out, scratch);
    })
}

/// Full loss `L(θ) = (1/N) Σ ℓ_μ`.
pub fn loss(problem: &dyn Problem, theta: &[f64]) -> f64 {
    loss_and_gradient(problem, theta).0
}

/// Full loss `L(θ)` and gradient `∇L = (1/N) Σ J_μᵀ e_μ`.
pub fn loss_and_gradient(problem: &dyn Problem, theta: &[f64]) -> (f64, Vec<f64>) {
    let p = problem.dim();
    let mut sum = sum_over_chunks(problem, p + 1, |range, out, scratch| {
        let m = range.len() as f64;
        let (gradient, value) = out.split_at_mut(p);
        value[0] = m * problem.batch_gradient_into(theta, Samples::Range(range), gradient, scratch);
        scale(m, gradient);
    });
    let n = problem.samples() as f64;
    scale(1.0 / n, &mut sum);
    let value = sum.pop().unwrap_or(f64::NAN);
    (value, sum)
}

/// Trace of the one-sample noise covariance, `tr C = (1/N) Σ ‖g_μ‖² − ‖∇L‖²` (squared gradient).
pub fn noise_trace(problem: &dyn Problem, theta: &[f64]) -> f64 {
    gradients(problem, theta).noise_trace()
}

/// Full loss, gradient, and the lengths of the samples' gradients.
pub fn gradients(problem: &dyn Problem, theta: &[f64]) -> Gradients {
    let squares = map_chunks(problem, 1, |range, out, scratch| {
        problem.gradient_squares_into(theta, Samples::Range(range), out, scratch);
    });
    let (loss, gradient) = loss_and_gradient(problem, theta);
    Gradients { loss, gradient, squares }
}

/// Applies `f` to every column of `block`, columns in parallel.
fn by_columns(
    block: MatRef<f64>,
    mut out: MatMut<f64>,
    f: impl Fn(&[f64]) -> Result<Vec<f64>, Interrupted> + Sync,
) -> Result<(), Interrupted> {
    assert!(block.nrows() == out.nrows() && block.ncols() == out.ncols());
    let columns: Vec<Vec<f64>> = (0..block.ncols()).map(|j| block.col(j).iter().copied().collect()).collect();
    let images: Result<Vec<Vec<f64>>, Interrupted> = columns.par_iter().map(|v| f(v)).collect();
    for (j, image) in images?.iter().enumerate() {
        for (i, x) in image.iter().enumerate() {
            out[(i, j)] = *x;
        }
    }
    Ok(())
}

/// The full-data Hessian `H = ∇²L(θ)` (loss per squared parameter), by exact Hessian products.
pub struct Hessian<'a> {
    problem: &'a dyn Problem,
    theta: &'a [f64],
}

impl<'a> Hessian<'a> {
    /// The Hessian of `problem` at `theta`.
    pub fn new(problem: &'a dyn Problem, theta: &'a [f64]) -> Self {
        Self { problem, theta }
    }
}

/// The full-data Gauss–Newton matrix `G = (1/N) Σ J_μᵀ ∇²_f ℓ_μ J_μ` (loss per squared parameter).
pub struct GaussNewton<'a> {
    problem: &'a dyn Problem,
    theta: &'a [f64],
}

impl<'a> GaussNewton<'a> {
    /// The Gauss–Newton matrix of `problem` at `theta`.
    pub fn new(problem: &'a dyn Problem, theta: &'a [f64]) -> Self {
        Self { problem, theta }
    }
}

/// Mean over the data of per-batch mean products, `width` numbers together.
fn mean_product(
    problem: &dyn Problem,
    width: usize,
    stop: &Stop,
    product: impl Fn(Samples, &mut [f64], &mut [f64]) + Sync,
) -> Result<Vec<f64>, Interrupted> {
    let pieces = stop.pieces();
    let mut sum = sum_over_chunks(problem, width, |range, out, scratch| {
        if pieces.are_over() {
            return;
        }
        let m = range.len() as f64;
        product(Samples::Range(range), out, scratch);
        scale(m, out);
    });
    pieces.ended()?;
    let n = problem.samples() as f64;
    scale(1.0 / n, &mut sum);
    Ok(sum)
}

impl LinearOperator for Hessian<'_> {
    fn dim(&self) -> usize {
        self.problem.dim()
    }

    fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        assert!(block.nrows() == out.nrows() && block.ncols() == out.ncols());
        let p = self.problem.dim();
        for first in (0..block.ncols()).step_by(WIDTH) {
            let width = WIDTH.min(block.ncols() - first);
            let vectors: Vec<f64> = (first..first + width).flat_map(|j| block.col(j).iter().copied()).collect();
            let images = mean_product(self.problem, width * p, stop, |samples, out, scratch| {
                self.problem.hvp_block_into(self.theta, &vectors, samples, out, scratch);
            })?;
            for (j, image) in images.chunks_exact(p).enumerate() {
                image.iter().enumerate().for_each(|(i, x)| out[(i, first + j)] = *x);
            }
        }
        Ok(())
    }
}

impl LinearOperator for GaussNewton<'_> {
    fn dim(&self) -> usize {
        self.problem.dim()
    }

    fn apply_into(&self, block: MatRef<f64>, out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        by_columns(block, out, |v| {
            mean_product(self.problem, self.problem.dim(), stop, |samples, out, scratch| {
                self.problem.gauss_newton_vp_into(self.theta, v, samples, out, scratch);
            })
        })
    }
}

/// The one-sample gradient-noise covariance `C = (1/N) Σ g_μ g_μᵀ − ∇L ∇Lᵀ` (squared gradient).
///
/// A product costs one Jacobian product, a scaling by the residuals and one transposed product per sample, since
/// `g_μ·v = e_μ·(J_μ v)`.
pub struct NoiseCovariance<'a> {
    problem: &'a dyn Problem,
    theta: &'a [f64],
    residuals: Vec<f64>,
    gradient: Vec<f64>,
}

impl<'a> NoiseCovariance<'a> {
    /// The noise covariance of `problem` at `theta`.
    pub fn new(problem: &'a dyn Problem, theta: &'a [f64]) -> Self {
        Self { gradient: loss_and_gradient(problem, theta).1, ..Self::uncentred(problem, theta) }
    }

    /// The second moment `F = (1/N) Σ g_μ g_μᵀ` in place of the covariance.
    pub fn uncentred(problem: &'a dyn Problem, theta: &'a [f64]) -> Self {
        Self { problem, theta, residuals: residuals(problem, theta), gradient: vec![0.0; problem.dim()] }
    }

    /// The projections `a_μ = g_μ·v = e_μ·(J_μ v)` of all per-sample gradients on `v`.
    pub fn projections(&self, v: &[f64]) -> Vec<f64> {
        let c = self.problem.outputs();
        let mut rows = map_chunks(self.problem, c, |range, out, scratch| {
            self.problem.jvp_into(self.theta, v, Samples::Range(range), out, scratch);
        });
        rows.iter_mut().zip(&self.residuals).for_each(|(x, e)| *x *= e);
        rows.chunks_exact(c).map(|row| row.iter().sum()).collect()
    }
}

impl LinearOperator for NoiseCovariance<'_> {
    fn dim(&self) -> usize {
        self.problem.dim()
    }

    fn apply_into(&self, block: MatRef<f64>, out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        let (c, n) = (self.problem.outputs(), self.problem.samples() as f64);
        by_columns(block, out, |v| {
            let pieces = stop.pieces();
            let mut sum = sum_over_chunks(self.problem, self.problem.dim(), |range, out, scratch| {
                if pieces.are_over() {
                    return;
                }
                let mut rows = vec![0.0; range.len() * c];
                self.problem.jvp_into(self.theta, v, Samples::Range(range.clone()), &mut rows, scratch);
                let residuals = &self.residuals[range.start * c..range.end * c];
                for (row, e) in rows.chunks_exact_mut(c).zip(residuals.chunks_exact(c)) {
                    let a = dot(row, e);
                    row.iter_mut().zip(e).for_each(|(u, e)| *u = a * e);
                }
                self.problem.vjp_into(self.theta, &rows, Samples::Range(range), out, scratch);
            });
            pieces.ended()?;
            scale(1.0 / n, &mut sum);
            axpy(-dot(&self.gradient, v), &self.gradient, &mut sum);
            Ok(sum)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::{apply, testing::Linear};

    #[test]
    fn noise_operator_equals_the_explicit_matrix() {
        let problem = Linear::gaussian(4, 700, 0.5, 3);
        let theta = [0.3, -0.2, 0.9, 0.1];
        let (n, p) = (700, 4);
        let mut gradients = vec![0.0; n * p];
        problem.per_sample_gradients_into(&theta, Samples::Range(0..n), &mut gradients, &mut []);
        let mean: Vec<f64> = (0..p).map(|j| (0..n).map(|m| gradients[m * p + j]).sum::<f64>() / n as f64).collect();
        let noise = NoiseCovariance::new(&problem, &theta);
        let unit = |j: usize| (0..p).map(|i| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
        let image: Vec<Vec<f64>> = (0..p).map(|j| apply(&noise, &unit(j), &Stop::new()).unwrap()).collect();
        let mut trace = 0.0;
        for i in 0..p {
            for j in 0..p {
                let second: f64 = (0..n).map(|m| gradients[m * p + i] * gradients[m * p + j]).sum::<f64>() / n as f64;
                assert!((image[j][i] - (second - mean[i] * mean[j])).abs() < 1e-12);
            }
            trace += image[i][i];
        }
        assert!((noise_trace(&problem, &theta) - trace).abs() < 1e-12);
    }

    #[test]
    fn results_do_not_depend_on_the_thread_count() {
        let problem = Linear::gaussian(3, 1500, 1.0, 8);
        let run = |threads| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
                let theta = [0.1, 0.2, 0.3];
                let product = |operator: &dyn LinearOperator| apply(operator, &[1.0, -2.0, 0.5], &Stop::new()).unwrap();
                (
                    loss_and_gradient(&problem, &theta),
                    product(&NoiseCovariance::new(&problem, &theta)),
                    product(&Hessian::new(&problem, &theta)),
                )
            })
        };
        assert_eq!(run(1), run(2));
    }
}
