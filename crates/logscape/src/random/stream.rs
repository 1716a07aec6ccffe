//! The only place where a seed becomes random numbers: independent streams addressed by (seed, purpose, index).

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What the random numbers of a stream are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Purpose {
    /// Batches of an escape run.
    Escape = 1,
    /// Batches of a stationary run.
    Stationary = 2,
    /// Batches of trajectory splitting.
    Splitting = 3,
    /// Where a search for minima starts: initial weights.
    Start = 4,
    /// Probe vectors of trace estimates.
    Probe = 5,
    /// Resampling in statistics.
    Resampling = 6,
    /// Where searches for saddles start.
    Saddle = 7,
    /// Batches of the training before a search for minima.
    Training = 8,
    /// First vectors of Krylov spaces.
    Krylov = 9,
    /// Displacements from a minimum at which noise is measured.
    Displacement = 10,
    /// Vectors with which a problem's methods are checked.
    Check = 11,
    /// Displacements and batches of products of random matrices.
    Products = 12,
    /// Displacements and batches of replicas that start at a given loss.
    StartLoss = 13,
}

/// The stream of one index, such as the number of a replica: the ChaCha8 key holds seed and purpose side by side and the nonce
/// holds the index, so that different triples have different (key, nonce) pairs. No thread or order of execution enters.
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = *b"........--------logscape-streams";
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    rng
}

/// The stream of a part of synthetic data, counted from 1. It does not follow [`stream`], since data sets are known by their
/// seeds and must stay what they are; its keys are expanded from the seed and are no others'.
#[allow(clippy::disallowed_methods, reason = "nothing else expands a seed in this way")]
pub fn data_stream(seed: u64, part: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(part);
    rng
}
