//! Hamiltonians `𝓗(θ, p)` of large deviations: diffusions, and the minibatch chain of a problem.

use crate::operator::full::map_chunks;
use crate::operator::{axpy, dot};
use crate::reference::cumulant::BatchCumulant;
use crate::{Problem, Samples};
use faer::Mat;

/// Step of the central differences of a diffusion's coefficients, relative to `1 + |θ_i|`.
const DIFFERENCE: f64 = 1e-5;

/// Most by which the exponent of a sample's weight may rise in one step of the momentum.
const RISE: f64 = 2.0;

/// A Hamiltonian, convex in `p` and zero at `p = 0`, whose `∂𝓗/∂p` at `p = 0` is the drift.
pub trait Hamiltonian: Sync {
    /// Number of coordinates `n`.
    fn dim(&self) -> usize;
    /// The Hamiltonian at a point, as a function of `p`.
    fn at<'a>(&'a self, theta: &[f64]) -> Box<dyn LocalHamiltonian + 'a>;
}

/// A Hamiltonian at one point `θ`.
pub trait LocalHamiltonian {
    /// `𝓗`, `∂𝓗/∂p` (`n`) and `∂²𝓗/∂p²` (`n × n`).
    fn in_momentum(&self, p: &[f64]) -> (f64, Vec<f64>, Mat<f64>);
    /// `∂𝓗/∂θ` (`n`).
    fn force(&self, p: &[f64]) -> Vec<f64>;
    /// `∂𝓗/∂θ`, and `∂²𝓗/∂p∂θ` (`n × n`, a row per momentum), of which a rough value slows the search for the path, but
    /// spoils its prefactor.
    fn in_position(&self, p: &[f64]) -> (Vec<f64>, Mat<f64>);
    /// Share (up to 1) of the step `d` from `p` over which a second-order expansion may hold.
    fn longest_step(&self, p: &[f64], d: &[f64]) -> f64;
}

/// `𝓗 = b·p + ½ pᵀ a p` of `dθ = b dt + √(ε a) dW` as `ε → 0`; `a` may be singular.
///
/// Derivatives along `θ` are central differences, `2n` evaluations of both functions at each point.
pub struct Diffusion<B, A> {
    dim: usize,
    drift: B,
    covariance: A,
}

impl<B, A> Diffusion<B, A>
where
    B: Fn(&[f64]) -> Vec<f64> + Sync,
    A: Fn(&[f64]) -> Mat<f64> + Sync,
{
    /// The diffusion with `drift` `b` (`n`) and `covariance` `a` (`n × n`, symmetric and positive semidefinite).
    pub fn new(dim: usize, drift: B, covariance: A) -> Self {
        Self { dim, drift, covariance }
    }
}

struct LocalDiffusion<'a, B, A> {
    diffusion: &'a Diffusion<B, A>,
    theta: Vec<f64>,
    drift: Vec<f64>,
    covariance: Mat<f64>,
}

impl<B, A> Hamiltonian for Diffusion<B, A>
where
    B: Fn(&[f64]) -> Vec<f64> + Sync,
    A: Fn(&[f64]) -> Mat<f64> + Sync,
{
    fn dim(&self) -> usize {
        self.dim
    }

    fn at<'a>(&'a self, theta: &[f64]) -> Box<dyn LocalHamiltonian + 'a> {
        let (drift, covariance) = ((self.drift)(theta), (self.covariance)(theta));
        Box::new(LocalDiffusion { diffusion: self, theta: theta.to_vec(), drift, covariance })
    }
}

/// `A x`.
fn image(matrix: &Mat<f64>, x: &[f64]) -> Vec<f64> {
    (0..matrix.nrows()).map(|i| (0..x.len()).map(|j| matrix[(i, j)] * x[j]).sum()).collect()
}

impl<B, A> LocalHamiltonian for LocalDiffusion<'_, B, A>
where
    B: Fn(&[f64]) -> Vec<f64> + Sync,
    A: Fn(&[f64]) -> Mat<f64> + Sync,
{
    fn in_momentum(&self, p: &[f64]) -> (f64, Vec<f64>, Mat<f64>) {
        let push = image(&self.covariance, p);
        let value = dot(&self.drift, p) + 0.5 * dot(&push, p);
        let velocity = self.drift.iter().zip(&push).map(|(b, a)| b + a).collect();
        (value, velocity, self.covariance.clone())
    }

    fn force(&self, p: &[f64]) -> Vec<f64> {
        self.in_position(p).0
    }

    fn in_position(&self, p: &[f64]) -> (Vec<f64>, Mat<f64>) {
        let n = p.len();
        let (mut force, mut mixed) = (vec![0.0; n], Mat::zeros(n, n));
        let mut theta = self.theta.clone();
        for j in 0..n {
            let step = DIFFERENCE * (1.0 + theta[j].abs());
            let mut side = |by: f64| {
                theta[j] = self.theta[j] + by;
                ((self.diffusion.drift)(&theta), image(&(self.diffusion.covariance)(&theta), p))
            };
            let ((b1, a1), (b0, a0)) = (side(step), side(-step));
            theta[j] = self.theta[j];
            for i in 0..n {
                let (drift, push) = ((b1[i] - b0[i]) / (2.0 * step), (a1[i] - a0[i]) / (2.0 * step));
                mixed[(i, j)] = drift + push;
                force[j] += p[i] * (drift + 0.5 * push);
            }
        }
        (force, mixed)
    }

    fn longest_step(&self, _p: &[f64], _d: &[f64]) -> f64 {
        1.0
    }
}

