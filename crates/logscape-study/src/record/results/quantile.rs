//! Quantiles of what was measured.

use logscape::Estimate;
use serde::{Deserialize, Serialize};

/// A quantile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QuantileRecord {
    /// Share of what lies below it.
    pub share: f64,
    /// Where it is; null where the measurement does not reach.
    pub value: Option<Estimate>,
}
