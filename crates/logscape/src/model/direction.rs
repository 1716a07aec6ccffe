//! Curvature and noise along a direction.

use crate::Estimate;
use serde::{Deserialize, Serialize};

/// Curvature and noise along a unit vector `v`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectionNoise {
    /// `h = vᵀHv` (loss per squared parameter).
    pub curvature: f64,
    /// One-sample noise `vᵀCv` (squared gradient).
    pub noise: Estimate,
    /// `vᵀCv / (2 L h)`, the noise strength along this direction; 1 where decoupling holds as published.
    pub ratio: Estimate,
}
