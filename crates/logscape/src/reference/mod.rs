//! Exact and asymptotically exact answers that the theories are judged by.

pub mod chain;
pub mod cumulant;
pub mod first_passage;
pub mod fokker_planck;
mod instanton;
mod interpolate;
pub mod large_deviation;
pub mod minimum_action;
pub mod reach;

pub use instanton::instanton;
pub use interpolate::Cubic;

use thiserror::Error;

/// Why a reference has no value.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ReferenceError {
    /// The nodes are too few, not increasing, of unequal number, or hold a number that is not finite.
    #[error("the path needs at least two increasing nodes with finite values at each")]
    BadNodes,
    /// The points are not in the order `l < x < r` within the range of the nodes.
    #[error("the start must lie between the two ends, and all of them on the path")]
    BadPoints,
    /// The diffusion coefficient is not positive.
    #[error("the diffusion coefficient is not positive at {position}")]
    NoDiffusion {
        /// Where.
        position: f64,
    },
    /// The barrier is so high against the noise that the integral would need too many cells.
    #[error("the integral needs more than {limit} cells")]
    TooFine {
        /// The largest number allowed.
        limit: usize,
    },
    /// All per-sample slopes have one sign, so the chain cannot climb here.
    #[error("every sample pushes the same way at {position}: the chain cannot pass")]
    OneSided {
        /// Where.
        position: f64,
    },
}
