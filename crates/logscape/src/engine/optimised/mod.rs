//! Chains whose steps an optimiser makes of the gradients of batches.

use super::{Descent, ReplicaState, Sgd, SgdError, SoloBlock};
use crate::training::Optimiser;
use crate::{Problem, SgdSettings};

/// The chain `θ ← θ − η d_k` with the direction `d_k` that an [`Optimiser`] makes of the mean gradient of a batch and of what it
/// keeps, at a constant learning rate; at its start it keeps nothing. Its clock counts steps, and it is drawn as by [`Sgd`].
///
/// The first step of Adam has the length `η` along every parameter whose gradient is not small beside `ε`, at a minimum too.
#[derive(Debug)]
pub struct Optimised<'a, P: Problem + ?Sized> {
    sgd: Sgd<'a, P>,
    optimiser: Optimiser,
}

impl<'a, P: Problem + ?Sized> Optimised<'a, P> {
    /// The chain on `problem`.
    ///
    /// # Errors
    /// If the optimiser's options are out of range, or no SGD can have these settings.
    pub fn new(problem: &'a P, settings: SgdSettings, optimiser: Optimiser) -> Result<Self, SgdError> {
        let sgd = Sgd::new(problem, settings)?;
        optimiser.check()?;
        Ok(Self { sgd, optimiser })
    }
}

impl<P: Problem + ?Sized> Descent for Optimised<'_, P> {
    fn parameters(&self) -> usize {
        self.sgd.parameters()
    }

    fn learning_rate(&self) -> f64 {
        self.sgd.learning_rate()
    }

    fn room(&self) -> SoloBlock {
        self.sgd.room()
    }

    fn estimate(&self, state: &mut ReplicaState, batch: &mut [u32], gradient: &mut [f64], scratch: &mut [f64]) {
        self.sgd.estimate(state, batch, gradient, scratch);
        self.optimiser.direct(state.steps + 1, &state.theta, &mut state.velocity, gradient);
    }

    fn prepare(&self, state: &mut ReplicaState) {
        state.velocity.resize(self.optimiser.kept() * self.parameters(), 0.0);
    }
}

#[cfg(test)]
mod tests;
