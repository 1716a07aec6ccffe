//! Named dynamics: each is what its library type is, and moves with the covariance that its equation says.

use super::*;
use crate::Stop;
use crate::engine::{AnyDynamics, Block, Dynamics, ExitTest, HeavyBall, ReplicaState, Sgd};
use crate::ensemble::{EscapeRun, Region};
use crate::geometry::{GeometryConfig, measure};
use crate::landscape::{MinimumConfig, find_minimum};
use crate::operator::full::{loss_and_gradient, noise_trace};
use crate::problem::{LinearRegression, MatrixFactorisation, Problem, Sinusoid};
use crate::random::{Purpose, stream};
use crate::{Geometry, Samples, Sampling};

const SGD: SgdSettings = SgdSettings { learning_rate: 0.05, batch_size: 2, sampling: Sampling::WithReplacement };

/// Sixty samples with three inputs of different scale, and noise.
fn plane() -> LinearRegression {
    let inputs: Vec<f64> =
        (0..180).map(|i| (1.0 + 0.7 * f64::from(i)).sin() * [1.0, 0.6, 0.3][i as usize % 3]).collect();
    let targets = inputs.chunks(3).enumerate().map(|(i, x)| x[0] - x[2] + 0.5 * (2.3 * i as f64).cos());
    let targets = targets.collect();
    LinearRegression::new(inputs, targets, 3).unwrap()
}

fn minimum(problem: &dyn Problem, start: &[f64]) -> (Vec<f64>, Geometry) {
    let minimum = find_minimum(problem, start, &MinimumConfig::default(), &Stop::new()).unwrap();
    let config = GeometryConfig { resamples: 50, ..GeometryConfig::default() };
    let geometry = measure(problem, &minimum, &config, &Stop::new()).unwrap();
    (minimum.theta, geometry)
}

fn at<'a>(problem: &'a dyn Problem, place: &'a (Vec<f64>, Geometry)) -> AtMinimum<'a> {
    AtMinimum::new(problem, &place.0, &place.1, Precision::Float64, &Stop::new())
}

/// A problem that no registry knows, of the methods that are required.
struct Own(LinearRegression);

impl Problem for Own {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn samples(&self) -> usize {
        self.0.samples()
    }

    fn outputs(&self) -> usize {
        self.0.outputs()
    }

    fn scratch_len(&self, m: usize) -> usize {
        self.0.scratch_len(m)
    }

    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.residuals_into(theta, samples, out, scratch);
    }

    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.jvp_into(theta, v, samples, out, scratch);
    }

    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.vjp_into(theta, u, samples, out, scratch);
    }

    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.0.hvp_into(theta, v, samples, out, scratch);
    }
}

/// Options that every kind can be built with.
fn usual(kind: &dyn Kind) -> Options {
    let temperature = kind.options().contains(&"temperature").then_some(1e-3);
    Options { temperature, ..Options::default() }
}

/// `θ` of the replicas from number `first` on after `steps` steps from `start`.
fn run<D: Dynamics>(dynamics: &D, start: &[f64], steps: u64, replicas: usize) -> Vec<Vec<f64>> {
    let mut block = dynamics.block();
    let mut ends = Vec::new();
    for first in (0..replicas).step_by(block.lanes()) {
        let count = block.lanes().min(replicas - first);
        for lane in 0..count {
            block.load(lane, &ReplicaState::new(start, stream(3, Purpose::Escape, (first + lane) as u64)));
        }
        dynamics.advance(&mut block, steps, &ExitTest::Never);
        for lane in 0..count {
            let mut theta = vec![0.0; dynamics.dim()];
            block.theta_into(lane, &mut theta);
            ends.push(theta);
        }
    }
    ends
}

#[test]
fn names_are_unique_and_every_kind_is_built_on_every_sort_of_problem() {
    let names: std::collections::BTreeSet<_> = all().iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), all().len());
    let plane = plane();
    let x: Vec<f64> = (1..40).map(|k| f64::from(k) / 13.0).collect();
    let y = x.iter().map(|x| (3.0 * x).sin() + 0.3 * (70.0 * x).sin()).collect();
    let sine = Sinusoid::new(x, y, false).unwrap();
    let entries: Vec<(usize, usize, f64)> = (0..9).map(|k| (k / 3, k % 3, 1.0 + (k as f64).sin())).collect();
    let product = MatrixFactorisation::new(3, 3, 1, &entries).unwrap();
    let own = Own(plane.clone());
    let problems: [(&dyn Problem, Vec<f64>); 4] =
        [(&plane, vec![0.0; 3]), (&sine, vec![3.0]), (&product, vec![1.0; 6]), (&own, vec![0.0; 3])];
    for (problem, start) in problems {
        let place = minimum(problem, &start);
        let at = at(problem, &place);
        for kind in all() {
            let built = kind.build(&at, SGD, &usual(*kind)).unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
            let [end] = &run(&built.dynamics, &place.0, 50, 1)[..] else { panic!("one replica") };
            assert!(end.iter().all(|x| x.is_finite()) && *end != place.0, "{}", kind.name());
            assert!(built.step > 0.0 && built.steps_per_sgd_step > 0.0);
        }
    }
}

