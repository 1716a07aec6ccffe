//! Settings, result and errors of a minimum action path.

use crate::Interrupted;
use thiserror::Error;

/// Settings of [`minimum_action`](super::minimum_action).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MinimumActionConfig {
    /// Segments of the path, an even number of at least 8.
    pub segments: usize,
    /// Noise added in all directions, relative to the mean variance of the noise along the first path.
    pub noise_floor: f64,
    /// Expected fall of the action by the next step, relative to it, at which the path is taken as the minimum.
    pub tolerance: f64,
    /// Most steps in all.
    pub max_steps: usize,
}

impl Default for MinimumActionConfig {
    fn default() -> Self {
        Self { segments: 80, noise_floor: 1e-8, tolerance: 1e-7, max_steps: 200 }
    }
}

/// Why there is no minimum action path.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MinimumActionError {
    /// The first path or a setting cannot be used.
    #[error("{0}")]
    Setting(&'static str),
    /// There is no noise at all along the path.
    #[error("the noise vanishes along the path")]
    NoNoise,
    /// A value on the path is not finite, or nothing but rounding leads along it.
    #[error("the Hamiltonian is not finite, or has no root beside 0, at {position:?}")]
    NoRoot {
        /// Where.
        position: Vec<f64>,
    },
    /// Drift and noise do not lead along the path, as where every sample pushes back.
    #[error(
        "the noise does not lead there: the noise added for numerical reasons carries {share:.2} of the path, most near {position:?}"
    )]
    Unreachable {
        /// Share of the action or of the length of the path, whichever is larger.
        share: f64,
        /// Where it carries most.
        position: Vec<f64>,
    },
    /// The drift vanishes inside the path, so its two parts are two passages.
    #[error("the path passes a fixed point near {position:?}; ask for the passages to it and from it one by one")]
    FixedPoint {
        /// Where.
        position: Vec<f64>,
    },
    /// The steps did not end at the tolerance.
    #[error("the action would still fall by a share of {fall:.1e} after {steps} steps")]
    NotConverged {
        /// Expected fall of the action by the next step, relative to it.
        fall: f64,
        /// Steps taken.
        steps: usize,
    },
    /// Some directions of the path are so much stiffer than others that rounding hides these.
    #[error("the second derivatives of the action are singular up to rounding after {steps} steps")]
    Singular {
        /// Steps taken.
        steps: usize,
    },
    /// Neighbouring paths cross on the path, so that it is not the only one of its action.
    #[error("neighbouring paths cross near {position:?}")]
    Caustic {
        /// Where.
        position: Vec<f64>,
    },
    /// The slowest motion along the path is too slow beside the fastest.
    #[error("the slowest motion along the path takes more than {ratio:.0e} times the shortest time")]
    TooSlow {
        /// The most that is followed.
        ratio: f64,
    },
    /// The search was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// A path of `M` segments with its momenta.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionPath {
    /// Nodes (`M + 1` of `n`), evenly spaced up to a factor.
    pub nodes: Vec<Vec<f64>>,
    /// Momenta of the segments (`M` of `n`).
    pub momenta: Vec<Vec<f64>>,
    /// Times of the segments (unit time `t`).
    pub times: Vec<f64>,
}

/// A minimum action path.
#[derive(Debug, Clone, PartialEq)]
pub struct MinimumAction {
    /// Its action, the quasi-potential where the path starts in a stable point and stays in its basin: extrapolated to
    /// vanishing segments, and with the floor's share put back. `ln(mean steps) ≈ action/η` for SGD.
    pub action: f64,
    /// Estimated error of `action`: its change from half as many segments, and what the floor carries. An estimate
    /// only: paths that leave a focus in endless turns, which no grid resolves, have larger ones.
    pub error: f64,
    /// Expected fall of the action by one more step, relative to it.
    pub residual: f64,
    /// Share of the floor in the action.
    pub floor_share: f64,
    /// The path.
    pub path: ActionPath,
    /// The path of least action on half as many segments, which tells errors of what is computed along.
    pub coarse: ActionPath,
    /// Steps taken on all floors and on both grids.
    pub steps: usize,
}
