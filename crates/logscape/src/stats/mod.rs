//! Statistics that return an estimate with an interval.

mod groups;
mod histogram;
mod moments;
mod paired;
mod quantile;
mod repeats;
mod series;
mod slope;
mod survival;
mod tail;

pub(crate) use groups::freedom;
pub use histogram::{Histogram, HistogramError, Scale, WeightedHistogram};
pub use moments::Moments;
pub use paired::log10_ratio_of_means;
pub use quantile::{quantile, survival_quantile};
pub use repeats::{Repeats, mean_of_repeats};
pub use series::{BlockMeans, OpenBlocks, SeriesSummary, summarise};
pub use slope::slope;
pub(crate) use survival::mean_time_lower_bound;
pub use survival::{
    Observation, RateEstimate, SurvivalPoint, WeibullCheck, exponential_rate, kaplan_meier, weibull_check,
};
pub use tail::{LossLaw, TailError, loss_law};
