//! Our side of `cargo xtask bench peers`: `throughput WORK PRECISION` simulates on request, `throughput export DIR`
//! writes each work's data and settings for the peers.
//!
//! It prints `ready`, or `unsupported` and ends. Then each line `run` is answered by the rate in replica-steps per
//! second, each line `check` by the means of observables and of their squares, each followed by its standard error.

use logscape::Stop;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use logscape::Problem;
use logscape::data::Dataset;
use logscape::engine::sde::{ConstantNoise, DecoupledBasin, Diffusion, EulerMaruyama, LogBasin, ScalarDiffusion};
use logscape::engine::{AnyDynamics, Block, Dynamics, ExitTest, ReplicaState, TimeUnit};
use logscape::ensemble::{EscapeRun, LossMeter, Region, Termination};
use logscape::random::Gaussian;
use logscape::random::{Purpose, stream};
use logscape::rare::{RareMethod, RareProgress, RareRun, RegionScore};
use logscape_bench::double_well::{self, DoubleWell};
use logscape_bench::{Taught, linear_regression, perceptron, phase_retrieval, scalar_sde, sgd, sinusoid};
use rayon::prelude::*;
use serde_json::{Value, json};

/// A run shorter than this is repeated.
const SHORTEST: Duration = Duration::from_millis(500);

/// All works, by the names of `README.md`.
const WORKS: [&str; 9] = [
    "linear",
    "perceptron",
    "sinusoid-1",
    "sinusoid-8",
    "phase-retrieval-1",
    "phase-retrieval-8",
    "sde",
    "log-landscape",
    "double-well",
];

/// The work of that name in a precision; `None` where we do not have it.
fn work(name: &str, precision: &str) -> Option<Box<dyn Work>> {
    match precision {
        "f32" => work_in::<f32>(name),
        "f64" => work_in::<f64>(name),
        _ => None,
    }
}

fn work_in<R: Gaussian>(name: &str) -> Option<Box<dyn Work>> {
    match name {
        "linear" => Some(Box::new(linear::<R>())),
        "perceptron" => Some(Box::new(digits::<R>())),
        "sinusoid-1" => Some(Box::new(sinusoid_exit::<R>(1, 0.08))),
        "sinusoid-8" => Some(Box::new(sinusoid_exit::<R>(8, 0.4))),
        "phase-retrieval-1" => Some(Box::new(phase_retrieval_exit::<R>(1, 0.01))),
        "phase-retrieval-8" => Some(Box::new(phase_retrieval_exit::<R>(8, 0.04))),
        "sde" => Some(Box::new(SdeWork { size: ScalarSize::IN_TIME, dynamics: ScalarSize::IN_TIME.decoupled::<R>() })),
        "log-landscape" => {
            let size = ScalarSize::IN_LANDSCAPE_TIME;
            Some(Box::new(SdeWork { size, dynamics: size.log_landscape::<R>() }))
        }
        "double-well" => Some(Box::new(SplittingWork { dynamics: wells::<R>() })),
        _ => None,
    }
}

/// What a peer needs to simulate the work of that name.
fn description(name: &str) -> Value {
    work(name, "f64").expect("every listed name has a work").describe()
}

/// A problem that lives as long as the program, so that dynamics can refer to it.
fn keep<P>(taught: Taught<P>) -> &'static Taught<P> {
    Box::leak(Box::new(taught))
}

fn linear<R: Gaussian>() -> SgdWork<impl Problem> {
    let taught = keep(linear_regression());
    let (learning_rate, batch_size) = (0.01, 10);
    SgdWork {
        taught,
        dynamics: sgd::<R>(&taught.problem, learning_rate, batch_size),
        start: vec![0.0; 10],
        learning_rate,
        batch_size,
        region: None,
        run: Size { replicas: 4096, steps: 1000 },
        check: Size { replicas: 4096, steps: 200 },
    }
}

fn digits<R: Gaussian>() -> SgdWork<impl Problem> {
    let (taught, start) = perceptron();
    let taught = keep(taught);
    let (learning_rate, batch_size) = (0.1, 32);
    SgdWork {
        taught,
        dynamics: sgd::<R>(&taught.problem, learning_rate, batch_size),
        start,
        learning_rate,
        batch_size,
        region: None,
        run: Size { replicas: 64, steps: 100 },
        check: Size { replicas: 256, steps: 30 },
    }
}

