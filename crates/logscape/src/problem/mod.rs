//! What is trained: finite-sum losses behind one trait, one file per problem.
//!
//! A new one is a file with its maths, start and options, and a line in `registry.rs`. A problem of your own needs neither:
//! whatever implements [`Problem`] runs in double precision, as fast as its methods are.

mod batch_gradient;
mod boxed;
mod check;
mod error;
mod kind;
mod least_squares;
mod linear_regression;
mod matrix_factorisation;
mod mlp;
mod phase_retrieval;
mod quadratic;
mod quadratic_loss;
mod registry;
mod regression_data;
mod scalar;
mod selected;
mod sinusoid;
#[cfg(test)]
mod tests;
mod vectors;
mod visitor;

use std::any::Any;
use std::ops::Range;

use crate::Precision;
use crate::model::{Tensor, Weights, WeightsError};
use crate::network::OutputLoss;
use crate::operator::Linearisation;

pub use batch_gradient::BatchGradient;
pub use check::{CheckReport, Finding, check};
pub use error::{ProblemError, ProblemFailure};
pub(crate) use error::{require_finite, require_some};
pub(crate) use kind::require_memory;
pub use kind::{
    BuildProblemError, BuiltProblem, GivenOptions, Kind, NoOptions, OptionError, ProblemOption, Registered,
    StartConfig, Unstandardised,
};
pub use linear_regression::LinearRegression;
pub use matrix_factorisation::MatrixFactorisation;
pub use mlp::Mlp;
pub use phase_retrieval::PhaseRetrieval;
pub use quadratic::QuadraticBasin;
pub use quadratic_loss::QuadraticLoss;
pub use registry::{all, by_name, visit};
pub use scalar::ScalarModel;
pub use selected::{Selected, parameters_named};
pub use sinusoid::Sinusoid;
pub use vectors::{LaneModel, LaneSamples, NetworkModel, RowModel, SumModel};
pub use visitor::Visitor;

/// Which samples a call runs over.
#[derive(Debug, Clone)]
pub enum Samples<'a> {
    /// A contiguous range of the data.
    Range(Range<usize>),
    /// A batch, in this order, repetitions allowed.
    Indices(&'a [u32]),
}

impl Samples<'_> {
    /// Number of samples `m`.
    pub fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::Indices(indices) => indices.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Index into the data of the `k`-th sample.
    ///
    /// # Panics
    /// If `k ≥ len()`.
    #[inline]
    pub fn get(&self, k: usize) -> usize {
        match self {
            Self::Range(range) => {
                assert!(k < range.len());
                range.start + k
            }
            Self::Indices(indices) => indices[k] as usize,
        }
    }
}

/// A finite-sum loss `L(θ) = (1/N) Σ ℓ(f(θ, x_μ), y_μ)`, mean-square unless [`output_loss`](Self::output_loss) says another:
/// `ℓ = ½‖f − y‖²`.
///
/// Matrices are row-major slices: `m × c` residuals hold the outputs of one sample together. `scratch` has at least
/// [`scratch_len`](Self::scratch_len)`(samples.len())` entries of any content, and what is in `out` before does not matter.
/// Lengths that do not fit are programmer errors and panic.
///
/// Four products are required, and what they say of the sizes; everything else is made of them, allocating what it says. A
/// problem that knows a faster way overrides it. [`check()`] tells whether all agree.
pub trait Problem: Send + Sync {
    /// Number of parameters `P`.
    fn dim(&self) -> usize;
    /// Number of samples `N`.
    fn samples(&self) -> usize;
    /// Number of outputs `c`.
    fn outputs(&self) -> usize;
    /// Scratch entries that any method needs for `m` samples.
    fn scratch_len(&self, m: usize) -> usize;

