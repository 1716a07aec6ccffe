//! Ensembles against exact results for scalar linear regression.

use crate::Stop;
use crate::random::{Purpose, stream};
use rand::Rng;
use std::sync::Arc;

use super::observable::{Displacement, ExcessLoss, LogLoss};
use super::testing::Line;
use super::*;
use crate::Barrier;
use crate::engine::{AnyDynamics, LaneSgd, Sgd};
use crate::landscape::{BarrierConfig, MinimumConfig, find_minimum, saddles};
use crate::problem::Sinusoid;
use crate::stats::{Histogram, Scale};
use crate::{Sampling, SgdSettings};

fn escape(region: Region, max_steps: u64) -> EscapeRun {
    EscapeRun { start: vec![Line::six().minimum()], region, replicas: 64, max_steps, seed: 3 }
}

fn stationary() -> StationaryRun {
    StationaryRun {
        start: vec![Line::six().minimum()],
        replicas: 64,
        groups: 32,
        burn_in: 500,
        samples: 4_000,
        thin: 5,
        observables: vec![
            Arc::new(ExcessLoss {
                minimum_loss: 0.0,
                bins: Histogram::new(Scale::Logarithmic, 1e-3, 1e3, 60).unwrap(),
            }),
            Arc::new(LogLoss),
            Arc::new(Displacement {
                number: 1,
                origin: [Line::six().minimum()].into(),
                direction: vec![1.0],
                bins: Histogram::new(Scale::Linear, -2.0, 2.0, 40).unwrap(),
            }),
        ],
        moments: true,
        seed: 9,
    }
}

fn sgd(learning_rate: f64) -> SgdSettings {
    SgdSettings { learning_rate, batch_size: 1, sampling: Sampling::WithReplacement }
}

fn quiet(learning_rate: f64, run: &EscapeRun) -> Result<Vec<Termination>, EnsembleError> {
    run.run_sgd(&Line::six(), sgd(learning_rate), &Stop::new(), |_| {})
}

#[test]
fn streams_differ_in_seed_purpose_and_replica() {
    let mut firsts = Vec::new();
    for seed in 0..4 {
        for purpose in [Purpose::Escape, Purpose::Stationary, Purpose::Splitting] {
            for replica in [0, 1, 2, u64::MAX] {
                assert_eq!(stream(seed, purpose, replica).next_u64(), stream(seed, purpose, replica).next_u64());
                firsts.push(stream(seed, purpose, replica).next_u64());
            }
        }
    }
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), 48);
}

#[test]
fn any_number_of_threads_gives_the_same_result() {
    let centre = Line::six().minimum();
    let run = escape(Region::interval(centre - 0.5, centre + 0.5), 20_000);
    let results: Vec<_> = [1, 2, 8]
        .into_iter()
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let line = Line::six();
            pool.install(|| (quiet(0.2, &run).unwrap(), stationary().run_sgd(&line, sgd(0.2), &Stop::new()).unwrap()))
        })
        .collect();
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
    assert!(results[0].0.iter().any(|end| *end != results[0].0[0]));
}

/// `δ' = (1 − ηx²)δ − ηxε` with `E[xε] = 0` at least squares, so `E[δ²] = η² E[x²ε²] / (1 − E(1 − ηx²)²)`.
#[test]
fn stationary_variance_is_that_of_the_kesten_recursion() {
    let (line, eta) = (Line::six(), 0.3);
    let best = line.minimum();
    let force = line.mean(|x, y| (x * (best * x - y)).powi(2));
    let exact = eta * eta * force / (1.0 - line.mean(|x, _| (1.0 - eta * x * x).powi(2)));
    let groups = stationary().run_sgd(&line, sgd(eta), &Stop::new()).unwrap();
    let variances: Vec<f64> = groups
        .iter()
        .map(|group| {
            let moments = group.moments.as_ref().unwrap();
            moments.covariance()[0] + (moments.mean()[0] - best).powi(2)
        })
        .collect();
    let g = variances.len() as f64;
    let mean = variances.iter().sum::<f64>() / g;
    let error = (variances.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (g * (g - 1.0))).sqrt();
    assert!((mean - exact).abs() < 4.0 * error, "{mean} ± {error} against {exact}");
    // The test sees the finite step: the limit η → 0 is excluded.
    let small_step = eta * force / (2.0 * line.mean(|x, _| x * x));
    assert!((mean - small_step).abs() > 8.0 * error);
    assert!(groups.iter().all(|group| group.samples == 8_000));
    let total = |group: &GroupStatistics, name: &str| group.histogram(name).map(Histogram::total);
    assert!(groups.iter().all(|g| ["excess_loss", "displacement_1"].iter().all(|name| total(g, name) == Some(8_000))));
}

