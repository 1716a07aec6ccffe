//! Every method of [`Problem`] for models with one output, from the model's value and derivatives at one sample.

use std::any::Any;

use super::{Problem, QuadraticLoss, Samples, half_variance};

/// A model `f(θ, x_μ) ∈ R` with its data; it is a [`Problem`] with `c = 1` that needs no scratch.
pub trait ScalarModel: Send + Sync {
    /// Number of parameters `P`.
    fn parameters(&self) -> usize;

    /// Targets `y_μ` (`N`).
    fn targets(&self) -> &[f64];

    /// The value `f(θ, x_μ)`.
    fn value(&self, theta: &[f64], sample: usize) -> f64;

    /// The directional derivative `∇f(θ, x_μ) · v`.
    fn slope(&self, theta: &[f64], v: &[f64], sample: usize) -> f64;

    /// Adds `w(f) ∇f(θ, x_μ)` to `out` (`P`), with the weight `w` as a function of the value `f`.
    fn add_gradient(&self, theta: &[f64], sample: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]);

    /// Adds `w ∇²f(θ, x_μ) v` to `out` (`P`).
    fn add_hessian_product(&self, theta: &[f64], v: &[f64], sample: usize, weight: f64, out: &mut [f64]);

    /// See [`Problem::quadratic_loss`].
    fn quadratic_loss(&self) -> Option<&QuadraticLoss> {
        None
    }

    /// See [`Problem::least_squares_step`].
    fn least_squares_step(&self, _theta: &[f64]) -> Option<Vec<f64>> {
        None
    }

    /// See [`Problem::as_any`].
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

impl<M: ScalarModel> Problem for M {
    fn dim(&self) -> usize {
        self.parameters()
    }

    fn samples(&self) -> usize {
        self.targets().len()
    }

    fn outputs(&self) -> usize {
        1
    }

    fn scratch_len(&self, _m: usize) -> usize {
        0
    }

    fn quadratic_loss(&self) -> Option<&QuadraticLoss> {
        ScalarModel::quadratic_loss(self)
    }

    fn least_squares_step(&self, theta: &[f64]) -> Option<Vec<f64>> {
        ScalarModel::least_squares_step(self, theta)
    }

    fn constant_loss(&self) -> Option<f64> {
        Some(half_variance(self.targets(), 1))
    }

    fn as_any(&self) -> Option<&dyn Any> {
        ScalarModel::as_any(self)
    }

    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        assert_eq!(out.len(), samples.len());
        for (k, residual) in out.iter_mut().enumerate() {
            let sample = samples.get(k);
            *residual = self.value(theta, sample) - self.targets()[sample];
        }
    }

    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        assert_eq!(out.len(), samples.len());
        for (k, slope) in out.iter_mut().enumerate() {
            *slope = self.slope(theta, v, samples.get(k));
        }
    }

    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        assert_eq!(u.len(), samples.len());
        out.fill(0.0);
        for (k, &weight) in u.iter().enumerate() {
            self.add_gradient(theta, samples.get(k), |_| weight, out);
        }
    }

    #[inline]
    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) -> f64 {
        let share = 1.0 / samples.len() as f64;
        let mut loss = 0.0;
        out.fill(0.0);
        for k in 0..samples.len() {
            let sample = samples.get(k);
            let target = self.targets()[sample];
            let weight = |value: f64| {
                let residual = value - target;
                loss += 0.5 * residual * residual;
                residual * share
            };
            self.add_gradient(theta, sample, weight, out);
        }
        loss * share
    }

    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        assert_eq!(out.len(), samples.len() * self.parameters());
        out.fill(0.0);
        for (k, row) in out.chunks_exact_mut(self.parameters()).enumerate() {
            let sample = samples.get(k);
            let target = self.targets()[sample];
            self.add_gradient(theta, sample, |value| value - target, row);
        }
    }

    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        let share = 1.0 / samples.len() as f64;
        out.fill(0.0);
        for k in 0..samples.len() {
            let sample = samples.get(k);
            let slope = self.slope(theta, v, sample);
            let mut residual = -self.targets()[sample];
            let weight = |value: f64| {
                residual += value;
                slope * share
            };
            self.add_gradient(theta, sample, weight, out);
            self.add_hessian_product(theta, v, sample, residual * share, out);
        }
    }

    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        let share = 1.0 / samples.len() as f64;
        out.fill(0.0);
        for k in 0..samples.len() {
            let sample = samples.get(k);
            let slope = self.slope(theta, v, sample);
            self.add_gradient(theta, sample, |_| slope * share, out);
        }
    }
}

/// The inner product `a · b`.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Adds `w x` to `out`.
pub(super) fn add_scaled(out: &mut [f64], weight: f64, x: &[f64]) {
    assert_eq!(out.len(), x.len());
    for (out, x) in out.iter_mut().zip(x) {
        *out += weight * x;
    }
}
