//! How a problem is looked at around points.

use crate::operator::{Linearisation, linearise, recomputed};
use crate::{Precision, Problem};

/// A problem around points: where its whole spectrum is computed in double precision by its own methods, beyond that in the precision
/// of the spectrum, keeping passes over the data.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    problem: &'a dyn Problem,
    /// Precision and bytes for passes, beyond the size of whole spectra.
    partial: Option<(Precision, u64)>,
}

impl<'a> Places<'a> {
    pub(super) fn new(problem: &'a dyn Problem, partial: Option<(Precision, u64)>) -> Self {
        Self { problem, partial }
    }

    /// The problem around `theta` (`P`), at which much is computed.
    pub(super) fn staying<'b>(&'b self, theta: &'b [f64]) -> Box<dyn Linearisation + 'b> {
        self.around(theta, u64::MAX)
    }

    /// The problem around `theta` (`P`), at which little is computed.
    pub(super) fn passing<'b>(&'b self, theta: &'b [f64]) -> Box<dyn Linearisation + 'b> {
        self.around(theta, 0)
    }

    fn around<'b>(&'b self, theta: &'b [f64], most: u64) -> Box<dyn Linearisation + 'b> {
        match self.partial {
            Some((precision, passes)) => linearise(self.problem, theta, precision, passes.min(most)),
            None => recomputed(self.problem, theta),
        }
    }
}
