//! Numbers that a stationary ensemble records of every sample: one file each, and one line in `registry.rs`.

mod displacement;
mod excess_loss;
mod log_loss;
mod registry;

pub use displacement::Displacement;
pub use excess_loss::ExcessLoss;
pub use log_loss::LogLoss;
pub use registry::{Build, OBSERVABLES, all, build_all};

use super::EnsembleError;
use crate::stats::{BlockMeans, Histogram, HistogramError, OpenBlocks, WeightedHistogram};
use serde::{Deserialize, Serialize};
use std::fmt::Debug;

/// A replica when a sample is taken of it.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// `θ` (`P`).
    pub theta: &'a [f64],
    /// `L(θ)`.
    pub loss: f64,
}

/// A number that is recorded of every sample: as a series, and in a histogram if it has bins.
pub trait Observable: Debug + Send + Sync {
    /// Its name in records, such as `excess_loss`.
    fn name(&self) -> String;
    /// Its usual size, positive and finite: the series resolves `10⁻¹⁵` of it.
    fn unit(&self) -> f64;
    /// Histogram whose bins (not counts) are used; without it there is none.
    fn bins(&self) -> Option<&Histogram> {
        None
    }
    /// Whether a dynamics whose time is `τ` also keeps the histogram weighted by `dt/dτ = 1/L`: the law in the time `t`.
    fn is_weighted(&self) -> bool {
        false
    }
    /// Refuses a problem of `dim` parameters that it does not fit.
    ///
    /// # Errors
    /// If a vector has another length.
    fn check(&self, dim: usize) -> Result<(), EnsembleError> {
        let _ = dim;
        Ok(())
    }
    /// Its value.
    fn value(&self, sample: &Sample<'_>) -> f64;
}

/// What is known about the minimum that observables are taken around.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// `θ*` (`P`).
    pub minimum: &'a [f64],
    /// `L*`.
    pub loss: f64,
    /// Mean curvature `h*` of the outliers.
    pub curvature: f64,
    /// Directions (`P` each) along which displacements are asked for.
    pub directions: &'a [Vec<f64>],
    /// Bins of a histogram of positive numbers; one of both signs has twice as many and one.
    pub bins: usize,
}

/// What has been recorded of one observable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistic {
    /// Name of the observable.
    pub name: String,
    /// Counts of its values, where it has bins.
    pub histogram: Option<Histogram>,
    /// Its values weighted by `dt/dτ = 1/L`, for a dynamics whose time is `τ`: its law in the time `t`.
    pub in_time: Option<WeightedHistogram>,
    /// Its values sample after sample of each replica.
    pub series: BlockMeans,
}

impl Statistic {
    /// Nothing yet; `in_tau` says whether the time of the dynamics is `τ`.
    pub(super) fn new(observable: &dyn Observable, in_tau: bool) -> Result<Self, HistogramError> {
        let bins = observable.bins();
        let weighted = bins.filter(|_| in_tau && observable.is_weighted());
        Ok(Self {
            name: observable.name(),
            histogram: bins.map(Histogram::emptied).transpose()?,
            in_time: weighted.map(WeightedHistogram::new).transpose()?,
            series: BlockMeans::new(observable.unit()),
        })
    }

    /// Adds the next value of the series that `open` belongs to.
    pub(super) fn add(&mut self, open: &mut OpenBlocks, value: f64, loss: f64) {
        if let Some(histogram) = &mut self.histogram {
            histogram.add(value);
        }
        if let Some(histogram) = &mut self.in_time {
            histogram.add(value, 1.0 / loss);
        }
        self.series.add(open, value);
    }
}
