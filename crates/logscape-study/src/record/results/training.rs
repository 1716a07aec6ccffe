//! The training before the search for a minimum.

use logscape::training::{LossWindow, Training, TrainingConfig, noise_exponents};
use serde::{Deserialize, Serialize};

/// The training before the search for a minimum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TrainingRecord {
    /// Name of the optimiser.
    pub optimiser: String,
    /// Steps.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub steps: u64,
    /// Passes over the data, of as many steps each as whole batches fit into them.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub epochs: f64,
    /// Mean loss of the batches of the last window of steps, of which there are about a thousand. The decay is no part of it.
    pub final_batch_loss: f64,
    /// How the noise of one sample scaled with the loss, in windows of a decade of the loss; absent where it was not measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub noise_exponents: Vec<LossWindow>,
}

impl TrainingRecord {
    /// The record of a training that was run with `config` on so many samples; none before its first step.
    pub fn new(training: &Training, config: &TrainingConfig, samples: usize) -> Option<Self> {
        Some(Self {
            optimiser: config.optimiser.name().to_owned(),
            steps: training.steps,
            epochs: training.steps as f64 / (samples / config.batch_size).max(1) as f64,
            final_batch_loss: training.losses().last()?.loss,
            noise_exponents: noise_exponents(training.noise()),
        })
    }
}