/// From the minimum near 5.5 to the barrier on either side.
fn sinusoid_exit<R: Gaussian>(batch_size: usize, learning_rate: f64) -> SgdWork<impl Problem> {
    let taught = keep(sinusoid());
    SgdWork {
        taught,
        dynamics: sgd::<R>(&taught.problem, learning_rate, batch_size),
        start: vec![5.48],
        learning_rate,
        batch_size,
        region: Some(Region::interval(4.41, 6.6)),
        run: Size { replicas: 4096, steps: 20_000 },
        check: Size { replicas: 4096, steps: 2000 },
    }
}

fn phase_retrieval_exit<R: Gaussian>(batch_size: usize, learning_rate: f64) -> SgdWork<impl Problem> {
    let (taught, teacher) = phase_retrieval();
    let taught = keep(taught);
    SgdWork {
        taught,
        dynamics: sgd::<R>(&taught.problem, learning_rate, batch_size),
        start: teacher.clone(),
        learning_rate,
        batch_size,
        region: Some(Region::Ball { centre: teacher, radius: 0.5 }),
        run: Size { replicas: 4096, steps: 20_000 },
        check: Size { replicas: 4096, steps: 2000 },
    }
}

/// How much to simulate.
#[derive(Debug, Clone, Copy)]
struct Size {
    replicas: usize,
    steps: u64,
}

impl Size {
    fn describe(self) -> Value {
        json!({ "replicas": self.replicas, "steps": self.steps })
    }
}

/// The scalar SDE: its step, in `t` or in `τ`, and how many of them.
#[derive(Debug, Clone, Copy)]
struct ScalarSize {
    step: f64,
    run: u64,
    check: u64,
}

impl ScalarSize {
    const IN_TIME: Self = Self { step: 0.01, run: 2000, check: 200 };
    const IN_LANDSCAPE_TIME: Self = Self { step: 0.001, run: 2000, check: 200 };

    fn decoupled<R: Gaussian>(self) -> ScalarDiffusion<DecoupledBasin<R>> {
        ScalarDiffusion::new(&scalar_sde::basin(), scalar_sde::STRENGTH, self.step).expect("settings are valid")
    }

    fn log_landscape<R: Gaussian>(self) -> ScalarDiffusion<LogBasin<R>> {
        ScalarDiffusion::new(&scalar_sde::basin(), scalar_sde::STRENGTH, self.step).expect("settings are valid")
    }

    fn describe(self) -> Value {
        let size = |steps| Size { replicas: scalar_sde::REPLICAS, steps }.describe();
        json!({
            "minimum_loss": scalar_sde::MINIMUM_LOSS,
            "curvature": scalar_sde::CURVATURE,
            "noise_strength": scalar_sde::NOISE_STRENGTH,
            "learning_rate": scalar_sde::LEARNING_RATE,
            "batch_size": scalar_sde::BATCH_SIZE,
            "start": scalar_sde::START,
            "step": self.step,
            "run": size(self.run),
            "check": size(self.check),
        })
    }
}

/// What can be timed, checked and described to a peer.
trait Work {
    fn describe(&self) -> Value;
    /// Replica-steps taken by a run of the size that is timed.
    fn run(&self, seed: u64) -> u64;
    /// After the run that is checked: for each observable, its value in every replica.
    fn check(&self, seed: u64) -> Vec<Vec<f64>>;
}

/// SGD, with first passage out of `region` where there is one.
struct SgdWork<P: 'static> {
    taught: &'static Taught<P>,
    dynamics: AnyDynamics<'static>,
    start: Vec<f64>,
    learning_rate: f64,
    batch_size: usize,
    region: Option<Region>,
    run: Size,
    check: Size,
}

