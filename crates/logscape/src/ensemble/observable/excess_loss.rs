//! The loss above that of the minimum.

use super::{Observable, Sample, Surroundings};
use crate::stats::{Histogram, HistogramError, Scale};
use std::sync::Arc;

/// `L − L*`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExcessLoss {
    /// `L*`.
    pub minimum_loss: f64,
    /// Histogram whose bins are used.
    pub bins: Histogram,
}

impl ExcessLoss {
    /// Its name.
    pub const NAME: &str = "excess_loss";

    /// With bins from `10⁻⁵ L*` to `10⁷ L*`, in equal ratios.
    pub(super) fn build(around: &Surroundings<'_>) -> Result<Vec<Arc<dyn Observable>>, HistogramError> {
        let bins = Histogram::new(Scale::Logarithmic, 1e-5 * around.loss, 1e7 * around.loss, around.bins)?;
        Ok(vec![Arc::new(Self { minimum_loss: around.loss, bins })])
    }
}

impl Observable for ExcessLoss {
    fn name(&self) -> String {
        Self::NAME.to_owned()
    }

    fn unit(&self) -> f64 {
        self.bins.typical()
    }

    fn bins(&self) -> Option<&Histogram> {
        Some(&self.bins)
    }

    fn is_weighted(&self) -> bool {
        true
    }

    fn value(&self, sample: &Sample<'_>) -> f64 {
        sample.loss - self.minimum_loss
    }
}
