//! Adam (Kingma & Ba 2015, *Adam: a method for stochastic optimization*).

use super::{BadOption, require, sgd};
use serde::{Deserialize, Serialize};

/// Options of Adam and AdamW.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamOptions {
    /// What is left of the mean gradient and of the mean square after a step, `β₁` and `β₂`, both in `[0, 1)`.
    pub betas: [f64; 2],
    /// What is added to the root of the mean square, `ε > 0`, in units of the gradient.
    pub epsilon: f64,
    /// Weight decay `λ ≥ 0`.
    pub weight_decay: f64,
}

impl AdamOptions {
    /// Those that PyTorch has for Adam where nothing is said.
    pub const ADAM: Self = Self { betas: [0.9, 0.999], epsilon: 1e-8, weight_decay: 0.0 };

    pub(super) fn check(&self) -> Result<(), BadOption> {
        require(
            self.betas.iter().all(|beta| (0.0..1.0).contains(beta)),
            "betas",
            "both must be at least 0 and below 1",
            "use numbers such as [0.9, 0.999]",
        )?;
        require(
            self.epsilon.is_finite() && self.epsilon > 0.0,
            "epsilon",
            "it must be finite and positive",
            "use a small number such as 1e-8",
        )?;
        sgd::decay(self.weight_decay)
    }

    /// What step `t ≥ 1` does to one parameter, with the decay `coupled` added to its gradient.
    pub(super) fn step(&self, t: u64, coupled: f64) -> AdamStep {
        let [first, second] = self.betas.map(|beta| 1.0 - beta.powf(t as f64));
        AdamStep { betas: self.betas, epsilon: self.epsilon, coupled, mean: first, root: second.sqrt() }
    }

    /// Makes the direction `d` of step `t ≥ 1`, `θ ← θ − ηd`, of the gradient `g` (`P`):
    /// `g ← g + λθ`, `m ← β₁m + (1 − β₁)g`, `v ← β₂v + (1 − β₂)g²`, `d = m̂/(√v̂ + ε)` with `m̂ = m/(1 − β₁ᵗ)`, `v̂ = v/(1 − β₂ᵗ)`.
    pub(super) fn direct(&self, t: u64, theta: &[f64], [m, v]: [&mut [f64]; 2], gradient: &mut [f64]) {
        let step = self.step(t, self.weight_decay);
        for (((g, x), m), v) in gradient.iter_mut().zip(theta).zip(m).zip(v) {
            *g = step.direction(*g, *x, m, v);
        }
    }
}

/// The numbers of one step.
#[derive(Clone, Copy)]
pub(super) struct AdamStep {
    betas: [f64; 2],
    epsilon: f64,
    /// Decay that is part of the gradient.
    coupled: f64,
    /// `1 − β₁ᵗ`.
    mean: f64,
    /// `√(1 − β₂ᵗ)`.
    root: f64,
}

impl AdamStep {
    /// The direction of a parameter `x` with gradient `g` and moments `m` and `v`.
    #[inline]
    pub(super) fn direction(&self, g: f64, x: f64, m: &mut f64, v: &mut f64) -> f64 {
        let [first, second] = self.betas;
        let g = g + self.coupled * x;
        *m = first * *m + (1.0 - first) * g;
        *v = second * *v + (1.0 - second) * g * g;
        (*m / self.mean) / (v.sqrt() / self.root + self.epsilon)
    }
}
