//! How the learning rate changes from step to step.

use super::{BadOption, require};
use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

/// What the learning rate does after its warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// It stays.
    #[default]
    Constant,
    /// It is multiplied by a factor from time to time.
    Step {
        /// Steps from one change to the next, at least 1.
        every: u64,
        /// What it is multiplied by, in `(0, 1]`.
        factor: f64,
    },
    /// It falls to 0 as half a period of a cosine, at the end of all steps.
    Cosine,
}

impl Schedule {
    pub(super) fn check(&self) -> Result<(), BadOption> {
        let Self::Step { every, factor } = *self else { return Ok(()) };
        require(every > 0, "schedule", "the learning rate changes every 0 steps", "use every = 1 or more")?;
        let hint = "use a factor above 0 and up to 1, such as 0.1";
        require(factor > 0.0 && factor <= 1.0, "schedule", "the factor is not in (0, 1]", hint)
    }

    /// The share of the learning rate that step `step`, counted from 0, of `steps` has after a linear warm-up of `warm_up` steps, of
    /// which step `i` has the share `(i + 1)/warm_up`. The schedule counts the steps after it.
    pub fn share(&self, step: u64, steps: u64, warm_up: u64) -> f64 {
        if step < warm_up {
            return (step + 1) as f64 / warm_up as f64;
        }
        let (step, steps) = (step - warm_up, steps - warm_up);
        match *self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => factor.powf((step / every) as f64),
            Self::Cosine => 0.5 * (1.0 + (PI * step as f64 / steps as f64).cos()),
        }
    }
}
