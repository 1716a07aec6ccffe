//! `cargo xtask bench scaling [--json FILE]`: how the rate of SGD on linear regression changes with the number of replicas,
//! the dimension and the batch size, around 4096 replicas of `d = 10`, `B = 10`.

use logscape::Stop;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use logscape::Problem;
use logscape::data::synthetic;
use logscape::engine::{AnyDynamics, RowSgd};
use logscape::ensemble::{EscapeRun, Region};
use logscape::lanes::{LANES, Lane, dispatch};
use logscape::problem::LinearRegression;
use rayon::prelude::*;
use serde_json::{Value, json};

/// Multiply-adds in one timed run, about.
const WORK: f64 = 2e9;
/// Runs of each point, of which the fastest counts.
const RUNS: usize = 3;
/// Samples.
const SAMPLES: usize = 1000;

/// One point of a sweep.
#[derive(Debug, Clone, Copy)]
struct Point {
    replicas: usize,
    dimension: usize,
    batch: usize,
}

const CENTRE: Point = Point { replicas: 4096, dimension: 10, batch: 10 };

impl Point {
    /// Flops of a replica-step: two for each product of `x·θ` and of the gradient, and the step.
    fn flops(self) -> f64 {
        (4 * self.dimension * self.batch + 2 * self.dimension) as f64
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let file = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--json", file] => Some((*file).to_owned()),
        _ => {
            eprintln!("usage: cargo xtask bench scaling [--json FILE]");
            return ExitCode::from(2);
        }
    };
    println!("{:<10} {:>8} {:>12} {:>9} {:>9} {:>9}", "sweep", "value", "M steps/s", "Gflop/s", "of best", "of floor");
    let replicas = [1, 4, 16, 32, 64, 256, 1024, 4096, 65_536, 1_000_000];
    let dimensions = [1, 2, 4, 8, 10, 16, 32, 64, 100, 300, 1000];
    let batches = [1, 2, 4, 8, 16, 32, 64, 128, 256];
    let mut rows = sweep("replicas", &replicas.map(|replicas| (replicas, Point { replicas, ..CENTRE })));
    rows.extend(sweep("dimension", &dimensions.map(|dimension| (dimension, Point { dimension, ..CENTRE }))));
    rows.extend(sweep("batch", &batches.map(|batch| (batch, Point { batch, ..CENTRE }))));
    if let Some(file) = file
        && let Err(error) = fs::write(&file, format!("{:#}\n", Value::Array(rows)))
    {
        eprintln!("cannot write {file}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Times the points of one sweep and prints them; the floor is measured beside each.
fn sweep(name: &str, points: &[(usize, Point)]) -> Vec<Value> {
    let measured: Vec<(usize, f64, f64, f64)> = points
        .iter()
        .map(|&(value, point)| {
            let rate = rate(point);
            (value, rate, rate * point.flops(), floor())
        })
        .collect();
    let best = measured.iter().map(|row| row.2).fold(0.0, f64::max);
    measured
        .iter()
        .map(|&(value, rate, flops, floor)| {
            println!(
                "{name:<10} {value:>8} {:>12.3} {:>9.2} {:>9.3} {:>9.3}",
                rate / 1e6,
                flops / 1e9,
                flops / best,
                flops / floor
            );
            json!({
                "sweep": name, "value": value, "replica_steps_per_second": rate, "flops": flops,
                "of_best": flops / best, "of_floor": flops / floor,
            })
        })
        .collect()
}

/// Replica-steps per second of an ensemble that nothing ends.
fn rate(point: Point) -> f64 {
    let problem = problem(point.dimension);
    // Stable whatever the dimension: a single sample's step is about d η.
    let learning_rate = 0.1 / point.dimension as f64;
    let dynamics = RowSgd::<f64, _>::new(&problem, learning_rate, point.batch).expect("settings are valid");
    let dynamics = AnyDynamics::new(dynamics);
    let wall = vec![f64::INFINITY; point.dimension];
    let steps = (WORK / (0.5 * point.flops() * point.replicas as f64)).max(1.0) as u64;
    let run = EscapeRun {
        start: vec![0.0; problem.dim()],
        region: Region::Box { lower: wall.iter().map(|x| -x).collect(), upper: wall },
        replicas: point.replicas,
        // A single replica needs not wait as long as the many would.
        max_steps: steps.min(3_000_000),
        seed: 1,
    };
    let total = run.max_steps as f64 * point.replicas as f64;
    fastest(|| {
        black_box(run.run(&dynamics, &problem, &Stop::new(), |_| {}).expect("the run is valid"));
        total
    })
}

/// Flops per second of multiply-adds in registers, on all threads.
fn floor() -> f64 {
    fastest(|| {
        let threads = rayon::current_num_threads();
        (0..threads).into_par_iter().for_each(|_| {
            dispatch(
                #[allow(clippy::redundant_closure, reason = "only a closure can be told to be inlined here")]
                #[inline(always)]
                || sums(),
            );
        });
        (2 * STEPS * (SUMS * LANES) as u64 * threads as u64) as f64
    })
}

/// Multiply-adds of each sum in [`sums`].
const STEPS: u64 = 10_000_000;
/// Sums in lanes that are under way together: as many as hide the time that one takes, and fit into registers.
const SUMS: usize = 5;

// Indices, since calls of iterators' methods would not all be inlined here.
#[inline(always)]
fn sums() {
    let (factor, term) = (black_box(0.999_f64), black_box(1e-3_f64));
    let mut sums = [Lane::splat(1.0_f64); SUMS];
    for _ in 0..STEPS {
        for i in 0..SUMS {
            for k in 0..LANES {
                sums[i].0[k] = sums[i].0[k].mul_add(factor, term);
            }
        }
    }
    black_box(sums);
}

/// Work per second of the fastest of several runs.
fn fastest(mut run: impl FnMut() -> f64) -> f64 {
    let time = |_| {
        let begin = Instant::now();
        let work = run();
        work / begin.elapsed().as_secs_f64()
    };
    (0..RUNS).map(time).fold(0.0, f64::max)
}

fn problem(dimension: usize) -> LinearRegression {
    let (spectrum, teacher) = (vec![1.0; dimension], vec![1.0; dimension]);
    let settings = synthetic::LinearTeacher { samples: SAMPLES, spectrum, teacher, noise: 1.0 };
    let data = synthetic::linear_teacher(&settings, 1).expect("settings are valid").data;
    LinearRegression::new(data.inputs, data.targets, dimension).expect("the data fit")
}
