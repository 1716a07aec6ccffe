//! Quantiles of what was measured.

use logscape::Estimate;
use serde::{Deserialize, Serialize};

/// A quantile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuantileRecord {
    /// Share of what lies below it, from 0 to 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub share: f64,
    /// Where it is, in the unit of the quantity; null where the measurement does not reach.
    pub value: Option<Estimate>,
}
