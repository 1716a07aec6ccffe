//! The optimisers by name.

use super::BadOption;
use super::adam::AdamOptions;
use super::sgd::SgdOptions;
use serde::{Deserialize, Serialize};

/// What makes a step of a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimiser {
    /// Stochastic gradient descent.
    Sgd(SgdOptions),
    /// Adam, whose decay is part of the gradient.
    Adam(AdamOptions),
    /// Adam with a decay apart from the gradient.
    AdamW(AdamOptions),
}

impl Optimiser {
    /// Its name in studies and records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sgd(_) => "sgd",
            Self::Adam(_) => "adam",
            Self::AdamW(_) => "adamw",
        }
    }

    /// Refuses options out of range.
    ///
    /// # Errors
    /// Which, and why.
    pub fn check(&self) -> Result<(), BadOption> {
        match self {
            Self::Sgd(options) => options.check(),
            Self::Adam(options) | Self::AdamW(options) => options.check(),
        }
    }

    /// How many numbers it keeps for each parameter beside it: a velocity, or two moments.
    pub fn kept(&self) -> usize {
        match self {
            Self::Sgd(options) => options.kept(),
            Self::Adam(_) | Self::AdamW(_) => 2,
        }
    }

    /// Makes the direction `d` of step `t`, counted from 1, `θ ← θ − ηd`, of the gradient (`P`) at `theta` (`P`), with what is kept
    /// ([`kept`](Self::kept) times `P` numbers, all 0 before the first step).
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn direct(&self, t: u64, theta: &[f64], kept: &mut [f64], gradient: &mut [f64]) {
        let p = theta.len();
        assert!(gradient.len() == p && kept.len() == self.kept() * p, "a number for each parameter");
        match self {
            Self::Sgd(options) => options.direct(theta, kept, gradient),
            Self::Adam(options) => options.direct(t, theta, kept.split_at_mut(p).into(), gradient),
            Self::AdamW(options) => options.direct_decoupled(t, theta, kept.split_at_mut(p).into(), gradient),
        }
    }
}