/// Forgetting a type changes no bit, in an ensemble on two threads.
#[test]
fn a_named_chain_is_that_of_the_library() {
    let plane = plane();
    let place = minimum(&plane, &[0.0; 3]);
    let at = at(&plane, &place);
    let escape = EscapeRun {
        start: place.0.clone(),
        region: Region::Ball { centre: place.0.clone(), radius: 0.12 },
        replicas: 40,
        max_steps: 3000,
        seed: 5,
    };
    let named = |name: &str, options: &Options| {
        let built = by_name(name).unwrap().build(&at, SGD, options).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        pool.install(|| escape.run(&built.dynamics, &plane, &Stop::new(), |_| {}).unwrap())
    };
    let stop = Stop::new();
    assert_eq!(named("sgd", &Options::default()), escape.run_sgd(&plane, SGD, &stop, |_| {}).unwrap());
    let ball = AnyDynamics::new(HeavyBall::new(&plane, SGD, 0.5, 0.1).unwrap());
    let options = Options { momentum: Some(0.5), weight_decay: Some(0.1), ..Options::default() };
    assert_eq!(named("heavy-ball", &options), escape.run(&ball, &plane, &stop, |_| {}).unwrap());
    let shuffled = SgdSettings { sampling: Sampling::EpochShuffle, ..SGD };
    let options = Options { sampling: Some(Sampling::EpochShuffle), ..Options::default() };
    let sgd = AnyDynamics::new(Sgd::new(&plane, shuffled).unwrap());
    assert_eq!(named("sgd", &options), escape.run(&sgd, &plane, &stop, |_| {}).unwrap());
    assert_ne!(named("sgd", &options), named("sgd", &Options::default()));
}

/// One step from the minimum, where every drift vanishes, has the covariance of the equation; `tr` is checked for all, the
/// shape by its ratio along the directions of the Hessian.
#[test]
fn one_step_has_the_covariance_of_the_equation() {
    let plane = plane();
    let place = minimum(&plane, &[0.0; 3]);
    let (theta, geometry) = &place;
    let at = at(&plane, &place);
    assert!(loss_and_gradient(&plane, theta).1.iter().all(|g| g.abs() < 1e-8));
    let (eta, b, trace) = (SGD.learning_rate, SGD.batch_size as f64, noise_trace(&plane, theta));
    let s = geometry.noise_strength.unwrap().value;
    let trace_hessian: f64 = geometry.eigenvalues.iter().sum();
    let replicas = 20_000;
    let kinds = all().iter().filter(|kind| !["sgld", "langevin-sde", "adam", "adamw"].contains(&kind.name()));
    let in_precisions = |kind| [(kind, Precision::Float64), (kind, Precision::Float32)];
    for (kind, precision) in kinds.flat_map(in_precisions) {
        let known = kind.options().contains(&"precision");
        if !known && precision == Precision::Float32 {
            continue;
        }
        let options = Options { precision: known.then_some(precision), ..usual(*kind) };
        let built = kind.build(&at, SGD, &options).unwrap();
        let ends = run(&built.dynamics, theta, 1, replicas);
        let squares: Vec<f64> =
            ends.iter().map(|end| end.iter().zip(theta).map(|(x, m)| (x - m).powi(2)).sum()).collect();
        let n = replicas as f64;
        let mean = squares.iter().sum::<f64>() / n;
        let error = (squares.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n / n).sqrt();
        let want = match kind.name() {
            "measured-noise-sde" | "second-order-sde" | "frozen-noise-sde" => 0.1 * eta * eta * trace / b,
            "decoupled-noise-sde" | "log-landscape-sde" => {
                0.1 * eta * 2.0 * eta * s * geometry.loss * trace_hessian / b
            }
            // N/B − 1 instead of N/B.
            "multiplicative-bernoulli" => eta * eta * trace / b * (1.0 - b / 60.0),
            _ => eta * eta * trace / b,
        };
        // Four standard errors; the residual gradient enters far below.
        assert!((mean - want).abs() < 4.0 * error, "{} {precision:?}: {mean} ± {error} against {want}", kind.name());
        assert!((mean - 1.3 * want).abs() > 4.0 * error, "{}: the test has no power", kind.name());
    }
    // Shapes: the share of the variance along the sharpest direction.
    let share = |name: &str| {
        let built = by_name(name).unwrap().build(&at, SGD, &Options::default()).unwrap();
        let v = &geometry.vectors[0];
        let ends = run(&built.dynamics, theta, 1, replicas);
        let (mut along, mut all) = (0.0, 0.0);
        for end in &ends {
            let moved: Vec<f64> = end.iter().zip(theta).map(|(x, m)| x - m).collect();
            along += moved.iter().zip(v).map(|(x, v)| x * v).sum::<f64>().powi(2);
            all += moved.iter().map(|x| x * x).sum::<f64>();
        }
        along / all
    };
    // The relative error of a ratio of 20,000 squares is below 2 %.
    let hessian = geometry.eigenvalues[0] / trace_hessian;
    assert!((share("gaussian-isotropic") - 1.0 / 3.0).abs() < 0.03);
    assert!((share("gaussian-hessian") - hessian).abs() < 0.03 && hessian > 0.45);
    assert!((share("gaussian-full") - share("sgd")).abs() < 0.03);
    assert!(share("gaussian-leading") > 0.9);
}

