//! Index-1 saddles around a minimum, each certified before it counts, and the barrier that they make.

mod certify;
mod flow;
mod local;
mod path;
mod search;
#[cfg(test)]
mod tests;
pub mod ways_out;

pub use path::between;
pub use search::find_saddles;
pub use ways_out::ways_out;

use crate::Interrupted;
use crate::operator::EigenError;
use crate::problem::ProblemFailure;
use local::{ModelConfig, distance as apart};
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// Settings of [`find_saddles`] and of [`between`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SaddleConfig {
    /// How many of the softest and how many of the stiffest eigendirections are climbed, each on both sides.
    pub directions: usize,
    /// Searches from random points around the minimum.
    pub searches: usize,
    /// Distance of the random points (parameter units).
    pub reach: f64,
    /// Seed of the random points.
    pub seed: u64,
    /// Gradient norm below which a point is stationary.
    pub gradient_tolerance: f64,
    /// Most steps of one search.
    pub max_iterations: usize,
    /// First step (parameter units).
    pub step: f64,
    /// Longest step (parameter units).
    pub max_step: f64,
    /// Distance from the minimum at which a search gives up (parameter units).
    pub range: f64,
    /// Distance below which two stationary points are one (parameter units).
    pub distance: f64,
    /// Largest number of parameters for which steps are taken in the whole eigenbasis, `O(P³)` each.
    pub dense_up_to: usize,
    /// Dimensions of the Krylov space in which steps are taken beyond that.
    pub krylov: usize,
    /// Largest number of parameters for which determinants are known, from all eigenvalues of a dense Hessian.
    pub determinant_up_to: usize,
    /// Largest `N P²` for which the chain's path over a saddle is looked for in all dimensions: some thousand times so many
    /// operations.
    pub instanton_up_to: usize,
    /// Most steps of a gradient flow; fewer on the far side, where other steps go on downhill from some hundred.
    pub flow_steps: usize,
    /// Nodes of a path between two minima, or from a minimum to a saddle.
    pub nodes: usize,
}

impl Default for SaddleConfig {
    fn default() -> Self {
        Self {
            directions: 4,
            searches: 16,
            reach: 1.0,
            seed: 1,
            gradient_tolerance: 1e-8,
            max_iterations: 500,
            step: 0.05,
            max_step: 0.5,
            range: 50.0,
            distance: 1e-4,
            dense_up_to: 300,
            krylov: 60,
            determinant_up_to: 3000,
            instanton_up_to: 4_000_000,
            flow_steps: 3000,
            nodes: 51,
        }
    }
}

impl SaddleConfig {
    fn model(&self) -> ModelConfig {
        ModelConfig { dense_up_to: self.dense_up_to, krylov: self.krylov }
    }

    fn validate(&self) -> Result<(), SaddleError> {
        let positive = [self.reach, self.gradient_tolerance, self.step, self.max_step, self.range, self.distance];
        if positive.iter().any(|x| !x.is_finite() || *x <= 0.0) {
            return Err(SaddleError::Setting(
                "reach, gradient_tolerance, step, max_step, range and distance must be positive and finite",
            ));
        }
        if self.max_iterations == 0 || self.flow_steps == 0 || self.krylov < 2 || self.nodes < 3 {
            return Err(SaddleError::Setting(
                "max_iterations and flow_steps must be at least 1, krylov at least 2, nodes at least 3",
            ));
        }
        Ok(())
    }
}

/// Why a search cannot be made. One that finds nothing is a [`SaddleSearch`] without saddles instead.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SaddleError {
    /// A point has the wrong length.
    #[error("the point has {found} parameters, the problem {expected}")]
    Length {
        /// Parameters of the problem.
        expected: usize,
        /// Parameters given.
        found: usize,
    },
    /// The start is no minimum.
    #[error(
        "the start has {negative} directions of negative curvature and a gradient of {gradient_norm:.1e}, so it is no minimum"
    )]
    NoMinimum {
        /// Eigenvalues below `−10⁻⁶ λ_max`.
        negative: usize,
        /// Gradient norm.
        gradient_norm: f64,
    },
    /// The two ends of a path are one point.
    #[error("both ends of the path are the same minimum")]
    SameMinimum,
    /// A setting is out of range.
    #[error("{0}")]
    Setting(&'static str),
    /// The problem failed at its work.
    #[error(transparent)]
    Problem(#[from] ProblemFailure),
    /// A Hessian could not be decomposed.
    #[error(transparent)]
    Eigen(EigenError),
    /// The search was interrupted.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<EigenError> for SaddleError {
    fn from(error: EigenError) -> Self {
        match error {
            EigenError::Interrupted(stop) => Self::Interrupted(stop),
            error => Self::Eigen(error),
        }
    }
}

/// A certified saddle of index 1 on the edge of the basin of a given minimum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saddle {
    /// Where it is, `θ^s` (`P`).
    pub theta: Vec<f64>,
    /// Loss `L^s`.
    pub loss: f64,
    /// Gradient norm there.
    pub gradient_norm: f64,
    /// The negative Hessian eigenvalue `h_e^s` (loss per squared parameter).
    pub eigenvalue: f64,
    /// Its unit eigenvector (`P`), pointing out of the basin of the given minimum.
    pub direction: Vec<f64>,
    /// The minimum on the other side (`P`), or where the way down left the range of the search.
    pub other_minimum: Vec<f64>,
    /// Loss there.
    pub other_loss: f64,
    /// Hessian eigenvalues at the saddle, descending; empty above the number of parameters for which all are computed.
    pub eigenvalues: Vec<f64>,
    /// The minimum-energy path (`P` each): from the given minimum up to the saddle, which is the node in the middle, and
    /// down the other side to the end of the gradient flow, at equal distances on either side.
    pub path: Vec<Vec<f64>>,
    /// What makes it a way out.
    pub certificate: Certificate,
}