#[test]
fn divergence_is_counted_and_leaves_no_nan() {
    let line = Line::six();
    let eta = 4.5 / line.x.iter().map(|x| x * x).fold(f64::INFINITY, f64::min);
    let far = Region::LossLevel { loss: 1e300, check_every: 1000 };
    let ends = quiet(eta, &escape(far, 100_000)).unwrap();
    assert!(ends.iter().all(|end| matches!(end, Termination::Diverged { steps: 1000, .. })));
    let rate = rate_estimate(&ends, 3);
    assert_eq!(
        (rate.escaped, rate.censored, rate.diverged, rate.mean_steps.map(|mean| mean.value)),
        (64, 0, 64, Some(1000.0))
    );
    let groups = stationary().run_sgd(&line, sgd(eta), &Stop::new()).unwrap();
    assert!(groups.iter().all(|g| g.diverged == 2 && g.moments.as_ref().unwrap().mean()[0].is_finite()));
}

/// In one dimension with quadratic loss a loss level, an interval and a ball are the same set.
#[test]
fn equal_regions_give_equal_times() {
    let line = Line::six();
    let (best, radius) = (line.minimum(), 0.45);
    let level = LossMeter::new(&line).loss(&[best + radius]);
    let ball = quiet(0.2, &escape(Region::Ball { centre: vec![best], radius }, 5_000)).unwrap();
    let boxed = quiet(0.2, &escape(Region::interval(best - radius, best + radius), 5_000)).unwrap();
    let loss = quiet(0.2, &escape(Region::LossLevel { loss: level, check_every: 1 }, 5_000)).unwrap();
    assert_eq!(ball, boxed);
    assert_eq!(ball, loss);
    assert!(ball.iter().any(|end| matches!(end, Termination::Escaped { .. })));
    // Rare tests see an exit on their grid, never before it happened.
    let rare = quiet(0.2, &escape(Region::LossLevel { loss: level, check_every: 7 }, 5_000)).unwrap();
    for (early, late) in loss.iter().zip(&rare) {
        if let (Termination::Escaped { steps: early, .. }, Termination::Escaped { steps: late, .. }) = (early, late) {
            assert!(late >= early && (late % 7 == 0 || *late == 5_000));
        }
    }
}

#[test]
fn an_interrupt_censors_and_bad_runs_are_refused() {
    let stop = Stop::new();
    stop.request();
    let best = Line::six().minimum();
    let run = escape(Region::interval(best - 1.0, best + 1.0), 1_000);
    let ends = run.run_sgd(&Line::six(), sgd(0.2), &stop, |_| {}).unwrap();
    assert!(ends.iter().all(|end| *end == Termination::Censored { steps: 0, time: 0.0 }));
    let outside = escape(Region::interval(best + 1.0, best + 2.0), 1_000);
    assert_eq!(quiet(0.2, &outside), Err(EnsembleError::StartOutside));
    let empty = escape(Region::interval(best + 1.0, best), 1_000);
    assert_eq!(quiet(0.2, &empty), Err(EnsembleError::EmptyBox));
    let long = escape(Region::Ball { centre: vec![0.0, 0.0], radius: 1.0 }, 1_000);
    assert!(matches!(quiet(0.2, &long), Err(EnsembleError::Length { got: 2, want: 1, .. })));
}

