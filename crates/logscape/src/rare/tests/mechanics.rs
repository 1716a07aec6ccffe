//! Threads, pauses, outcomes without a rate, scores.

use super::*;
use crate::Stop;
use crate::ensemble::EnsembleError;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn threads_pauses_and_files_do_not_change_a_run() {
    for method in METHODS {
        let (run, _) = runs(10, method, 5);
        let run = RareRun { trajectories: 50, repeats: 7, ..run };
        let whole = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run_coin(&run))
        };
        let one = whole(1);
        assert_eq!(one, whole(2));
        assert_eq!(one, whole(8));
        let mut progress = RareProgress::default();
        let mut pieces = 0;
        while !progress.is_complete(&run) {
            let begun = AtomicUsize::new(0);
            let pause = Stop::new().or_pausing_when(move || begun.fetch_add(1, Ordering::Relaxed) >= 2);
            run.advance_sgd(&coin(), sgd(0.5, 1), &RunLength, &mut progress, &pause).unwrap();
            progress = serde_json::from_str(&serde_json::to_string(&progress).unwrap()).unwrap();
            pieces += 1;
        }
        assert!(pieces >= 4, "{pieces}");
        assert_eq!(run.estimate(&progress), one);
        assert_ne!(run_coin(&RareRun { seed: 6, ..run.clone() }).rate_per_step, one.rate_per_step);
    }
}

/// Counts how often it is asked.
struct Counting<'a>(&'a AtomicUsize);

impl Score for Counting<'_> {
    type Scratch = ();
    fn scratch(&self) {}
    fn score(&self, theta: &[f64], (): &mut ()) -> f64 {
        self.0.fetch_add(1, Ordering::Relaxed);
        RunLength.score(theta, &mut ())
    }
}

/// Whatever a pause or an interrupt comes into, no look is made twice: the pilot, the flux and the rounds of a repeat go on from
/// the files that they were in.
#[test]
fn work_goes_on_where_it_was_stopped() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for method in METHODS {
        let (run, _) = runs(20, method, 1);
        let run = RareRun { repeats: 5, trajectories: 800, ..run };
        let advance = |progress: &mut RareProgress, looks: &AtomicUsize, stop: &Stop| {
            pool.install(|| run.advance_sgd(&coin(), sgd(0.5, 1), &Counting(looks), progress, stop).unwrap());
        };
        let (once, mut whole) = (AtomicUsize::new(0), RareProgress::default());
        advance(&mut whole, &once, &Stop::new());
        let (looks, mut progress, mut stops) = (AtomicUsize::new(0), RareProgress::default(), [0; 3]);
        while !progress.is_complete(&run) {
            let asked = AtomicUsize::new(0);
            let late = move || asked.fetch_add(1, Ordering::Relaxed) >= 2;
            let stop = if stops[0] % 2 == 0 { Stop::when(late) } else { Stop::new().or_pausing_when(late) };
            advance(&mut progress, &looks, &stop);
            progress = serde_json::from_str(&serde_json::to_string(&progress).unwrap()).unwrap();
            stops[0] += 1;
            stops[1] += usize::from(progress.placement().is_none());
            stops[2] += usize::from(progress.repeats() == 0);
        }
        // Many in the pilot, in the first repeats, and later.
        assert!(stops[1] > 5 && stops[2] > stops[1] + 5 && stops[0] > stops[2] + 5, "{stops:?}");
        assert_eq!(run.estimate(&progress), run.estimate(&whole));
        assert_eq!(looks.into_inner(), once.into_inner());
    }
}

/// A score that is the same everywhere.
struct Flat;

impl Score for Flat {
    type Scratch = ();
    fn scratch(&self) {}
    fn score(&self, _: &[f64], (): &mut ()) -> f64 {
        1.5
    }
}

