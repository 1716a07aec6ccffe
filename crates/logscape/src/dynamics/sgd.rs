//! Stochastic gradient descent with three ways to draw a batch.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use thiserror::Error;

use super::{DIVERGENCE_LIMIT, Dynamics, ExitTest, Progress, Replica, TimeUnit};
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
}

/// The chain `θ ← θ − η g_B`, where `g_B` is the mean gradient of `B` samples. Its clock counts steps.
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
        let samples = problem.samples();
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
        Ok(Self { problem, settings })
    }

    /// Draws the next batch; it is `order[range]` of the replica.
    #[inline]
    fn draw(&self, replica: &mut Replica) -> std::ops::Range<usize> {
        let (n, b) = (self.problem.samples(), self.settings.batch_size);
        let Replica { rng, order, cursor, .. } = replica;
        match self.settings.sampling {
            Sampling::WithReplacement => {
                for index in order.iter_mut() {
                    *index = below(rng, n as u32);
                }
                0..b
            }
            Sampling::WithoutReplacement => {
                shuffle_front(rng, order, b);
                0..b
            }
            Sampling::EpochShuffle => {
                if *cursor + b > n {
                    shuffle_front(rng, order, n);
                    *cursor = 0;
                }
                *cursor += b;
                *cursor - b..*cursor
            }
        }
    }
}

impl<P: Problem + ?Sized> Dynamics for Sgd<'_, P> {
    fn time_unit(&self) -> TimeUnit {
        TimeUnit::Steps
    }

    fn scratch_len(&self) -> usize {
        self.problem.dim() + self.problem.scratch_len(self.settings.batch_size)
    }

    fn replica(&self, start: &[f64], rng: ChaCha8Rng) -> Replica {
        let n = self.problem.samples();
        let order = match self.settings.sampling {
            Sampling::WithReplacement => vec![0; self.settings.batch_size],
            Sampling::WithoutReplacement | Sampling::EpochShuffle => (0..n as u32).collect(),
        };
        Replica { theta: start.to_vec(), steps: 0, rng, order, cursor: n }
    }

    fn advance(&self, replica: &mut Replica, steps: u64, exit: &ExitTest, scratch: &mut [f64]) -> Progress {
        let (gradient, rest) = scratch.split_at_mut(self.problem.dim());
        for _ in 0..steps {
            let batch = self.draw(replica);
            let Replica { theta, order, .. } = &mut *replica;
            self.problem.batch_gradient_into(theta, Samples::Indices(&order[batch]), gradient, rest);
            let mut sane = true;
            for (x, g) in theta.iter_mut().zip(&*gradient) {
                *x -= self.settings.learning_rate * g;
                // False for NaN too.
                sane &= x.abs() < DIVERGENCE_LIMIT;
            }
            replica.steps += 1;
            if !sane {
                return Progress::Diverged;
            }
            if exit.is_outside(&replica.theta) {
                return Progress::Escaped;
            }
        }
        Progress::Running
    }
}

/// A uniform integer in `0..n`, `n ≥ 1`, without bias (Lemire 2019: multiply, reject the short interval).
#[inline]
fn below(rng: &mut ChaCha8Rng, n: u32) -> u32 {
    let mut product = u64::from(rng.next_u32()) * u64::from(n);
    if (product as u32) < n {
        let threshold = n.wrapping_neg() % n;
        while (product as u32) < threshold {
            product = u64::from(rng.next_u32()) * u64::from(n);
        }
    }
    (product >> 32) as u32
}

/// Makes the first `front` entries a uniform ordered subset: that many steps of Fisher–Yates, which may start from any
/// permutation.
#[inline]
fn shuffle_front(rng: &mut ChaCha8Rng, order: &mut [u32], front: usize) {
    let n = order.len();
    for k in 0..front {
        let other = k + below(rng, (n - k) as u32) as usize;
        order.swap(k, other);
    }
}

#[cfg(test)]
mod tests;
