//! Inputs and targets of regressions with one output.

use super::ProblemError;
use super::error::{require_finite, require_some};

/// Checked inputs `x_μ` (`N × d`, row-major) and targets `y_μ` (`N`).
#[derive(Debug, Clone)]
pub(super) struct RegressionData {
    inputs: Vec<f64>,
    targets: Vec<f64>,
    dim: usize,
}

impl RegressionData {
    /// The data, if they are finite, of fitting lengths, and `N, d ≥ 1`.
    pub(super) fn new(inputs: Vec<f64>, targets: Vec<f64>, dim: usize) -> Result<Self, ProblemError> {
        require_some("input dimensions", dim)?;
        require_some("targets", targets.len())?;
        require_finite("targets", &targets, targets.len())?;
        require_finite("inputs", &inputs, targets.len().saturating_mul(dim))?;
        Ok(Self { inputs, targets, dim })
    }

    /// Input dimensions `d`.
    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// Input `x_μ` (`d`).
    pub(super) fn input(&self, sample: usize) -> &[f64] {
        &self.inputs[sample * self.dim..][..self.dim]
    }

    /// Targets (`N`).
    pub(super) fn targets(&self) -> &[f64] {
        &self.targets
    }
}
