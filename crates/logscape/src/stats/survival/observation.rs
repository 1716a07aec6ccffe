//! Times that end with an event, or without.

use serde::{Deserialize, Serialize};

/// Two-sided 95 % quantile of the normal distribution; its square is the 95 % quantile of χ² with one degree of freedom.
pub(super) const Z95: f64 = 1.959_963_984_540_054;

/// How long one replica was watched, and whether its event was seen at the end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Time at risk, `≥ 0`, in the unit of the caller.
    pub time: f64,
    /// Whether the event happened at `time`; otherwise the time is censored.
    pub event: bool,
}
