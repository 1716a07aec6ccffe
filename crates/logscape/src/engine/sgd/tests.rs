//! Batches and one-step covariance of SGD against their definitions.

use super::*;
use crate::Precision;
use crate::engine::{Advanced, Block, Dynamics, ExitTest, LaneEnd};
use crate::ensemble::testing::Line;
use crate::lanes::LANES;
use crate::problem::{LinearRegression, PhaseRetrieval, Sinusoid};
use crate::random::Gaussian;
use crate::random::{Purpose, stream};

pub(super) fn settings(learning_rate: f64, batch_size: usize, sampling: Sampling) -> SgdSettings {
    SgdSettings { learning_rate, batch_size, sampling }
}

pub(super) fn replica(start: &[f64], seed: u64, number: u64) -> ReplicaState {
    ReplicaState::new(start, stream(seed, Purpose::Escape, number))
}

/// Steps that a call took, and the lanes whose replicas ended at the last of them.
fn moved<D: Dynamics>(dynamics: &D, block: &mut D::Block, steps: u64, exit: &ExitTest) -> (u64, Vec<(usize, LaneEnd)>) {
    let done = dynamics.advance(block, steps, exit);
    let ends: Vec<_> = block.ends().iter().enumerate().filter_map(|(lane, end)| Some((lane, (*end)?))).collect();
    assert_eq!(done.ended, !ends.is_empty());
    (done.steps, ends)
}

fn solo<P: Problem>(sgd: &Sgd<'_, P>, theta: f64, seed: u64) -> SoloBlock {
    let mut block = sgd.block();
    block.load(0, &replica(&[theta], seed, 0));
    block
}

#[test]
fn bad_settings_are_refused() {
    let line = Line::six();
    let refuse = |rate, batch, sampling| Sgd::new(&line, settings(rate, batch, sampling)).err();
    assert_eq!(refuse(0.0, 1, Sampling::WithReplacement), Some(SgdError::LearningRate(0.0)));
    assert!(refuse(f64::NAN, 1, Sampling::WithReplacement).is_some());
    assert_eq!(refuse(0.1, 0, Sampling::WithReplacement), Some(SgdError::EmptyBatch));
    let too_large = Some(SgdError::BatchTooLarge { batch: 7, samples: 6 });
    assert_eq!(refuse(0.1, 7, Sampling::WithoutReplacement), too_large);
    assert_eq!(refuse(0.1, 7, Sampling::EpochShuffle), too_large);
    assert_eq!(refuse(0.1, 7, Sampling::WithReplacement), None);
}

#[test]
fn one_step_covariance_is_that_of_the_sampling() {
    let line = Line::six();
    let theta = 0.3;
    let gradient = |x: f64, y: f64| x * (theta * x - y);
    let mean = line.mean(gradient);
    let c = line.mean(|x, y| (gradient(x, y) - mean).powi(2));
    let (eta, steps) = (0.01, 200_000);
    for (sampling, batch, want) in [
        (Sampling::WithReplacement, 1, c),
        (Sampling::WithReplacement, 4, c / 4.0),
        (Sampling::WithoutReplacement, 4, c * 2.0 / (4.0 * 5.0)),
        (Sampling::WithoutReplacement, 6, 0.0),
        (Sampling::EpochShuffle, 3, c * 3.0 / (3.0 * 5.0)),
    ] {
        let sgd = Sgd::new(&line, settings(eta, batch, sampling)).unwrap();
        let mut block = solo(&sgd, theta, 11);
        let (mut m1, mut m2, mut m4) = (0.0, 0.0, 0.0);
        for _ in 0..steps {
            block.state.theta[0] = theta;
            assert_eq!(sgd.advance(&mut block, 1, &ExitTest::Never), Advanced { steps: 1, ended: false });
            let deviation = (theta - block.state.theta[0]) / eta - mean;
            m1 += deviation / f64::from(steps);
            m2 += deviation.powi(2) / f64::from(steps);
            m4 += deviation.powi(4) / f64::from(steps);
        }
        // Four standard errors; the rounding of θ/η stays below 1e-12.
        let error = 4.0 * ((m4 - m2 * m2).max(0.0) / f64::from(steps)).sqrt() + 1e-12;
        assert!((m2 - want).abs() < error, "{sampling:?} {batch}: {m2} against {want} ± {error}");
        assert!(m1.abs() < 4.0 * (m2 / f64::from(steps)).sqrt() + 1e-12);
    }
}

