//! One step against the moments of the per-sample gradients, for every law.

use super::*;
use crate::engine::{Block, Dynamics, ExitTest};
use crate::problem::LinearRegression;
use crate::random::{Purpose, stream};

/// Twelve samples with two inputs each, none of them special.
fn line() -> LinearRegression {
    let inputs = (0..24).map(|i| (1.0 + 0.7 * f64::from(i)).sin()).collect();
    LinearRegression::new(inputs, (0..12).map(|i| 0.5 + (0.3 * f64::from(i)).cos()).collect(), 2).unwrap()
}

/// Moments `(1, 2, 11, 12, 22)` of `g − ∇L` of one step at `theta`, each with its standard error.
fn moments(line: &LinearRegression, batch_size: usize, law: WeightLaw, theta: [f64; 2]) -> [(f64, f64); 5] {
    let (eta, steps) = (0.01, 100_000);
    let chain = MultiplicativeSgd::new(line, eta, batch_size, law).unwrap();
    let mut block = chain.block();
    block.load(0, &ReplicaState::new(&theta, stream(3, Purpose::Escape, 0)));
    let mut gradient = [0.0; 2];
    line.batch_gradient_into(&theta, Samples::Range(0..12), &mut gradient, &mut []);
    let mut sums = [(0.0, 0.0); 5];
    for _ in 0..steps {
        block.state.theta.copy_from_slice(&theta);
        chain.advance(&mut block, 1, &ExitTest::Never);
        let [a, b] = [0, 1].map(|i| (theta[i] - block.state.theta[i]) / eta - gradient[i]);
        for (sum, x) in sums.iter_mut().zip([a, b, a * a, a * b, b * b]) {
            sum.0 += x;
            sum.1 += x * x;
        }
    }
    let n = f64::from(steps);
    sums.map(|(sum, square)| (sum / n, ((square / n - (sum / n).powi(2)) / n).sqrt()))
}

/// Largest distance in standard errors.
fn distance(found: &[(f64, f64)], want: &[f64]) -> f64 {
    found.iter().zip(want).map(|((x, error), want)| (x - want).abs() / error).fold(0.0, f64::max)
}

/// Mean zero and covariance `(Var v/N) (1/N) Σ g_μ g_μᵀ`; another variance and the `C` of a batch are rejected.
#[test]
fn one_step_has_the_moments_of_the_weights() {
    let (line, theta, n) = (line(), [3.0, -2.0], 12.0);
    let mut rows = [0.0; 24];
    line.per_sample_gradients_into(&theta, Samples::Range(0..12), &mut rows, &mut []);
    let mut gradient = [0.0; 2];
    line.batch_gradient_into(&theta, Samples::Range(0..12), &mut gradient, &mut []);
    let square = [(0, 0), (0, 1), (1, 1)].map(|(i, j)| gradient[i] * gradient[j]);
    let raw = [(0, 0), (0, 1), (1, 1)].map(|(i, j)| rows.chunks(2).map(|g| g[i] * g[j]).sum::<f64>() / n);
    for batch_size in [1_u8, 4] {
        let b = f64::from(batch_size);
        let least = b / (n + b);
        for (law, variance, wrong) in [
            (WeightLaw::Gaussian, n / b, n / b - 1.0),
            (WeightLaw::Bernoulli, n / b - 1.0, n / b),
            (WeightLaw::SparseGaussian { share: 0.5 }, n / b, n / b - 1.0),
            (WeightLaw::SparseGaussian { share: least }, n / b, n / b - 1.0),
        ] {
            let found = moments(&line, batch_size.into(), law, theta);
            let want = |variance: f64| [0.0, 0.0, raw[0], raw[1], raw[2]].map(|c| c * variance / n);
            // Five numbers of eight cases: one exceeds 4.5 errors with probability `3·10⁻⁴`.
            assert!(distance(&found, &want(variance)) < 4.5, "{law:?} {batch_size}: {found:?} {:?}", want(variance));
            assert!(distance(&found, &want(wrong)) > 7.0, "{law:?} {batch_size}");
            let [.., a, b, c] = want(variance);
            let [d, e, f] = square.map(|square| square * variance / n);
            assert!(distance(&found, &[0.0, 0.0, a - d, b - e, c - f]) > 7.0, "{law:?} {batch_size}");
        }
    }
}

