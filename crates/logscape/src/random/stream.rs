//! Independent random streams addressed by (seed, purpose, replica).

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
    /// Where a search for minima starts.
    Start = 4,
    /// Probe vectors of randomised linear algebra.
    Probe = 5,
    /// Resampling in statistics.
    Resampling = 6,
    /// Where searches for saddles start.
    Saddle = 7,
}

/// The stream of one replica: the ChaCha8 key holds seed and purpose side by side and the nonce holds the replica, so
/// that different triples have different (key, nonce) pairs. No thread or order of execution enters.
pub fn stream(seed: u64, purpose: Purpose, replica: u64) -> ChaCha8Rng {
    let mut key = *b"........--------logscape-streams";
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(replica);
    rng
}
