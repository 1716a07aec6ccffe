//! What a replica does depends on nothing but the replica: layouts, threads, checkpoints, divergence.

use super::laws::samples;
use super::*;
use crate::Stop;
use crate::engine::{Advanced, Block, ExitTest, LaneEnd};
use crate::ensemble::observable::{Displacement, ExcessLoss};
use crate::ensemble::{EscapeRun, GroupStatistics, Region, StationaryRun, Termination};
use crate::lanes::LANES;
use crate::problem::LinearRegression;
use crate::stats::{Histogram, Scale};
use crate::{Sampling, SgdSettings};
use std::sync::Arc;

/// The equation in registers and the general one take the same numbers.
fn check_alike<F: Dynamics, G: Dynamics>(fast: &F, general: &G, tolerance: f64) {
    let (mut a, mut b) = (full_block(fast, &[0.3], 2), full_block(general, &[0.3], 2));
    for steps in [1, 2, 37, 160] {
        let lower_bound = ExitTest::Box { lower: &[-9.0], upper: &[9.0] };
        assert_eq!(fast.advance(&mut a, steps, &lower_bound), general.advance(&mut b, steps, &lower_bound));
        for lane in 0..LANES {
            let (a, b) = (a.store(lane), b.store(lane));
            assert!((a.theta[0] - b.theta[0]).abs() < tolerance && (a.time - b.time).abs() < tolerance * b.time);
            assert_eq!((a.rng, a.steps), (b.rng, b.steps));
        }
    }
}

#[test]
fn the_equation_in_registers_is_the_general_one() {
    let strength = 2.0 * TEMPERATURE;
    check_alike(
        &ScalarDiffusion::<DecoupledBasin<f64>>::new(&basin(1), strength, 0.01).unwrap(),
        &decoupled::<f64>(1, 0.01),
        1e-12,
    );
    check_alike(
        &ScalarDiffusion::<LogBasin<f64>>::new(&basin(1), strength, 0.001).unwrap(),
        &log_landscape::<f64>(1, 0.001),
        1e-12,
    );
    check_alike(
        &ScalarDiffusion::<LogBasin<f32>>::new(&basin(1), strength, 0.001).unwrap(),
        &log_landscape::<f32>(1, 0.001),
        1e-3,
    );
}

/// A replica alone, in a full block, and moved through a checkpoint between blocks out of step has the same bits.
fn check_independence<D: Dynamics>(dynamics: &D) {
    let start = vec![0.2; dynamics.dim()];
    let mut full = full_block(dynamics, &start, 8);
    dynamics.advance(&mut full, 101, &ExitTest::Never);
    for lane in [0, 6, 15] {
        let mut alone = dynamics.block();
        alone.load(2, &replica(&start, 8, lane as u64));
        dynamics.advance(&mut alone, 33, &ExitTest::Never);
        let text = serde_json::to_string(&alone.store(2)).unwrap();
        let mut other = full_block(dynamics, &start, 9);
        dynamics.advance(&mut other, 6, &ExitTest::Never);
        other.load(9, &serde_json::from_str(&text).unwrap());
        dynamics.advance(&mut other, 67, &ExitTest::Never);
        dynamics.advance(&mut other, 1, &ExitTest::Never);
        assert_eq!(other.store(9), full.store(lane));
    }
    assert_ne!(full.store(0).theta, full.store(1).theta);
    assert!(full.time(0) > 0.0);
}

#[test]
fn a_replica_does_not_depend_on_its_block() {
    let strength = 2.0 * TEMPERATURE;
    check_independence(&ScalarDiffusion::<DecoupledBasin<f32>>::new(&basin(1), strength, 0.01).unwrap());
    check_independence(&ScalarDiffusion::<LogBasin<f64>>::new(&basin(1), strength, 0.001).unwrap());
    check_independence(&ScalarDiffusion::<LogBasin<f32>>::new(&basin(1), strength, 0.001).unwrap());
    check_independence(&decoupled::<f64>(3, 0.01));
    check_independence(&log_landscape::<f32>(2, 0.001));
    let sde = LogLandscape::<f64, _>::new(basin(1), isotropic(1), strength).unwrap();
    check_independence(&Diffusion::new(sde, AdaptiveEuler { longest: 0.05 }, 0.01).unwrap());
    let sde = DecoupledNoise::<f64, _>::new(basin(2), isotropic(2), strength).unwrap();
    check_independence(&Diffusion::new(sde, Platen, 0.05).unwrap());
    let (x, y) = samples(2);
    let line = LinearRegression::new(x, y, 2).unwrap();
    let settings = SgdSettings { learning_rate: 0.1, batch_size: 2, sampling: Sampling::WithReplacement };
    let sde = MeasuredNoise::<f64, _>::new(AllSamples::new(&line), &settings).unwrap();
    check_independence(&Diffusion::new(sde, EulerMaruyama, 0.1).unwrap());
}

