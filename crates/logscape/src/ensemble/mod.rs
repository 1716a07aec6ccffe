//! Many replicas: run loop, regions, first passage, stationary histograms.

mod escape;
pub mod observable;
mod pace;
mod region;
mod stationary;
mod trajectory;
mod watch;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use escape::time_seen;
pub use escape::{EscapeProgress, EscapeRun, Termination, rate_estimate, survival_clocks, survival_times};
pub use region::{COMMITTED, LossMeter, Region};
pub use stationary::{GroupStatistics, StationaryProgress, StationaryRun};
pub use trajectory::TrajectoryPoint;

use crate::engine::SgdError;
use crate::problem::ProblemFailure;
use crate::stats::HistogramError;
use thiserror::Error;

/// Why an ensemble cannot be run.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum EnsembleError {
    /// The SGD settings are bad.
    #[error(transparent)]
    Sgd(#[from] SgdError),
    /// The problem failed at its work.
    #[error(transparent)]
    Problem(#[from] ProblemFailure),
    /// The layout of a histogram is bad.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// A vector does not have the problem's dimension.
    #[error("{what} has {got} entries, the problem has {want} parameters")]
    Length {
        /// Which vector.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The problem's dimension.
        want: usize,
    },
    /// A number that must be positive and finite is not.
    #[error("{0} must be positive and finite")]
    NotPositive(&'static str),
    /// More groups than replicas.
    #[error("{groups} groups need at least as many replicas, got {replicas}")]
    Groups {
        /// Number of groups.
        groups: usize,
        /// Number of replicas.
        replicas: usize,
    },
    /// The bounds of a box are not numbers with `lower < upper`.
    #[error("every lower bound of the box must be below its upper bound")]
    EmptyBox,
    /// Half spaces without a plane, or with a normal or offset that makes none.
    #[error("half spaces need at least one plane with a finite normal other than 0 and a finite offset")]
    NoHalfSpace,
    /// What was recorded before is of other observables.
    #[error("what was recorded so far is of other observables")]
    OtherObservables,
    /// The work was stopped on request.
    #[error(transparent)]
    Interrupted(#[from] crate::Interrupted),
    /// The start is not finite or already outside.
    #[error("the start is not inside the region")]
    StartOutside,
}

fn check_length(what: &'static str, got: usize, want: usize) -> Result<(), EnsembleError> {
    if got == want { Ok(()) } else { Err(EnsembleError::Length { what, got, want }) }
}