/// Two samples `y = ±1` with `x = 1, η = ½` give `θ' = (θ ± 1)/2`. From 0 the first step ends at `±½`, and from then on
/// `|θ| > ½` exactly when a step repeats the sign of the one before, so `P(k steps) = 2^(1−k)` for `k ≥ 2`: mean 3, variance 2.
#[test]
fn first_passage_times_have_their_exact_law() {
    let coin = Line { x: vec![1.0, 1.0], y: vec![1.0, -1.0] };
    let run = EscapeRun { start: vec![0.0], replicas: 20_000, ..escape(Region::interval(-0.5, 0.5), 1_000) };
    let times = survival_times(&run.run_sgd(&coin, sgd(0.5), &Stop::new(), |_| {}).unwrap());
    assert!(times.iter().all(|o| o.event && o.time >= 2.0));
    let n = times.len() as f64;
    let mean = times.iter().map(|o| o.time).sum::<f64>() / n;
    assert!((mean - 3.0).abs() < 4.0 * (2.0 / n).sqrt(), "{mean}");
    for k in 2..6 {
        let p = 0.5_f64.powi(k - 1);
        let share = times.iter().filter(|o| o.time == f64::from(k)).count() as f64 / n;
        assert!((share - p).abs() < 4.0 * (p * (1.0 - p) / n).sqrt(), "{k}: {share}");
    }
}

/// Replicas take lanes in the order in which others end, which threads and the number of replicas change.
#[test]
fn a_replica_ends_alike_in_any_lane_of_any_thread() {
    let x: Vec<f64> = (0..20).map(|i| 0.15 * f64::from(i)).collect();
    let y = x.iter().enumerate().map(|(i, x)| (3.0 * x).sin() + if i % 2 == 0 { 0.4 } else { -0.4 }).collect();
    let sine = Sinusoid::new(x, y, false).unwrap();
    for region in [Region::interval(2.75, 3.25), Region::LossLevel { loss: 0.12, check_every: 5 }] {
        let run = EscapeRun { start: vec![3.0], replicas: 200, ..escape(region, 3_000) };
        let ends = |run: &EscapeRun, threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run.run_sgd(&sine, sgd(0.15), &Stop::new(), |_| {}).unwrap())
        };
        let all = ends(&run, 1);
        assert!(all.iter().filter(|end| matches!(end, Termination::Escaped { .. })).count() > 50);
        assert!(all.iter().any(|end| *end != all[0]));
        assert_eq!(all, ends(&run, 2));
        assert_eq!(all, ends(&run, 8));
        for replicas in [1, 3, 37] {
            assert_eq!(all[..replicas], ends(&EscapeRun { replicas, ..run.clone() }, 2));
        }
    }
}

/// Advances with a pause after every few looks at the clock; `progress` goes through its file form at each.
fn in_pieces<T: serde::Serialize + serde::de::DeserializeOwned>(
    mut progress: T,
    mut advance: impl FnMut(&mut T, &Stop) -> bool,
) -> (T, usize) {
    for pieces in 1.. {
        let looks = std::sync::atomic::AtomicUsize::new(0);
        let pause = Stop::new().or_pausing_when(move || looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 8);
        let complete = advance(&mut progress, &pause);
        let text = serde_json::to_string(&progress).unwrap();
        progress = serde_json::from_str(&text).unwrap();
        if complete {
            return (progress, pieces);
        }
    }
    unreachable!("it ends");
}

