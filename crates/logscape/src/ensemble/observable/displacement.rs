//! Displacements from the minimum along directions.

use super::{Observable, Sample, Surroundings};
use crate::ensemble::{EnsembleError, check_length};
use crate::stats::{Histogram, HistogramError, Scale};
use std::sync::Arc;

/// `v·(θ − θ*)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Displacement {
    /// Number of the direction, from 1; part of the name.
    pub number: usize,
    /// `θ*` (`P`).
    pub origin: Arc<[f64]>,
    /// `v` (`P`).
    pub direction: Vec<f64>,
    /// Histogram whose bins are used.
    pub bins: Histogram,
}

impl Displacement {
    /// The name of that along direction `number`, from 1.
    pub fn name_of(number: usize) -> String {
        format!("displacement_{number}")
    }

    /// One for each direction, with bins up to 20 times the distance at which a parabola of curvature `h*` has doubled `L*`.
    pub(super) fn build(around: &Surroundings<'_>) -> Result<Vec<Arc<dyn Observable>>, HistogramError> {
        let reach = 20.0 * (2.0 * around.loss / around.curvature).sqrt();
        let bins = Histogram::new(Scale::Linear, -reach, reach, 2 * around.bins + 1)?;
        let origin: Arc<[f64]> = around.minimum.into();
        let along = |(direction, number): (&Vec<f64>, usize)| -> Arc<dyn Observable> {
            Arc::new(Self { number, origin: origin.clone(), direction: direction.clone(), bins: bins.clone() })
        };
        Ok(around.directions.iter().zip(1..).map(along).collect())
    }
}

impl Observable for Displacement {
    fn name(&self) -> String {
        Self::name_of(self.number)
    }

    fn unit(&self) -> f64 {
        self.bins.typical()
    }

    fn bins(&self) -> Option<&Histogram> {
        Some(&self.bins)
    }

    fn check(&self, dim: usize) -> Result<(), EnsembleError> {
        check_length("origin", self.origin.len(), dim)?;
        check_length("direction", self.direction.len(), dim)
    }

    fn value(&self, sample: &Sample<'_>) -> f64 {
        self.direction.iter().zip(sample.theta).zip(self.origin.iter()).map(|((v, x), x0)| v * (x - x0)).sum()
    }
}
