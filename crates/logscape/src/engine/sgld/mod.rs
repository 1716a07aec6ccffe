//! Stochastic gradient Langevin dynamics (Welling & Teh 2011, *Bayesian learning via stochastic gradient Langevin
//! dynamics*; Zhang, Liang & Charikar 2017, *A hitting time analysis of stochastic gradient Langevin dynamics*).

use super::{Descent, ReplicaState, Sgd, SgdError, SoloBlock};
use crate::random::normal_pair;
use crate::{Problem, SgdSettings};

/// The chain `θ ← θ − η g_B + √(2ηT) ξ` with the mean gradient `g_B` of a batch, a standard normal vector `ξ` and the
/// temperature `T` in units of the loss, at a constant learning rate. Its clock counts steps.
///
/// Without the noise of the batches, and for `η → 0`, the stationary law is `e^{−L/T}`. A step draws the batch first, as
/// [`Sgd`] does, and then `⌈P/2⌉` pairs of normal numbers; none at `T = 0`, where the chain is [`Sgd`] to the bit.
#[derive(Debug)]
pub struct Sgld<'a, P: Problem + ?Sized> {
    sgd: Sgd<'a, P>,
    /// `√(2T/η)`, the deviation of the noise as part of the gradient.
    deviation: f64,
}

impl<'a, P: Problem + ?Sized> Sgld<'a, P> {
    /// The chain on `problem` at `temperature = T`.
    ///
    /// # Errors
    /// If the temperature is negative or not finite, or no SGD can have these settings.
    pub fn new(problem: &'a P, settings: SgdSettings, temperature: f64) -> Result<Self, SgdError> {
        let sgd = Sgd::new(problem, settings)?;
        if !(temperature.is_finite() && temperature >= 0.0) {
            return Err(SgdError::Temperature(temperature));
        }
        Ok(Self { sgd, deviation: (2.0 * temperature / settings.learning_rate).sqrt() })
    }
}

impl<P: Problem + ?Sized> Descent for Sgld<'_, P> {
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
        if self.deviation > 0.0 {
            for pair in gradient.chunks_mut(2) {
                let normals = normal_pair(&mut state.rng);
                pair.iter_mut().zip(normals).for_each(|(g, normal)| *g -= self.deviation * normal);
            }
        }
    }
}

#[cfg(test)]
mod tests;