/// Higher moments tell the laws apart: `v` itself, from one sample with gradient 1 at `θ = 0` among `N` without any.
#[test]
fn weights_follow_their_law() {
    let mut targets = vec![0.0; 12];
    targets[5] = -1.0;
    let mut inputs = vec![0.0; 12];
    inputs[5] = 1.0;
    let line = LinearRegression::new(inputs, targets, 1).unwrap();
    let (b, draws) = (4, 60_000);
    for (law, share) in [
        (WeightLaw::Gaussian, 1.0),
        (WeightLaw::Bernoulli, 1.0 / 3.0),
        (WeightLaw::SparseGaussian { share: 0.5 }, 0.5),
        (WeightLaw::SparseGaussian { share: 0.25 }, 0.25),
    ] {
        let chain = MultiplicativeSgd::new(&line, 1.0, b, law).unwrap();
        let mut block = chain.block();
        block.load(0, &ReplicaState::new(&[0.0], stream(4, Purpose::Escape, 0)));
        let weights = (0..draws).map(|_| {
            block.state.theta[0] = 0.0;
            chain.advance(&mut block, 1, &ExitTest::Never);
            -12.0 * block.state.theta[0]
        });
        let drawn: Vec<f64> = weights.filter(|v| *v != 0.0).collect();
        let n = f64::from(draws);
        assert!((drawn.len() as f64 - share * n).abs() <= 4.5 * (n * share * (1.0 - share)).sqrt(), "{law:?}");
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let central = |k| drawn.iter().map(|v| (v - mean).powi(k)).sum::<f64>() / drawn.len() as f64;
        let constant = matches!(law, WeightLaw::Bernoulli | WeightLaw::SparseGaussian { share: 0.25 });
        if constant {
            assert!(drawn.iter().all(|v| (v - 1.0 / share).abs() < 1e-6));
        } else {
            // Kurtosis 3, with standard error √(24/n).
            let error = 4.5 * (24.0 / drawn.len() as f64).sqrt();
            assert!((central(4) / central(2).powi(2) - 3.0).abs() < error, "{law:?}");
        }
    }
}

/// More samples than are evaluated together: the weighted gradient is that of the drawn weights.
#[test]
fn blocks_of_samples_add_up() {
    let n = 2 * TOGETHER + 87;
    let inputs = (0..n).map(|i| (0.3 * i as f64).sin()).collect();
    let line = LinearRegression::new(inputs, (0..n).map(|i| (0.1 * i as f64).cos()).collect(), 1).unwrap();
    for law in [WeightLaw::Gaussian, WeightLaw::Bernoulli, WeightLaw::SparseGaussian { share: 0.8 }] {
        let chain = MultiplicativeSgd::new(&line, 0.1, 300, law).unwrap();
        let start = ReplicaState::new(&[0.4], stream(5, Purpose::Escape, 0));
        let (mut rows, mut weights, mut drawn, mut rng) = (vec![0.0; n], vec![0.0; n], vec![0; n], start.rng);
        line.per_sample_gradients_into(&[0.4], Samples::Range(0..n), &mut rows, &mut []);
        let count = chain.draw(&mut rng, &mut drawn, &mut weights);
        let sum: f64 = drawn[..count].iter().zip(&weights).map(|(&mu, weight)| weight * rows[mu as usize]).sum();
        let mut block = chain.block();
        block.load(0, &start);
        chain.advance(&mut block, 1, &ExitTest::Never);
        assert!((block.state.theta[0] - (0.4 - 0.1 * sum)).abs() < 1e-14);
        assert!(sum.abs() > 1e-3 && block.state.rng == rng);
    }
}

#[test]
fn bad_settings_are_refused() {
    let line = line();
    let refused = |batch, law| MultiplicativeSgd::new(&line, 0.1, batch, law).err();
    assert_eq!(refused(4, WeightLaw::SparseGaussian { share: 0.24 }), Some(SgdError::Share(0.24)));
    assert_eq!(refused(4, WeightLaw::SparseGaussian { share: 1.1 }), Some(SgdError::Share(1.1)));
    assert!(refused(4, WeightLaw::SparseGaussian { share: f64::NAN }).is_some());
    assert_eq!(refused(13, WeightLaw::Bernoulli), Some(SgdError::BatchTooLarge { batch: 13, samples: 12 }));
    assert_eq!(refused(0, WeightLaw::Gaussian), Some(SgdError::EmptyBatch));
    assert_eq!(refused(13, WeightLaw::Gaussian), None);
    assert!(MultiplicativeSgd::new(&line, f64::NAN, 4, WeightLaw::Gaussian).is_err());
}