#[test]
fn pauses_and_later_replicas_do_not_change_an_escape_run() {
    let sine = Sinusoid::new((1..40).map(|k| f64::from(k) / 13.0).collect(), vec![0.4; 39], false).unwrap();
    let line = Line::six();
    let centre = line.minimum();
    let level = LossMeter::new(&line).loss(&[centre + 0.4]);
    let with_line = |region| EscapeRun { start: vec![centre], region, replicas: 64, max_steps: 30_000, seed: 3 };
    let regions = [Region::interval(centre - 0.5, centre + 0.5), Region::LossLevel { loss: level, check_every: 7 }];
    for run in regions.map(with_line) {
        let whole = quiet(0.2, &run).unwrap();
        let solo = AnyDynamics::new(Sgd::new(&line, sgd(0.2)).unwrap());
        let (progress, pieces) = in_pieces(EscapeProgress::default(), |progress, pause| {
            run.advance(&solo, &line, progress, pause, |_| {}).unwrap();
            progress.is_complete(&run)
        });
        assert!(pieces > 5, "{pieces} pieces");
        assert_eq!(progress.terminations(&run), whole);
    }
    // In lanes, and with replicas that are added to a complete run.
    let run =
        EscapeRun { start: vec![0.8], region: Region::interval(0.0, 1.6), replicas: 50, max_steps: 20_000, seed: 5 };
    let lanes = AnyDynamics::new(LaneSgd::<f64, _>::new(&sine, 0.15, 1).unwrap());
    let whole = run.run(&lanes, &sine, &Stop::new(), |_| {}).unwrap();
    let fewer = EscapeRun { replicas: 23, ..run.clone() };
    let mut progress = EscapeProgress::default();
    fewer.advance(&lanes, &sine, &mut progress, &Stop::new(), |_| {}).unwrap();
    assert_eq!(progress.terminations(&fewer), whole[..23]);
    let (progress, _) = in_pieces(progress, |progress, pause| {
        run.advance(&lanes, &sine, progress, pause, |_| {}).unwrap();
        progress.is_complete(&run)
    });
    assert_eq!(progress.terminations(&run), whole);
}

#[test]
fn pauses_and_later_replicas_do_not_change_a_stationary_run() {
    let line = Line::six();
    let run = StationaryRun { samples: 100, thin: 10, burn_in: 1_000, ..stationary() };
    let dynamics = AnyDynamics::new(Sgd::new(&line, sgd(0.2)).unwrap());
    let whole = run.run(&dynamics, &line, &Stop::new()).unwrap();
    assert!(whole.iter().all(|group| group.samples == 2 * 100));
    let (progress, pieces) = in_pieces(StationaryProgress::default(), |progress, pause| {
        run.advance(&dynamics, &line, progress, pause).unwrap()
    });
    assert!(pieces > 5, "{pieces} pieces");
    assert_eq!(progress.groups(), whole);
    let other = StationaryRun { observables: vec![Arc::new(LogLoss)], ..run.clone() };
    let refused = other.advance(&dynamics, &line, &mut progress.clone(), &Stop::new());
    assert_eq!(refused, Err(EnsembleError::OtherObservables));
    // Sums of reals depend on their order, counts do not.
    let run = StationaryRun { moments: false, ..run };
    let whole = run.run(&dynamics, &line, &Stop::new()).unwrap();
    let fewer = StationaryRun { replicas: 40, ..run.clone() };
    let mut progress = StationaryProgress::default();
    assert!(fewer.advance(&dynamics, &line, &mut progress, &Stop::new()).unwrap());
    assert_ne!(progress.groups(), whole);
    progress.extend(40);
    let (progress, _) = in_pieces(progress, |progress, pause| run.advance(&dynamics, &line, progress, pause).unwrap());
    assert_eq!(progress.groups(), whole);
}

#[test]
fn planes_on_the_line_are_the_ends_of_a_box_bit_for_bit() {
    let line = Line::six();
    let centre = line.minimum();
    let ends = [centre - 0.5, centre + 0.4];
    let sides = escape(Region::interval(ends[0], ends[1]), 20_000);
    let planes = escape(Region::HalfSpaces { normals: vec![-1.0, 1.0], offsets: vec![-ends[0], ends[1]] }, 20_000);
    assert_eq!(quiet(0.2, &sides).unwrap(), quiet(0.2, &planes).unwrap());
    // Sinusoids run in lanes, the regression above one by one.
    let sine = Sinusoid::new(line.x.clone(), line.y.clone(), false).unwrap();
    let run = |run: &EscapeRun| run.run_sgd(&sine, sgd(0.2), &Stop::new(), |_| {}).unwrap();
    assert_eq!(run(&sides), run(&planes));
    assert!(run(&sides).iter().any(|end| matches!(end, Termination::Escaped { .. })));
    for bad in [vec![], vec![0.0], vec![f64::NAN], vec![1.0, 1.0]] {
        let region = Region::HalfSpaces { offsets: vec![9.0], normals: bad };
        assert!(quiet(0.2, &escape(region, 10)).is_err());
    }
}

