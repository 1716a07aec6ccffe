//! The laws of initial weights.

use serde::{Deserialize, Serialize};

/// The standard deviation of a layer's normally distributed initial weights; biases start at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initialisation {
    /// `√(2 / (inputs + outputs))`
    Glorot,
    /// `√(1 / inputs)`
    Lecun,
    /// `√(2 / inputs)`
    He,
}

impl Initialisation {
    /// The standard deviation for a layer with so many inputs and outputs.
    pub fn standard_deviation(self, inputs: usize, outputs: usize) -> f64 {
        match self {
            Self::Glorot => (2.0 / (inputs + outputs) as f64).sqrt(),
            Self::Lecun => (1.0 / inputs as f64).sqrt(),
            Self::He => (2.0 / inputs as f64).sqrt(),
        }
    }
}
