//! Statistics that return an estimate with an interval.

mod histogram;
mod moments;
mod repeats;
mod survival;
mod tail;

pub use histogram::{Histogram, HistogramError, Scale, WeightedHistogram};
pub use moments::Moments;
pub use repeats::{Repeats, mean_of_repeats};
pub(crate) use survival::mean_time_lower_bound;
pub use survival::{
    Observation, RateEstimate, SurvivalPoint, WeibullCheck, exponential_rate, kaplan_meier, weibull_check,
};
pub use tail::{LossLaw, TailError, loss_law};
