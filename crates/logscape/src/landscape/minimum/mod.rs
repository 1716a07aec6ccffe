//! Finding a minimum: L-BFGS where the parameters are many, Newton steps in a trust region, by conjugate gradients or
//! in the whole eigenbasis; and telling a minimum from a fit that interpolates.

mod interpolating;
mod lbfgs;
mod metric;
mod model_step;
mod search;
mod tries;
mod trust_region;

pub(super) use metric::{Metric, Scales};
pub use search::find_minimum;
pub(super) use trust_region::{Steps, trust_region};

use crate::problem::ProblemFailure;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Settings of [`find_minimum`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MinimumConfig {
    /// Gradient norm below which the search ends.
    pub gradient_tolerance: f64,
    /// Most exact Newton steps, where the parameters are few, and as many again of all further searches together where the first finds no
    /// minimum; else most L-BFGS iterations, most Hessian products of the Newton steps by conjugate gradients after them, and ten times as many
    /// as exact Newton steps that finish the search.
    pub max_iterations: usize,
    /// Largest number of parameters for which exact Newton steps finish the search; each costs `P` Hessian products and `O(P³)`.
    pub newton_up_to: usize,
}

impl Default for MinimumConfig {
    fn default() -> Self {
        Self { gradient_tolerance: 1e-8, max_iterations: 20_000, newton_up_to: 1500 }
    }
}

/// Why there is no minimum to report. A search that stops short is a [`Minimum`](crate::Minimum) with `converged: false` instead.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MinimumError {
    /// The start has the wrong length.
    #[error("the start has {found} parameters, the problem {expected}")]
    Length {
        /// Parameters of the problem.
        expected: usize,
        /// Parameters given.
        found: usize,
    },
    /// Loss or gradient at the start is not finite.
    #[error("the loss or its gradient is not finite at the start")]
    NotFinite,
    /// The problem failed at its work.
    #[error(transparent)]
    Problem(#[from] ProblemFailure),
}