/// Lanes and the general evaluation of a problem agree.
#[test]
fn landscapes_of_a_problem_agree() {
    let (x, y) = samples(2);
    let line = LinearRegression::new(x, y, 2).unwrap();
    let settings = SgdSettings { learning_rate: 0.1, batch_size: 2, sampling: Sampling::WithReplacement };
    let lanes = MeasuredNoise::<f64, _>::new(AllSamples::new(&line), &settings).unwrap();
    let each = MeasuredNoise::<f64, _>::new(EachReplica(&line), &settings).unwrap();
    let lanes = Diffusion::<f64, _>::new(lanes, EulerMaruyama, 0.1).unwrap();
    let each = Diffusion::<f64, _>::new(each, EulerMaruyama, 0.1).unwrap();
    let (mut a, mut b) = (full_block(&lanes, &[0.2, 0.4], 3), full_block(&each, &[0.2, 0.4], 3));
    lanes.advance(&mut a, 30, &ExitTest::Never);
    each.advance(&mut b, 30, &ExitTest::Never);
    for lane in 0..LANES {
        let (a, b) = (a.store(lane), b.store(lane));
        assert!(a.theta.iter().zip(&b.theta).all(|(a, b)| (a - b).abs() < 1e-12));
        assert_eq!(a.rng, b.rng);
    }
}

fn ensemble(dim: usize) -> (EscapeRun, StationaryRun) {
    let escape = EscapeRun {
        start: vec![0.0; dim],
        region: Region::Ball { centre: vec![0.0; dim], radius: 0.5 },
        replicas: 150,
        max_steps: 5001,
        seed: 4,
    };
    let stationary = StationaryRun {
        start: vec![0.1; dim],
        replicas: 40,
        groups: 10,
        burn_in: 10,
        samples: 50,
        thin: 7,
        observables: vec![
            Arc::new(ExcessLoss {
                minimum_loss: LOW,
                bins: Histogram::new(Scale::Logarithmic, 1e-3, 10.0, 20).unwrap(),
            }),
            Arc::new(Displacement {
                number: 1,
                origin: vec![0.1; dim].into(),
                direction: vec![1.0; dim],
                bins: Histogram::new(Scale::Linear, -2.0, 2.0, 20).unwrap(),
            }),
        ],
        moments: true,
        seed: 4,
    };
    (escape, stationary)
}

fn check_threads(dynamics: &AnyDynamics) {
    let (escape, stationary) = ensemble(dynamics.dim());
    let results: Vec<String> = [1, 2, 8]
        .into_iter()
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let basin = basin(dynamics.dim());
                let ends = escape.run(dynamics, &basin, &Stop::new(), |_| {}).unwrap();
                assert!(ends.iter().any(|end| matches!(end, Termination::Escaped { .. })));
                assert!(ends.iter().any(|end| matches!(end, Termination::Censored { .. })));
                let groups = stationary.run(dynamics, &basin, &Stop::new()).unwrap();
                serde_json::to_string(&(ends, groups)).unwrap()
            })
        })
        .collect();
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    check_threads(&AnyDynamics::new(
        ScalarDiffusion::<LogBasin<f32>>::new(&basin(1), 2.0 * TEMPERATURE, 0.0005).unwrap(),
    ));
    check_threads(&AnyDynamics::new(
        ScalarDiffusion::<DecoupledBasin<f64>>::new(&basin(1), 2.0 * TEMPERATURE, 0.01).unwrap(),
    ));
    check_threads(&AnyDynamics::new(log_landscape::<f64>(1, 0.0005)));
    check_threads(&AnyDynamics::new(log_landscape::<f64>(2, 0.0005)));
}

