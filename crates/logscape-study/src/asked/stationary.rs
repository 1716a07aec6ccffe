//! `[stationary]`: stationary laws.

use super::check::{Wrong, require};
use serde::{Deserialize, Serialize};

/// `[stationary]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StationaryTable {
    /// Replicas.
    pub replicas: usize,
    /// Steps before anything is recorded.
    pub burn_in: u64,
    /// Steps recorded.
    pub steps: u64,
    /// Steps between samples; `N/B` without it, so that samples cost as much as steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thin: Option<u64>,
    /// Leading outlier directions along which displacements are recorded.
    pub directions: usize,
}

impl Default for StationaryTable {
    fn default() -> Self {
        Self { replicas: 256, burn_in: 10_000, steps: 100_000, thin: None, directions: 3 }
    }
}

impl StationaryTable {
    pub(super) fn check(&self) -> Result<(), Wrong> {
        require(self.replicas > 0, "stationary.replicas", "no replica", "use 1 or more")?;
        require(self.steps > 0, "stationary.steps", "no step", "use 1 or more")?;
        require(self.thin != Some(0), "stationary.thin", "no step", "use 1 or more")
    }
}
