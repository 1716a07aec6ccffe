//! A problem that fails at its work: everything that was made with it is refused, and it is named.

use logscape::ensemble::{EnsembleError, EscapeRun, Region, StationaryRun};
use logscape::geometry::{GeometryConfig, GeometryError, measure};
use logscape::landscape::{
    BarrierConfig, BarrierError, MinimumConfig, MinimumError, SaddleConfig, SaddleError, find_minimum, find_saddles,
    saddles,
};
use logscape::model::Minimum;
use logscape::problem::{LinearRegression, ProblemFailure, Sinusoid};
use logscape::rare::{RareError, RareMethod, RareRun};
use logscape::training::{Training, TrainingConfig, TrainingError};
use logscape::{Problem, Samples, Sampling, SgdSettings, Stop};
use std::sync::atomic::{AtomicU64, Ordering};

/// A problem behind a line that breaks after so many calls: what comes after is no number.
struct Remote<P> {
    inner: P,
    calls_left: AtomicU64,
}

impl<P: Problem> Remote<P> {
    fn breaking_after(calls: u64, inner: P) -> Self {
        Self { inner, calls_left: calls.into() }
    }

    /// Counts a call; what it gives is spoilt where the line is broken.
    fn spoil(&self, out: &mut [f64]) {
        let before = self.calls_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |calls| calls.checked_sub(1));
        if before.is_err() {
            out.fill(f64::NAN);
        }
    }
}

impl<P: Problem> Problem for Remote<P> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }
    fn samples(&self) -> usize {
        self.inner.samples()
    }
    fn outputs(&self) -> usize {
        self.inner.outputs()
    }
    fn scratch_len(&self, m: usize) -> usize {
        self.inner.scratch_len(m)
    }
    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.residuals_into(theta, samples, out, scratch);
        self.spoil(out);
    }
    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.jvp_into(theta, v, samples, out, scratch);
        self.spoil(out);
    }
    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.vjp_into(theta, u, samples, out, scratch);
        self.spoil(out);
    }
    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.hvp_into(theta, v, samples, out, scratch);
        self.spoil(out);
    }
    fn failure(&self) -> Option<ProblemFailure> {
        let broken = self.calls_left.load(Ordering::Relaxed) == 0;
        broken.then(|| ProblemFailure { message: "the line is dead".to_owned() })
    }
}

/// Calls after which the line breaks: at once, and in the middle of the work.
const CALLS: [u64; 3] = [0, 2, 60];

fn dead() -> ProblemFailure {
    ProblemFailure { message: "the line is dead".to_owned() }
}

fn plane() -> LinearRegression {
    let inputs: Vec<f64> = (0..60).map(|i| 1.3 * (1.0 + 0.7 * f64::from(i)).sin()).collect();
    let targets = inputs.chunks(2).enumerate().map(|(i, x)| x[0] - x[1] + (2.3 * i as f64).cos()).collect();
    LinearRegression::new(inputs, targets, 2).unwrap()
}

fn sine() -> Sinusoid {
    let x: Vec<f64> = (0..40).map(|i| 0.075 * f64::from(i)).collect();
    let y = x.iter().enumerate().map(|(i, x)| (3.0 * x).sin() + if i % 2 == 0 { 0.4 } else { -0.4 }).collect();
    Sinusoid::new(x, y, false).unwrap()
}

const SGD: SgdSettings = SgdSettings { learning_rate: 0.05, batch_size: 2, sampling: Sampling::WithReplacement };

fn minimum(problem: &dyn Problem, start: &[f64]) -> Minimum {
    find_minimum(problem, start, &MinimumConfig::default(), &Stop::new()).unwrap()
}

#[test]
fn searches_and_measurements_name_the_failure() {
    let stop = Stop::new();
    let (found, bottom) = (minimum(&plane(), &[0.1, 0.2]), minimum(&sine(), &[3.0]));
    for calls in CALLS {
        let remote = || Remote::breaking_after(calls, plane());
        let searched = find_minimum(&remote(), &[0.1, 0.2], &MinimumConfig::default(), &stop);
        // Sixty calls are more than this search takes.
        assert!(calls == 60 || searched == Err(MinimumError::Problem(dead())), "{calls}: {searched:?}");
        let trained = Training::new(&[0.1, 0.2]).advance(&remote(), &TrainingConfig::new(0.05, 2, 200), &stop, |_| {});
        assert_eq!(trained, Err(TrainingError::Problem(dead())));
        let measured = measure(&remote(), &found, &GeometryConfig::default(), &stop);
        assert_eq!(measured.unwrap_err(), GeometryError::Problem(dead()), "{calls}");
        let climbed = find_saddles(&remote(), &found, &SaddleConfig::default(), &stop);
        assert_eq!(climbed.unwrap_err(), SaddleError::Problem(dead()), "{calls}");
        let scanned = saddles(&Remote::breaking_after(calls, sine()), bottom.theta[0], &BarrierConfig::default());
        assert_eq!(scanned.unwrap_err(), BarrierError::Problem(dead()), "{calls}");
    }
}

#[test]
fn ensembles_end_and_name_the_failure() {
    let stop = Stop::new();
    let start = minimum(&plane(), &[0.1, 0.2]).theta;
    let region = Region::Ball { centre: start.clone(), radius: 1e6 };
    let escape = EscapeRun { start: start.clone(), region, replicas: 100, max_steps: u64::MAX, seed: 5 };
    let stationary = StationaryRun {
        start: start.clone(),
        replicas: 40,
        groups: 4,
        burn_in: 10,
        samples: 1_000_000,
        thin: 5,
        observables: Vec::new(),
        moments: true,
        seed: 6,
    };
    for calls in CALLS {
        let remote = || Remote::breaking_after(calls, plane());
        let ends = escape.run_sgd(&remote(), SGD, &stop, |_| {});
        assert_eq!(ends.unwrap_err(), EnsembleError::Problem(dead()), "{calls}");
        let groups = stationary.run_sgd(&remote(), SGD, &stop);
        assert_eq!(groups.unwrap_err(), EnsembleError::Problem(dead()), "{calls}");
        for method in [RareMethod::Splitting, RareMethod::ForwardFlux] {
            let region = Region::Ball { centre: start.clone(), radius: 3.0 };
            let rare = RareRun::new(start.clone(), region, method, 7);
            let found = rare.run_sgd(&remote(), SGD, &stop);
            assert_eq!(found.err(), Some(RareError::Ensemble(EnsembleError::Problem(dead()))), "{method:?} {calls}");
        }
    }
}