/// Steps beyond `2/h` double the distance every time.
fn check_divergence(dynamics: &AnyDynamics) {
    let (mut escape, stationary) = ensemble(dynamics.dim());
    escape.region = Region::LossLevel { loss: 1e300, check_every: 1000 };
    let basin = basin(dynamics.dim());
    let ends = escape.run(dynamics, &basin, &Stop::new(), |_| {}).unwrap();
    assert!(ends.iter().all(|end| matches!(end, Termination::Diverged { steps: 1000, .. })), "{ends:?}");
    let groups = stationary.run(dynamics, &basin, &Stop::new()).unwrap();
    assert!(groups.iter().all(|group| group.diverged == 4 && group.moments.as_ref().unwrap().mean()[0].is_finite()));
    let total = |group: &GroupStatistics, k: usize| group.statistics[k].histogram.as_ref().unwrap().total();
    assert!(groups.iter().all(|group| total(group, 0) == group.samples && total(group, 1) == group.samples));
}

#[test]
fn divergence_is_counted_and_leaves_no_nan() {
    check_divergence(&AnyDynamics::new(decoupled::<f64>(2, 3.0)));
    check_divergence(&AnyDynamics::new(
        ScalarDiffusion::<DecoupledBasin<f64>>::new(&basin(1), 2.0 * TEMPERATURE, 3.5).unwrap(),
    ));
    check_divergence(&AnyDynamics::new(
        ScalarDiffusion::<DecoupledBasin<f32>>::new(&basin(1), 2.0 * TEMPERATURE, 3.5).unwrap(),
    ));
    // The logarithm of a loss that vanishes has no gradient.
    let flat = QuadraticBasin::new(0.0, vec![1.0]).unwrap();
    let sde = LogLandscape::<f64, _>::new(flat.clone(), isotropic(1), 0.0).unwrap();
    let fixed = Diffusion::new(sde.clone(), EulerMaruyama, 0.1).unwrap();
    let cut = Diffusion::new(sde, AdaptiveEuler { longest: 0.1 }, 0.1).unwrap();
    check_lost(&fixed);
    check_lost(&cut);
    let scalar = ScalarDiffusion::<LogBasin<f64>>::new(&flat, 0.0, 0.1).unwrap();
    check_lost(&scalar);
}

/// The first step from zero is the last of every replica.
fn check_lost<D: Dynamics>(dynamics: &D) {
    let mut block = full_block(dynamics, &[0.0], 1);
    assert_eq!(dynamics.advance(&mut block, 9, &ExitTest::Never), Advanced { steps: 1, ended: true });
    assert!(block.ends().iter().all(|end| *end == Some(LaneEnd::Diverged)));
}

#[test]
fn bad_settings_are_refused() {
    let refused = |strength| DecoupledNoise::<f64, _>::new(basin(2), isotropic(2), strength).err();
    assert!(refused(-1.0).is_some() && refused(f64::NAN).is_some() && refused(1.0).is_none());
    let length = SdeError::Length { what: "Hessian", found: 3, expected: 2 };
    assert_eq!(LogLandscape::<f64, _>::new(basin(2), isotropic(3), 1.0).err(), Some(length));
    let sde = DecoupledNoise::<f64, _>::new(basin(2), isotropic(2), 1.0).unwrap();
    assert!(Diffusion::new(sde.clone(), EulerMaruyama, 0.0).is_err());
    assert!(Diffusion::new(sde.clone(), AdaptiveEuler { longest: 0.0 }, 0.1).is_err());
    assert_eq!(Diffusion::new(sde, Milstein, 0.1).err(), Some(SdeError::NotDiagonal));
    assert!(ScalarDiffusion::<LogBasin<f64>>::new(&basin(2), 1.0, 0.1).is_err());
    assert!(NoiseFactor::<f64>::diagonal(&[1.0, -1.0]).is_err());
    assert!(NoiseFactor::<f64>::spectral(&[1.0], &[]).is_err());
    assert!(NoiseFactor::<f64>::diagonal(&[0.0]).unwrap().with_trace(1.0).is_err());
    let text = SdeError::Value { what: "step", value: 0.0, zero: false }.to_string();
    assert_eq!(text, "step must be finite and positive, got 0");
}
