//! Rates from independent repeats of a whole estimate.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

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

/// Mean of independent estimates that are not negative and at most `most`, with a 95 % interval.
///
/// Where all are positive it is that of a log-normal mean, since estimates by splitting are log-normal in the limit of many
/// trajectories (Guyader, Hengartner & Matzner-Løber 2011): with mean `y` and variance `s²` of the `n` logarithms, the intervals
/// `y ± t s/√n` (Student's `t`) and `½(n−1)s²/χ²` of the two terms of `y + ½s²` give
/// `y + ½s² − √(t²s²/n + ¼(s² − l)²) … y + ½s² + √(t²s²/n + ¼(u − s²)²)` with the ends `l`, `u` of that of `s²` (Zou, Taleban &
/// Huo 2009, *Comput. Stat. Data Anal.* 53, 3755). With zeros among them it is `m e^{±tσ}` with the relative standard error `σ`.
/// No end is above `most`. `None` for fewer than two, or where all are zero.
pub fn mean_of_repeats(values: &[f64], most: f64) -> Option<Estimate> {
    let n = values.len() as f64;
    let (mean, variance) = mean_and_variance(values);
    if !(mean.is_finite() && mean > 0.0 && variance.is_finite()) {
        return None;
    }
    let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(0.975);
    let [lower, upper] = if values.iter().all(|x| *x > 0.0) {
        let logarithms: Vec<f64> = values.iter().map(|x| x.ln()).collect();
        let (y, s2) = mean_and_variance(&logarithms);
        let chi2 = ChiSquared::new(n - 1.0).ok()?;
        let [l, u] = [0.975, 0.025].map(|p| (n - 1.0) * s2 / chi2.inverse_cdf(p));
        let (centre, of_mean) = (y + 0.5 * s2, t * t * s2 / n);
        let [down, up] = [s2 - l, u - s2].map(|x| (of_mean + 0.25 * x * x).sqrt());
        [(centre - down).exp(), (centre + up).exp()]
    } else {
        let factor = (t * (variance / n).sqrt() / mean).exp();
        [mean / factor, mean * factor]
    };
    Some(Estimate::new(mean, lower.min(mean), upper.max(mean).min(most)))
}

/// Mean and unbiased variance.
fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, LogNormal};

    /// An interval from the variance of that of the logarithms alone covers 905 of a thousand: those above are not seen.
    #[test]
    fn log_normal_means_are_covered_at_any_scatter() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for (n, scatter) in [(5, 0.1), (5, 1.5), (20, 2.0)] {
            let law = LogNormal::new(-0.5 * scatter * scatter, scatter).unwrap();
            let covered = (0..1000)
                .filter(|_| {
                    let values: Vec<f64> = (0..n).map(|_| law.sample(&mut rng)).collect();
                    mean_of_repeats(&values, f64::INFINITY).unwrap().covers(1.0)
                })
                .count();
            // Binomial(1000, 0.95) lies in 930..=970 with probability 0.997; the method is known to cover up to 97 %.
            assert!((930..=985).contains(&covered), "{n} of scatter {scatter}: {covered}");
        }
    }

    #[test]
    fn no_end_is_above_what_can_be_and_the_mean_is_inside() {
        for values in [&[1e-8, 0.3, 1e-20][..], &[0.0, 0.9], &[0.5, 1e-200]] {
            let found = mean_of_repeats(values, 1.0).unwrap();
            assert!(found.ci95[0] <= found.value && found.value <= found.ci95[1] && found.ci95[1] <= 1.0, "{found:?}");
        }
        assert_eq!(mean_of_repeats(&[0.0, 0.0], 1.0), None);
        assert_eq!(mean_of_repeats(&[0.1], 1.0), None);
    }
}