#[test]
fn an_epoch_visits_every_sample_once() {
    let line = Line::six();
    for (batch, visited) in [(1, 6), (2, 6), (3, 6), (4, 4), (5, 5)] {
        let sgd = Sgd::new(&line, settings(0.1, batch, Sampling::EpochShuffle)).unwrap();
        let SoloBlock { mut state, batch: mut drawn, .. } = solo(&sgd, 0.0, 5);
        let mut total = [0_u32; 6];
        for _ in 0..6_000 {
            let mut seen = Vec::new();
            for _ in 0..6 / batch {
                draw(Sampling::EpochShuffle, 6, &mut state, &mut drawn);
                seen.extend_from_slice(&drawn);
            }
            for &i in &seen {
                total[i as usize] += 1;
            }
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), visited);
        }
        // Each sample is in an epoch with probability q: binomial, five standard errors.
        let q = visited as f64 / 6.0;
        let error = 5.0 * (6_000.0 * q * (1.0 - q)).sqrt();
        assert!(total.iter().all(|&n| (f64::from(n) - 6_000.0 * q).abs() <= error), "{total:?}");
    }
}

#[test]
fn subsets_have_no_repetition() {
    let line = Line::six();
    let sgd = Sgd::new(&line, settings(0.1, 4, Sampling::WithoutReplacement)).unwrap();
    let SoloBlock { mut state, mut batch, .. } = solo(&sgd, 0.0, 6);
    for _ in 0..1000 {
        draw(Sampling::WithoutReplacement, 6, &mut state, &mut batch);
        batch.sort_unstable();
        batch.dedup();
        assert_eq!(batch.len(), 4);
    }
}

/// Twenty samples with `dim` inputs each, none of them special.
fn samples(dim: usize) -> (Vec<f64>, Vec<f64>) {
    let inputs = (0..20 * dim).map(|i| (1.0 + 0.7 * i as f64).sin()).collect();
    (inputs, (0..20).map(|i| 0.5 + (0.3 * f64::from(i)).cos()).collect())
}

/// Runs replica 5 by the general chain and in lane 3 of a block, whose rounding differs: `θ` of both.
fn both_ways<P: Problem, D: Dynamics>(problem: &P, fast: &D, batch_size: usize) -> [Vec<f64>; 2] {
    let (start, steps) = (vec![0.3; problem.dim()], 50);
    let general = Sgd::new(problem, settings(0.05, batch_size, Sampling::WithReplacement)).unwrap();
    let mut solo = general.block();
    solo.load(0, &replica(&start, 7, 5));
    general.advance(&mut solo, steps, &ExitTest::Never);
    let mut block = fast.block();
    block.load(3, &replica(&start, 7, 5));
    assert_eq!(fast.advance(&mut block, steps, &ExitTest::Never).steps, steps);
    let (want, found) = (solo.store(0), block.store(3));
    // Exactly the same words were drawn.
    assert_eq!((found.steps, found.time, found.rng), (want.steps, 50.0 * 0.05, want.rng));
    [want.theta, found.theta]
}

