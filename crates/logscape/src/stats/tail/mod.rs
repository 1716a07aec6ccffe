//! The exponent of the stationary loss law, by maximum likelihood from histograms of independent groups.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::beta::beta_reg;
use thiserror::Error;

use super::{Histogram, HistogramError};
use crate::Estimate;

/// Why the exponent cannot be estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TailError {
    /// `n`, or the loss at the minimum, is not positive and finite.
    #[error("dimension and loss at the minimum must be positive and finite")]
    Parameters,
    /// An interval needs at least two groups, each with counts.
    #[error("at least two groups with counts are needed")]
    TooFewGroups,
    /// The groups do not have the same bins.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
}

/// The fitted law of the stationary loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossLaw {
    /// `φ`, with its 95 % interval under the law.
    pub exponent: Estimate,
    /// Largest distance between the distribution functions of the histogram and of the fitted law, at the bins' edges: 0 is
    /// a perfect fit, 1 the worst. The interval of `φ` means something only where this is small.
    pub distance: f64,
}

impl LossLaw {
    /// Whether the loss in `n` directions has no fourth moment by the fitted law, whose tail is `u^−(φ − n/2)`: then a standard deviation
    /// has no interval of finite length.
    pub fn lacks_fourth_moment(&self, dimension: f64) -> bool {
        self.exponent.value - 0.5 * dimension <= 4.0
    }
}

/// The exponent `φ` of the stationary density `P(θ) ∝ L^−φ` in a quadratic basin with `n` directions.
///
/// There `u = (L − L*)/L*` has density `∝ u^(n/2−1) (1+u)^−φ`, so `u ~ BetaPrime(n/2, φ − n/2)`, whose distribution function
/// is the regularised incomplete beta `I_{u/(1+u)}(n/2, φ − n/2)`. The binned likelihood, with counts outside the bins, is
/// maximised over `φ`. The 95 % interval is a jackknife over groups of `ln(φ − n/2)` with Student's quantile: counts within a
/// group are correlated in time, groups are independent. The histograms hold the excess loss `L − L*`.
///
/// # Errors
/// If a parameter is not positive, the bins differ, or fewer than two groups have counts.
pub fn loss_law(groups: &[Histogram], dimension: f64, minimum_loss: f64) -> Result<LossLaw, TailError> {
    if !(dimension.is_finite() && dimension > 0.0 && minimum_loss.is_finite() && minimum_loss > 0.0) {
        return Err(TailError::Parameters);
    }
    if groups.len() < 2 || groups.iter().any(|g| g.total() == 0) {
        return Err(TailError::TooFewGroups);
    }
    groups[0].emptied()?;
    let all = total(groups, None)?;
    let best = log_shape(&all, dimension, minimum_loss);
    let g = groups.len() as f64;
    let mut left_out = Vec::with_capacity(groups.len());
    for i in 0..groups.len() {
        left_out.push(log_shape(&total(groups, Some(i))?, dimension, minimum_loss));
    }
    let mean = left_out.iter().sum::<f64>() / g;
    let variance = (g - 1.0) / g * left_out.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    let quantile = StudentsT::new(0.0, 1.0, g - 1.0).map_err(|_| TailError::TooFewGroups)?.inverse_cdf(0.975);
    let half = quantile * variance.sqrt();
    let exponent = |log_b: f64| 0.5 * dimension + log_b.exp();
    Ok(LossLaw {
        exponent: Estimate::new(exponent(best), exponent(best - half), exponent(best + half)),
        distance: distance(&all, dimension, minimum_loss, best),
    })
}

/// Kolmogorov's distance between the histogram and BetaPrime(n/2, b), at the edges.
fn distance(histogram: &Histogram, dimension: f64, minimum_loss: f64, log_shape: f64) -> f64 {
    let mut below = histogram.underflow();
    let at_edge = |i: usize, below: u64| {
        let u = (histogram.edge(i) / minimum_loss).clamp(0.0, 1e300);
        let law = beta_reg(0.5 * dimension, log_shape.exp(), u / (1.0 + u));
        (below as f64 / histogram.total() as f64 - law).abs()
    };
    let mut largest = at_edge(0, below);
    for (i, count) in histogram.counts().iter().enumerate() {
        below += count;
        largest = largest.max(at_edge(i + 1, below));
    }
    largest
}

/// The sum of all groups but one.
fn total(groups: &[Histogram], leave_out: Option<usize>) -> Result<Histogram, TailError> {
    let mut kept = groups.iter().enumerate().filter(|(i, _)| Some(*i) != leave_out).map(|(_, g)| g);
    let mut sum = kept.next().ok_or(TailError::TooFewGroups)?.clone();
    for group in kept {
        sum.merge(group)?;
    }
    Ok(sum)
}

/// `ln b` that maximises the binned likelihood of BetaPrime(n/2, b), by golden-section search between `b = 10⁻³` and `10⁵`.
fn log_shape(histogram: &Histogram, dimension: f64, minimum_loss: f64) -> f64 {
    let counts = histogram.counts();
    let edges: Vec<f64> = (0..=counts.len()).map(|i| (histogram.edge(i) / minimum_loss).clamp(0.0, 1e300)).collect();
    let a = 0.5 * dimension;
    let likelihood = |log_b: f64| {
        let b = log_b.exp();
        let below = |u: f64| beta_reg(a, b, u / (1.0 + u));
        let above = |u: f64| beta_reg(b, a, 1.0 / (1.0 + u));
        let term = |count: u64, p: f64| count as f64 * p.max(f64::MIN_POSITIVE).ln();
        let mut sum = 0.0;
        if histogram.underflow() > 0 {
            sum += term(histogram.underflow(), below(edges[0]));
        }
        if histogram.overflow() > 0 {
            sum += term(histogram.overflow(), above(edges[counts.len()]));
        }
        for (i, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            // Subtract the smaller of the two tails, so that rare bins keep their digits.
            let upper = above(edges[i]);
            let p = if upper < 0.5 { upper - above(edges[i + 1]) } else { below(edges[i + 1]) - below(edges[i]) };
            sum += term(count, p);
        }
        sum
    };
    let ratio = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut low, mut high) = (1e-3_f64.ln(), 1e5_f64.ln());
    let (mut x1, mut x2) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut f1, mut f2) = (likelihood(x1), likelihood(x2));
    while high - low > 1e-7 {
        if f1 > f2 {
            (high, x2, f2) = (x2, x1, f1);
            x1 = high - ratio * (high - low);
            f1 = likelihood(x1);
        } else {
            (low, x1, f1) = (x1, x2, f2);
            x2 = low + ratio * (high - low);
            f2 = likelihood(x2);
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests;
