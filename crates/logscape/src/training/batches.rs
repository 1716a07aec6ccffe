//! The batches of a training, and where they stand.

use crate::Sampling;
use crate::random::{Purpose, stream};
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Where the batches stand between two steps.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// A permutation of the samples; empty before the first batch, and for draws with replacement.
    order: Vec<u32>,
    /// Words of 32 bits that were taken from the stream.
    words: u64,
}

/// Draws batches from a place on.
pub(super) struct Batches<'a> {
    place: &'a mut Place,
    rng: ChaCha8Rng,
    sampling: Sampling,
    samples: usize,
}

impl<'a> Batches<'a> {
    pub(super) fn from(place: &'a mut Place, sampling: Sampling, samples: usize, seed: u64) -> Self {
        let mut rng = stream(seed, Purpose::Training, 0);
        rng.set_word_pos(place.words.into());
        if place.order.is_empty() && sampling != Sampling::WithReplacement {
            place.order.extend(0..samples as u32);
        }
        Self { place, rng, sampling, samples }
    }

    /// Draws the batch of step `step`, from 0, into `batch` (`B`).
    pub(super) fn draw(&mut self, step: u64, batch: &mut [u32]) {
        let (n, b, rng, order) = (self.samples, batch.len(), &mut self.rng, &mut self.place.order);
        match self.sampling {
            Sampling::WithReplacement => batch.fill_with(|| rng.random_range(0..n as u32)),
            Sampling::WithoutReplacement => batch.copy_from_slice(order.partial_shuffle(rng, b).0),
            Sampling::EpochShuffle => {
                let position = (step % (n / b) as u64) as usize;
                if position == 0 {
                    order.shuffle(rng);
                }
                batch.copy_from_slice(&order[position * b..(position + 1) * b]);
            }
        }
    }

    /// Notes where they stand.
    pub(super) fn note(self) {
        self.place.words = self.rng.get_word_pos() as u64;
    }
}
