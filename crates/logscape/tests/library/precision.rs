//! Single precision against double, from the same random streams.

use logscape::Stop;
use logscape::engine::{AnyDynamics, Block, Dynamics, ExitTest, LaneSgd, ReplicaState, RowSgd};
use logscape::ensemble::observable::ExcessLoss;
use logscape::ensemble::{EscapeRun, GroupStatistics, Region, StationaryRun, rate_estimate};
use logscape::problem::{LinearRegression, Sinusoid};
use logscape::random::{Purpose, stream};
use logscape::stats::{BlockMeans, Histogram, Scale, summarise};
use logscape::{Estimate, Problem};
use std::sync::Arc;

/// `y = sin(3x)` with alternating noise.
fn sine() -> Sinusoid {
    let x: Vec<f64> = (0..40).map(|i| 0.075 * f64::from(i)).collect();
    let y = x.iter().enumerate().map(|(i, x)| (3.0 * x).sin() + if i % 2 == 0 { 0.4 } else { -0.4 }).collect();
    Sinusoid::new(x, y, false).unwrap()
}

/// Fifty samples with three inputs, and noise.
fn plane() -> LinearRegression {
    let inputs: Vec<f64> = (0..150).map(|i| 1.3 * (1.0 + 0.7 * f64::from(i)).sin()).collect();
    let targets = inputs.chunks(3).enumerate().map(|(i, x)| x[0] - x[2] + (2.3 * i as f64).cos()).collect();
    LinearRegression::new(inputs, targets, 3).unwrap()
}

/// `θ` of sixteen replicas after `steps` steps.
fn after(dynamics: &impl Dynamics, start: &[f64], steps: u64) -> Vec<f64> {
    let mut block = dynamics.block();
    for lane in 0..block.lanes() {
        block.load(lane, &ReplicaState::new(start, stream(2, Purpose::Escape, lane as u64)));
    }
    dynamics.advance(&mut block, steps, &ExitTest::Never);
    let mut all = Vec::new();
    for lane in 0..block.lanes() {
        let mut theta = vec![0.0; dynamics.dim()];
        block.theta_into(lane, &mut theta);
        all.extend(theta);
    }
    all
}

/// A step adds a rounding error of at most a few units `2^−24` of the largest number in it, and the chain forgets it at the
/// rate `ηh`: the distance stays below their sum `≈ 2^−24 · few/(ηh)` however many steps are taken.
#[test]
fn a_contracting_chain_forgets_its_rounding_errors() {
    let plane = plane();
    let (single, double) =
        (RowSgd::<f32, _>::new(&plane, 0.05, 2).unwrap(), RowSgd::<f64, _>::new(&plane, 0.05, 2).unwrap());
    for steps in [1, 10, 100, 1_000, 10_000] {
        let (a, b) = (after(&single, &[0.0; 3], steps), after(&double, &[0.0; 3], steps));
        let largest = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        // η h ≥ 0.02 and |θ| < 4: at most 4 · 2^−24 · 4/0.02 = 5e−5; roundings that are as often up as down give far less.
        assert!(largest < 5e-6, "{steps}: {largest}");
        assert!(largest > 1e-9, "{steps}: no sign of single precision");
    }
}

/// Standard error from a 95 % interval.
fn error(estimate: &Estimate) -> f64 {
    (estimate.ci95[1] - estimate.ci95[0]) / (2.0 * 1.96)
}

#[test]
fn mean_escape_times_agree_within_their_error() {
    let sine = sine();
    let single = escape(&AnyDynamics::new(LaneSgd::<f32, _>::new(&sine, 0.15, 1).unwrap()), &sine);
    let double = escape(&AnyDynamics::new(LaneSgd::<f64, _>::new(&sine, 0.15, 1).unwrap()), &sine);
    let joint = error(&single).hypot(error(&double));
    assert!((single.value - double.value).abs() < 4.0 * joint, "{single:?} {double:?}");
    assert!(joint < 0.05 * double.value, "the test would not see a difference of a fifth");
}

fn escape(dynamics: &AnyDynamics, problem: &dyn Problem) -> Estimate {
    let run = EscapeRun {
        start: vec![3.0],
        region: Region::interval(2.7, 3.3),
        replicas: 2_000,
        max_steps: 1_000_000,
        seed: 4,
    };
    let ends = run.run(dynamics, problem, &Stop::new(), |_| {}).unwrap();
    rate_estimate(&ends, 4).mean_steps.unwrap()
}

#[test]
fn moments_of_the_stationary_loss_agree_within_their_error() {
    let plane = plane();
    let run = StationaryRun {
        start: vec![0.0; 3],
        replicas: 64,
        groups: 16,
        burn_in: 500,
        samples: 400,
        thin: 20,
        observables: vec![Arc::new(ExcessLoss {
            minimum_loss: 0.1,
            bins: Histogram::new(Scale::Logarithmic, 1e-5, 1e5, 10).unwrap(),
        })],
        moments: false,
        seed: 8,
    };
    let summary = |groups: Vec<GroupStatistics>| {
        let losses: Vec<BlockMeans> = groups.iter().map(|group| group.statistics[0].series.clone()).collect();
        summarise(&losses).unwrap()
    };
    let (single, double) =
        (RowSgd::<f32, _>::new(&plane, 0.1, 1).unwrap(), RowSgd::<f64, _>::new(&plane, 0.1, 1).unwrap());
    let a = summary(run.run(&AnyDynamics::new(single), &plane, &Stop::new()).unwrap());
    let b = summary(run.run(&AnyDynamics::new(double), &plane, &Stop::new()).unwrap());
    for (a, b) in [(a.mean, b.mean), (a.deviation, b.deviation)] {
        assert!((a.value - b.value).abs() < 4.0 * error(&a).hypot(error(&b)), "{a:?} {b:?}");
        // From the same streams they agree far better than two independent ensembles would.
        assert!((a.value - b.value).abs() < 0.05 * error(&a) && a.value != b.value, "{a:?} {b:?}");
    }
}