/// The evidence that a point is a saddle between two minima.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Certificate {
    /// Eigenvalues below `−10⁻⁶ λ_max`: 1.
    pub negative: usize,
    /// Eigenvalues within `±10⁻⁶ λ_max`, as symmetries make them. Of a partial spectrum, those among the lowest three.
    pub flat: usize,
    /// Whether all eigenvalues were looked at.
    pub complete: bool,
    /// Distance from the given minimum at which the gradient flow ends on its side. Where the minimum has flat directions
    /// the end may be any point of its flat set.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub distance: f64,
    /// Gradient norms at the ends of both sides, the given minimum's first.
    pub gradient_norms: [f64; 2],
    /// How the other side ended.
    pub far_side: FarSide,
}

/// How the way down from a saddle ended on the side that is not the given minimum's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FarSide {
    /// The gradient flow ends in another minimum.
    Minimum,
    /// The gradient flow did not arrive in its steps; Newton steps downhill in a trust region from its last point end in another
    /// minimum, which need not be the flow's own.
    Descent,
    /// Nor did they arrive: they went farther from the given minimum than the range of the search, as where weights grow without
    /// end.
    OutOfRange,
}

/// How one search ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attempt {
    /// Where it began: `softest +1`, `stiffest -2`, `random 3`, `path 1`.
    pub start: String,
    /// Steps taken.
    pub iterations: usize,
    /// Loss at its end.
    pub loss: f64,
    /// Gradient norm at its end.
    pub gradient_norm: f64,
    /// Distance of its end from the minimum.
    pub distance: f64,
    /// What was there.
    pub end: AttemptEnd,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AttemptEnd {
    /// A saddle on the edge of the basin, by its place in the list.
    Saddle(usize),
    /// A stationary point with this many negative eigenvalues.
    Index(usize),
    /// A saddle from which the gradient flow leads to other minima on both sides.
    Elsewhere,
    /// A saddle from which a gradient flow did not arrive at a minimum.
    FlowUnfinished,
    /// Out of the range of the search.
    OutOfRange,
    /// No step was small enough for the quadratic model.
    Stalled,
    /// The most steps were taken.
    Exhausted,
    /// Loss or curvature left the finite numbers.
    NotFinite,
}

impl fmt::Display for AttemptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Saddle(number) => write!(f, "saddle {number}"),
            Self::Index(index) => write!(f, "a stationary point of index {index}"),
            Self::Elsewhere => f.write_str("a saddle between other minima"),
            Self::FlowUnfinished => f.write_str("a saddle whose gradient flow did not arrive"),
            Self::OutOfRange => f.write_str("out of range"),
            Self::Stalled => f.write_str("no step was small enough"),
            Self::Exhausted => f.write_str("too many steps"),
            Self::NotFinite => f.write_str("not finite"),
        }
    }
}

/// What a search found, and what it tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SaddleSearch {
    /// The saddles, the lowest of each search first, none twice.
    pub saddles: Vec<Saddle>,
    /// Every search.
    pub attempts: Vec<Attempt>,
}

impl SaddleSearch {
    /// Adds what another search from the same minimum found. A saddle within `distance` of a known one is that one.
    pub fn merge(&mut self, other: Self, distance: f64) {
        let mut places = Vec::with_capacity(other.saddles.len());
        for saddle in other.saddles {
            let known = self.saddles.iter().position(|known| apart(&known.theta, &saddle.theta) <= distance);
            places.push(known.unwrap_or(self.saddles.len()));
            if known.is_none() {
                self.saddles.push(saddle);
            }
        }
        self.attempts.extend(other.attempts.into_iter().map(|mut attempt| {
            if let AttemptEnd::Saddle(place) = &mut attempt.end {
                *place = places.get(*place).copied().unwrap_or(*place);
            }
            attempt
        }));
    }

    /// How many searches came to what, in words.
    pub fn summary(&self) -> String {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for attempt in &self.attempts {
            let words = match attempt.end {
                AttemptEnd::Saddle(_) => "a saddle of the basin".to_owned(),
                _ => attempt.end.to_string(),
            };
            match counts.iter_mut().find(|(known, _)| *known == words) {
                Some((_, count)) => *count += 1,
                None => counts.push((words, 1)),
            }
        }
        let ends: Vec<String> = counts.iter().map(|(words, count)| format!("{count} × {words}")).collect();
        format!(
            "{} saddles found in {} searches, which ended at: {}",
            self.saddles.len(),
            self.attempts.len(),
            if ends.is_empty() { "nothing".to_owned() } else { ends.join(", ") }
        )
    }
}
