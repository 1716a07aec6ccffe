//! The chain against SGD at zero temperature, one step, and the stationary variance of its linear recursion.

use super::*;
use crate::Sampling;
use crate::engine::{Block, Dynamics, ExitTest};
use crate::ensemble::testing::Line;
use crate::problem::LinearRegression;
use crate::random::{Purpose, stream};

fn settings(learning_rate: f64, batch_size: usize, sampling: Sampling) -> SgdSettings {
    SgdSettings { learning_rate, batch_size, sampling }
}

/// A replica after `steps` steps.
fn run<D: Dynamics<Block = SoloBlock>>(dynamics: &D, start: &[f64], steps: u64) -> ReplicaState {
    let mut block = dynamics.block();
    block.load(0, &ReplicaState::new(start, stream(6, Purpose::Escape, 2)));
    dynamics.advance(&mut block, steps, &ExitTest::Never);
    block.store(0)
}

/// Seven samples with three inputs each, none of them special.
fn plane() -> LinearRegression {
    let inputs = (0..21).map(|i| (1.0 + 0.7 * f64::from(i)).sin()).collect();
    LinearRegression::new(inputs, (0..7).map(|i| (0.3 * f64::from(i)).cos()).collect(), 3).unwrap()
}

#[test]
fn at_zero_temperature_it_is_sgd() {
    let plane = plane();
    for sampling in [Sampling::WithReplacement, Sampling::WithoutReplacement, Sampling::EpochShuffle] {
        let settings = settings(0.1, 3, sampling);
        let sgd = run(&Sgd::new(&plane, settings).unwrap(), &[0.3, -0.1, 2.0], 200);
        assert_eq!(run(&Sgld::new(&plane, settings, 0.0).unwrap(), &[0.3, -0.1, 2.0], 200), sgd);
        assert_ne!(run(&Sgld::new(&plane, settings, 1e-9).unwrap(), &[0.3, -0.1, 2.0], 200).theta, sgd.theta);
    }
}

/// SGD's step with the same batch, and the numbers that the generator gives after it.
#[test]
fn a_step_adds_normal_numbers_drawn_after_the_batch() {
    let (plane, settings) = (plane(), settings(0.1, 3, Sampling::WithReplacement));
    let start = [0.3, -0.1, 2.0];
    let mut sgd = run(&Sgd::new(&plane, settings).unwrap(), &start, 1);
    let sgld = run(&Sgld::new(&plane, settings, 0.7).unwrap(), &start, 1);
    let [a, b] = normal_pair(&mut sgd.rng);
    let [c, _] = normal_pair(&mut sgd.rng);
    for ((found, mean), normal) in sgld.theta.iter().zip(&sgd.theta).zip([a, b, c]) {
        assert!((found - mean - (2.0_f64 * 0.1 * 0.7).sqrt() * normal).abs() < 1e-14);
        assert!((found - mean - (2.0_f64 * 0.7).sqrt() * 0.1 * normal).abs() > 1e-4);
    }
    assert_eq!(sgld.rng, sgd.rng);
}

/// `δ ← (1 − ηA)δ − ηb + √(2ηT) ξ` for `δ = θ − θ*`, with the batch means `A` of `x²` and `b` of `x(xθ* − y)`: in the long run
/// `⟨δ²⟩ = (η² Var b + 2ηT) / (1 − ⟨(1 − ηA)²⟩)`.
#[test]
fn the_stationary_variance_is_that_of_the_recursion() {
    let line = Line::six();
    let (minimum, eta, batch, temperature) = (line.minimum(), 0.3, 2, 0.1);
    let h = line.mean(|x, _| x * x);
    let spread = line.mean(|x, _| (x * x - h).powi(2)) / f64::from(batch);
    let noise = line.mean(|x, y| (x * (x * minimum - y)).powi(2)) / f64::from(batch);
    let variance = |temperature: f64, spread: f64, noise: f64| {
        (eta * eta * noise + 2.0 * eta * temperature) / (1.0 - (1.0 - eta * h).powi(2) - eta * eta * spread)
    };
    let exact = variance(temperature, spread, noise);
    let chain = Sgld::new(&line, settings(eta, 2, Sampling::WithReplacement), temperature).unwrap();
    let mut block = chain.block();
    block.load(0, &ReplicaState::new(&[minimum], stream(7, Purpose::Escape, 0)));
    chain.advance(&mut block, 1000, &ExitTest::Never);
    // Groups much longer than the few steps over which `δ²` is correlated.
    let (groups, length) = (200, 5000);
    let means: Vec<f64> = (0..groups)
        .map(|_| {
            let mut sum = 0.0;
            for _ in 0..length {
                chain.advance(&mut block, 1, &ExitTest::Never);
                sum += (block.state.theta[0] - minimum).powi(2);
            }
            sum / f64::from(length)
        })
        .collect();
    let found = means.iter().sum::<f64>() / f64::from(groups);
    let square = means.iter().map(|x| (x - found).powi(2)).sum::<f64>();
    let error = (square / f64::from(groups * (groups - 1))).sqrt();
    assert!((found - exact).abs() < 4.0 * error, "{found} ± {error} against {exact}");
    // The Gaussian noise alone, the batch alone, the spread of curvatures left out, and the Gibbs law.
    for wrong in [variance(temperature, 0.0, 0.0), variance(0.0, spread, noise), variance(temperature, 0.0, noise)] {
        assert!((found - wrong).abs() > 8.0 * error, "{found} ± {error} against {wrong}");
    }
    assert!((found - temperature / h).abs() > 8.0 * error);
}

#[test]
fn bad_settings_are_refused() {
    let line = Line::six();
    let refused =
        |batch, temperature| Sgld::new(&line, settings(0.1, batch, Sampling::WithoutReplacement), temperature).err();
    assert_eq!(refused(2, -0.1), Some(SgdError::Temperature(-0.1)));
    assert!(refused(2, f64::NAN).is_some() && refused(2, f64::INFINITY).is_some());
    assert!(refused(7, 0.1).is_some());
    assert_eq!(refused(2, 0.0), None);
}
