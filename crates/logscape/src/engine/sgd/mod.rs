//! Stochastic gradient descent with three ways to draw a batch.
//!
//! A batch takes `⌈B/2⌉` words of the replica's generator, two indices from each, whatever block the replica is in.
//! [`Sgd::on`] takes the fastest layout, the first of these whose condition holds:
//!
//! | layout | when | speed |
//! |---|---|---|
//! | [`SumSgd`] | a [`SumModel`](crate::problem::SumModel), `N ≤ 8192`, `B ≥ 4`, with replacement | one row added for each sample: 245 cycles for a step of sixteen replicas with `B = 8` in `f64` |
//! | [`LaneSgd`] | a [`LaneModel`](crate::problem::LaneModel), of inner products for `P ≤ 3`, with replacement | what the model costs in vectors: for a sinusoid the rate of sine and cosine |
//! | [`RowSgd`] | a [`RowModel`](crate::problem::RowModel), with replacement | `4PB + 2P` flops at 0.11 (`P = B = 10`) to 0.17 (`B ≥ 32`) of the rate of multiply-adds in registers |
//! | [`MlpSgd`] | a [`NetworkModel`](crate::problem::NetworkModel), and a [`Network`](crate::network::Network) that is a perceptron, of any loss and however batches are drawn | a 64-32-10 network with `B = 32` at 0.5 (`f32`) and 0.6 (`f64`) of the peak of matrix products |
//! | [`NetworkSgd`] | a [`Network`](crate::network::Network) of any layers and loss, however batches are drawn | that of its layers: of 28 × 28 images in 32 and 64 channels with `B = 64` six tenths of a step are matrix products, of 8 × 8 images in four channels with `B = 8` a fifth |
//! | [`ManySgd`] | any problem that says [`replicas_at_once`](crate::Problem::replicas_at_once), and any sampling, in `f64` alone | the problem's own, by one call for many replicas |
//! | [`Sgd`] | any problem and sampling, in `f64` alone | the problem's own batch gradient, one replica at a time |
//!
//! `bench/README.md` says how the numbers were measured.

mod bounds;
mod kernel;
mod lane;
mod layout;
mod many;
mod mlp;
mod network;
mod output;
mod row;
mod sums;

use thiserror::Error;

pub use lane::LaneSgd;
pub use many::{ManyBlock, ManySgd};
pub use mlp::{MlpBlock, MlpSgd};
pub use network::{NetworkBlock, NetworkSgd};
pub use row::RowSgd;
pub use sums::{SUM_DIM, SUM_SAMPLES, SumSgd};

use super::{Descent, ReplicaState, SoloBlock};
use crate::random::{RngState, index_pair, next_word};
use crate::training::BadOption;
use crate::{Problem, Samples, Sampling, SgdSettings};

/// Settings that no SGD run can have.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SgdError {
    /// The learning rate is not finite and positive.
    #[error("learning rate must be finite and positive, got {0}")]
    LearningRate(f64),
    /// The batch is empty.
    #[error("batch size must be at least 1")]
    EmptyBatch,
    /// The problem has no sample, or more than fit into 32 bits.
    #[error("number of samples must be between 1 and 2^32 - 1, got {0}")]
    Samples(usize),
    /// A batch drawn without replacement is larger than the data.
    #[error("batch size {batch} without replacement exceeds the {samples} samples")]
    BatchTooLarge {
        /// Batch size `B`.
        batch: usize,
        /// Number of samples `N`.
        samples: usize,
    },
    /// Weights of this share of the samples cannot have the variance of a batch.
    #[error("share of samples with a weight must be between B/(N + B) and 1, got {0}")]
    Share(f64),
    /// The temperature is negative or not finite.
    #[error("temperature must be finite and not negative, got {0}")]
    Temperature(f64),
    /// The momentum is not in `[0, 1)`.
    #[error("momentum must be at least 0 and below 1, got {0}")]
    Momentum(f64),
    /// The weight decay is negative or not finite.
    #[error("weight decay must be finite and not negative, got {0}")]
    Decay(f64),
    /// An optimiser's option is out of range.
    #[error(transparent)]
    Option(#[from] BadOption),
    /// There is no code in single precision for this problem and sampling.
    #[error(
        "float32 is for problems with code in vectors, with replacement unless they are networks; this one runs in float64"
    )]
    Precision,
}

