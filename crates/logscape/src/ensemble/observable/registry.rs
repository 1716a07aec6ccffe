//! The list of observables.

use super::{Displacement, ExcessLoss, LogLoss, Observable, Surroundings};
use crate::stats::HistogramError;
use std::sync::Arc;

/// Makes the observables of one kind.
pub type Build = fn(&Surroundings<'_>) -> Result<Vec<Arc<dyn Observable>>, HistogramError>;

/// All kinds of observables, in the order of the records.
pub const OBSERVABLES: &[Build] = &[ExcessLoss::build, LogLoss::build, Displacement::build];

/// All observables around a minimum.
///
/// # Errors
/// If the minimum's loss or curvature gives no range for a histogram.
pub fn all(around: &Surroundings<'_>) -> Result<Vec<Arc<dyn Observable>>, HistogramError> {
    build_all(OBSERVABLES, around)
}

/// [`all`] with a list of kinds of one's own.
///
/// # Errors
/// As [`all`].
pub fn build_all(kinds: &[Build], around: &Surroundings<'_>) -> Result<Vec<Arc<dyn Observable>>, HistogramError> {
    let kinds: Vec<_> = kinds.iter().map(|build| build(around)).collect::<Result<_, _>>()?;
    Ok(kinds.into_iter().flatten().collect())
}
