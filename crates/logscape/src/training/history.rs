//! What a training tells of itself: the mean loss of its batches, and loss and noise of all data where they are measured.

use serde::{Deserialize, Serialize};

/// Points of a history, at most.
const POINTS: u64 = 1000;

/// The mean loss of the batches of a window of steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LossPoint {
    /// Steps taken at the end of the window.
    pub steps: u64,
    /// Mean over the steps of the window of the loss of the batch before its step.
    pub loss: f64,
}

/// Loss and noise of all data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NoisePoint {
    /// Steps taken before.
    pub steps: u64,
    /// Loss `L`.
    pub loss: f64,
    /// Noise of one sample, `tr C = (1/N) Σ ‖g_μ‖² − ‖∇L‖²`.
    pub noise_trace: f64,
    /// `tr G` of the Gauss–Newton matrix, to which decoupling has the noise proportional.
    pub gauss_newton_trace: f64,
    /// `‖∇L‖`; `tr C/‖∇L‖²` is the gradient-noise scale, in samples.
    pub gradient_norm: f64,
}

/// The windows of a history, the last of which may be open.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct History {
    pub(super) points: Vec<LossPoint>,
    sum: f64,
    count: u64,
}

impl History {
    /// Takes up the loss of a batch, after which `taken` of `steps` steps are taken.
    pub(super) fn add(&mut self, loss: f64, taken: u64, steps: u64) {
        self.sum += loss;
        self.count += 1;
        if taken == steps || taken.is_multiple_of(steps.div_ceil(POINTS)) {
            self.points.push(LossPoint { steps: taken, loss: self.sum / self.count as f64 });
            (self.sum, self.count) = (0.0, 0);
        }
    }
}
