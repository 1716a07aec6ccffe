//! How θ moves: one file per dynamics.

mod exit;
mod sgd;

pub use exit::ExitTest;
pub use sgd::{Sgd, SgdError};

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A coordinate beyond this in absolute value means that the replica has diverged.
pub const DIVERGENCE_LIMIT: f64 = 1e15;

/// What one unit of a dynamics' clock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeUnit {
    /// Steps `k` of the discrete chain.
    Steps,
    /// Time `t = ηk`.
    LearningTime,
}

/// One copy of the walker: its place, its random stream, and what its sampling remembers between steps.
#[derive(Debug, Clone)]
pub struct Replica {
    /// Parameters `θ`.
    pub theta: Vec<f64>,
    /// Steps taken so far.
    pub steps: u64,
    pub(crate) rng: ChaCha8Rng,
    /// A permutation of the samples, or the last batch where draws are independent.
    pub(crate) order: Vec<u32>,
    /// Where the next batch starts in `order` (epoch shuffle only).
    pub(crate) cursor: usize,
}

/// Why a call to [`Dynamics::advance`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All steps were taken and the replica is still inside.
    Running,
    /// The replica left the region at `replica.steps`.
    Escaped,
    /// A coordinate became non-finite or larger than [`DIVERGENCE_LIMIT`] at `replica.steps`.
    Diverged,
}

/// A rule that moves a replica.
pub trait Dynamics: Sync {
    /// The unit of the clock; `replica.steps` counts updates whatever it is.
    fn time_unit(&self) -> TimeUnit;

    /// Scratch entries that [`advance`](Self::advance) needs.
    fn scratch_len(&self) -> usize;

    /// A replica at `start`, with its own random stream.
    fn replica(&self, start: &[f64], rng: ChaCha8Rng) -> Replica;

    /// Takes up to `steps` steps, stopping after the first at which the replica has left or diverged. Allocates nothing.
    fn advance(&self, replica: &mut Replica, steps: u64, exit: &ExitTest, scratch: &mut [f64]) -> Progress;
}
