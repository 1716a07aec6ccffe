//! The chain against updates written out by hand, and its state.

use super::*;
use crate::engine::{AnyDynamics, Block, Dynamics, ExitTest};
use crate::ensemble::{EscapeRun, Region};
use crate::problem::{LinearRegression, QuadraticBasin};
use crate::random::{Purpose, stream};
use crate::training::{AdamOptions, SgdOptions};
use crate::{Sampling, Stop};

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

/// Eight samples of curvature 1.
fn even() -> LinearRegression {
    let inputs = (0..8).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    LinearRegression::new(inputs, (0..8).map(|i| (0.9 * f64::from(i)).sin()).collect(), 1).unwrap()
}

/// Adam as its authors write it, on `½hθ²` from 1: biased moments, and a learning rate that is corrected instead of them.
fn by_hand(h: f64, eta: f64, options: AdamOptions, coupled: f64, decoupled: f64, steps: i32) -> f64 {
    let ([a, b], mut x, mut m, mut v) = (options.betas, 1.0, 0.0, 0.0);
    for t in 1..=steps {
        let g = (h + coupled) * x;
        m = a * m + (1.0 - a) * g;
        v = b * v + (1.0 - b) * g * g;
        let correction = (1.0 - b.powi(t)).sqrt();
        let rate = eta * correction / (1.0 - a.powi(t));
        x = (1.0 - eta * decoupled) * x - rate * m / (v.sqrt() + options.epsilon * correction);
    }
    x
}

#[test]
fn without_noise_it_takes_the_steps_that_were_written_out_by_hand() {
    let (h, eta) = (1.7, 0.01);
    let basin = QuadraticBasin::new(0.1, vec![h]).unwrap();
    let options = AdamOptions { betas: [0.8, 0.95], epsilon: 0.01, weight_decay: 0.4 };
    let end = |optimiser, steps| {
        let chain = Optimised::new(&basin, settings(eta, 1), optimiser).unwrap();
        run(&chain, &replica(&[1.0]), steps).theta[0]
    };
    for steps in [1_u8, 2, 3, 40] {
        let (adam, adamw) = (end(Optimiser::Adam(options), steps.into()), end(Optimiser::AdamW(options), steps.into()));
        let hand = |coupled, decoupled| by_hand(h, eta, options, coupled, decoupled, steps.into());
        assert!((adam - hand(0.4, 0.0)).abs() < 1e-14, "{steps}: {adam}");
        assert!((adamw - hand(0.0, 0.4)).abs() < 1e-14, "{steps}: {adamw}");
        assert!((adam - adamw).abs() > 1e-4 && (adam - 1.0).abs() > 1e-3);
    }
}

#[test]
fn sgd_without_options_is_sgd() {
    let (line, start) = (even(), replica(&[0.4]));
    let sgd = run(&Sgd::new(&line, settings(0.1, 3)).unwrap(), &start, 300);
    let chain = Optimised::new(&line, settings(0.1, 3), Optimiser::Sgd(SgdOptions::default())).unwrap();
    assert_eq!(run(&chain, &start, 300), sgd);
}

#[test]
fn a_stored_replica_keeps_its_moments_and_its_step() {
    let (line, start) = (even(), replica(&[0.4]));
    let chain = Optimised::new(&line, settings(0.01, 3), Optimiser::Adam(AdamOptions::ADAM)).unwrap();
    let half: ReplicaState = serde_json::from_str(&serde_json::to_string(&run(&chain, &start, 7)).unwrap()).unwrap();
    assert_eq!((half.steps, half.velocity.len()), (7, 2));
    let whole = run(&chain, &start, 101);
    assert_eq!(run(&chain, &half, 94), whole);
    // One step at a time as well, which counts the steps of the bias from where the replica is.
    assert_eq!((0..101).fold(start, |state, _| run(&chain, &state, 1)), whole);
    for other in [ReplicaState { velocity: Vec::new(), ..half.clone() }, ReplicaState { steps: 0, ..half }] {
        assert_ne!(run(&chain, &other, 94).theta, whole.theta);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let line = even();
    let chain =
        AnyDynamics::new(Optimised::new(&line, settings(0.01, 2), Optimiser::AdamW(AdamOptions::ADAMW)).unwrap());
    let region = Region::Ball { centre: vec![0.0], radius: 0.2 };
    let escape = EscapeRun { start: vec![0.0], region, replicas: 40, max_steps: 3000, seed: 5 };
    let ends = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| escape.run(&chain, &line, &Stop::new(), |_| {}).unwrap())
    };
    let one = ends(1);
    assert_eq!(one, ends(3));
    assert!(one.iter().any(|end| *end != one[0]), "they differ among each other");
}

#[test]
fn bad_settings_are_refused() {
    let line = even();
    let refused = |options| Optimised::new(&line, settings(0.1, 2), Optimiser::Adam(options)).err();
    assert!(matches!(refused(AdamOptions { betas: [0.9, 1.0], ..AdamOptions::ADAM }), Some(SgdError::Option(_))));
    assert_eq!(refused(AdamOptions::ADAM), None);
    let none = Optimised::new(&line, settings(0.0, 2), Optimiser::Adam(AdamOptions::ADAM)).err();
    assert_eq!(none, Some(SgdError::LearningRate(0.0)));
}
