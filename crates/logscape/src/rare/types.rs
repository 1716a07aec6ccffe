//! The settings of a run, and why it cannot begin or has no rate.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Problem;
use crate::engine::SgdError;
use crate::ensemble::{EnsembleError, EscapeRun, Region};

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
        /// The score.
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

impl RareRun {
    /// A run with 20 repeats of 1000 excursions, of which splitting drops a quarter at a time, and 10⁹ steps for each.
    pub fn new(start: Vec<f64>, region: Region, method: RareMethod, seed: u64) -> Self {
        Self {
            start,
            region,
            method,
            trajectories: 1000,
            repeats: 20,
            cut: 0.25,
            look_every: 1,
            max_cost: 1_000_000_000,
            seed,
        }
    }

    /// Steps between looks.
    pub(super) fn stride(&self) -> u64 {
        self.region.check_every().unwrap_or(self.look_every)
    }

    pub(super) fn validate<P: Problem + ?Sized>(&self, dim: usize, problem: &P) -> Result<(), RareError> {
        let inside = EscapeRun {
            start: self.start.clone(),
            region: self.region.clone(),
            replicas: 1,
            max_steps: 1,
            seed: self.seed,
        };
        inside.validate(dim, problem)?;
        let counts = [
            ("trajectories", 10, self.trajectories as u64),
            ("repeats", 3, self.repeats as u64),
            ("look_every", 1, self.look_every),
            ("max_cost", 1, self.max_cost),
        ];
        if let Some(&(what, least, got)) = counts.iter().find(|(_, least, got)| got < least) {
            return Err(RareError::TooFew { what, least, got });
        }
        if self.cut > 0.0 && self.cut < 1.0 { Ok(()) } else { Err(RareError::Cut(self.cut)) }
    }
}
