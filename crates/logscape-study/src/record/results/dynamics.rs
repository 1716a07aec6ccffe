//! The escape of a dynamics beside SGD.

use super::measured::MeasuredRecord;
use logscape::Estimate;
use logscape::dynamics::Options;
use logscape::engine::TimeUnit;
use serde::{Deserialize, Serialize};

/// The escape of a dynamics beside SGD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DynamicsEscape {
    /// Its name in the study.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z0-9_-]+$")))]
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The options that the study gives it.
    pub options: Options,
    /// Its clock.
    pub clock: TimeUnit,
    /// Length of its steps: 1 for a chain, else in `t` or `τ`.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub step: f64,
    /// What it did, in steps of SGD: `t/η` for an SDE.
    pub measured: MeasuredRecord,
    /// Mean escape time `t`; null without an escape.
    pub mean_time: Option<Estimate>,
    /// Mean escape time `τ`, for the logarithmic landscape.
    pub mean_landscape_time: Option<Estimate>,
    /// `log10` of its mean escape time over that of SGD; null where either is unknown.
    pub decades_from_sgd: Option<Estimate>,
}
