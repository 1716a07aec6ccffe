//! What all generators share: streams, checks of sizes, the noise, the result.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::data::{DataError, Dataset};
use crate::random::data_stream;

/// The most numbers one generator may draw for its inputs or its targets, `2²⁸` (2 GiB).
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
        if samples == 0 || samples > MAX_DRAWN {
            return Err(DataError::parameter(name, "samples", &samples, &format!("between 1 and {MAX_DRAWN}")));
        }
        Ok(draw)
    }

    /// Refuses a dimension that is zero or makes more numbers than fit.
    pub(super) fn fits(&self, field: &str, dim: usize) -> Result<(), DataError> {
        let largest = MAX_DRAWN / self.samples;
        if dim == 0 || dim > largest {
            return Err(DataError::parameter(self.name, field, &dim, &format!("a size between 1 and {largest}")));
        }
        let what = format!("{dim} numbers for each of {} samples", self.samples);
        DataError::require_memory(self.name, &what, self.samples as u128 * dim as u128, 8)
    }

    /// Refuses a teacher with more parameters than fit.
    pub(super) fn teacher_fits(&self, hidden: usize, ends: usize) -> Result<(), DataError> {
        match hidden.checked_mul(ends) {
            Some(size) if size <= MAX_DRAWN => Ok(()),
            _ => {
                let found = format!("{hidden} times {ends}");
                Err(DataError::parameter(self.name, "teacher", &found, &format!("at most {MAX_DRAWN} parameters")))
            }
        }
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
