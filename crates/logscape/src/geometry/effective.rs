//! How many parameters the data determine.

use crate::model::EffectiveParameters;
use crate::network::OutputLoss;

/// Halvings of the interval in which the count lies.
const HALVINGS: usize = 200;

/// `γ = Σ_i λ_i/(λ_i + a(γ))` over the positive `eigenvalues`, where `a` is the curvature of the prior of most evidence: see
/// [`EffectiveParameters`]. For `n` samples with `c` outputs, a `loss`, and the squared norm of the parameters. None where the parameters
/// are all zero or the loss is.
///
/// Source: D. J. C. MacKay, *Bayesian interpolation* (1992), eqs. 28–32.
pub(super) fn effective_parameters(
    eigenvalues: &[f64],
    (n, c): (usize, usize),
    (loss, output_loss): (f64, OutputLoss),
    square: f64,
) -> Option<EffectiveParameters> {
    let curved: Vec<f64> = eigenvalues.iter().copied().filter(|&h| h > 0.0).collect();
    let outputs = (n * c) as f64;
    let prior = |count: f64| {
        if output_loss == OutputLoss::MeanSquare {
            2.0 * loss * count / ((outputs - count) * square)
        } else {
            count / (n as f64 * square)
        }
    };
    if curved.is_empty() || square <= 0.0 || loss <= 0.0 {
        return None;
    }
    // The sum falls as the count grows, so that they meet once.
    let (mut low, mut high) = (0.0, outputs.min(curved.len() as f64));
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        let a = prior(middle);
        let sum: f64 = curved.iter().map(|h| h / (h + a)).sum();
        if sum > middle { low = middle } else { high = middle }
    }
    let count = 0.5 * (low + high);
    Some(EffectiveParameters { count, prior_curvature: prior(count) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_curvatures_have_a_closed_form() {
        // γ = P h/(h + 2Lγ/((Nc − γ)|θ|²)): a quadratic equation in γ.
        let (p, h, n, loss, square) = (5.0, 2.0, 40.0, 0.3, 0.7);
        let found = effective_parameters(&[h; 5], (20, 2), (loss, OutputLoss::MeanSquare), square).unwrap();
        // (Nc − γ)(γ − P) h|θ|² + 2Lγ² = 0.
        let (a, b, c) = (2.0 * loss - h * square, h * square * (n + p), -h * square * n * p);
        let exact = (-b + (b * b - 4.0 * a * c).sqrt()) / (2.0 * a);
        assert!((found.count / exact - 1.0).abs() < 1e-12, "{found:?} {exact}");
        // Of probabilities: γ (h + γ/(N|θ|²)) = P h.
        let found = effective_parameters(&[h; 5], (20, 2), (loss, OutputLoss::CrossEntropy), square).unwrap();
        let k = 1.0 / (20.0 * square);
        let exact = (-h + (h * h + 4.0 * k * p * h).sqrt()) / (2.0 * k);
        assert!((found.count / exact - 1.0).abs() < 1e-12, "{found:?} {exact}");
    }

    #[test]
    fn flat_directions_do_not_count_and_all_count_without_noise() {
        let few = |loss: f64| {
            effective_parameters(&[1.0, 1.0, 1e-14, -0.1], (100, 1), (loss, OutputLoss::MeanSquare), 1.0).unwrap().count
        };
        assert!((few(0.01) - 2.0).abs() < 0.01 && few(0.01) < 2.0, "{}", few(0.01));
        assert!((few(1e-20) - 3.0).abs() < 1e-3, "{}", few(1e-20));
        assert!(effective_parameters(&[1.0], (10, 1), (0.1, OutputLoss::MeanSquare), 0.0).is_none());
    }
}
