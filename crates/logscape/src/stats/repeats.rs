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

/// Mean of independent estimates that are not negative, with a 95 % interval `m e^{±tσ}`, `t` of Student's law.
///
/// Where all are positive, `σ² = s²/n + s⁴/2(n−1)` with the variance `s²` of their logarithms: that of a log-normal mean
/// (Cox's method: Zhou & Gao 1997, *Stat. Med.* 16, 783), since estimates by splitting are log-normal in the limit of many
/// trajectories (Guyader, Hengartner & Matzner-Løber 2011). With zeros among them `σ` is the relative standard error. `None`
/// for fewer than two, or where all are zero.
pub fn mean_of_repeats(values: &[f64]) -> Option<Estimate> {
    let n = values.len() as f64;
    let (mean, variance) = mean_and_variance(values);
    if !(mean.is_finite() && mean > 0.0 && variance.is_finite()) {
        return None;
    }
    let sigma = if values.iter().all(|x| *x > 0.0) {
        let logarithms: Vec<f64> = values.iter().map(|x| x.ln()).collect();
        let (_, s2) = mean_and_variance(&logarithms);
        (s2 / n + s2 * s2 / (2.0 * (n - 1.0))).sqrt()
    } else {
        (variance / n).sqrt() / mean
    };
    let factor = (student(n - 1.0, 0.975)? * sigma).exp();
    Some(Estimate::new(mean, mean / factor, mean * factor))
}

/// Mean and unbiased variance.
fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

/// Quantile of Student's law.
fn student(freedom: f64, p: f64) -> Option<f64> {
    StudentsT::new(0.0, 1.0, freedom).ok().map(|law| law.inverse_cdf(p))
}
