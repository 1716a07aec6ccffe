//! Rates of escapes that are too rare to wait for: multilevel splitting and forward flux sampling.
//!
//! Both follow one chain, whose exact mean they estimate. The chain is put back to the start when it leaves the region;
//! then exits per step are, in the long run, one over the mean number of steps from the start to the exit (renewal
//! theorem; the Hill relation of Baudel, Guyader & Lelièvre 2023, *Nonlinearity* 36, 1431). Every exit ends one excursion,
//! which begins when the chain, at home since the last one, first has a score above a first level. So
//!
//! `exits per step = (excursions per step) × P(an excursion reaches the exit before it is home again)`.
//!
//! The first factor comes from simulation, and with it the starts of the excursions. The second comes from these starts by
//! branching: [`RareMethod::Splitting`] or [`RareMethod::ForwardFlux`]. Both are unbiased for any [`Score`], for chains that
//! jump over levels, and for ties; a good score, one that rises with the probability to escape from where it is, makes the
//! error small. The whole is repeated with independent random numbers, and the interval comes from these repeats alone.
//!
//! | goal | method | works when | gives |
//! |---|---|---|---|
//! | some replicas escape in time | [`EscapeRun`](crate::ensemble::EscapeRun) | `mean steps ≲ max_steps` | the law of the escape times |
//! | none does | `Splitting` | the start is a metastable state | the mean escape time |
//! | none does, and states must not be kept | `ForwardFlux` | the same | the same, with about 1.5 times the variance per step |

mod climb;
mod flux;
mod forward_flux;
mod run;
mod score;
mod splitting;
#[cfg(test)]
mod tests;
mod walk;
mod work;

pub use flux::Placement;
pub use run::RareProgress;
pub use score::{
    Along, BallScore, BoxScore, LossScore, PathScore, PlaneScore, RegionScore, Score, ScoreError, Tabulated,
};

use crate::engine::SgdError;
use crate::ensemble::{EnsembleError, Region};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How the probability of an excursion to the exit is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RareMethod {
    /// Adaptive multilevel splitting.
    Splitting,
    /// Forward flux sampling.
    ForwardFlux,
}

impl RareMethod {
    /// Its name in studies and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Splitting => "splitting",
            Self::ForwardFlux => "forward-flux",
        }
    }
}

/// A rate of escape from the region by repeats of [`RareMethod`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RareRun {
    /// Where every replica starts, and goes on after it has left.
    pub start: Vec<f64>,
    /// What escape means.
    pub region: Region,
    /// How the probability is found.
    pub method: RareMethod,
    /// Excursions of each repeat, on average and at least 10. The relative error of the rate is about `√(ln(1/p)/(trajectories × repeats))`
    /// for a probability `p` and a good score.
    pub trajectories: usize,
    /// Independent repeats, at least 3.
    pub repeats: usize,
    /// Share of the excursions that splitting drops in each round, in `(0, 1)`.
    pub cut: f64,
    /// Steps between looks at the score, at least 1; for a region with a `check_every` that counts instead. Home is entered and
    /// levels are passed only at looks.
    pub look_every: u64,
    /// Replica-steps that the pilot and each repeat may take.
    pub max_cost: u64,
    /// Seed of the random streams.
    pub seed: u64,
}

/// Why a run cannot begin.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RareError {
    /// Lengths, region or start make no run.
    #[error(transparent)]
    Ensemble(#[from] EnsembleError),
    /// There is too little of something.
    #[error("{what} must be at least {least}, got {got}")]
    TooFew {
        /// Of what.
        what: &'static str,
        /// The least number.
        least: u64,
        /// The number given.
        got: u64,
    },
    /// The share that is dropped is none.
    #[error("the share that is dropped must be between 0 and 1, got {0}")]
    Cut(f64),
}

impl From<SgdError> for RareError {
    fn from(error: SgdError) -> Self {
        Self::Ensemble(error.into())
    }
}

/// Why a run that is complete has no rate.
#[derive(Debug, Clone, PartialEq, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotFound {
    /// The score was always the same.
    #[error("the score stayed at {score} for all {steps} replica-steps of the pilot")]
    Still {
        /// The score; `−∞` is that of a loss of 0.
        #[serde(with = "crate::model::unbounded::below")]
        score: f64,
        /// Replica-steps.
        steps: u64,
    },
    /// The distribution of the score went on changing.
    #[error("the score was not stationary within the {steps} replica-steps of the pilot")]
    NotStationary {
        /// Replica-steps.
        steps: u64,
    },
    /// No replica was inside at a look.
    #[error("every replica left with its first steps, so that there is nothing to wait for")]
    LeavesAtOnce,
    /// No interfaces lead to the exit.
    #[error("the pilot found no interfaces: all its trajectories were dropped at once, even where few had to be")]
    NoInterfaces,
    /// Home was hardly ever left, or the pilot's trajectories were too long.
    #[error("the pilot's excursions were not done within {steps} replica-steps")]
    PilotUnfinished {
        /// Replica-steps.
        steps: u64,
    },
    /// Repeats needed more steps than they may take.
    #[error("{repeats} repeats were not done within {steps} replica-steps each")]
    Unfinished {
        /// How many.
        repeats: u64,
        /// Replica-steps.
        steps: u64,
    },
    /// In no repeat did a trajectory reach the exit.
    #[error("in all {repeats} repeats the trajectories died out before the exit")]
    Extinct {
        /// How many.
        repeats: u64,
    },
}