impl<P: Problem> SgdWork<P> {
    /// The step at which each replica left, or the last one.
    fn exit_steps(&self, size: Size, seed: u64) -> Vec<u64> {
        let wall = vec![f64::INFINITY; self.start.len()];
        let nowhere = Region::Box { lower: wall.iter().map(|x| -x).collect(), upper: wall };
        let run = EscapeRun {
            start: self.start.clone(),
            region: self.region.clone().unwrap_or(nowhere),
            replicas: size.replicas,
            max_steps: size.steps,
            seed,
        };
        let ends = run.run(&self.dynamics, &self.taught.problem, &Stop::new(), |_| {}).expect("the run is valid");
        ends.into_iter()
            .map(|end| match end {
                Termination::Escaped { steps, .. } | Termination::Censored { steps, .. } => steps,
                Termination::Diverged { .. } => panic!("a replica diverged"),
            })
            .collect()
    }

    fn losses(&self, size: Size, seed: u64) -> Vec<f64> {
        let mut block = self.dynamics.block();
        let mut meter = LossMeter::new(&self.taught.problem);
        let mut theta = self.start.clone();
        let mut losses = Vec::with_capacity(size.replicas);
        for first in (0..size.replicas).step_by(block.lanes()) {
            let lanes = block.lanes().min(size.replicas - first);
            for lane in 0..lanes {
                let random = stream(seed, Purpose::Escape, (first + lane) as u64);
                block.load(lane, &ReplicaState::new(&self.start, random));
            }
            self.dynamics.advance(&mut block, size.steps, &ExitTest::Never);
            for lane in 0..lanes {
                block.theta_into(lane, &mut theta);
                losses.push(meter.loss(&theta));
            }
        }
        losses
    }
}

impl<P: Problem> Work for SgdWork<P> {
    fn describe(&self) -> Value {
        let Dataset { inputs, targets, input_dim, target_dim, .. } = &self.taught.data;
        json!({
            "inputs": inputs.chunks(*input_dim).collect::<Vec<_>>(),
            "targets": targets.chunks(*target_dim).collect::<Vec<_>>(),
            "start": self.start,
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
            "region": self.region,
            "run": self.run.describe(),
            "check": self.check.describe(),
        })
    }

    fn run(&self, seed: u64) -> u64 {
        self.exit_steps(self.run, seed).iter().sum()
    }

    fn check(&self, seed: u64) -> Vec<Vec<f64>> {
        vec![match self.region {
            None => self.losses(self.check, seed),
            Some(_) => self.exit_steps(self.check, seed).iter().map(|&steps| steps as f64).collect(),
        }]
    }
}

/// An SDE in one dimension, without exit.
struct SdeWork<D> {
    size: ScalarSize,
    dynamics: D,
}

impl<D: Dynamics> SdeWork<D> {
    /// Steps all replicas and gives each block to `see`, with how many of its lanes count.
    fn blocks<T: Send>(&self, steps: u64, seed: u64, see: impl Fn(&D::Block, usize) -> T + Sync) -> Vec<T> {
        let (lanes, replicas) = (self.dynamics.block().lanes(), scalar_sde::REPLICAS);
        let block = |number: usize| {
            let (mut block, first) = (self.dynamics.block(), number * lanes);
            let count = lanes.min(replicas - first);
            for lane in 0..count {
                let random = stream(seed, Purpose::Escape, (first + lane) as u64);
                block.load(lane, &ReplicaState::new(&[scalar_sde::START], random));
            }
            self.dynamics.advance(&mut block, steps, &ExitTest::Never);
            see(&block, count)
        };
        (0..replicas.div_ceil(lanes)).into_par_iter().map(block).collect()
    }
}

impl<D: Dynamics> Work for SdeWork<D> {
    fn describe(&self) -> Value {
        self.size.describe()
    }

    fn run(&self, seed: u64) -> u64 {
        self.blocks(self.size.run, seed, |block, count| (0..count).map(|lane| block.steps(lane)).sum::<u64>())
            .iter()
            .sum()
    }

    fn check(&self, seed: u64) -> Vec<Vec<f64>> {
        let ends: Vec<[f64; 2]> = self
            .blocks(self.size.check, seed, |block, count| {
                let end = |lane| {
                    let mut theta = [0.0];
                    block.theta_into(lane, &mut theta);
                    let loss = scalar_sde::MINIMUM_LOSS + 0.5 * scalar_sde::CURVATURE * theta[0] * theta[0];
                    [loss, block.time(lane)]
                };
                (0..count).map(end).collect::<Vec<_>>()
            })
            .concat();
        let clocks = (self.dynamics.time_unit() == TimeUnit::LandscapeTime).then_some(1);
        std::iter::once(0).chain(clocks).map(|i| ends.iter().map(|end| end[i]).collect()).collect()
    }
}

