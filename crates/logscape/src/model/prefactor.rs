//! The factor before the exponent of a rate.

use serde::{Deserialize, Serialize};

/// The factor before the exponent of the rate over a saddle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prefactor {
    /// `ln(κ e^{V/ε})` for continuous time (`κ` per unit `t`).
    pub ln_rate: f64,
    /// What discrete time adds, `½ ∫ p'·θ' dt`.
    pub ln_step: f64,
    /// Estimated errors of both: their changes from half as many segments.
    pub errors: [f64; 2],
}
