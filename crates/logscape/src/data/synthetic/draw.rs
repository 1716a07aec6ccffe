//! What all generators share: streams, checks of sizes, the noise, the result.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::data::{DataError, Dataset};
use crate::random::data_stream;

/// The most samples, and the largest size of what is drawn for each, `2²⁸`.
const MAX_DRAWN: usize = 1 << 28;

/// Samples and the parameters that would fit them without noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    /// The samples.
    pub data: Dataset,
    /// The teacher's parameters; the generator says their order.
    pub teacher: Vec<f64>,
}

/// What the random numbers are for.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Teacher = 1,
    Inputs = 2,
    Noise = 3,
}

/// What all generators share.
pub(super) struct Draw {
    pub(super) name: &'static str,
    seed: u64,
    samples: usize,
    noise: f64,
}

impl Draw {
    pub(super) fn new(name: &'static str, seed: u64, samples: usize, noise: f64) -> Result<Self, DataError> {
        if !noise.is_finite() || noise < 0.0 {
            return Err(DataError::parameter(name, "noise", &noise, "a finite number that is not negative"));
        }
        let draw = Self { name, seed, samples, noise };
        draw.size("samples", samples)?;
        Ok(draw)
    }

    /// Refuses a size that is zero or beyond what can be drawn.
    pub(super) fn size(&self, field: &str, size: usize) -> Result<(), DataError> {
        if size == 0 || size > MAX_DRAWN {
            return Err(DataError::parameter(self.name, field, &size, &format!("between 1 and {MAX_DRAWN}")));
        }
        Ok(())
    }

    /// Refuses so many inputs and targets of each sample, and parameters of the teacher, where they take more than the limit of memory.
    pub(super) fn fits(&self, inputs: usize, targets: usize, teacher: usize) -> Result<(), DataError> {
        let each = inputs + targets;
        let what = format!("{each} numbers for each of {} samples", self.samples);
        DataError::require_memory(self.name, &what, self.samples as u128 * each as u128, 8)?;
        DataError::require_memory(self.name, &format!("a teacher of {teacher} parameters"), teacher as u128, 8)
    }

    pub(super) fn rng(&self, stream: Stream) -> ChaCha8Rng {
        data_stream(self.seed, stream as u64)
    }

    pub(super) fn gaussian(&self, stream: Stream, count: usize) -> Vec<f64> {
        StandardNormal.sample_iter(self.rng(stream)).take(count).collect()
    }

    /// Lets the teacher answer every input, adds the noise and checks the result.
    pub(super) fn taught(
        &self,
        inputs: Vec<f64>,
        input_dim: usize,
        target_dim: usize,
        teacher: Vec<f64>,
        mut answer: impl FnMut(&[f64], &mut [f64]),
    ) -> Result<Synthetic, DataError> {
        let mut targets = vec![0.0; self.samples * target_dim];
        for (x, y) in inputs.chunks_exact(input_dim).zip(targets.chunks_exact_mut(target_dim)) {
            answer(x, y);
        }
        let noise = StandardNormal.sample_iter(self.rng(Stream::Noise));
        targets.iter_mut().zip(noise).for_each(|(y, ξ): (&mut f64, f64)| *y += self.noise * ξ);
        let data = Dataset::new(self.name, inputs, input_dim, targets, target_dim, None)?;
        Ok(Synthetic { data, teacher })
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
