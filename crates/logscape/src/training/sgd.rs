//! Stochastic gradient descent with momentum and weight decay (Polyak 1964; Nesterov 1983; Sutskever, Martens, Dahl & Hinton 2013).

use super::{BadOption, require};
use serde::{Deserialize, Serialize};

/// Options of SGD; all absent, it is plain SGD.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SgdOptions {
    /// Momentum `β`, in `[0, 1)`.
    pub momentum: f64,
    /// Whether the step looks ahead along the velocity; it needs momentum.
    pub nesterov: bool,
    /// Weight decay `λ ≥ 0`, which adds `λθ` to the gradient.
    pub weight_decay: f64,
}

impl SgdOptions {
    pub(super) fn check(&self) -> Result<(), BadOption> {
        require(
            (0.0..1.0).contains(&self.momentum),
            "momentum",
            "it must be at least 0 and below 1",
            "use a number such as 0.9",
        )?;
        require(
            self.momentum > 0.0 || !self.nesterov,
            "nesterov",
            "there is no momentum to look ahead along",
            "add a momentum such as 0.9, or leave nesterov out",
        )?;
        decay(self.weight_decay)
    }

    /// How many numbers it keeps for each parameter: the velocity.
    pub(super) fn kept(&self) -> usize {
        usize::from(self.momentum > 0.0)
    }

    /// Makes the direction `d` of the step `θ ← θ − ηd` of the gradient `g` (`P`): `g ← g + λθ`, `v ← βv + g`, and `d = v`, or
    /// `d = g + βv` where it looks ahead.
    pub(super) fn direct(&self, theta: &[f64], velocity: &mut [f64], gradient: &mut [f64]) {
        if self.weight_decay > 0.0 {
            gradient.iter_mut().zip(theta).for_each(|(g, x)| *g += self.weight_decay * x);
        }
        for (g, v) in gradient.iter_mut().zip(velocity) {
            *v = self.momentum * *v + *g;
            *g = if self.nesterov { *g + self.momentum * *v } else { *v };
        }
    }
}

/// Refuses a weight decay that is none.
pub(super) fn decay(weight_decay: f64) -> Result<(), BadOption> {
    require(
        weight_decay.is_finite() && weight_decay >= 0.0,
        "weight_decay",
        "it must be finite and not negative",
        "use a small number such as 1e-4, or 0",
    )
}
