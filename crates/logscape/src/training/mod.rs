//! Training: optimisers, schedules of the learning rate, batches, and a run of steps that can be interrupted and gone on with to the bit.
//!
//! ```
//! use logscape::problem::LinearRegression;
//! use logscape::training::{AdamOptions, Optimiser, Schedule, Training, TrainingConfig};
//! use logscape::Stop;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let x: Vec<f64> = (0..100).map(|k| f64::from(k) / 50.0 - 1.0).collect();
//! let y = x.iter().map(|x| 2.0 * x).collect();
//! let problem = LinearRegression::new(x, y, 1)?;
//!
//! let config = TrainingConfig {
//!     optimiser: Optimiser::Adam(AdamOptions::ADAM),
//!     schedule: Schedule::Cosine,
//!     warm_up: 20,
//!     ..TrainingConfig::new(0.05, 10, 400)
//! };
//! let mut training = Training::new(&[0.0]);
//! while !training.advance(&problem, &config, &Stop::new(), |_| {})? {}
//! assert!((training.theta[0] - 2.0).abs() < 1e-3);
//! # Ok(())
//! # }
//! ```
//!
//! The equations and defaults are those of PyTorch's `torch.optim`, in double precision:
//!
//! | here | there |
//! |---|---|
//! | [`Optimiser::Sgd`] | `SGD(lr, momentum, nesterov, weight_decay)` without dampening |
//! | [`Optimiser::Adam`] | `Adam(lr, betas, eps, weight_decay)` |
//! | [`Optimiser::AdamW`] | `AdamW(lr, betas, eps, weight_decay)` |
//! | [`Schedule::Step`] | `StepLR(step_size=every, gamma=factor)`, stepped after every step |
//! | [`Schedule::Cosine`] | `CosineAnnealingLR(T_max=steps - warm_up)`, stepped after every step |
//! | `warm_up = k` | `SequentialLR` with `LinearLR(start_factor=1/k, total_iters=k-1)` before it and the milestone `k` |

mod adam;
mod adamw;
mod batches;
mod exponent;
mod history;
mod optimiser;
mod run;
mod schedule;
mod sgd;
#[cfg(test)]
mod tests;

pub use adam::AdamOptions;
pub use exponent::{LossWindow, noise_exponents};
pub use history::{LossPoint, NoisePoint};
pub use optimiser::Optimiser;
pub use run::{Training, TrainingConfig};
pub use schedule::Schedule;
pub use sgd::SgdOptions;

use crate::problem::ProblemFailure;
use thiserror::Error;

/// An option of a training that it cannot have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{option}: {problem}")]
pub struct BadOption {
    /// Its name.
    pub option: &'static str,
    /// What is wrong.
    pub problem: &'static str,
    /// What it may be.
    pub hint: &'static str,
}

/// Refuses an option unless `ok`.
fn require(ok: bool, option: &'static str, problem: &'static str, hint: &'static str) -> Result<(), BadOption> {
    if ok { Ok(()) } else { Err(BadOption { option, problem, hint }) }
}

/// Why there is no trained network.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TrainingError {
    /// The start has the wrong length.
    #[error("the start has {found} parameters, the problem {expected}")]
    Length {
        /// Parameters of the problem.
        expected: usize,
        /// Parameters given.
        found: usize,
    },
    /// An option is out of range.
    #[error(transparent)]
    Option(#[from] BadOption),
    /// The problem has no sample, or more than fit into 32 bits.
    #[error("the number of samples must be between 1 and 2^32 - 1, and is {0}")]
    Samples(usize),
    /// No batch of this size can be drawn.
    #[error("a batch of {batch}, where the number of samples is {samples}")]
    BatchSize {
        /// Batch size `B`.
        batch: usize,
        /// Number of samples `N`.
        samples: usize,
    },
    /// Loss or parameters left the finite numbers.
    #[error("training diverged at step {step}, {}", before(*.loss))]
    Diverged {
        /// Step, from 1.
        step: u64,
        /// Loss of the batch before; none at the first step.
        loss: Option<f64>,
    },
    /// The problem has no gradients in single precision.
    #[error("precision: single precision is for networks, and this problem is none")]
    Precision,
    /// The problem failed at its work.
    #[error(transparent)]
    Problem(#[from] ProblemFailure),
}

impl TrainingError {
    /// How to mend it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Length { .. } => "give one number for each parameter",
            Self::Option(BadOption { hint, .. }) => hint,
            Self::Samples(_) => "use other data",
            Self::BatchSize { .. } => "use smaller batches, of one sample or more",
            Self::Diverged { loss: None, .. } => {
                "use another start: the loss there is not finite, or so small a step away"
            }
            Self::Diverged { .. } => "use a smaller learning rate, or a warm-up",
            Self::Precision => "use precision = \"float64\", or leave it out",
            Self::Problem(_) => "mend what the problem calls",
        }
    }
}

/// What was before a divergence, in words.
fn before(loss: Option<f64>) -> String {
    loss.map_or_else(|| "the first".to_owned(), |loss| format!("after a batch with the loss {loss:.3e}"))
}