fn distance([a, b]: [Vec<f64>; 2]) -> f64 {
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Fifty contracting steps amplify rounding by less than a thousand.
fn check_fast<R: Gaussian>(tolerance: f64) {
    for batch in [1, 2, 5, 8, 27] {
        for dim in [1, 2, 3, 16, 17, 40] {
            let (x, y) = samples(dim);
            let line = LinearRegression::new(x.clone(), y.clone(), dim).unwrap();
            let rows = RowSgd::<R, _>::new(&line, 0.05, batch).unwrap();
            let lanes = LaneSgd::<R, _>::new(&line, 0.05, batch).unwrap();
            assert!(distance(both_ways(&line, &rows, batch)) < tolerance, "linear {batch} {dim}");
            assert!(distance(both_ways(&line, &lanes, batch)) < tolerance, "linear in lanes {batch} {dim}");
            if dim == SUM_DIM {
                let sums = SumSgd::<R, _>::new(&line, 0.05, batch).unwrap();
                assert!(distance(both_ways(&line, &sums, batch)) < tolerance, "linear by sums {batch} {dim}");
                let phase = PhaseRetrieval::new(x.clone(), y.clone(), dim).unwrap();
                let sums = SumSgd::<R, _>::new(&phase, 0.05, batch).unwrap();
                assert!(distance(both_ways(&phase, &sums, batch)) < tolerance, "phase by sums {batch} {dim}");
            }
            if dim <= 3 {
                let phase = PhaseRetrieval::new(x, y, dim).unwrap();
                let rows = RowSgd::<R, _>::new(&phase, 0.05, batch).unwrap();
                let lanes = LaneSgd::<R, _>::new(&phase, 0.05, batch).unwrap();
                assert!(distance(both_ways(&phase, &rows, batch)) < tolerance, "phase {batch} {dim}");
                assert!(distance(both_ways(&phase, &lanes, batch)) < tolerance, "phase in lanes {batch} {dim}");
            }
        }
        for amplitude in [false, true] {
            let (x, y) = samples(1);
            let sine = Sinusoid::new(x, y, amplitude).unwrap();
            let lanes = LaneSgd::<R, _>::new(&sine, 0.05, batch).unwrap();
            assert!(distance(both_ways(&sine, &lanes, batch)) < tolerance, "sinusoid {batch} {amplitude}");
        }
    }
}

#[test]
fn vector_chains_differ_from_the_general_one_by_rounding() {
    check_fast::<f64>(1e-12);
    check_fast::<f32>(1e-3);
}

/// A replica alone, in a full block, and moved between blocks and lanes half-way has the same bits.
fn check_independence<D: Dynamics>(dynamics: &D) {
    let start = vec![0.3; dynamics.dim()];
    let mut full = dynamics.block();
    (0..LANES).for_each(|lane| full.load(lane, &replica(&start, 8, lane as u64)));
    dynamics.advance(&mut full, 101, &ExitTest::Never);
    for lane in [0, 6, 15] {
        let mut alone = dynamics.block();
        alone.load(2, &replica(&start, 8, lane as u64));
        dynamics.advance(&mut alone, 33, &ExitTest::Never);
        let text = serde_json::to_string(&alone.store(2)).unwrap();
        let mut other = dynamics.block();
        other.load(9, &serde_json::from_str(&text).unwrap());
        dynamics.advance(&mut other, 68, &ExitTest::Never);
        assert_eq!(other.store(9), full.store(lane));
    }
    assert_ne!(full.store(0).theta, full.store(1).theta);
}

#[test]
fn a_replica_does_not_depend_on_its_block() {
    let (x, y) = samples(3);
    let line = LinearRegression::new(x.clone(), y.clone(), 3).unwrap();
    check_independence(&RowSgd::<f64, _>::new(&line, 0.05, 3).unwrap());
    check_independence(&RowSgd::<f32, _>::new(&line, 0.05, 3).unwrap());
    let (x, y) = samples(1);
    let sine = Sinusoid::new(x, y, true).unwrap();
    check_independence(&LaneSgd::<f64, _>::new(&sine, 0.05, 3).unwrap());
    check_independence(&LaneSgd::<f32, _>::new(&sine, 0.05, 3).unwrap());
    let (x, y) = samples(2);
    let phase = PhaseRetrieval::new(x, y, 2).unwrap();
    check_independence(&SumSgd::<f64, _>::new(&phase, 0.05, 13).unwrap());
    check_independence(&SumSgd::<f32, _>::new(&phase, 0.05, 13).unwrap());
}

/// What is drawn ahead of a step that is not taken must be drawn again.
#[test]
fn sums_take_single_steps_like_many() {
    let (x, y) = samples(2);
    let phase = PhaseRetrieval::new(x, y, 2).unwrap();
    let sums = SumSgd::<f64, _>::new(&phase, 0.05, 5).unwrap();
    let [mut many, mut single] = [sums.block(), sums.block()];
    for block in [&mut many, &mut single] {
        block.load(7, &replica(&[0.3, 0.4], 8, 1));
    }
    sums.advance(&mut many, 40, &ExitTest::Never);
    assert_eq!(sums.advance(&mut single, 0, &ExitTest::Never), Advanced::default());
    for _ in 0..40 {
        sums.advance(&mut single, 1, &ExitTest::Never);
    }
    assert_eq!(single.store(7), many.store(7));
}

#[test]
fn the_fastest_layout_is_chosen_by_dimension_and_batch() {
    for (dim, batch, want) in [(2, 1, "::LaneSgd<"), (2, 8, "::SumSgd<"), (3, 8, "::LaneSgd<"), (4, 8, "::RowSgd<")] {
        let (x, y) = samples(dim);
        let line = LinearRegression::new(x, y, dim).unwrap();
        let on = |sampling, precision| {
            Sgd::on(&line, settings(0.1, batch, sampling), precision).map(|dynamics| format!("{dynamics:?}"))
        };
        for (precision, real) in [(Precision::Float64, "f64"), (Precision::Float32, "f32")] {
            let name = on(Sampling::WithReplacement, precision).unwrap();
            assert!(name.contains(want) && name.contains(real), "{dim} {batch}: {name}");
        }
        let name = on(Sampling::EpochShuffle, Precision::Float64).unwrap();
        assert!(name.contains("sgd::Sgd<"), "{name}");
        assert_eq!(on(Sampling::EpochShuffle, Precision::Float32), Err(SgdError::Precision));
    }
}

#[test]
fn a_block_stops_at_the_first_end_and_names_its_lane() {
    let (x, y) = samples(1);
    let sine = Sinusoid::new(x.clone(), y.clone(), false).unwrap();
    let line = LinearRegression::new(x, y, 1).unwrap();
    check_ends(&LaneSgd::<f64, _>::new(&sine, 0.05, 1).unwrap());
    check_ends(&RowSgd::<f64, _>::new(&line, 0.05, 1).unwrap());
}

fn check_ends<D: Dynamics>(dynamics: &D) {
    let none = (10, vec![]);
    let mut block = dynamics.block();
    assert_eq!(moved(dynamics, &mut block, 10, &ExitTest::Box { lower: &[5.0], upper: &[6.0] }), none);
    block.load(4, &replica(&[1.0], 9, 0));
    block.load(11, &replica(&[900.0], 9, 1));
    let wide = ExitTest::Box { lower: &[-1e9], upper: &[1e9] };
    assert_eq!(moved(dynamics, &mut block, 10, &wide), none);
    for exit in [
        ExitTest::Box { lower: &[-90.0], upper: &[90.0] },
        ExitTest::Ball { centre: &[0.0], radius_squared: 8100.0 },
        ExitTest::HalfSpaces { normals: &[-1.0, 1.0], offsets: &[90.0, 90.0] },
    ] {
        assert_eq!(moved(dynamics, &mut block, 10, &exit), (1, vec![(11, LaneEnd::Escaped)]));
    }
    assert_eq!((block.steps(4), block.steps(11)), (13, 13));
    let lost = (1, vec![(11, LaneEnd::Diverged)]);
    for exit in [
        wide,
        ExitTest::Never,
        ExitTest::Box { lower: &[f64::NEG_INFINITY], upper: &[f64::INFINITY] },
        ExitTest::Ball { centre: &[0.0], radius_squared: f64::INFINITY },
        ExitTest::Ball { centre: &[-1e61], radius_squared: 1.1e122 },
        ExitTest::HalfSpaces { normals: &[1.0], offsets: &[1e9] },
    ] {
        block.load(11, &replica(&[-1e61], 9, 1));
        assert_eq!(moved(dynamics, &mut block, 10, &exit), lost, "{exit:?}");
        block.load(11, &replica(&[f64::NAN], 9, 1));
        assert_eq!(moved(dynamics, &mut block, 10, &exit), lost, "{exit:?}");
    }
    block.clear(11);
    assert!(block.ends().iter().all(Option::is_none));
    assert_eq!(moved(dynamics, &mut block, 10, &wide), none);
}

#[test]
fn half_spaces_are_seen_in_rows_as_by_the_general_chain() {
    // Nine inputs take three chunks, whose padding must not count, and the second plane is the nearer one.
    let (x, y) = samples(9);
    let line = LinearRegression::new(x, y, 9).unwrap();
    let start = vec![0.3; 9];
    let normals: Vec<f64> = (0..18).map(|k| f64::from(k).cos()).collect();
    let height = |plane: usize| normals[9 * plane..][..9].iter().sum::<f64>() * 0.3;
    let exit = ExitTest::HalfSpaces { normals: &normals, offsets: &[height(0) + 5.0, height(1) + 0.05] };
    let settings = SgdSettings { learning_rate: 0.02, batch_size: 1, sampling: Sampling::WithReplacement };
    let (general, fast) = (Sgd::new(&line, settings).unwrap(), RowSgd::<f64, _>::new(&line, 0.02, 1).unwrap());
    for seed in 0..20 {
        let (mut solo, mut block) = (general.block(), fast.block());
        solo.load(0, &replica(&start, seed, 1));
        block.load(5, &replica(&start, seed, 1));
        let want = general.advance(&mut solo, 1000, &exit);
        let found = fast.advance(&mut block, 1000, &exit);
        assert_eq!((found, block.ends()[5]), (want, solo.ends()[0]));
    }
}

#[test]
fn exits_of_sums_are_those_of_the_general_chain() {
    let (x, y) = samples(2);
    let phase = PhaseRetrieval::new(x, y, 2).unwrap();
    let (eta, batch, start) = (0.2, 6, [0.3, 0.4]);
    let general = Sgd::new(&phase, settings(eta, batch, Sampling::WithReplacement)).unwrap();
    let fast = SumSgd::<f64, _>::new(&phase, eta, batch).unwrap();
    for exit in [
        ExitTest::Box { lower: &[0.0, 0.1], upper: &[0.6, 0.75] },
        ExitTest::Ball { centre: &start, radius_squared: 0.1 },
        ExitTest::HalfSpaces { normals: &[1.0, 0.5, -0.5, 1.0], offsets: &[0.8, 0.55] },
    ] {
        let mut ended = 0;
        for seed in 0..20 {
            let (mut solo, mut block) = (general.block(), fast.block());
            solo.load(0, &replica(&start, seed, 1));
            block.load(5, &replica(&start, seed, 1));
            let want = general.advance(&mut solo, 200, &exit);
            let found = fast.advance(&mut block, 200, &exit);
            assert_eq!((found, block.ends()[5]), (want, solo.ends()[0]), "{exit:?}");
            ended += usize::from(want.ended);
        }
        assert!(ended > 2, "{exit:?}: nothing to compare");
    }
}
