//! AdamW, Adam with a decay that is no part of the gradient (Loshchilov & Hutter 2019, *Decoupled weight decay regularization*).

use super::adam::AdamOptions;

impl AdamOptions {
    /// Those that PyTorch has for AdamW where nothing is said.
    pub const ADAMW: Self = Self { weight_decay: 0.01, ..Self::ADAM };

    /// Makes the direction `d` of step `t ≥ 1`, `θ ← θ − ηd`, of the gradient `g` (`P`): that of Adam without decay, and `λθ`.
    pub(super) fn direct_decoupled(&self, t: u64, theta: &[f64], [m, v]: [&mut [f64]; 2], gradient: &mut [f64]) {
        let step = self.step(t, 0.0);
        for (((g, x), m), v) in gradient.iter_mut().zip(theta).zip(m).zip(v) {
            *g = step.direction(*g, *x, m, v) + self.weight_decay * x;
        }
    }
}
