//! One learning rate and batch size.

use super::escape::EscapeRecord;
use super::interpolation::InterpolationRecord;
use super::stationary::{DynamicsStationary, StationaryRecord};
use logscape::SgdSettings;
use logscape::theory::Stationary;
use serde::{Deserialize, Serialize};

/// One learning rate and batch size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SettingRecord {
    /// Learning rate, batch size and sampling.
    #[serde(flatten)]
    pub sgd: SgdSettings,
    /// Predicted stationary law, and stability.
    #[serde(flatten)]
    pub law: Stationary,
    /// Measured stationary law, where the study asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stationary: Option<StationaryRecord>,
    /// The same of the dynamics beside SGD.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stationary_dynamics: Vec<DynamicsStationary>,
    /// Stability and escapes near the minimum, where the fit interpolates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpolation: Option<InterpolationRecord>,
    /// Escape, where the study asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape: Option<EscapeRecord>,
}
