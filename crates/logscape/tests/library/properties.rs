//! What holds for all sizes, settings and pauses, on cases drawn from a fixed seed.

use logscape::engine::{Block, Dynamics, ExitTest, LaneEnd, LaneSgd, ReplicaState, RowSgd, Sgd, SumSgd};
use logscape::ensemble::observable::LogLoss;
use logscape::ensemble::{EscapeProgress, EscapeRun, Region, StationaryProgress, StationaryRun};
use logscape::problem::{LinearRegression, PhaseRetrieval, Sinusoid};
use logscape::random::{Purpose, stream};
use logscape::rare::{RareMethod, RareProgress, RareRun, RegionScore};
use logscape::{Precision, Problem, Sampling, SgdSettings, Stop};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many cases, the same in every run.
fn cases(count: u32) -> Config {
    Config { cases: count, rng_seed: RngSeed::Fixed(20), failure_persistence: None, ..Config::default() }
}

/// Inputs within the unit box and targets of order one, so that steps of 0.1 contract or wander slowly.
fn data(dim: usize) -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (5_usize..40).prop_flat_map(move |n| {
        (prop::collection::vec(-1.0..1.0_f64, n * dim), prop::collection::vec(-1.0..1.0_f64, n))
    })
}

fn settings(learning_rate: f64, batch_size: usize) -> SgdSettings {
    SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement }
}

fn replica(start: &[f64], number: u64) -> ReplicaState {
    ReplicaState::new(start, stream(8, Purpose::Escape, number))
}

/// The general chain and the one in vectors take the same steps to the same end, and differ by rounding.
fn same_walk<P: Problem, D: Dynamics>(
    problem: &P,
    fast: &D,
    sgd: SgdSettings,
    (lane, steps): (usize, u64),
    reach: f64,
) -> Result<(), TestCaseError> {
    let start = vec![0.3; problem.dim()];
    let general = Sgd::new(problem, sgd).expect("a chain");
    let (low, high) = (vec![0.3 - reach; start.len()], vec![0.3 + reach; start.len()]);
    let exit = ExitTest::Box { lower: &low, upper: &high };
    let (mut one, mut many) = (general.block(), fast.block());
    one.load(0, &replica(&start, 3));
    many.load(lane, &replica(&start, 3));
    let (want, found) = (general.advance(&mut one, steps, &exit), fast.advance(&mut many, steps, &exit));
    prop_assert_eq!((found, many.ends()[lane]), (want, one.ends()[0]));
    let (want, found) = (one.store(0), many.store(lane));
    prop_assert_eq!((found.steps, found.time, found.rng), (want.steps, want.time, want.rng));
    let apart = want.theta.iter().zip(&found.theta).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    // Sixty steps of rounding 2⁻⁵³, each amplified by at most (1 + 0.1·max‖x‖²)⁶⁰ < e²⁴ were all to point outwards; inputs
    // of random signs contract on average, and 10⁻⁹ leaves six decades above the rounding of one step.
    prop_assert!(apart < 1e-9, "{apart}");
    Ok(())
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn vectors_walk_as_the_general_chain_does(
        (dim, (x, y)) in (1_usize..8).prop_flat_map(|dim| (Just(dim), data(dim))),
        batch in 1_usize..20,
        rate in 0.001..0.1_f64,
        lane in 0_usize..16,
        steps in 0_u64..60,
        reach in 0.05..3.0_f64,
    ) {
        let sgd = settings(rate, batch);
        let line = LinearRegression::new(x.clone(), y.clone(), dim).expect("a problem");
        same_walk(&line, &RowSgd::<f64, _>::new(&line, rate, batch).expect("rows"), sgd, (lane, steps), reach)?;
        same_walk(&line, &LaneSgd::<f64, _>::new(&line, rate, batch).expect("lanes"), sgd, (lane, steps), reach)?;
        if dim == 1 {
            let sine = Sinusoid::new(x, y, false).expect("a problem");
            same_walk(&sine, &LaneSgd::<f64, _>::new(&sine, rate, batch).expect("lanes"), sgd, (lane, steps), reach)?;
        } else if dim == 2 {
            let phase = PhaseRetrieval::new(x, y, dim).expect("a problem");
            same_walk(&phase, &SumSgd::<f64, _>::new(&phase, rate, batch).expect("sums"), sgd, (lane, steps), reach)?;
        }
    }

    #[test]
    fn a_walk_in_pieces_is_the_walk(
        (x, y) in data(2),
        batch in 1_usize..20,
        pieces in prop::collection::vec((0_u64..40, 0_usize..16), 1..12),
        single in any::<bool>(),
    ) {
        let problem = PhaseRetrieval::new(x, y, 2).expect("a problem");
        let precision = if single { Precision::Float32 } else { Precision::Float64 };
        let dynamics = Sgd::on(&problem, settings(0.05, batch), precision).expect("a chain");
        let whole: u64 = pieces.iter().map(|(steps, _)| steps).sum();
        let mut block = dynamics.block();
        block.load(5, &replica(&[0.3, -0.2], 4));
        let taken = dynamics.advance(&mut block, whole, &ExitTest::Never).steps;
        let want = block.store(5);
        prop_assume!(taken == whole && block.ends()[5].is_none());
        let mut state = replica(&[0.3, -0.2], 4);
        for (steps, lane) in pieces {
            let mut block = dynamics.block();
            block.load(lane, &state);
            dynamics.advance(&mut block, steps, &ExitTest::Never);
            state = block.store(lane);
        }
        prop_assert_eq!(state, want);
    }
}

