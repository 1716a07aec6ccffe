//! One direction: every number is a sum over equally likely factors.

use super::Interpolation;
use crate::Estimate;

/// Powers beyond which a root is not looked for.
const LARGEST: f64 = 1e6;

/// What products of independent factors, each equally likely, do.
pub(super) fn exact(factors: &[f64]) -> Interpolation {
    let count = factors.len() as f64;
    let lyapunov = factors.iter().map(|x| x.abs().ln()).sum::<f64>() / count;
    let square = factors.iter().map(|x| x * x).sum::<f64>() / count;
    let (alpha, alpha_reason) = match root(factors, lyapunov) {
        Ok(alpha) => (Some(Estimate::exact(alpha)), None),
        Err(reason) => (None, Some(reason.to_owned())),
    };
    Interpolation {
        directions: 1,
        lyapunov: lyapunov.is_finite().then(|| Estimate::exact(lyapunov)),
        mean_square_growth: Estimate::exact(square),
        alpha,
        alpha_reason,
        method: "sums over the samples, as there is one direction and batches are single samples".to_owned(),
    }
}

/// The root `α > 0` of `E|x|^α = 1`, or why there is none.
fn root(factors: &[f64], lyapunov: f64) -> Result<f64, &'static str> {
    let largest = factors.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest <= 1.0 {
        return Err(super::moments::NO_STRETCH);
    }
    if lyapunov >= 0.0 {
        return Err(super::moments::LEAVES);
    }
    // In units of the largest factor no power overflows.
    let exponent = |alpha: f64| {
        let sum: f64 = factors.iter().map(|x| (x.abs() / largest).powf(alpha)).sum();
        alpha * largest.ln() + (sum / factors.len() as f64).ln()
    };
    let mut high = 1.0;
    while exponent(high) <= 0.0 {
        high *= 2.0;
        if high > LARGEST {
            return Err(super::moments::NEVER);
        }
    }
    // Convex with a root at 0: it is negative from there to the other one.
    let mut low = 0.0;
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if exponent(middle) > 0.0 { high = middle } else { low = middle }
    }
    Ok(0.5 * (low + high))
}
