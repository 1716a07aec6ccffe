//! `[sgd]`: the grid of settings.

use super::Grid;
use super::check::{Wrong, require};
use crate::text::count;
use logscape::model::memory;
use logscape::{Precision, Sampling, SgdSettings};
use serde::{Deserialize, Serialize};

/// Bytes that the results of a setting take, at least.
pub(crate) const SETTING: u128 = 4096;

/// `[sgd]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SgdTable {
    /// Learning rates `η`.
    pub learning_rate: Grid<f64>,
    /// Batch sizes `B`.
    pub batch_size: Grid<usize>,
    /// How a batch is drawn.
    #[serde(default = "with_replacement")]
    pub sampling: Sampling,
    /// Precision that SGD computes with.
    #[serde(default)]
    pub precision: Precision,
}

impl Default for SgdTable {
    /// No settings.
    fn default() -> Self {
        Self {
            learning_rate: Grid(Vec::new()),
            batch_size: Grid(Vec::new()),
            sampling: with_replacement(),
            precision: Precision::default(),
        }
    }
}

impl SgdTable {
    /// Whether there is no setting, since the study has no such table.
    pub fn is_absent(&self) -> bool {
        self.settings() == 0
    }

    /// How many settings the grid has.
    pub fn settings(&self) -> usize {
        self.learning_rate.0.len() * self.batch_size.0.len()
    }

    /// The settings in the order of the records: batch sizes within learning rates.
    pub fn grid(&self) -> Vec<SgdSettings> {
        let of = |&learning_rate: &f64| {
            let sampling = self.sampling;
            self.batch_size.0.iter().map(move |&batch_size| SgdSettings { learning_rate, batch_size, sampling })
        };
        self.learning_rate.0.iter().flat_map(of).collect()
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        for &rate in &self.learning_rate.0 {
            require(
                rate.is_finite() && rate > 0.0,
                "sgd.learning_rate",
                format!("{rate} is not positive"),
                "use a positive learning rate",
            )?;
        }
        require(
            !self.batch_size.0.contains(&0),
            "sgd.batch_size",
            "a batch of 0 samples",
            "use a batch size of 1 or more",
        )?;
        let what = format!("the results of {}", count(self.settings(), "setting"));
        memory::require(what, self.settings() as u128, SETTING).map_err(|error| Wrong {
            field: "sgd",
            message: error.to_string(),
            hint: "use fewer settings, or raise the limit by --memory",
        })
    }
}

fn with_replacement() -> Sampling {
    Sampling::WithReplacement
}