/// `𝓗(θ, p) = ln E exp(−p·g_B(θ))` of minibatch SGD on a problem: the large deviations of the chain as `η → 0`.
///
/// Holds all per-sample gradients of a point, `N × P`, and uses `N P` Hessian products of single samples for each: for
/// problems of up to a few hundred parameters.
pub struct SgdHamiltonian<'a> {
    problem: &'a dyn Problem,
    cumulant: BatchCumulant,
}

impl<'a> SgdHamiltonian<'a> {
    /// The chain with batches of the law `cumulant`.
    ///
    /// # Panics
    /// If the law is of another number of samples than the problem's.
    pub fn new(problem: &'a dyn Problem, cumulant: BatchCumulant) -> Self {
        assert_eq!(problem.samples(), cumulant.samples());
        Self { problem, cumulant }
    }
}

struct LocalSgd<'a> {
    sgd: &'a SgdHamiltonian<'a>,
    theta: Vec<f64>,
    gradients: Vec<f64>,
}

impl Hamiltonian for SgdHamiltonian<'_> {
    fn dim(&self) -> usize {
        self.problem.dim()
    }

    fn at<'a>(&'a self, theta: &[f64]) -> Box<dyn LocalHamiltonian + 'a> {
        let gradients = map_chunks(self.problem, self.problem.dim(), |range, out, scratch| {
            self.problem.per_sample_gradients_into(theta, Samples::Range(range), out, scratch);
        });
        Box::new(LocalSgd { sgd: self, theta: theta.to_vec(), gradients })
    }
}

impl LocalHamiltonian for LocalSgd<'_> {
    fn in_momentum(&self, p: &[f64]) -> (f64, Vec<f64>, Mat<f64>) {
        let cumulant = self.sgd.cumulant.at(&self.gradients, p);
        (cumulant.value, cumulant.gradient, cumulant.hessian)
    }

    fn force(&self, p: &[f64]) -> Vec<f64> {
        let (problem, n) = (self.sgd.problem, p.len());
        let cumulant = self.sgd.cumulant.at(&self.gradients, p);
        let (mut scratch, mut push, mut force) = (vec![0.0; problem.scratch_len(1)], vec![0.0; n], vec![0.0; n]);
        for (sample, share) in cumulant.shares.iter().enumerate() {
            problem.hvp_block_into(&self.theta, p, Samples::Range(sample..sample + 1), &mut push, &mut scratch);
            axpy(-share, &push, &mut force);
        }
        force
    }

    /// The mixed derivatives are exact for batches of independent samples; of subsets they leave out a part.
    fn in_position(&self, p: &[f64]) -> (Vec<f64>, Mat<f64>) {
        let (problem, n) = (self.sgd.problem, p.len());
        let cumulant = self.sgd.cumulant.at(&self.gradients, p);
        let mut scratch = vec![0.0; problem.scratch_len(1)];
        let mut unit = vec![0.0; n * n];
        (0..n).for_each(|i| unit[i * n + i] = 1.0);
        let (mut force, mut mixed, mut hessian) = (vec![0.0; n], Mat::zeros(n, n), vec![0.0; n * n]);
        for (sample, (share, g)) in cumulant.shares.iter().zip(self.gradients.chunks_exact(n)).enumerate() {
            let range = Samples::Range(sample..sample + 1);
            problem.hvp_block_into(&self.theta, &unit, range, &mut hessian, &mut scratch);
            let push: Vec<f64> = hessian.chunks_exact(n).map(|row| dot(row, p)).collect();
            // The share's own change with its exponent; that of subsets with others' is left out of the rough second part.
            let change = share / self.sgd.cumulant.effective_batch_size();
            for i in 0..n {
                force[i] -= share * push[i];
                let lean = change * (g[i] + cumulant.gradient[i]);
                for j in 0..n {
                    mixed[(i, j)] += lean * push[j] - share * hessian[i * n + j];
                }
            }
        }
        (force, mixed)
    }

    fn longest_step(&self, _p: &[f64], d: &[f64]) -> f64 {
        let rise = self.gradients.chunks_exact(d.len()).map(|g| -dot(g, d)).fold(0.0, f64::max);
        (RISE * self.sgd.cumulant.batch() as f64 / rise).min(1.0)
    }
}