#[test]
fn runs_that_find_nothing_say_so() {
    let reason = |run: &RareRun, problem: &LinearRegression, flat: bool| {
        let mut progress = RareProgress::default();
        let stop = Stop::new();
        if flat {
            run.advance_sgd(problem, sgd(0.5, 1), &Flat, &mut progress, &stop).unwrap();
        } else {
            run.advance_sgd(problem, sgd(0.5, 1), &RunLength, &mut progress, &stop).unwrap();
        }
        assert!(progress.is_complete(run));
        let rate = run.estimate(&progress);
        assert!(rate.mean_steps.is_none() && rate.mean_steps_lower_bound.is_finite());
        rate.repeats.unwrap().not_found.unwrap()
    };
    let (run, _) = runs(20, RareMethod::Splitting, 1);
    let small = RareRun { trajectories: 20, repeats: 3, max_cost: 100_000, ..run.clone() };
    let words = reason(&small, &coin(), true);
    assert!(words.contains("stayed at 1.5"), "{words}");
    // Without residuals the start is a fixed point.
    let still = LinearRegression::new(vec![1.0, 1.0], vec![0.0, 0.0], 1).unwrap();
    assert!(reason(&small, &still, false).contains("stayed at"), "a chain without noise");
    let short = RareRun { max_cost: 5_000, ..small.clone() };
    assert!(reason(&short, &coin(), false).contains("not stationary"));
    let middling = RareRun { trajectories: 5_000, max_cost: 20_000, ..small.clone() };
    assert!(reason(&middling, &coin(), false).contains("not done within"));
    // The signs never agree twice: the third sample's step ends far outside.
    let wild = LinearRegression::new(vec![1.0], vec![1e9], 1).unwrap();
    assert!(reason(&small, &wild, false).contains("left with its first steps"));
    // Ten trajectories that are dropped nine at a time soon die out.
    let hasty = RareRun { trajectories: 10, cut: 0.9, ..small };
    assert!(
        reason(&RareRun { region: runs(45, RareMethod::Splitting, 1).0.region, ..hasty }, &coin(), false)
            .contains("died out")
    );
}

#[test]
fn bad_runs_are_refused() {
    let (run, _) = runs(20, RareMethod::Splitting, 1);
    let error = |run: RareRun| run.run_sgd(&coin(), sgd(0.5, 1), &Stop::new()).unwrap_err();
    assert_eq!(error(RareRun { start: vec![2.0], ..run.clone() }), RareError::Ensemble(EnsembleError::StartOutside));
    assert_eq!(error(RareRun { cut: 1.0, ..run.clone() }), RareError::Cut(1.0));
    let few = |what, least, got| RareError::TooFew { what, least, got };
    assert_eq!(error(RareRun { trajectories: 9, ..run.clone() }), few("trajectories", 10, 9));
    assert_eq!(error(RareRun { repeats: 2, ..run.clone() }), few("repeats", 3, 2));
    assert_eq!(error(RareRun { look_every: 0, ..run.clone() }), few("look_every", 1, 0));
    assert!(matches!(
        run.run_sgd(&coin(), sgd(-1.0, 1), &Stop::new()),
        Err(RareError::Ensemble(EnsembleError::Sgd(_)))
    ));
}

fn at<S: Score>(score: &S, theta: &[f64]) -> f64 {
    score.score(theta, &mut score.scratch())
}

