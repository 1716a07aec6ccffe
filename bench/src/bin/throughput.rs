//! Our side of `cargo xtask bench peers`: `throughput WORK PRECISION` simulates on request, `throughput export DIR`
//! writes each work's data and settings for the peers.
//!
//! It prints `ready`, or `unsupported` and ends. Then each line `run` is answered by the rate in replica-steps per
//! second, each line `check` by the means of observables and of their squares, each followed by its standard error.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use logscape::data::Dataset;
use logscape::dynamics::{Dynamics, ExitTest, Sgd};
use logscape::ensemble::{EscapeRun, Interrupt, LossMeter, Purpose, Region, Termination, stream};
use logscape::{Problem, Sampling, SgdSettings};
use logscape_bench::{Taught, linear_regression, perceptron, phase_retrieval, sinusoid};
use serde_json::{Value, json};

/// A run shorter than this is repeated.
const SHORTEST: Duration = Duration::from_millis(500);

/// All works, by the names of `README.md`.
const WORKS: [&str; 8] = [
    "linear",
    "perceptron",
    "sinusoid-1",
    "sinusoid-8",
    "phase-retrieval-1",
    "phase-retrieval-8",
    "sde",
    "log-landscape",
];

/// The work of that name.
fn work(name: &str) -> Option<Box<dyn Work>> {
    match name {
        "linear" => Some(Box::new(linear())),
        "perceptron" => Some(Box::new(digits())),
        "sinusoid-1" => Some(Box::new(sinusoid_exit(1, 0.08))),
        "sinusoid-8" => Some(Box::new(sinusoid_exit(8, 0.4))),
        "phase-retrieval-1" => Some(Box::new(phase_retrieval_exit(1, 0.01))),
        "phase-retrieval-8" => Some(Box::new(phase_retrieval_exit(8, 0.04))),
        "sde" => Some(Box::new(scalar_sde(0.01, 2000))),
        "log-landscape" => Some(Box::new(scalar_sde(0.001, 2000))),
        _ => None,
    }
}

fn linear() -> SgdWork<impl Problem> {
    SgdWork {
        taught: linear_regression(),
        start: vec![0.0; 10],
        learning_rate: 0.01,
        batch_size: 10,
        region: None,
        run: Size { replicas: 4096, steps: 1000 },
        check: Size { replicas: 4096, steps: 200 },
    }
}

fn digits() -> SgdWork<impl Problem> {
    let (taught, start) = perceptron();
    SgdWork {
        taught,
        start,
        learning_rate: 0.1,
        batch_size: 32,
        region: None,
        run: Size { replicas: 64, steps: 100 },
        check: Size { replicas: 256, steps: 30 },
    }
}

/// From the minimum near 5.5 to the barrier on either side.
fn sinusoid_exit(batch_size: usize, learning_rate: f64) -> SgdWork<impl Problem> {
    SgdWork {
        taught: sinusoid(),
        start: vec![5.48],
        learning_rate,
        batch_size,
        region: Some(Region::interval(4.41, 6.6)),
        run: Size { replicas: 4096, steps: 20_000 },
        check: Size { replicas: 4096, steps: 2000 },
    }
}

fn phase_retrieval_exit(batch_size: usize, learning_rate: f64) -> SgdWork<impl Problem> {
    let (taught, teacher) = phase_retrieval();
    SgdWork {
        taught,
        start: teacher.clone(),
        learning_rate,
        batch_size,
        region: Some(Region::Ball { centre: teacher, radius: 0.5 }),
        run: Size { replicas: 4096, steps: 20_000 },
        check: Size { replicas: 4096, steps: 2000 },
    }
}

fn scalar_sde(step: f64, steps: u64) -> ScalarSde {
    ScalarSde { step, run: Size { replicas: 10_000, steps }, check: Size { replicas: 10_000, steps: 200 } }
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

/// What can be timed, checked and described to a peer.
trait Work {
    fn describe(&self) -> Value;
    fn supports(&self, precision: &str) -> bool;
    /// Replica-steps taken by a run of the size that is timed.
    fn run(&self, seed: u64) -> u64;
    /// After the run that is checked: for each observable, its value in every replica.
    fn check(&self, seed: u64) -> Vec<Vec<f64>>;
}

/// SGD, with first passage out of `region` where there is one.
struct SgdWork<P> {
    taught: Taught<P>,
    start: Vec<f64>,
    learning_rate: f64,
    batch_size: usize,
    region: Option<Region>,
    run: Size,
    check: Size,
}

impl<P: Problem> SgdWork<P> {
    fn settings(&self) -> SgdSettings {
        let &Self { learning_rate, batch_size, .. } = self;
        SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement }
    }

    /// The step at which each replica left, or the last one.
    fn exit_steps(&self, size: Size, seed: u64) -> Vec<u64> {
        let wall = vec![f64::INFINITY; self.start.len()];
        let nowhere = Region::Box { lower: wall.iter().map(|x| -x).collect(), upper: wall };
        let run = EscapeRun {
            start: self.start.clone(),
            settings: self.settings(),
            region: self.region.clone().unwrap_or(nowhere),
            replicas: size.replicas,
            max_steps: size.steps,
            seed,
        };
        let ends = run.run(&self.taught.problem, &Interrupt::default(), |_| {}).expect("the run is valid");
        ends.into_iter()
            .map(|end| match end {
                Termination::Escaped { steps } | Termination::Censored { steps } => steps,
                Termination::Diverged { .. } => panic!("a replica diverged"),
            })
            .collect()
    }

    fn losses(&self, size: Size, seed: u64) -> Vec<f64> {
        let sgd = Sgd::new(&self.taught.problem, self.settings()).expect("settings are valid");
        let mut scratch = vec![0.0; sgd.scratch_len()];
        let mut meter = LossMeter::new(&self.taught.problem);
        (0..size.replicas as u64)
            .map(|index| {
                let mut replica = sgd.replica(&self.start, stream(seed, Purpose::Escape, index));
                sgd.advance(&mut replica, size.steps, &ExitTest::Never, &mut scratch);
                meter.loss(&replica.theta)
            })
            .collect()
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

    fn supports(&self, precision: &str) -> bool {
        precision == "f64"
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

/// `L = L* + ½ h θ²` in continuous time `t`, or in `τ` with `dτ = L dt`.
struct ScalarSde {
    /// Of `t`, or of `τ`.
    step: f64,
    run: Size,
    check: Size,
}

impl Work for ScalarSde {
    fn describe(&self) -> Value {
        json!({
            "minimum_loss": 0.1,
            "curvature": 1.0,
            "noise_strength": 1.0,
            "learning_rate": 0.1,
            "batch_size": 1,
            "start": 1.0,
            "step": self.step,
            "run": self.run.describe(),
            "check": self.check.describe(),
        })
    }

    fn supports(&self, _precision: &str) -> bool {
        false
    }

    fn run(&self, _seed: u64) -> u64 {
        unreachable!("no precision is supported")
    }

    fn check(&self, _seed: u64) -> Vec<Vec<f64>> {
        unreachable!("no precision is supported")
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
        let work = work(name).expect("every listed name has a work");
        fs::write(folder.join(name).with_extension("json"), work.describe().to_string())?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", folder] => export(Path::new(folder)),
        [name, precision] => match work(name) {
            Some(work) if work.supports(precision) => serve(work.as_ref()),
            _ => {
                println!("unsupported");
                Ok(())
            }
        },
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
