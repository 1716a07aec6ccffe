//! A replica that is at infinity when it is looked at has left: its step to there led through the boundary.

use logscape::ensemble::{EscapeRun, Region, Termination, rate_estimate, survival_times};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::problem::PhaseRetrieval;
use logscape::random::{Purpose, stream};
use logscape::rare::{RareMethod, RareProgress, RareRun, RegionScore};
use logscape::{Sampling, SgdSettings, Stop};
use rand::RngExt;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Inputs (`N × 2`) and noisy squares of their projections on `(1, −0.6)`.
fn data() -> (Vec<f64>, Vec<f64>) {
    let mut rng = stream(20, Purpose::Check, 0);
    let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
    let inputs: Vec<f64> = (0..120).map(|_| normal()).collect();
    let targets = inputs.chunks(2).map(|x| (x[0] - 0.6 * x[1]).powi(2) + normal()).collect();
    (inputs, targets)
}

fn sgd(learning_rate: f64) -> SgdSettings {
    SgdSettings { learning_rate, batch_size: 1, sampling: Sampling::WithReplacement }
}

/// The problem, its minimum, and eight times the loss there: beyond, a step is cubic in `θ`, and a replica is at infinity
/// within some ten steps.
fn basin() -> (PhaseRetrieval, Vec<f64>, f64) {
    let (inputs, targets) = data();
    let problem = PhaseRetrieval::new(inputs, targets, 2).expect("a problem");
    let minimum = find_minimum(&problem, &[1.0, -0.6], &MinimumConfig::default(), &Stop::new()).expect("a minimum");
    (problem, minimum.theta, 8.0 * minimum.loss)
}

/// Mean step of the look at which a chain of its own is seen outside, and its standard error.
fn looked_at(start: &[f64], level: f64, learning_rate: f64, every: u64, replicas: u32) -> (f64, f64) {
    let (inputs, targets) = data();
    let mut rng = stream(every, Purpose::Check, 1);
    let mut times = Vec::new();
    for _ in 0..replicas {
        let mut theta = [start[0], start[1]];
        let mut step = 0;
        loop {
            step += 1;
            let k = rng.random_range(0..targets.len());
            let x = &inputs[2 * k..2 * k + 2];
            let projection = theta[0] * x[0] + theta[1] * x[1];
            let push = 2.0 * learning_rate * (projection * projection - targets[k]) * projection;
            theta = [theta[0] - push * x[0], theta[1] - push * x[1]];
            let loss = |theta: [f64; 2]| {
                let terms = inputs.chunks(2).zip(&targets);
                let sum: f64 = terms.map(|(x, y)| ((theta[0] * x[0] + theta[1] * x[1]).powi(2) - y).powi(2)).sum();
                0.5 * sum / targets.len() as f64
            };
            // A loss that is no number is not within the level either.
            if step % every == 0 && !matches!(loss(theta).partial_cmp(&level), Some(std::cmp::Ordering::Less)) {
                break;
            }
        }
        times.push(step as f64);
    }
    let n = times.len() as f64;
    let mean = times.iter().sum::<f64>() / n;
    (mean, (times.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt())
}

#[test]
fn replicas_that_diverge_between_looks_have_left_by_the_next() {
    let (problem, start, level) = basin();
    let mut diverged = Vec::new();
    for every in [1, 20, 200] {
        let region = Region::LossLevel { loss: level, check_every: every };
        let run = EscapeRun { start: start.clone(), region, replicas: 400, max_steps: 20_000, seed: 3 };
        let ends = run.run_sgd(&problem, sgd(0.03), &Stop::new(), |_| {}).expect("a run");
        let rate = rate_estimate(&ends, run.seed);
        assert_eq!((rate.escaped, rate.censored), (400, 0));
        assert!(survival_times(&ends).iter().all(|seen| seen.event && (seen.time as u64).is_multiple_of(every)));
        let (mean, error) = looked_at(&start, level, 0.03, every, 400);
        let found = rate.mean_steps.expect("escapes").value;
        assert!((found - mean).abs() < 4.0 * std::f64::consts::SQRT_2 * error, "{every}: {found}, {mean} ± {error}");
        diverged.push(rate.diverged);
    }
    // The test has what it is about: without these the mean of the last would be twice as long and more.
    assert!(diverged[0] == 0 && diverged[2] > 100, "{diverged:?}");
}

/// A run that stops again and again, and goes on from a file.
fn in_pieces(run: &RareRun, problem: &PhaseRetrieval, sgd: SgdSettings) -> RareProgress {
    let score = RegionScore::new(&run.region, &run.start, problem);
    let (mut progress, mut stops) = (RareProgress::default(), 0);
    while !progress.is_complete(run) {
        let asked = AtomicUsize::new(0);
        let pause = Stop::new().or_pausing_when(move || asked.fetch_add(1, Ordering::Relaxed) >= 1);
        run.advance_sgd(problem, sgd, &score, &mut progress, &pause).expect("a run");
        let file = serde_json::to_string(&progress).expect("JSON");
        progress = serde_json::from_str(&file).expect("the same");
        stops += 1;
    }
    assert!(stops > 5, "{stops}");
    progress
}

/// Where most exits are not seen before it is at infinity, both methods of rare events give the rate of direct simulation.
#[test]
fn splitting_counts_what_diverges_as_having_reached_the_exit() {
    let (problem, start, level) = basin();
    let region = Region::LossLevel { loss: level, check_every: 300 };
    let direct =
        EscapeRun { start: start.clone(), region: region.clone(), replicas: 400, max_steps: 10_000_000, seed: 4 };
    let ends = direct.run_sgd(&problem, sgd(0.024), &Stop::new(), |_| {}).expect("a run");
    let share = ends.iter().filter(|end| Termination::is_divergence(end)).count() as f64 / ends.len() as f64;
    assert!(share > 0.5, "{share}");
    let direct = rate_estimate(&ends, 4).mean_steps.expect("escapes");
    for method in [RareMethod::Splitting, RareMethod::ForwardFlux] {
        let run = RareRun { trajectories: 60, ..RareRun::new(start.clone(), region.clone(), method, 5) };
        let progress = run.run_sgd(&problem, sgd(0.024), &Stop::new()).expect("a run");
        let rate = run.estimate(&progress);
        assert_eq!(run.estimate(&in_pieces(&run, &problem, sgd(0.024))), rate, "replicas at infinity go through files");
        let mean = rate.mean_steps.unwrap_or_else(|| panic!("{rate:?}"));
        // 400 exponential times give 5 %; 2.093 is the quantile of Student's law of twenty repeats.
        let own = (mean.ci95[1] / mean.value).ln() / 2.093;
        let off = (mean.value / direct.value).ln() / own.hypot(0.05);
        assert!(off.abs() < 4.0, "{method:?}: {mean:?} against {direct:?}, {off:.1} standard deviations");
        assert!(own < 0.15 && rate.diverged > 0, "{method:?}: {own}");
    }
}