#[test]
fn scores_are_one_where_they_say_so() {
    let sides = BoxScore::new(&[1.0, 0.0], &[0.0, f64::NEG_INFINITY], &[3.0, 4.0]);
    for (theta, want) in
        [([1.0, 0.0], 0.0), ([0.0, 0.0], 1.0), ([3.0, 0.0], 1.0), ([2.0, -9.0], 0.5), ([0.9, 3.0], 0.75)]
    {
        assert!((at(&sides, &theta) - want).abs() < 1e-15, "{theta:?}");
    }
    assert!((at(&BallScore::new(&[1.0, 0.0], 5.0), &[4.0, 4.0]) - 1.0).abs() < 1e-15);
    // The planes x + y = 3 and x = -1 around (1, 0).
    let planes = PlaneScore::new(&[1.0, 0.0], &[1.0, 1.0, -1.0, 0.0], &[3.0, 1.0]);
    for (theta, want) in [([1.0, 0.0], 0.0), ([2.0, 1.0], 1.0), ([-1.0, 0.0], 1.0), ([0.0, 0.5], 0.5)] {
        assert!((at(&planes, &theta) - want).abs() < 1e-15, "{theta:?}");
    }
    assert!(at(&planes, &[f64::NAN, 0.0]).is_nan());
    let along = Along::new(&[1.0, 1.0], &[1.0, 3.0]).unwrap();
    assert!((at(&along, &[7.0, 2.0]) - 0.5).abs() < 1e-15 && (at(&along, &[0.0, 0.0]) + 0.5).abs() < 1e-15);
    assert_eq!(Along::new(&[1.0], &[1.0]), Err(ScoreError::Length));
    // Two pieces, of lengths 2 and 1; beyond the corner the second is nearer.
    let path = PathScore::new(vec![vec![0.0, 0.0], vec![2.0, 0.0], vec![2.0, 1.0]]).unwrap();
    for (theta, want) in [([1.0, 0.3], 1.0 / 3.0), ([-1.0, 0.0], 0.0), ([2.5, 0.5], 2.5 / 3.0), ([2.0, 9.0], 1.0)] {
        assert!((at(&path, &theta) - want).abs() < 1e-15, "{theta:?}");
    }
    assert_eq!(PathScore::new(vec![vec![0.0]]), Err(ScoreError::Length));
    assert_eq!(PathScore::new(vec![vec![0.0], vec![0.0]]), Err(ScoreError::Length));
    let table = Tabulated::new(vec![-1.0, 0.0, 2.0], vec![1.0, 0.0, 4.0]).unwrap();
    for (theta, want) in [(-3.0, 1.0), (-0.5, 0.5), (0.0, 0.0), (1.0, 2.0), (2.0, 4.0), (3.0, 4.0)] {
        assert!((at(&table, &[theta]) - want).abs() < 1e-15, "{theta}");
    }
    assert_eq!(Tabulated::new(vec![0.0, 0.0], vec![1.0, 2.0]), Err(ScoreError::Table));
    assert_eq!(Tabulated::new(vec![0.0, 1.0], vec![f64::NAN, 2.0]), Err(ScoreError::Table));
    // L = ½(θ² + 1).
    let coin = coin();
    assert!((at(&LossScore::new(&coin), &[3.0]) - 5.0_f64.ln()).abs() < 1e-12);
}

/// Slopes `θ ± 2`: the climb has `cosh(2q) = e^{qθ}`, here solved by bisection and integrated by Simpson's rule. It is 0 at
/// both ends, equal on both sides, and higher than the Gaussian `θ²/4η`, since bounded jumps climb less easily.
#[test]
fn a_climb_is_the_quasi_potential_below_the_end() {
    let position: Vec<f64> = (0..=400).map(|i| f64::from(i) / 200.0 - 1.0).collect();
    let path = crate::Path {
        loss: position.iter().map(|x| 0.5 * x * x).collect(),
        gradient: position.clone(),
        curvature: vec![1.0; 401],
        noise: vec![4.0; 401],
        sample_slopes: position.iter().map(|x| vec![x + 2.0, x - 2.0]).collect(),
        minimum: 0.0,
        quasi_potential: vec![],
        position,
    };
    let climb = Tabulated::climb(&path, &sgd(0.1, 1), [-0.8, 0.8]).unwrap();
    let root = |x: f64| {
        let (mut low, mut high) = (1e-9, 10.0);
        for _ in 0..80 {
            let q = f64::midpoint(low, high);
            if (2.0 * q).cosh().ln() < q * x { low = q } else { high = q }
        }
        low
    };
    let h = 0.8 / 200.0;
    let weight = |i: i32| if i == 0 || i == 200 { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
    let height: f64 = (0..=200).map(|i| weight(i) * root(h * f64::from(i)) * h / 3.0).sum::<f64>() / 0.1;
    assert!((climb.at(0.0) / -height - 1.0).abs() < 1e-4, "{} {height}", climb.at(0.0));
    assert!(climb.at(0.8).abs() < 1e-12 && climb.at(-0.8).abs() < 1e-12);
    assert!((climb.at(0.5) - climb.at(-0.5)).abs() < 1e-9 && climb.at(0.5) < 0.0);
    assert!(height > 0.16 / 0.1 * 1.01, "more than the Gaussian climb: {height}");
    // Each side is counted from its own end.
    let uneven = Tabulated::climb(&path, &sgd(0.1, 1), [-0.5, 0.8]).unwrap();
    assert!(uneven.at(0.8).abs() < 1e-12 && uneven.at(-0.5).abs() < 1e-12);
    assert!((uneven.at(0.5) - climb.at(0.5)).abs() < 1e-12 && uneven.at(-0.3) > climb.at(-0.3));
}
