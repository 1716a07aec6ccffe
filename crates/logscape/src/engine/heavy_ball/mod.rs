//! SGD with momentum and weight decay (Polyak 1964, *Some methods of speeding up the convergence of iteration methods*).

use super::{Descent, ReplicaState, Sgd, SgdError, SoloBlock};
use crate::{Problem, SgdSettings};

/// The chain `v ← βv + g_B + λθ`, `θ ← θ − ηv` with the mean gradient `g_B` of a batch, from `v = 0`: momentum `β`, and
/// decay `λ`, which adds `½λ‖θ‖²` to the loss that is descended, not to the one that is reported. Its clock counts steps.
///
/// Drawn as by [`Sgd`], which it is at `β = λ = 0`. In a quadratic basin with constant noise `Σ` of the gradient and
/// curvature `h`, decay included, the stationary variance is `ηΣ(1 + β)/(h(1 − β)(2(1 + β) − ηh))`.
#[derive(Debug)]
pub struct HeavyBall<'a, P: Problem + ?Sized> {
    sgd: Sgd<'a, P>,
    momentum: f64,
    decay: f64,
}

impl<'a, P: Problem + ?Sized> HeavyBall<'a, P> {
    /// The chain on `problem` with `momentum = β` and `decay = λ`.
    ///
    /// # Errors
    /// If the momentum is outside `[0, 1)`, the decay is negative or not finite, or no SGD can have these settings.
    pub fn new(problem: &'a P, settings: SgdSettings, momentum: f64, decay: f64) -> Result<Self, SgdError> {
        let sgd = Sgd::new(problem, settings)?;
        if !(0.0..1.0).contains(&momentum) {
            return Err(SgdError::Momentum(momentum));
        }
        if !(decay.is_finite() && decay >= 0.0) {
            return Err(SgdError::Decay(decay));
        }
        Ok(Self { sgd, momentum, decay })
    }
}

impl<P: Problem + ?Sized> Descent for HeavyBall<'_, P> {
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
        for ((v, g), x) in state.velocity.iter_mut().zip(gradient).zip(&state.theta) {
            *g += self.momentum * *v + self.decay * x;
            *v = *g;
        }
    }

    fn prepare(&self, state: &mut ReplicaState) {
        state.velocity.resize(self.parameters(), 0.0);
    }
}

#[cfg(test)]
mod tests;