#[test]
fn a_quench_counts_a_replica_as_outside_beyond_the_barrier_only() {
    // f = sin(θx): between its barrier tops every descent comes home, beyond them none does.
    let x: Vec<f64> = (0..100).map(|k| f64::from(k) * 0.03).collect();
    let y: Vec<f64> = x.iter().enumerate().map(|(k, x)| (3.0 * x).sin() + 0.3 * (7.0 * k as f64).sin()).collect();
    let problem = Sinusoid::new(x, y, false).unwrap();
    let home = find_minimum(&problem, &[5.5], &MinimumConfig::default(), &Stop::new()).unwrap().theta;
    let Barrier::Saddles { ways_out, .. } = saddles(&problem, home[0], &BarrierConfig::default()).unwrap() else {
        panic!("no barrier tops")
    };
    let quench = |check_every| Region::Quench {
        home: home.clone(),
        tolerance: 1e-3,
        step: 0.1,
        gradient: 1e-6,
        max_steps: 5_000,
        check_every,
    };
    let mut meter = LossMeter::new(&problem);
    for way in &ways_out {
        let outward = way.direction[0];
        assert_eq!(meter.is_outside(&quench(1), &[way.theta[0] - 0.01 * outward]), Some(false));
        assert_eq!(meter.is_outside(&quench(1), &[way.theta[0] + 0.01 * outward]), Some(true));
    }
    assert_eq!(meter.is_outside(&quench(1), &[f64::NAN]), None);
    // Tested at every step, the quench sees the passage of the barrier top at the same step as the planes.
    let run = |region| EscapeRun { start: home.clone(), region, replicas: 16, max_steps: 3_000, seed: 5 };
    let ends = |region| run(region).run_sgd(&problem, sgd(0.3), &Stop::new(), |_| {}).unwrap();
    let planes = ends(Region::dividing_surface(&ways_out));
    assert!(planes.iter().any(|end| matches!(end, Termination::Escaped { .. })));
    let (a, b) = (planes, ends(quench(1)));
    let same = a.iter().zip(&b).filter(|(a, b)| a == b).count();
    // A step that jumps over the other basin can come to rest at home again only from beyond; none did here.
    assert_eq!(same, 16, "{a:?} {b:?}");
    assert!(matches!(quench(0).validate(1), Err(EnsembleError::NotPositive(_))));
}

/// A trajectory ends where and when its replica does in the ensemble, and passes through the points of a finer one.
#[test]
fn trajectories_are_those_of_the_ensemble() {
    let line = Line::six();
    let centre = line.minimum();
    let level = LossMeter::new(&line).loss(&[centre + 0.45]);
    for region in [Region::interval(centre - 0.5, centre + 0.5), Region::LossLevel { loss: level, check_every: 7 }] {
        let run = EscapeRun { replicas: 5, ..escape(region, 3_000) };
        let dynamics = AnyDynamics::new(Sgd::new(&line, sgd(0.2)).unwrap());
        let ends = quiet(0.2, &run).unwrap();
        let coarse = run.trajectories(&dynamics, &line, 100, &Stop::new()).unwrap();
        let fine = run.trajectories(&dynamics, &line, 10, &Stop::new()).unwrap();
        assert!(coarse.iter().all(|point| fine.contains(point)));
        for (end, replica) in ends.iter().zip(0..) {
            let path: Vec<_> = coarse.iter().filter(|point| point.replica == replica).collect();
            let (Termination::Escaped { steps, time } | Termination::Censored { steps, time }) = *end else {
                panic!("{end:?}");
            };
            let last = path.last().unwrap();
            assert_eq!((path[0].steps, path[0].theta[0]), (0, centre));
            assert_eq!((last.steps, last.time), (steps, time));
            let outside = match run.region {
                Region::LossLevel { loss, .. } => last.loss > loss,
                _ => run.region.exit_test().is_outside(&last.theta, 0),
            };
            assert_eq!(matches!(end, Termination::Escaped { .. }), outside);
            assert!(path[..path.len() - 1].iter().enumerate().all(|(k, point)| point.steps == 100 * k as u64));
            assert!(path.iter().all(|point| point.loss == LossMeter::new(&line).loss(&point.theta)));
        }
        assert!(run.trajectories(&dynamics, &line, 0, &Stop::new()).is_err());
    }
}
