//! The state of a replica.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::random::{RngState, seed_state};

/// Everything that one replica is between two steps, whatever block it is in: what a checkpoint holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplicaState {
    /// Parameters `θ` (`P`).
    pub theta: Vec<f64>,
    /// Steps taken so far.
    pub steps: u64,
    /// Time `t`: `ηk` for a chain with learning rate `η`, the integral of `dt/ds` for an SDE in another time `s`.
    pub time: f64,
    /// State of the random generator.
    pub rng: RngState,
    /// The second normal number of a pair whose first has been used.
    pub spare: Option<f64>,
    /// A permutation of the samples, where batches are drawn without replacement; empty before the first batch.
    pub order: Vec<u32>,
    /// Where the next batch starts in `order`, for epochs.
    pub cursor: usize,
    /// What a chain keeps of past gradients: a velocity (`P`), or the two moments of Adam (`2P`); empty before its first step, and
    /// for all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub velocity: Vec<f64>,
}

impl ReplicaState {
    /// A replica at `start` that has taken no step.
    pub fn new(start: &[f64], mut stream: ChaCha8Rng) -> Self {
        let rng = seed_state(&mut stream);
        Self { theta: start.to_vec(), rng, ..Self::idle() }
    }

    /// What an empty block holds: no parameters, and a generator that stands at no replica's state yet.
    pub(super) fn idle() -> Self {
        Self {
            theta: Vec::new(),
            steps: 0,
            time: 0.0,
            rng: [1; 4],
            spare: None,
            order: Vec::new(),
            cursor: 0,
            velocity: Vec::new(),
        }
    }
}