/// Splitting: a replica-step is a trajectory of an estimate here, since the methods differ in the steps that they need.
struct SplittingWork {
    dynamics: AnyDynamics<'static>,
}

fn wells<R: Gaussian>() -> AnyDynamics<'static> {
    let noise = ConstantNoise::<R, _>::langevin(DoubleWell, double_well::TEMPERATURE).expect("settings are valid");
    AnyDynamics::new(Diffusion::new(noise, EulerMaruyama, double_well::STEP).expect("settings are valid"))
}

impl SplittingWork {
    /// The estimate of so many repeats, per unit of time.
    fn rate(&self, repeats: usize, seed: u64) -> f64 {
        let region = Region::interval(f64::NEG_INFINITY, double_well::END);
        let run = RareRun {
            trajectories: double_well::TRAJECTORIES,
            repeats,
            ..RareRun::new(vec![double_well::START], region, RareMethod::Splitting, seed)
        };
        // The region needs no loss.
        let problem = scalar_sde::basin();
        let score = RegionScore::new(&run.region, &run.start, &problem);
        let mut progress = RareProgress::default();
        run.advance(&self.dynamics, &score, &problem, &mut progress, &Stop::new()).expect("the run is valid");
        let rate = run.estimate(&progress).repeats.and_then(|repeats| repeats.rate_per_time);
        rate.map_or(0.0, |rate| rate.value)
    }
}

impl Work for SplittingWork {
    fn describe(&self) -> Value {
        json!({
            "temperature": double_well::TEMPERATURE,
            "step": double_well::STEP,
            "start": double_well::START,
            "end": double_well::END,
            "horizon": double_well::HORIZON,
            "trajectories": double_well::TRAJECTORIES,
            "run": { "estimates": 1 },
            "check": { "estimates": 12 },
        })
    }

    fn run(&self, seed: u64) -> u64 {
        const REPEATS: usize = 20;
        self.rate(REPEATS, seed);
        (REPEATS * double_well::TRAJECTORIES) as u64
    }

    /// The probability to be there before the horizon.
    fn check(&self, seed: u64) -> Vec<Vec<f64>> {
        let estimates = 0..48;
        vec![estimates.map(|k| -(-double_well::HORIZON * self.rate(3, 1000 * seed + k)).exp_m1()).collect()]
    }
}

/// The means of `x` and of `x²`, each with its standard error.
fn moments(values: &[f64]) -> String {
    let n = values.len() as f64;
    let estimate = |power: i32| {
        let mean = values.iter().map(|x| x.powi(power)).sum::<f64>() / n;
        let square = values.iter().map(|x| (x.powi(power) - mean).powi(2)).sum::<f64>();
        format!("{mean} {}", (square / (n * (n - 1.0))).sqrt())
    };
    format!("{} {}", estimate(1), estimate(2))
}

fn serve(work: &dyn Work) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    for (seed, line) in (1..).zip(io::stdin().lock().lines()) {
        match line?.trim() {
            "run" => {
                let begin = Instant::now();
                let mut steps = 0;
                while begin.elapsed() < SHORTEST {
                    steps += work.run(seed);
                }
                writeln!(out, "{}", steps as f64 / begin.elapsed().as_secs_f64())?;
            }
            "check" => {
                let estimates: Vec<String> = work.check(seed).iter().map(|values| moments(values)).collect();
                writeln!(out, "{}", estimates.join(" "))?;
            }
            other => writeln!(out, "unknown request {other}")?,
        }
        out.flush()?;
    }
    Ok(())
}

fn export(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for name in WORKS {
        fs::write(folder.join(name).with_extension("json"), description(name).to_string())?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", folder] => export(Path::new(folder)),
        [name, precision] => {
            if let Some(work) = work(name, precision) {
                serve(work.as_ref())
            } else {
                println!("unsupported");
                Ok(())
            }
        }
        _ => {
            eprintln!("usage: throughput WORK PRECISION | throughput export DIR");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("throughput: {error}");
            ExitCode::FAILURE
        }
    }
}
