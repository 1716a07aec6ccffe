//! A minimum, and how it was found.

use serde::{Deserialize, Serialize};

/// A point where the gradient is small, and how it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Minimum {
    /// Parameters `θ*`.
    pub theta: Vec<f64>,
    /// Loss `L*`.
    pub loss: f64,
    /// Gradient norm `‖∇L(θ*)‖`.
    pub gradient_norm: f64,
    /// Whether the gradient norm met the tolerance, or the fit interpolates.
    pub converged: bool,
    /// Evaluations of loss and gradient, and Newton steps.
    pub iterations: usize,
    /// How it was found.
    pub method: String,
    /// Why this is a fit that interpolates: every sample is fitted, and `L*` is what the search and rounding left over. None for a
    /// minimum whose loss is resolved.
    #[serde(default)]
    pub interpolating: Option<String>,
    /// What tells that the parameters run away, where the search did not converge: the least loss lies at infinity, or far off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_away: Option<String>,
}

impl Minimum {
    /// Takes one step more, to `theta`.
    pub(crate) fn step_to(&mut self, theta: Vec<f64>, loss: f64, gradient_norm: f64) {
        self.theta = theta;
        self.loss = loss;
        self.gradient_norm = gradient_norm;
        self.iterations += 1;
    }
}
