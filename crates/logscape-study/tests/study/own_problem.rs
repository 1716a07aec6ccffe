//! A study on a problem of the caller's own.

use logscape::problem::{ProblemFailure, Sinusoid};
use logscape::{Problem, Samples, Stop};
use logscape_study::{Destination, Event, RunError, parse_for_own_problem, run_with};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[path = "../../examples/own_study.rs"]
mod example;

#[test]
fn the_example_leaves_a_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("wave");
    example::study_of_a_wave(&place).expect("a record");
    let page = fs::read_to_string(place.join("report.html")).expect("a page");
    for words in ["wave", "dividing", "svg"] {
        assert!(page.contains(words), "{words}");
    }
}

/// A sinusoid that fails from a certain call for gradients on, and takes its time for all samples.
struct Failing {
    inner: Sinusoid,
    calls_left: AtomicU64,
    pause: Duration,
}

impl Failing {
    fn wait(&self, samples: &Samples) {
        if samples.len() == self.samples() {
            sleep(self.pause);
        }
    }
}

impl Problem for Failing {
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
        self.wait(&samples);
        self.inner.residuals_into(theta, samples, out, scratch);
    }
    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.jvp_into(theta, v, samples, out, scratch);
    }
    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.vjp_into(theta, u, samples, out, scratch);
    }
    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.inner.hvp_into(theta, v, samples, out, scratch);
    }
    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) -> f64 {
        self.wait(&samples);
        let before = self.calls_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |calls| calls.checked_sub(1));
        if before.is_err() {
            out.fill(f64::NAN);
            return f64::NAN;
        }
        self.inner.batch_gradient_into(theta, samples, out, scratch)
    }
    fn failure(&self) -> Option<ProblemFailure> {
        let broken = self.calls_left.load(Ordering::Relaxed) == 0;
        broken.then(|| ProblemFailure { message: "the kernel died".to_owned() })
    }
}

const STUDY: &str = r#"name = "failing"
[sgd]
learning_rate = 0.1
batch_size = 1
[escape]
region = "dividing-surface"
replicas = 50
max_steps = 2000
"#;

#[test]
fn a_failure_ends_the_run_names_its_cause_and_leaves_stages_to_resume() {
    let x: Vec<f64> = (0..100).map(|k| 0.03 * f64::from(k)).collect();
    let y = x.iter().enumerate().map(|(k, x)| (3.0 * x).sin() + if k % 2 == 0 { 0.4 } else { -0.4 }).collect();
    let inner = Sinusoid::new(x, y, false).expect("a problem");
    let study = parse_for_own_problem("failing", STUDY, &[]).expect("a study");
    let folder = tempfile::tempdir().expect("a folder");
    let mut place = Destination::new(folder.path().join("record"));
    let failing = |calls: u64| Failing { inner: inner.clone(), calls_left: calls.into(), pause: Duration::ZERO };
    let run = |problem: &Failing, place: &Destination| {
        run_with(problem, &[3.0], &study, place, &Stop::new(), &|_: &Event| {})
    };
    let whole = run(&failing(u64::MAX), &Destination::new(folder.path().join("whole"))).expect("a record").0;
    // Enough for the search, not for the ensemble.
    let error = run(&failing(20_000), &place).expect_err("a failure");
    assert!(matches!(&error, RunError::Failed(failure) if failure.message == "the kernel died"), "{error}");
    assert!(error.to_string().contains("the problem failed: the kernel died") && !error.is_bad_input());
    assert!(!place.place.exists());
    place.resume = true;
    let resumed = run(&failing(u64::MAX), &place).expect("a record").0;
    assert_eq!(resumed.results, whole.results);
}

/// Each piece of the ensemble begins with a look at the loss of all samples, which takes longer than the time between checkpoints.
#[test]
fn an_ensemble_gets_on_however_short_the_time_between_checkpoints() {
    let study = STUDY
        .replace("\"dividing-surface\"", "{ loss-factor = 50.0 }")
        .replace("replicas = 50", "replicas = 2\ncheck_every = 5");
    let study = study.replace("max_steps = 2000", "max_steps = 10\nmethod = \"direct\"");
    let study = parse_for_own_problem("slow", &study, &[]).expect("a study");
    let x: Vec<f64> = (0..20).map(|k| 0.15 * f64::from(k)).collect();
    let y = x.iter().enumerate().map(|(k, x)| (3.0 * x).sin() + if k % 2 == 0 { 0.4 } else { -0.4 }).collect();
    let inner = Sinusoid::new(x, y, true).expect("a problem");
    let slow = Failing { inner, calls_left: u64::MAX.into(), pause: Duration::from_millis(25) };
    let folder = tempfile::tempdir().expect("a folder");
    let place = Destination { checkpoint_every: Duration::ZERO, ..Destination::new(folder.path().join("record")) };
    // Should it get nowhere, the test ends all the same.
    let begun = Instant::now();
    let stop = Stop::when(move || begun.elapsed() > Duration::from_secs(120));
    let (record, _) = run_with(&slow, &[3.0, 1.0], &study, &place, &stop, &|_: &Event| {}).expect("a record");
    assert_eq!(record.results.settings[0].escape.as_ref().expect("escape").measured.censored, Some(2));
}
