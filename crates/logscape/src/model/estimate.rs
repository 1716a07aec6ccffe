//! A number with its 95 % confidence interval.

use serde::{Deserialize, Serialize};

/// A value with its 95 % confidence interval. Every measured number in a record is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Estimate {
    /// Point estimate.
    #[serde(with = "super::unbounded::undefined")]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub value: f64,
    /// Lower and upper end of the 95 % interval; in JSON, null where there is no such end.
    #[serde(with = "super::unbounded::ends")]
    #[cfg_attr(feature = "schema", schemars(with = "[Option<f64>; 2]"))]
    pub ci95: [f64; 2],
}

impl Estimate {
    /// An estimate with the given interval.
    pub fn new(value: f64, lower: f64, upper: f64) -> Self {
        Self { value, ci95: [lower, upper] }
    }

    /// A number known without statistical error: both ends of the interval equal the value.
    pub fn exact(value: f64) -> Self {
        Self::new(value, value, value)
    }

    /// Whether the interval contains `x`.
    ///
    /// ```
    /// # use logscape::Estimate;
    /// assert!(Estimate::new(1.0, 0.8, 1.2).covers(1.1));
    /// ```
    pub fn covers(&self, x: f64) -> bool {
        self.ci95[0] <= x && x <= self.ci95[1]
    }
}
