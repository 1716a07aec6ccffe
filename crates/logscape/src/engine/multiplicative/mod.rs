//! Gradient descent with random weights of the samples (Wu, Hu, Xiong, Huan, Braverman & Zhu 2020, *On the noisy gradient
//! descent that generalizes as SGD*).

use super::sgd::check;
use super::{Descent, ReplicaState, SgdError, SoloBlock};
use crate::random::{RngState, next_word, normal_pair};
use crate::{Problem, Samples, Sampling, SgdSettings};

/// The law of the weights `v`, all of mean 1, for `N` samples and the batch size `B` that they stand for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeightLaw {
    /// `v = 1 + √(N/B) ξ` with normal `ξ`: variance `N/B`, that of the weights of a batch drawn with replacement for
    /// large `N`.
    Gaussian,
    /// `v = N/B` with probability `B/N`, else 0: variance `N/B − 1`. A batch of random size, `B` on average.
    Bernoulli,
    /// `v = (1 + aξ)/q` with probability `q = share`, else 0, with `a² = q(1 + N/B) − 1`: variance `N/B` from that share
    /// of the samples. At the least share, `q = B/(N + B)`, the weights are not normal but constant.
    SparseGaussian {
        /// The share `q` of samples with a weight, in `[B/(N + B), 1]`.
        share: f64,
    },
}

/// The chain `θ ← θ − η (1/N) Σ_μ v_μ g_μ(θ)` with fresh independent weights `v_μ` of mean 1. Its clock counts steps.
///
/// One step has the mean `−η∇L` and the covariance `η² (Var v/N) (C + ∇L∇Lᵀ)`: with variance `N/B` that of a batch of
/// size `B` where the gradient vanishes. Weights of a real batch sum to `N`; these do not, hence the second term.
///
/// Only samples with a weight cost a gradient. A step takes one word of the generator for each sample, two for each pair
/// of normal weights.
#[derive(Debug)]
pub struct MultiplicativeSgd<'a, P: Problem + ?Sized> {
    problem: &'a P,
    learning_rate: f64,
    /// Probability of a weight, in units of `2^−64`; none if every sample has one.
    threshold: Option<u64>,
    /// Mean of a weight that is not zero, over `N`.
    mean: f64,
    /// Its standard deviation, over `N`.
    deviation: f64,
}

/// Samples that are evaluated together.
const TOGETHER: usize = 256;

impl<'a, P: Problem + ?Sized> MultiplicativeSgd<'a, P> {
    /// The chain on `problem` whose noise is that of batches of `batch_size`.
    ///
    /// # Errors
    /// If no run can have these settings: as for [`Sgd`](super::Sgd), a share of samples that cannot give the variance, or
    /// more samples in a Bernoulli batch than there are.
    pub fn new(problem: &'a P, learning_rate: f64, batch_size: usize, law: WeightLaw) -> Result<Self, SgdError> {
        let sampling = match law {
            WeightLaw::Bernoulli => Sampling::WithoutReplacement,
            WeightLaw::Gaussian | WeightLaw::SparseGaussian { .. } => Sampling::WithReplacement,
        };
        check(problem.samples(), &SgdSettings { learning_rate, batch_size, sampling })?;
        let (n, b) = (problem.samples() as f64, batch_size as f64);
        // `a²`, the square of the relative deviation of a weight that is not zero.
        let (share, square) = match law {
            WeightLaw::Gaussian => (1.0, n / b),
            WeightLaw::Bernoulli => (b / n, 0.0),
            WeightLaw::SparseGaussian { share } => (share, share * (1.0 + n / b) - 1.0),
        };
        // The least share is met up to rounding.
        if !(square >= -1e-12 && share <= 1.0) {
            return Err(SgdError::Share(share));
        }
        let mean = 1.0 / (share * n);
        Ok(Self {
            problem,
            learning_rate,
            threshold: (share < 1.0).then_some((share * 2.0_f64.powi(64)) as u64),
            mean,
            deviation: mean * square.max(0.0).sqrt(),
        })
    }

    /// Draws the samples with a weight into `drawn` and `v_μ/N` into `weights` (`N` entries each); returns their number.
    #[inline]
    fn draw(&self, rng: &mut RngState, drawn: &mut [u32], weights: &mut [f64]) -> usize {
        let (mut count, mut spare) = (0, None);
        for sample in 0..drawn.len() as u32 {
            if self.threshold.is_some_and(|threshold| next_word(rng) >= threshold) {
                continue;
            }
            drawn[count] = sample;
            weights[count] = self.mean;
            if self.deviation > 0.0 {
                let normal = spare.take().unwrap_or_else(|| {
                    let [first, second] = normal_pair(rng);
                    spare = Some(second);
                    first
                });
                weights[count] += self.deviation * normal;
            }
            count += 1;
        }
        count
    }
}

impl<P: Problem + ?Sized> Descent for MultiplicativeSgd<'_, P> {
    fn parameters(&self) -> usize {
        self.problem.dim()
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn room(&self) -> SoloBlock {
        let (p, n) = (self.problem.dim(), self.problem.samples());
        let together = TOGETHER.min(n);
        let scratch = self.problem.scratch_len(together) + together * self.problem.outputs();
        SoloBlock::new(p, n, 2 * p + n + scratch)
    }

    fn estimate(&self, state: &mut ReplicaState, drawn: &mut [u32], gradient: &mut [f64], rest: &mut [f64]) {
        let (n, outputs) = (self.problem.samples(), self.problem.outputs());
        let (weights, rest) = rest.split_at_mut(n);
        let (part, rest) = rest.split_at_mut(gradient.len());
        let (residuals, scratch) = rest.split_at_mut(TOGETHER.min(n) * outputs);
        let count = self.draw(&mut state.rng, drawn, weights);
        gradient.fill(0.0);
        for (drawn, weights) in drawn[..count].chunks(TOGETHER).zip(weights[..count].chunks(TOGETHER)) {
            let cotangents = &mut residuals[..drawn.len() * outputs];
            self.problem.residuals_into(&state.theta, Samples::Indices(drawn), cotangents, scratch);
            for (row, weight) in cotangents.chunks_exact_mut(outputs).zip(weights) {
                row.iter_mut().for_each(|e| *e *= weight);
            }
            self.problem.vjp_into(&state.theta, cotangents, Samples::Indices(drawn), part, scratch);
            gradient.iter_mut().zip(&*part).for_each(|(g, part)| *g += part);
        }
    }
}

#[cfg(test)]
mod tests;
