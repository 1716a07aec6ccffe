//! Linear regression, the problem whose Hessian is the same everywhere.

use super::error::require_regression_data;
use super::scalar::{add_scaled, dot};
use super::{ProblemError, ScalarModel};

/// `f(θ, x) = θ · x` with `θ, x ∈ R^d`; a constant input makes an intercept.
#[derive(Debug, Clone)]
pub struct LinearRegression {
    inputs: Vec<f64>,
    targets: Vec<f64>,
    inputs_dim: usize,
}

impl LinearRegression {
    /// The problem of `inputs` (`N × d`, row-major) and `targets` (`N`), with `d = inputs_dim`.
    ///
    /// # Errors
    /// If lengths do not fit, `N` or `d` is zero, or a value is not finite.
    pub fn new(inputs: Vec<f64>, targets: Vec<f64>, inputs_dim: usize) -> Result<Self, ProblemError> {
        require_regression_data(&inputs, &targets, inputs_dim)?;
        Ok(Self { inputs, targets, inputs_dim })
    }

    fn input(&self, sample: usize) -> &[f64] {
        &self.inputs[sample * self.inputs_dim..][..self.inputs_dim]
    }
}

impl ScalarModel for LinearRegression {
    fn parameters(&self) -> usize {
        self.inputs_dim
    }

    fn targets(&self) -> &[f64] {
        &self.targets
    }

    fn value(&self, theta: &[f64], sample: usize) -> f64 {
        dot(theta, self.input(sample))
    }

    fn slope(&self, _theta: &[f64], v: &[f64], sample: usize) -> f64 {
        dot(v, self.input(sample))
    }

    fn add_gradient(&self, theta: &[f64], sample: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        let x = self.input(sample);
        add_scaled(out, weight(dot(theta, x)), x);
    }

    fn add_hessian_product(&self, _theta: &[f64], _v: &[f64], _sample: usize, _weight: f64, _out: &mut [f64]) {}
}