    /// Residuals `e_μ = f(θ, x_μ) − y_μ` into `out` (`m × c`); for another loss its output gradients `e_μ = ∇_f ℓ`.
    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]);

    /// Jacobian–vector products `J_μ v` into `out` (`m × c`).
    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]);

    /// The sum `Σ_μ J_μᵀ u_μ` into `out` (`P`), for cotangents `u` (`m × c`).
    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]);

    /// Mean exact Hessian product `H v` over the samples into `out` (`P`).
    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]);

    /// The loss `ℓ` of the outputs; none for one that has no name here. A problem with another than the mean square overrides this,
    /// [`losses_into`](Self::losses_into) and [`weigh_outputs`](Self::weigh_outputs).
    fn output_loss(&self) -> Option<OutputLoss> {
        Some(OutputLoss::MeanSquare)
    }

    /// Losses `ℓ_μ` of the single samples into `out` (`m`). Allocates `m c` numbers unless overridden.
    fn losses_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let c = self.outputs();
        let mut residuals = vec![0.0; samples.len() * c];
        self.residuals_into(theta, samples, &mut residuals, scratch);
        for (residuals, out) in residuals.chunks_exact(c).zip(out) {
            *out = 0.5 * residuals.iter().map(|e| e * e).sum::<f64>();
        }
    }

    /// Multiplies `rates` (`m × c`) by the Hessians `∇²_f ℓ_μ` of the samples' losses in their outputs, in place; nothing to do for
    /// the mean square.
    fn weigh_outputs(&self, _theta: &[f64], _samples: Samples, _rates: &mut [f64], _scratch: &mut [f64]) {}

    /// Mean gradient over the samples into `out` (`P`); returns their mean loss. Allocates `m c` numbers unless overridden.
    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) -> f64 {
        let share = 1.0 / samples.len() as f64;
        let mut residuals = vec![0.0; samples.len() * self.outputs()];
        let loss = if self.output_loss() == Some(OutputLoss::MeanSquare) {
            self.residuals_into(theta, samples.clone(), &mut residuals, scratch);
            0.5 * share * residuals.iter().map(|e| e * e).sum::<f64>()
        } else {
            let losses = &mut residuals[..samples.len()];
            self.losses_into(theta, samples.clone(), losses, scratch);
            let loss = share * losses.iter().sum::<f64>();
            self.residuals_into(theta, samples.clone(), &mut residuals, scratch);
            loss
        };
        residuals.iter_mut().for_each(|e| *e *= share);
        self.vjp_into(theta, &residuals, samples, out, scratch);
        loss
    }

    /// How many samples a pass over all data hands to one call. Sums over the data are sums over so many samples, in their order, and have
    /// the same bits on any number of threads.
    fn samples_at_once(&self) -> usize {
        SAMPLES_AT_ONCE
    }

    /// How many replicas are best moved by one call of [`batch_gradients_into`](Self::batch_gradients_into); one, unless a
    /// call costs more than what is done in it. Each thread keeps so many replicas.
    fn replicas_at_once(&self) -> usize {
        1
    }

    /// [`batch_gradient_into`](Self::batch_gradient_into) for several replicas: at each row of `thetas` (`R × P`) over the
    /// samples in the same row of `batches` (`R × B`), into the rows of `out` (`R × P`) and `losses` (`R`). The scratch is
    /// that for `B` samples; a problem that is called from outside can override this to be called once.
    fn batch_gradients_into(
        &self,
        thetas: &[f64],
        batches: &[u32],
        out: &mut [f64],
        losses: &mut [f64],
        scratch: &mut [f64],
    ) {
        let (p, replicas) = (self.dim(), losses.len());
        assert!(thetas.len() == replicas * p && out.len() == replicas * p, "a row for each replica");
        let batch_size = batches.len() / replicas.max(1);
        let rows = thetas.chunks_exact(p).zip(out.chunks_exact_mut(p)).zip(losses);
        for (((theta, out), loss), batch) in rows.zip(batches.chunks_exact(batch_size.max(1))) {
            *loss = self.batch_gradient_into(theta, Samples::Indices(batch), out, scratch);
        }
    }

    /// How many steps of SGD [`sgd_steps`](Self::sgd_steps) is best asked for at once; one, unless a call costs more than what is
    /// done in it.
    fn steps_at_once(&self) -> usize {
        1
    }

    /// `S` steps `θ ← θ − η g` of SGD for several replicas: from each row of `thetas` (`R × P`), which is moved, over the batches of each
    /// step, replica by replica (`S × R × B`). Returns a bound on every `|θ_i|` after every step: the largest, or what is cheaper, such as
    /// the norm of all rows together; NaN where a parameter has been NaN. Allocates `R (P + 1)` numbers unless overridden.
    fn sgd_steps(
        &self,
        thetas: &mut [f64],
        batches: &[u32],
        steps: usize,
        learning_rate: f64,
        scratch: &mut [f64],
    ) -> f64 {
        let (mut gradients, mut losses) = (vec![0.0; thetas.len()], vec![0.0; thetas.len() / self.dim()]);
        let mut largest = 0.0;
        for batches in batches.chunks_exact((batches.len() / steps.max(1)).max(1)) {
            self.batch_gradients_into(thetas, batches, &mut gradients, &mut losses, scratch);
            for (x, g) in thetas.iter_mut().zip(&gradients) {
                *x -= learning_rate * g;
                // NaN stays, which `max` would drop.
                largest = if x.abs() <= largest || f64::is_nan(largest) { largest } else { x.abs() };
            }
        }
        largest
    }

    /// Per-sample gradients `g_μ = J_μᵀ e_μ` into `out` (`m × P`). Allocates `c` numbers unless overridden.
    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let mut residuals = vec![0.0; self.outputs()];
        for (k, out) in out.chunks_exact_mut(self.dim()).enumerate() {
            let sample = samples.get(k);
            let single = Samples::Range(sample..sample + 1);
            self.residuals_into(theta, single.clone(), &mut residuals, scratch);
            self.vjp_into(theta, &residuals, single, out, scratch);
        }
    }

    /// Mean Gauss–Newton product `(1/m) Σ J_μᵀ ∇²_f ℓ_μ J_μ v` over the samples into `out` (`P`). Allocates `m c` numbers unless
    /// overridden.
    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let share = 1.0 / samples.len() as f64;
        let mut images = vec![0.0; samples.len() * self.outputs()];
        self.jvp_into(theta, v, samples.clone(), &mut images, scratch);
        self.weigh_outputs(theta, samples.clone(), &mut images, scratch);
        images.iter_mut().for_each(|x| *x *= share);
        self.vjp_into(theta, &images, samples, out, scratch);
    }

    /// [`hvp_into`](Self::hvp_into) for several vectors, the rows of `vectors` (`k × P`), into the rows of `out`.
    fn hvp_block_into(&self, theta: &[f64], vectors: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let p = self.dim();
        for (v, out) in vectors.chunks_exact(p).zip(out.chunks_exact_mut(p)) {
            self.hvp_into(theta, v, samples.clone(), out, scratch);
        }
    }

    /// Curvatures `vᵀH_μ v` of the single samples into `out` (`m`). Allocates `P` numbers unless overridden.
    fn sample_curvatures_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let mut image = vec![0.0; self.dim()];
        for (k, out) in out.iter_mut().enumerate() {
            let sample = samples.get(k);
            self.hvp_into(theta, v, Samples::Range(sample..sample + 1), &mut image, scratch);
            *out = image.iter().zip(v).map(|(a, b)| a * b).sum();
        }
    }

    /// The Hessians of the single samples between `k` vectors, the rows of `vectors` (`k × P`): `v_iᵀH_μ v_j` into `out`
    /// (`m × k²`). `k` products for each sample, and allocates `P` numbers, unless overridden.
    fn sample_hessians_into(
        &self,
        theta: &[f64],
        vectors: &[f64],
        samples: Samples,
        out: &mut [f64],
        scratch: &mut [f64],
    ) {
        let p = self.dim();
        let k = vectors.len() / p;
        let mut image = vec![0.0; p];
        for (index, out) in out.chunks_exact_mut(k * k).enumerate() {
            let sample = samples.get(index);
            for (v, row) in vectors.chunks_exact(p).zip(out.chunks_exact_mut(k)) {
                self.hvp_into(theta, v, Samples::Range(sample..sample + 1), &mut image, scratch);
                for (w, out) in vectors.chunks_exact(p).zip(row) {
                    *out = image.iter().zip(w).map(|(a, b)| a * b).sum();
                }
            }
        }
    }

    /// Squared norms `‖g_μ‖²` of the per-sample gradients into `out` (`m`). Allocates `P` numbers unless overridden.
    fn gradient_squares_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let mut gradient = vec![0.0; self.dim()];
        for (k, out) in out.iter_mut().enumerate() {
            let sample = samples.get(k);
            self.per_sample_gradients_into(theta, Samples::Range(sample..sample + 1), &mut gradient, scratch);
            *out = gradient.iter().map(|g| g * g).sum();
        }
    }

    /// Gram matrices `J_μ J_μᵀ` into `out` (`m × c²`). Allocates `c (P + 1)` numbers unless overridden.
    fn jacobian_grams_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let (p, c) = (self.dim(), self.outputs());
        let (mut rows, mut unit) = (vec![0.0; c * p], vec![0.0; c]);
        for (k, gram) in out.chunks_exact_mut(c * c).enumerate() {
            let sample = samples.get(k);
            for (k, row) in rows.chunks_exact_mut(p).enumerate() {
                unit.fill(0.0);
                unit[k] = 1.0;
                self.vjp_into(theta, &unit, Samples::Range(sample..sample + 1), row, scratch);
            }
            for (i, left) in rows.chunks_exact(p).enumerate() {
                for (j, right) in rows.chunks_exact(p).enumerate() {
                    gram[i * c + j] = left.iter().zip(right).map(|(a, b)| a * b).sum();
                }
            }
        }
    }

    /// Sums over samples and outputs of the squares, and of the fourth powers, of each column of the Jacobian: `Σ_μk J_μki²` and
    /// `Σ_μk J_μki⁴` into `squares` and `fourths` (`P` each). `m c` transposed products, and allocates `P + c` numbers, unless overridden.
    fn jacobian_moments_into(
        &self,
        theta: &[f64],
        samples: Samples,
        [squares, fourths]: [&mut [f64]; 2],
        scratch: &mut [f64],
    ) {
        let (mut row, mut unit) = (vec![0.0; self.dim()], vec![0.0; self.outputs()]);
        squares.fill(0.0);
        fourths.fill(0.0);
        for sample in (0..samples.len()).map(|k| samples.get(k)) {
            for k in 0..unit.len() {
                unit.fill(0.0);
                unit[k] = 1.0;
                self.vjp_into(theta, &unit, Samples::Range(sample..sample + 1), &mut row, scratch);
                squares.iter_mut().zip(&row).for_each(|(sum, x)| *sum += x * x);
                fourths.iter_mut().zip(&row).for_each(|(sum, x)| *sum += x.powi(4));
            }
        }
    }

    /// The loss of all data as a quadratic form, for a problem where it is one and is computed faster so. It is the same at every
    /// call; what looks at the loss often uses it.
    fn quadratic_loss(&self) -> Option<&QuadraticLoss> {
        None
    }

    /// The step from `theta` to the least loss, where the problem is linear in its parameters and small enough to be solved directly.
    /// Along directions that no sample sees the step has no part.
    fn least_squares_step(&self, _theta: &[f64]) -> Option<Vec<f64>> {
        None
    }

    /// Loss `½ Σ_k Var(y_k)` of the best prediction that does not look at the inputs, which says what a small loss is; `None` for
    /// a problem without targets.
    fn constant_loss(&self) -> Option<f64> {
        None
    }

    /// The class of each sample (`N`), where the targets are classes: one of several is 1 and the others are 0, or a single one is
    /// 0 or 1.
    fn classes(&self) -> Option<Vec<usize>> {
        None
    }

    /// The share of the samples whose class has the largest output at `theta` (`P`), where the targets are classes.
    fn accuracy(&self, _theta: &[f64]) -> Option<f64> {
        None
    }

    /// Whether the gradient of the loss is continuous in the parameters, so that the Hessian tells all of the curvature; a rectifier or a
    /// maximum has kinks, between which the Hessian is that of the piece.
    fn is_smooth(&self) -> bool {
        true
    }

    /// The names of the parameters, as ranges of `θ`, such as those of a network's tensors; none where they have no names.
    fn parameter_names(&self) -> Vec<(String, Range<usize>)> {
        Vec::new()
    }

    /// The parameters `theta` (`P`) as named tensors, with whatever else belongs to them; [`to_safetensors`](crate::model::to_safetensors)
    /// makes a file of them.
    ///
    /// # Panics
    /// If `theta` has another length than `P`.
    fn tensors(&self, theta: &[f64]) -> Vec<Tensor> {
        assert_eq!(theta.len(), self.dim());
        vec![Tensor { name: "theta".to_owned(), shape: vec![theta.len()], numbers: theta.to_vec() }]
    }

    /// Takes the parameters (`P`) from a file as [`tensors`](Self::tensors) names them, and sets what else is there.
    /// [`load_safetensors`] is for files.
    ///
    /// # Errors
    /// If a tensor does not fit; then nothing is set.
    fn take_tensors(&mut self, mut weights: Weights) -> Result<Vec<f64>, WeightsError> {
        let theta = weights.take("theta", &[self.dim()])?;
        weights.finish().map(|()| theta)
    }

    /// The problem around `theta`, for one that keeps its passes over the data, in at most `memory` bytes, from product to product,
    /// and computes in `precision`. [`linearise`](crate::operator::linearise) is for every problem.
    fn linearised(&self, _theta: &[f64], _precision: Precision, _memory: u64) -> Option<Box<dyn Linearisation + '_>> {
        None
    }

    /// What takes mean gradients over batches of up to `batch_size` samples in `precision` on the threads of the current pool, for a
    /// problem that knows how; others take [`batch_gradient_into`](Self::batch_gradient_into).
    fn batch_gradient(&self, _batch_size: usize, _precision: Precision) -> Option<Box<dyn BatchGradient + '_>> {
        None
    }

    /// The first failure of any method, for a problem that computes by means that can fail: a callback, a device, a file.
    ///
    /// Methods are called within steps and return no errors. One that fails keeps the failure and leaves in `out` what it
    /// likes, best NaN, from which replicas end at once; every search, measurement and ensemble asks before it returns, and
    /// then gives the failure instead of its result. Once there is a failure there always is one.
    fn failure(&self) -> Option<ProblemFailure> {
        None
    }

    /// The problem as a type that [`visit`] may know; `None` for one that is used by these methods alone.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// Samples of a call, unless the problem says another number.
