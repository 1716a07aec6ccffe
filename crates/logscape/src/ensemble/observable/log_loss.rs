//! The logarithm of the loss.

use super::{Observable, Sample, Surroundings};
use crate::stats::HistogramError;
use std::sync::Arc;

/// `ln L`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLoss;

impl LogLoss {
    /// Its name.
    pub const NAME: &str = "log_loss";

    #[allow(clippy::unnecessary_wraps, reason = "others can fail")]
    pub(super) fn build(_: &Surroundings<'_>) -> Result<Vec<Arc<dyn Observable>>, HistogramError> {
        Ok(vec![Arc::new(Self)])
    }
}

impl Observable for LogLoss {
    fn name(&self) -> String {
        Self::NAME.to_owned()
    }

    fn unit(&self) -> f64 {
        1.0
    }

    fn value(&self, sample: &Sample<'_>) -> f64 {
        sample.loss.ln()
    }
}