/// Refuses settings that no run on `samples` samples can have.
pub(super) fn check(samples: usize, settings: &SgdSettings) -> Result<(), SgdError> {
    if !(settings.learning_rate.is_finite() && settings.learning_rate > 0.0) {
        return Err(SgdError::LearningRate(settings.learning_rate));
    }
    if settings.batch_size == 0 {
        return Err(SgdError::EmptyBatch);
    }
    if samples == 0 || u32::try_from(samples).is_err() {
        return Err(SgdError::Samples(samples));
    }
    if settings.sampling != Sampling::WithReplacement && settings.batch_size > samples {
        return Err(SgdError::BatchTooLarge { batch: settings.batch_size, samples });
    }
    Ok(())
}

/// The chain `θ ← θ − η g_B`, where `g_B` is the mean gradient of `B` samples, for any problem. Its clock counts steps.
#[derive(Debug)]
pub struct Sgd<'a, P: Problem + ?Sized> {
    problem: &'a P,
    settings: SgdSettings,
}

impl<'a, P: Problem + ?Sized> Sgd<'a, P> {
    /// SGD on `problem`.
    ///
    /// # Errors
    /// If no run can have these settings.
    pub fn new(problem: &'a P, settings: SgdSettings) -> Result<Self, SgdError> {
        check(problem.samples(), &settings)?;
        Ok(Self { problem, settings })
    }
}

impl<P: Problem + ?Sized> Descent for Sgd<'_, P> {
    fn parameters(&self) -> usize {
        self.problem.dim()
    }

    fn learning_rate(&self) -> f64 {
        self.settings.learning_rate
    }

    fn room(&self) -> SoloBlock {
        let (p, b) = (self.problem.dim(), self.settings.batch_size);
        SoloBlock::new(p, b, p + self.problem.scratch_len(b))
    }

    /// Draws a batch, and takes its mean gradient.
    #[inline]
    fn estimate(&self, state: &mut ReplicaState, batch: &mut [u32], gradient: &mut [f64], scratch: &mut [f64]) {
        draw(self.settings.sampling, self.problem.samples(), state, batch);
        self.problem.batch_gradient_into(&state.theta, Samples::Indices(batch), gradient, scratch);
    }
}

/// Draws the next batch of `n` samples into `batch` (`B`).
#[inline]
pub(crate) fn draw(sampling: Sampling, n: usize, state: &mut ReplicaState, batch: &mut [u32]) {
    let b = batch.len();
    if sampling != Sampling::WithReplacement && state.order.is_empty() {
        state.order.extend(0..n as u32);
        state.cursor = n;
    }
    match sampling {
        Sampling::WithReplacement => {
            for pair in batch.chunks_mut(2) {
                let indices = index_pair(next_word(&mut state.rng), [n as u32; 2]);
                pair.copy_from_slice(&indices[..pair.len()]);
            }
        }
        Sampling::WithoutReplacement => {
            shuffle_front(&mut state.rng, &mut state.order, b);
            batch.copy_from_slice(&state.order[..b]);
        }
        Sampling::EpochShuffle => {
            if state.cursor + b > n {
                shuffle_front(&mut state.rng, &mut state.order, n);
                state.cursor = 0;
            }
            state.cursor += b;
            batch.copy_from_slice(&state.order[state.cursor - b..state.cursor]);
        }
    }
}

/// Makes the first `front` entries a uniform ordered subset: that many steps of Fisher–Yates, which may start from any
/// permutation.
#[inline]
fn shuffle_front(rng: &mut RngState, order: &mut [u32], front: usize) {
    let n = order.len();
    for k in (0..front).step_by(2) {
        let left = (n - k) as u32;
        let [first, second] = index_pair(next_word(rng), [left, left - 1]);
        order.swap(k, k + first as usize);
        if k + 1 < front {
            order.swap(k + 1, k + 1 + second as usize);
        }
    }
}

#[cfg(test)]
mod tests;
