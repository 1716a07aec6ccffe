//! Rates from independent repeats of a whole estimate.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::Estimate;

/// What a rate from repeats is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeats {
    /// Independent repeats.
    pub repeats: u64,
    /// Repeats in which no trajectory reached the exit; they count as zeros.
    pub extinct: u64,
    /// Excursions from home per step.
    pub flux: Option<Estimate>,
    /// Probability that an excursion reaches the exit; the mean, since its product with the flux is what is averaged.
    pub probability: Option<Estimate>,
    /// Escapes per unit `t` of the clock.
    pub rate_per_time: Option<Estimate>,
    /// Levels of a repeat, on average.
    pub levels: f64,
    /// Replica-steps of all repeats and the pilot.
    pub cost: u64,
    /// Why there is no rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_found: Option<String>,
}

/// Mean of independent estimates that are not negative, with the 95 % interval `m e^{±tσ/m}`: Student's, with the standard
/// error `σ` of the mean carried over to its logarithm. `None` for fewer than two, or where all are zero.
pub fn mean_of_repeats(values: &[f64]) -> Option<Estimate> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    if !(mean.is_finite() && mean > 0.0 && variance.is_finite()) {
        return None;
    }
    let factor = (student(n - 1.0, 0.975)? * (variance / n).sqrt() / mean).exp();
    Some(Estimate::new(mean, mean / factor, mean * factor))
}

/// Quantile of Student's law.
fn student(freedom: f64, p: f64) -> Option<f64> {
    StudentsT::new(0.0, 1.0, freedom).ok().map(|law| law.inverse_cdf(p))
}
