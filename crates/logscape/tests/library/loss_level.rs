//! A passage through a level of the loss is seen at its step, though the loss is not computed at every one.

use logscape::engine::sde::{
    DecoupledBasin, DecoupledNoise, Diffusion, EulerMaruyama, LogBasin, NoiseFactor, ScalarDiffusion,
};
use logscape::engine::{AnyDynamics, Block, Dynamics, ExitTest, ReplicaState, Sgd};
use logscape::ensemble::{EscapeProgress, EscapeRun, LossMeter, Region, Termination};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::network::{Activation, Initialisation};
use logscape::problem::{LinearRegression, Mlp, PhaseRetrieval, QuadraticBasin, Sinusoid};
use logscape::random::{Gaussian, Purpose, stream};
use logscape::{Precision, Problem, Samples, Sampling, SgdSettings, Stop};
use rand::RngExt;
use std::sync::atomic::{AtomicU64, Ordering};

fn noise(count: usize, seed: u64) -> Vec<f64> {
    let mut rng = stream(seed, Purpose::Check, 0);
    (0..count).map(|_| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0).collect()
}

fn sgd(learning_rate: f64, batch_size: usize) -> SgdSettings {
    SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement }
}

/// A run to `factor` times the loss of the minimum near `start`.
fn run(problem: &dyn Problem, start: &[f64], factor: f64, max_steps: u64) -> EscapeRun {
    let minimum = find_minimum(problem, start, &MinimumConfig::default(), &Stop::new()).expect("a minimum");
    let region = Region::LossLevel { loss: factor * minimum.loss, check_every: 1 };
    EscapeRun { start: minimum.theta, region, replicas: 40, max_steps, seed: 6 }
}

/// How each replica of `run` ends, step by step, with the loss of all data at each.
fn step_by_step(run: &EscapeRun, dynamics: &AnyDynamics, problem: &dyn Problem) -> Vec<(u64, bool)> {
    let Region::LossLevel { loss: level, .. } = run.region else { panic!("a loss level") };
    let mut meter = LossMeter::new(problem);
    let mut theta = vec![0.0; dynamics.dim()];
    let one = |replica| {
        let mut block = dynamics.block();
        block.load(0, &ReplicaState::new(&run.start, stream(run.seed, Purpose::Escape, replica)));
        for step in 1..=run.max_steps {
            dynamics.advance(&mut block, 1, &ExitTest::Never);
            block.theta_into(0, &mut theta);
            let loss = meter.loss(&theta);
            if loss.is_nan() || loss > level {
                return (step, true);
            }
        }
        (run.max_steps, false)
    };
    (0..run.replicas as u64).map(one).collect()
}

fn ends(ends: &[Termination]) -> Vec<(u64, bool)> {
    ends.iter().map(|end| end.observation(|steps, _| steps as f64)).map(|seen| (seen.time as u64, seen.event)).collect()
}

fn check(name: &str, run: &EscapeRun, dynamics: &AnyDynamics, problem: &dyn Problem) {
    let want = step_by_step(run, dynamics, problem);
    let left = want.iter().filter(|(_, left)| *left).count();
    assert!(left > run.replicas / 2, "{name}: only {left} replicas leave");
    let found = run.run(dynamics, problem, &Stop::new(), |_| {}).expect("a run");
    assert_eq!(ends(&found), want, "{name}");
}

/// In every layout and both precisions, for a loss that is a quadratic form and for some that are not, for SGD and equations.
#[test]
fn passages_are_seen_at_their_step() {
    let x = noise(300, 1);
    let line = |dim: usize| {
        let rows = x.chunks_exact(dim);
        let targets: Vec<f64> =
            rows.clone().zip(noise(300 / dim, 2)).map(|(row, e)| row[0] - 0.5 * row[dim - 1] + e).collect();
        LinearRegression::new(x[..targets.len() * dim].to_vec(), targets, dim).expect("a problem")
    };
    for (dim, batch, eta) in [(1, 1, 0.1), (2, 1, 0.1), (2, 8, 0.5), (10, 2, 0.1)] {
        let problem = line(dim);
        let run = run(&problem, &vec![0.0; dim], 1.6, 3000);
        for precision in [Precision::Float32, Precision::Float64] {
            let dynamics = Sgd::on(&problem, sgd(eta, batch), precision).expect("a chain");
            check(&format!("linear {dim}, {batch}, {precision:?}"), &run, &dynamics, &problem);
        }
    }
    let plane = line(2);
    let inside = run(&plane, &[0.0; 2], 1.6, 3000);
    let epochs = SgdSettings { sampling: Sampling::EpochShuffle, ..sgd(0.2, 1) };
    check("epochs", &inside, &Sgd::on(&plane, epochs, Precision::Float64).expect("a chain"), &plane);

    let inputs = noise(120, 3);
    let squares = inputs.chunks(2).zip(noise(60, 4)).map(|(x, e)| (x[0] - 0.6 * x[1]).powi(2) + e).collect();
    let retrieval = PhaseRetrieval::new(inputs, squares, 2).expect("a problem");
    let inside = run(&retrieval, &[1.0, -0.6], 4.0, 3000);
    check(
        "phase retrieval",
        &inside,
        &Sgd::on(&retrieval, sgd(0.02, 1), Precision::Float64).expect("a chain"),
        &retrieval,
    );

    let x: Vec<f64> = (0..60).map(|k| f64::from(k) / 20.0).collect();
    let y = x.iter().zip(noise(60, 5)).map(|(x, e)| (3.0 * x).sin() + 0.4 * e).collect();
    let sine = Sinusoid::new(x, y, true).expect("a problem");
    let inside = run(&sine, &[3.0, 1.0], 1.5, 3000);
    check("sinusoid", &inside, &Sgd::on(&sine, sgd(0.1, 1), Precision::Float64).expect("a chain"), &sine);
}

