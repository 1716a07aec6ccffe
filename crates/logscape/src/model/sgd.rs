//! What SGD is run with: learning rate, batch size, how a batch is drawn.

use serde::{Deserialize, Serialize};

/// How the samples of a batch are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// Each sample drawn independently and uniformly: batch covariance `C/B`.
    WithReplacement,
    /// A fresh uniform subset every step: batch covariance `C (N−B)/(B(N−1))`.
    WithoutReplacement,
    /// The data are shuffled once per epoch and cut into `⌊N/B⌋` batches; the rest of the epoch is dropped.
    EpochShuffle,
}

/// Precision of the numbers that SGD computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// IEEE double precision, 53 bits.
    #[default]
    Float64,
    /// IEEE single precision, 24 bits.
    Float32,
}

/// Settings of one SGD run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SgdSettings {
    /// Learning rate `η > 0`.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub learning_rate: f64,
    /// Batch size `B ≥ 1`.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub batch_size: usize,
    /// How a batch is drawn.
    pub sampling: Sampling,
}

impl SgdSettings {
    /// The batch size that a sampling with replacement would need for the same one-step covariance, so that
    /// `Σ_B = C / B_eff`: `B` with replacement, `B (N−1)/(N−B)` for subsets (infinite at `B = N`).
    ///
    /// For epoch shuffling this is the marginal covariance of one step; successive steps are anticorrelated.
    ///
    /// ```
    /// # use logscape::{Sampling, SgdSettings};
    /// let sgd = SgdSettings { learning_rate: 0.1, batch_size: 5, sampling: Sampling::WithoutReplacement };
    /// assert_eq!(sgd.effective_batch_size(9), 10.0);
    /// ```
    pub fn effective_batch_size(&self, samples: usize) -> f64 {
        let b = self.batch_size as f64;
        match self.sampling {
            Sampling::WithReplacement => b,
            Sampling::WithoutReplacement | Sampling::EpochShuffle => {
                b * (samples as f64 - 1.0) / (samples as f64 - b).max(0.0)
            }
        }
    }
}