/// A stop that is due at the looks whose numbers modulo 64 are bits of `when`; it goes on counting from piece to piece.
fn pauses(when: u64) -> Stop {
    let looks = AtomicU64::new(0);
    Stop::new().or_pausing_when(move || when >> (looks.fetch_add(1, Ordering::Relaxed) % 64) & 1 == 1)
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn pauses_change_no_ensemble(
        (x, y) in data(1),
        when in any::<u64>().prop_filter("goes on at times", |when| when.count_zeros() > 8),
        replicas in 3_usize..70,
        reach in 0.05..0.4_f64,
        check_every in 1_u64..30,
    ) {
        let sine = Sinusoid::new(x, y, false).expect("a problem");
        let sgd = settings(0.2, 1);
        let start = vec![0.7];
        let loss = logscape::operator::full::loss(&sine, &start) * (1.0 + reach);
        for region in [Region::interval(0.7 - reach, 0.7 + reach), Region::LossLevel { loss, check_every }] {
            let run = EscapeRun { start: start.clone(), region, replicas, max_steps: 9_000, seed: 5 };
            let whole = run.run_sgd(&sine, sgd, &Stop::new(), |_| {}).expect("a run");
            let (mut progress, stop) = (EscapeProgress::default(), pauses(when));
            while !progress.is_complete(&run) {
                run.advance_sgd(&sine, sgd, &mut progress, &stop, |_| {}).expect("a piece");
            }
            prop_assert_eq!(progress.terminations(&run), whole);
        }
        let run = StationaryRun {
            start: start.clone(),
            replicas,
            groups: 3,
            burn_in: check_every,
            samples: 20,
            thin: 1 + check_every / 2,
            observables: vec![Arc::new(LogLoss)],
            moments: true,
            seed: 6,
        };
        let whole = run.run_sgd(&sine, sgd, &Stop::new()).expect("a run");
        let (mut progress, stop) = (StationaryProgress::default(), pauses(when));
        while !run.advance_sgd(&sine, sgd, &mut progress, &stop).expect("a piece") {}
        prop_assert_eq!(progress.groups(), whole);
    }

    #[test]
    fn pauses_change_no_rare_rate(when in any::<u64>().prop_filter("goes on at times", |when| when.count_zeros() > 8)) {
        let x = (0..40).map(|k| 0.075 * f64::from(k)).collect::<Vec<_>>();
        let y = x.iter().map(|x| (3.0 * x).sin() + 0.3 * (40.0 * x).cos()).collect();
        let sine = Sinusoid::new(x, y, false).expect("a problem");
        let region = Region::interval(2.4, 3.6);
        let run = RareRun { trajectories: 20, repeats: 4, ..RareRun::new(vec![3.0], region, RareMethod::Splitting, 7) };
        let whole = run.run_sgd(&sine, settings(0.1, 1), &Stop::new()).expect("a run");
        let score = RegionScore::new(&run.region, &run.start, &sine);
        let (mut progress, stop) = (RareProgress::default(), pauses(when));
        while !progress.is_complete(&run) {
            run.advance_sgd(&sine, settings(0.1, 1), &score, &mut progress, &stop).expect("a piece");
        }
        prop_assert_eq!(progress, whole);
    }
}

#[test]
fn the_cases_meet_ends_of_both_kinds() {
    // The walks above compare ends; this one says that the two kinds are told apart.
    let line = LinearRegression::new(vec![1.0; 4], vec![0.0; 4], 1).expect("a problem");
    let fast = LaneSgd::<f64, _>::new(&line, 3.0, 1).expect("lanes");
    let mut block = fast.block();
    block.load(2, &replica(&[0.3], 0));
    let exit = ExitTest::Box { lower: &[-0.5], upper: &[0.5] };
    fast.advance(&mut block, 99, &exit);
    assert_eq!(block.ends()[2], Some(LaneEnd::Escaped));
    fast.advance(&mut block, 999, &ExitTest::Never);
    assert_eq!(block.ends()[2], Some(LaneEnd::Diverged));
}
