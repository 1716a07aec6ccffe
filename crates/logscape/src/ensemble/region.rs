//! What escape means, stated once and recorded.

use serde::{Deserialize, Serialize};

use super::{EnsembleError, check_length};
use crate::dynamics::ExitTest;
use crate::{Problem, Samples};

/// The set that a replica escapes from. Box and ball are tested after every step.
///
/// A chain overshoots a boundary by about `0.58 η √Σ_B` along the normal; no correction is applied here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Region {
    /// Outside when the loss of all data exceeds `loss`. Tested every `check_every` steps, so that an exit is seen up to
    /// that many steps late, and one that has returned in between is not seen.
    LossLevel {
        /// The level.
        loss: f64,
        /// Steps between tests, at least 1.
        check_every: u64,
    },
    /// Outside when some `θ_i` leaves `[lower_i, upper_i]`; bounds may be infinite. In one dimension an end at the barrier
    /// top is the dividing surface.
    Box {
        /// Lower bounds.
        lower: Vec<f64>,
        /// Upper bounds.
        upper: Vec<f64>,
    },
    /// Outside when `‖θ − centre‖ > radius`.
    Ball {
        /// Centre.
        centre: Vec<f64>,
        /// Radius.
        radius: f64,
    },
}

impl Region {
    /// The region between the surfaces `lower` and `upper` on the line; either may be infinite.
    pub fn interval(lower: f64, upper: f64) -> Self {
        Self::Box { lower: vec![lower], upper: vec![upper] }
    }

    /// Checks lengths and values for a problem with `dim` parameters.
    ///
    /// # Errors
    /// If a length differs from `dim` or a value makes no region.
    pub fn validate(&self, dim: usize) -> Result<(), EnsembleError> {
        match self {
            Self::LossLevel { loss, check_every } => {
                positive("loss level", *loss)?;
                if *check_every == 0 { Err(EnsembleError::NotPositive("check_every")) } else { Ok(()) }
            }
            Self::Box { lower, upper } => {
                check_length("lower bound", lower.len(), dim)?;
                check_length("upper bound", upper.len(), dim)?;
                if lower.iter().zip(upper).all(|(l, u)| l < u) { Ok(()) } else { Err(EnsembleError::EmptyBox) }
            }
            Self::Ball { centre, radius } => {
                check_length("centre of the ball", centre.len(), dim)?;
                positive("radius", *radius)
            }
        }
    }

    /// The test to run after every step; [`ExitTest::Never`] for a loss level.
    pub fn exit_test(&self) -> ExitTest<'_> {
        match self {
            Self::LossLevel { .. } => ExitTest::Never,
            Self::Box { lower, upper } => ExitTest::Box { lower, upper },
            Self::Ball { centre, radius } => ExitTest::Ball { centre, radius_squared: radius * radius },
        }
    }
}

fn positive(what: &'static str, x: f64) -> Result<(), EnsembleError> {
    if x.is_finite() && x > 0.0 { Ok(()) } else { Err(EnsembleError::NotPositive(what)) }
}

/// Evaluates the loss of all data in blocks, with its own buffers.
#[derive(Debug)]
pub struct LossMeter<'a, P: Problem + ?Sized> {
    problem: &'a P,
    residuals: Vec<f64>,
    scratch: Vec<f64>,
}

impl<'a, P: Problem + ?Sized> LossMeter<'a, P> {
    const BLOCK: usize = 256;

    /// A meter for `problem`.
    pub fn new(problem: &'a P) -> Self {
        let block = Self::BLOCK.min(problem.samples());
        Self {
            problem,
            residuals: vec![0.0; block * problem.outputs()],
            scratch: vec![0.0; problem.scratch_len(block)],
        }
    }

    /// `L(θ) = (1/N) Σ ½‖e_μ‖²`.
    pub fn loss(&mut self, theta: &[f64]) -> f64 {
        let n = self.problem.samples();
        let mut sum = 0.0;
        let mut first = 0;
        while first < n {
            let last = (first + Self::BLOCK).min(n);
            let residuals = &mut self.residuals[..(last - first) * self.problem.outputs()];
            self.problem.residuals_into(theta, Samples::Range(first..last), residuals, &mut self.scratch);
            sum += residuals.iter().map(|e| 0.5 * e * e).sum::<f64>();
            first = last;
        }
        sum / n as f64
    }
}
