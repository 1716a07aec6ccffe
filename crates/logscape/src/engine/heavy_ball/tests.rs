//! The chain against SGD, its linear recursion, and its stationary variance.

use super::*;
use crate::Sampling;
use crate::engine::{Block, Dynamics, ExitTest};
use crate::problem::{LinearRegression, QuadraticBasin};
use crate::random::{Purpose, stream};

fn settings(learning_rate: f64, batch_size: usize) -> SgdSettings {
    SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement }
}

fn replica(start: &[f64]) -> ReplicaState {
    ReplicaState::new(start, stream(6, Purpose::Escape, 2))
}

fn run<D: Dynamics<Block = SoloBlock>>(dynamics: &D, state: &ReplicaState, steps: u64) -> ReplicaState {
    let mut block = dynamics.block();
    block.load(0, state);
    dynamics.advance(&mut block, steps, &ExitTest::Never);
    block.store(0)
}

/// Eight samples of curvature 1: the noise of the gradient is the same everywhere.
fn even() -> LinearRegression {
    let inputs = (0..8).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    LinearRegression::new(inputs, (0..8).map(|i| (0.9 * f64::from(i)).sin()).collect(), 1).unwrap()
}

#[test]
fn without_momentum_and_decay_it_is_sgd() {
    let (line, start) = (even(), replica(&[0.4]));
    let sgd = run(&Sgd::new(&line, settings(0.1, 3)).unwrap(), &start, 300);
    let same = run(&HeavyBall::new(&line, settings(0.1, 3), 0.0, 0.0).unwrap(), &start, 300);
    assert_eq!((same.theta, same.rng, same.time), (sgd.theta.clone(), sgd.rng, sgd.time));
    for (momentum, decay) in [(0.1, 0.0), (0.0, 0.1)] {
        let other = run(&HeavyBall::new(&line, settings(0.1, 3), momentum, decay).unwrap(), &start, 300);
        assert_ne!(other.theta, sgd.theta);
    }
}

/// `θ_{k+1} = (1 + β − η(h + λ)) θ_k − β θ_{k−1}` along every axis, from the roots of its polynomial.
#[test]
fn without_noise_it_is_the_recursion_of_second_order() {
    let (h, eta, beta, lambda, steps) = ([0.5, 3.0], 0.1, 0.3, 0.2, 12_u8);
    let basin = QuadraticBasin::new(0.1, h.to_vec()).unwrap();
    let chain = HeavyBall::new(&basin, settings(eta, 1), beta, lambda).unwrap();
    let found = run(&chain, &replica(&[1.0, 1.0]), steps.into()).theta;
    let after = |beta: f64, rate: f64| {
        // `θ_0 = 1` and, since `v = 0` at the start, `θ_1 = 1 − ηh`.
        let half = 0.5 * (1.0 + beta - rate);
        let root = (half * half - beta).sqrt();
        let (high, low) = (half + root, half - root);
        let share = (1.0 - rate - low) / (high - low);
        share * high.powi(steps.into()) + (1.0 - share) * low.powi(steps.into())
    };
    assert!((found[0] - after(beta, eta * 0.7)).abs() < 1e-13, "{found:?}");
    assert!((found[1] - after(0.01, eta * 3.2)).abs() > 1e-3 && (found[0] - after(beta, eta * 0.5)).abs() > 1e-3);
}

#[test]
fn a_stored_replica_keeps_its_velocity() {
    let (line, start) = (even(), replica(&[0.4]));
    let chain = HeavyBall::new(&line, settings(0.1, 3), 0.9, 0.01).unwrap();
    let half: ReplicaState = serde_json::from_str(&serde_json::to_string(&run(&chain, &start, 33)).unwrap()).unwrap();
    assert_eq!(run(&chain, &half, 68), run(&chain, &start, 101));
    let stopped = ReplicaState { velocity: Vec::new(), ..half };
    assert_ne!(run(&chain, &stopped, 68).theta, run(&chain, &start, 101).theta);
}

/// `ηΣ(1 + β)/(h(1 − β)(2(1 + β) − ηh))` around the minimum of the loss with decay.
#[test]
fn the_stationary_variance_is_that_of_the_recursion() {
    let (line, eta, beta, lambda) = (even(), 0.5, 0.6, 0.25);
    let products: Vec<f64> = (0..8).map(|i| (0.9 * f64::from(i)).sin() * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let mean = products.iter().sum::<f64>() / 8.0;
    let noise = products.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (8.0 * 2.0);
    let (h, centre) = (1.0 + lambda, mean / (1.0 + lambda));
    let variance = |h: f64, beta: f64| eta * noise * (1.0 + beta) / (h * (1.0 - beta) * (2.0 * (1.0 + beta) - eta * h));
    let chain = HeavyBall::new(&line, settings(eta, 2), beta, lambda).unwrap();
    let mut block = chain.block();
    block.load(0, &replica(&[centre]));
    chain.advance(&mut block, 1000, &ExitTest::Never);
    // Groups much longer than the few steps over which the chain is correlated.
    let (groups, length) = (200, 5000);
    let means: Vec<[f64; 2]> = (0..groups)
        .map(|_| {
            let mut sums = [0.0; 2];
            for _ in 0..length {
                chain.advance(&mut block, 1, &ExitTest::Never);
                let x = block.state.theta[0] - centre;
                sums[0] += x;
                sums[1] += x * x;
            }
            sums.map(|sum| sum / f64::from(length))
        })
        .collect();
    let [(shift, shift_error), (found, error)] = [0, 1].map(|k| {
        let mean = means.iter().map(|m| m[k]).sum::<f64>() / f64::from(groups);
        let square = means.iter().map(|m| (m[k] - mean).powi(2)).sum::<f64>();
        (mean, (square / f64::from(groups * (groups - 1))).sqrt())
    });
    assert!(shift.abs() < 4.0 * shift_error, "{shift} ± {shift_error}");
    assert!((shift + centre - mean).abs() > 8.0 * shift_error);
    let exact = variance(h, beta);
    assert!((found - exact).abs() < 4.0 * error, "{found} ± {error} against {exact}");
    // Without decay, without momentum, and SGD with the learning rate `η/(1 − β)`.
    let rescaled = eta / (1.0 - beta) * noise / (h * (2.0 - eta * h / (1.0 - beta)));
    for wrong in [variance(1.0, beta), variance(h, 0.0), rescaled] {
        assert!((found - wrong).abs() > 8.0 * error, "{found} ± {error} against {wrong}");
    }
}

#[test]
fn bad_settings_are_refused() {
    let line = even();
    let refused = |momentum, decay| HeavyBall::new(&line, settings(0.1, 2), momentum, decay).err();
    assert_eq!(refused(1.0, 0.0), Some(SgdError::Momentum(1.0)));
    assert_eq!(refused(0.5, -1.0), Some(SgdError::Decay(-1.0)));
    assert!(refused(f64::NAN, 0.0).is_some() && refused(0.0, f64::NAN).is_some());
    assert_eq!(refused(0.9, 0.1), None);
}