/// The first step of Adam is `η` up or down along every parameter, whatever the gradient; the decay of AdamW comes to it.
#[test]
fn the_first_step_of_adam_is_the_sign_of_the_gradient() {
    let plane = plane();
    let place = minimum(&plane, &[0.0; 3]);
    let at = at(&plane, &place);
    let eta = SGD.learning_rate;
    let options = Options { weight_decay: Some(0.5), epsilon: Some(1e-30), ..Options::default() };
    for (name, keep) in [("adam", 1.0), ("adamw", 1.0 - 0.5 * eta)] {
        let built = by_name(name).unwrap().build(&at, SGD, &options).unwrap();
        let ends = run(&built.dynamics, &place.0, 1, 20);
        let moved = ends.iter().flat_map(|end| end.iter().zip(&place.0).map(|(x, m)| x - keep * m));
        let moved: Vec<f64> = moved.collect();
        assert!(moved.iter().all(|x| (x.abs() - eta).abs() < 1e-12), "{name}: {moved:?}");
        assert!(moved.iter().any(|x| *x > 0.0) && moved.iter().any(|x| *x < 0.0));
    }
}

#[test]
fn what_cannot_be_built_says_why() {
    let plane = plane();
    let place = minimum(&plane, &[0.0; 3]);
    let at = at(&plane, &place);
    let refused =
        |name: &str, options: Options| by_name(name).unwrap().build(&at, SGD, &options).err().map(|e| e.to_string());
    let none = Options::default;
    assert!(refused("sgld", none()).unwrap().contains("`temperature`"));
    assert!(refused("heavy-ball", Options { momentum: Some(1.0), ..none() }).unwrap().contains("momentum"));
    assert!(refused("adam", Options { betas: Some([0.9, 1.0]), ..none() }).unwrap().contains("betas"));
    assert!(refused("measured-noise-sde", Options { dt: Some(0.0), ..none() }).unwrap().contains("step"));
    let scheme = |scheme| Options { scheme: Some(scheme), ..none() };
    assert!(refused("decoupled-noise-sde", scheme(SchemeName::AdaptiveEuler)).unwrap().contains("platen"));
    // In three dimensions the noise is not diagonal.
    assert!(refused("decoupled-noise-sde", scheme(SchemeName::Milstein)).unwrap().contains("diagonal"));
    assert!(refused("frozen-noise-sde", scheme(SchemeName::Milstein)).unwrap().contains("euler-maruyama"));
    for scheme in [SchemeName::EulerMaruyama, SchemeName::Platen, SchemeName::AdaptiveEuler] {
        assert_eq!(refused("log-landscape-sde", Options { scheme: Some(scheme), ..none() }), None);
    }
    let single = |sampling| Options { precision: Some(Precision::Float32), sampling, ..none() };
    assert_eq!(refused("sgd", single(None)), None);
    assert!(refused("sgd", single(Some(Sampling::EpochShuffle))).unwrap().contains("float32"));
    let entries: Vec<(usize, usize, f64)> = (0..9).map(|k| (k / 3, k % 3, 1.0 + (k as f64).sin())).collect();
    let product = MatrixFactorisation::new(3, 3, 1, &entries).unwrap();
    let elsewhere = minimum(&product, &[1.0; 6]);
    let there = self::at(&product, &elsewhere);
    let built = by_name("measured-noise-sde").unwrap().build(&there, SGD, &single(None));
    assert!(built.is_err_and(|error| error.to_string().contains("float32")));
    assert!(by_name("sdg").is_none());
    let stopped = AtMinimum::new(&plane, &place.0, &place.1, Precision::Float64, &Stop::when(|| true));
    assert!(matches!(
        by_name("frozen-noise-sde").unwrap().build(&stopped, SGD, &none()),
        Err(BuildError::Interrupted(_))
    ));
}