const SAMPLES_AT_ONCE: usize = 512;

/// `½ Σ_k Var(y_k)` of `targets` (`N × c`): the loss of the best constant prediction; 0 where only rounding tells them apart.
pub(crate) fn half_variance(targets: &[f64], outputs: usize) -> f64 {
    let n = (targets.len() / outputs) as f64;
    let column = |k: usize| targets.iter().skip(k).step_by(outputs);
    let of = |k: usize| {
        let mean = column(k).sum::<f64>() / n;
        let (square, variance) =
            (column(k).map(|y| y * y).sum::<f64>(), column(k).map(|y| (y - mean).powi(2)).sum::<f64>());
        // A mean is rounded by about ε.
        if variance > (16.0 * f64::EPSILON).powi(2) * square { 0.5 * variance / n } else { 0.0 }
    };
    (0..outputs).map(of).sum()
}

/// `result`, unless the problem has failed: then nothing that was made with it holds.
pub(crate) fn unless_failed<P, T, E>(problem: &P, result: Result<T, E>) -> Result<T, E>
where
    P: Problem + ?Sized,
    E: From<ProblemFailure>,
{
    match problem.failure() {
        Some(failure) => Err(failure.into()),
        None => result,
    }
}

/// The parameters (`P`) of a safetensors file for `problem`, which takes what else the file has: means and variances of batch
/// normalisations.
///
/// # Errors
/// If a tensor is missing, of no parameter, of another shape or dtype, or has a number that is not finite; then nothing is taken.
pub fn load_safetensors(problem: &mut dyn Problem, file: &[u8]) -> Result<Vec<f64>, WeightsError> {
    problem.take_tensors(Weights::new(file)?)
}
