//! SGD with momentum and weight decay (Polyak 1964, *Some methods of speeding up the convergence of iteration methods*).

use super::descent::descend;
use super::{Advanced, Dynamics, ExitTest, Sgd, SgdError, SoloBlock, TimeUnit};
use crate::{Problem, SgdSettings};

/// The chain `v ← βv + g_B + λθ`, `θ ← θ − ηv` with the mean gradient `g_B` of a batch, from `v = 0`: momentum `β`, and
/// decay `λ`, which adds `½λ‖θ‖²` to the loss that is descended, not to the one that is reported. Its clock counts steps.
///
/// Drawn as by [`Sgd`], which it is at `β = λ = 0`. In a quadratic basin with constant noise `Σ` of the gradient and
/// curvature `h`, decay included, the stationary variance is `ηΣ(1 + β)/(h(1 − β)(2(1 + β) − ηh))`.
#[derive(Debug)]
pub struct HeavyBall<'a, P: Problem + ?Sized> {
    sgd: Sgd<'a, P>,
    learning_rate: f64,
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
        Ok(Self { sgd, learning_rate: settings.learning_rate, momentum, decay })
    }
}

impl<P: Problem + ?Sized> Dynamics for HeavyBall<'_, P> {
    type Block = SoloBlock;

    fn time_unit(&self) -> TimeUnit {
        self.sgd.time_unit()
    }

    fn dim(&self) -> usize {
        self.sgd.dim()
    }

    fn block(&self) -> SoloBlock {
        self.sgd.block()
    }

    /// The first step of a replica makes room for its velocity.
    fn advance(&self, block: &mut SoloBlock, steps: u64, exit: &ExitTest) -> Advanced {
        block.state.velocity.resize(self.dim(), 0.0);
        descend(block, self.learning_rate, steps, exit, |state, batch, gradient, scratch| {
            self.sgd.estimate(state, batch, gradient, scratch);
            for ((v, g), x) in state.velocity.iter_mut().zip(gradient).zip(&state.theta) {
                *g += self.momentum * *v + self.decay * x;
                *v = *g;
            }
        })
    }
}

#[cfg(test)]
mod tests;