/// Networks, whose curvature changes along the way.
#[test]
fn passages_of_networks_are_seen_at_their_step() {
    let (inputs, targets) = (noise(150, 6), noise(50, 7));
    let mlp = Mlp::new(&[3, 5, 1], Activation::Tanh, inputs, targets).expect("a network");
    let start = mlp.init(Initialisation::Lecun, &mut stream(4, Purpose::Start, 0));
    let run = run(&mlp, &start, 1.5, 3000);
    for precision in [Precision::Float32, Precision::Float64] {
        for (eta, batch) in [(0.06, 1), (0.2, 4)] {
            let dynamics = Sgd::on(&mlp, sgd(eta, batch), precision).expect("a chain");
            check(&format!("{eta}, {batch}, {precision:?}"), &run, &dynamics, &mlp);
        }
    }
}

/// Pauses, threads and serialisation do not move a passage.
#[test]
fn pauses_do_not_move_a_passage() {
    let inputs = noise(120, 3);
    let squares = inputs.chunks(2).zip(noise(60, 4)).map(|(x, e)| (x[0] - 0.6 * x[1]).powi(2) + e).collect();
    let problem = PhaseRetrieval::new(inputs, squares, 2).expect("a problem");
    let run = run(&problem, &[1.0, -0.6], 4.0, 20_000);
    let dynamics = Sgd::on(&problem, sgd(0.01, 1), Precision::Float64).expect("a chain");
    let whole = run.run(&dynamics, &problem, &Stop::new(), |_| {}).expect("a run");
    let mut progress = EscapeProgress::default();
    let mut pieces = 0;
    while !progress.is_complete(&run) {
        let looks = AtomicU64::new(0);
        let pause = Stop::new().or_pausing_when(move || looks.fetch_add(1, Ordering::Relaxed) >= 40);
        run.advance(&dynamics, &problem, &mut progress, &pause, |_| {}).expect("a piece");
        progress = serde_json::from_str(&serde_json::to_string(&progress).expect("JSON")).expect("progress");
        pieces += 1;
    }
    assert!(pieces > 5, "{pieces} pieces");
    assert_eq!(progress.terminations(&run), whole);
    let paths = run.trajectories(&dynamics, &problem, 50, &Stop::new()).expect("paths");
    for (end, replica) in ends(&whole).iter().zip(0..) {
        let steps: Vec<u64> = paths.iter().filter(|point| point.replica == replica).map(|point| point.steps).collect();
        assert!(steps.is_sorted_by(|a, b| a < b));
        assert!(steps.last().is_some_and(|last| *last <= end.0));
    }
}

/// A line whose replicas move by one call.
struct Together(LinearRegression);

impl Problem for Together {
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
    fn replicas_at_once(&self) -> usize {
        5
    }
}

/// In the layouts that other problems and equations have.
#[test]
fn passages_of_others_are_seen_at_their_step() {
    let x = noise(300, 1);
    let y = x.chunks(2).zip(noise(150, 2)).map(|(x, e)| x[0] + e).collect();
    let problem = Together(LinearRegression::new(x, y, 2).expect("a problem"));
    let inside = run(&problem, &[0.0; 2], 1.6, 3000);
    check("together", &inside, &Sgd::on(&problem, sgd(0.1, 1), Precision::Float64).expect("a chain"), &problem);

    let low = 0.1;
    for dim in [1, 2, 3] {
        let basin = QuadraticBasin::new(low, (1..=dim).map(f64::from).collect()).expect("a basin");
        let region = Region::LossLevel { loss: 3.0 * low, check_every: 1 };
        let dim = dim as usize;
        let run = EscapeRun { start: vec![0.0; dim], region, replicas: 40, max_steps: 5000, seed: 2 };
        let equations =
            [AnyDynamics::new(equation::<f32>(&basin, dim)), AnyDynamics::new(equation::<f64>(&basin, dim))];
        for dynamics in equations {
            check(&format!("equation {dim}"), &run, &dynamics, &basin);
        }
        if dim == 1 {
            let line = ScalarDiffusion::<DecoupledBasin<f64>>::new(&basin, 0.5, 0.02).expect("an equation");
            check("line", &run, &AnyDynamics::new(line), &basin);
            let log = ScalarDiffusion::<LogBasin<f32>>::new(&basin, 0.5, 0.005).expect("an equation");
            check("line in the log-landscape", &run, &AnyDynamics::new(log), &basin);
        }
    }
}

fn equation<R: Gaussian>(basin: &QuadraticBasin, dim: usize) -> impl Dynamics + Send + use<R> {
    let noise = NoiseFactor::<R>::isotropic(dim, 1.0).expect("a factor");
    let sde = DecoupledNoise::new(basin.clone(), noise, 0.5).expect("an equation");
    Diffusion::<R, _, _>::new(sde, EulerMaruyama, 0.02).expect("an equation")
}
