//! `cargo xtask bench sizes`: what a Hessian product, the noise strength and leading eigenpairs of a perceptron take in time and memory, against
//! parameters `P`, samples `N`, vectors at once, and the memory that passes may be kept in. Single precision.
//!
//! Every point runs in a process of its own (`sizes POINT`), so that the peak of its memory is its own.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use std::{env, fs};

use faer::Mat;
use logscape::Stop;
use logscape::network::{LayerWord, Linearised, Network, OutputLoss};
use logscape::operator::{Linearisation, Matrix};
use logscape::problem::Problem;
// For its allocator.
use logscape_bench as _;

/// A run shorter than this is repeated.
const SHORTEST: Duration = Duration::from_millis(500);

/// A 784-…-10 network of tanh units on inputs made by a formula.
#[derive(Debug, Clone, Copy)]
struct Point {
    sweep: &'static str,
    hidden: &'static [usize],
    samples: usize,
    vectors: usize,
    /// Bytes for passes.
    memory: usize,
}

const GIB: usize = 1 << 30;
const CENTRE: Point = Point { sweep: "", hidden: &[100, 100], samples: 10_000, vectors: 1, memory: GIB };

const POINTS: [Point; 16] = [
    Point { sweep: "parameters", hidden: &[12], ..CENTRE },
    Point { sweep: "parameters", ..CENTRE },
    Point { sweep: "parameters", hidden: &[600, 600], ..CENTRE },
    Point { sweep: "parameters", hidden: &[2000, 2000, 2000], ..CENTRE },
    Point { sweep: "samples", samples: 1000, ..CENTRE },
    Point { sweep: "samples", samples: 3000, ..CENTRE },
    Point { sweep: "samples", ..CENTRE },
    Point { sweep: "samples", samples: 60_000, ..CENTRE },
    Point { sweep: "vectors", vectors: 1, ..CENTRE },
    Point { sweep: "vectors", vectors: 2, ..CENTRE },
    Point { sweep: "vectors", vectors: 8, ..CENTRE },
    Point { sweep: "vectors", vectors: 32, ..CENTRE },
    Point { sweep: "memory", memory: 0, ..CENTRE },
    Point { sweep: "memory", memory: 1 << 22, ..CENTRE },
    Point { sweep: "memory", memory: 1 << 23, ..CENTRE },
    Point { sweep: "memory", ..CENTRE },
];

impl Point {
    fn network(self) -> Network {
        let numbers = |a: f64, count: usize| (0..count).map(|k| (a * k as f64).sin()).collect::<Vec<f64>>();
        let mut layers = Vec::new();
        for &width in self.hidden {
            layers.push(format!(r#"{{"linear": {width}}}, "tanh""#));
        }
        let layers = format!(r#"[{}, {{"linear": 10}}]"#, layers.join(", "));
        let layers: Vec<LayerWord> = serde_json::from_str(&layers).expect("layers are written well");
        let targets = (0..self.samples).flat_map(|k| (0..10).map(move |i| f64::from(u8::from(k % 10 == i)))).collect();
        Network::new(&[784], &layers, OutputLoss::MeanSquare, numbers(0.37, self.samples * 784), targets)
            .expect("the network is valid")
    }

    /// Runs, and prints a row.
    fn measure(self) {
        let network = self.network();
        let p = network.dim();
        let theta: Vec<f64> = (0..p).map(|k| 0.05 * (0.61 * k as f64).sin()).collect();
        let linearised = Linearised::<f32>::new(&network, &theta, self.memory);
        let operator = linearised.operator(Matrix::Hessian);
        let vectors = Mat::from_fn(p, self.vectors, |i, j| (0.83 * (i + j * p) as f64).sin());
        let mut image = vectors.clone();
        let product = seconds(|| {
            operator.apply_into(vectors.as_ref(), image.as_mut(), &Stop::new()).expect("nothing stops it");
        }) / self.vectors as f64;
        let noise = seconds(|| {
            assert!(linearised.gradients(&Stop::new()).expect("nothing stops it").noise_trace() > 0.0);
        });
        // Two flops for each weight and sample: the first layer's twice, the others' six times.
        let first = 784 * self.hidden[0];
        let flops = 2.0 * self.samples as f64 * (2 * first + 6 * (p - first)) as f64;
        println!(
            "{:<11} {:>9} {:>7} {:>4} {:>9.1} {:>10.2} {:>9.1} {:>10.2} {:>9.0}",
            self.sweep,
            p,
            self.samples,
            self.vectors,
            100.0 * linearised.kept_share(),
            1e3 * product,
            flops / product / 1e9,
            1e3 * noise,
            peak() / 1e6
        );
    }
}

/// Seconds of a call, the first of which is not counted.
fn seconds(mut call: impl FnMut()) -> f64 {
    call();
    let (begin, mut calls) = (Instant::now(), 0);
    while begin.elapsed() < SHORTEST {
        call();
        calls += 1;
    }
    begin.elapsed().as_secs_f64() / f64::from(calls)
}

/// Most bytes that this process has had in memory.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.map_or(f64::NAN, |kilobytes| 1024.0 * kilobytes)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        [point] => {
            return match point.parse::<usize>().ok().and_then(|point| POINTS.get(point)) {
                Some(point) => {
                    point.measure();
                    ExitCode::SUCCESS
                }
                None => ExitCode::from(2),
            };
        }
        _ => {
            eprintln!("usage: cargo xtask bench sizes");
            return ExitCode::from(2);
        }
    }
    println!(
        "{:<11} {:>9} {:>7} {:>4} {:>9} {:>10} {:>9} {:>10} {:>9}",
        "sweep", "P", "N", "k", "kept %", "H·v ms", "Gflop/s", "noise ms", "peak MB"
    );
    let own = env::current_exe().expect("this program has a path");
    for point in 0..POINTS.len() {
        match Command::new(&own).arg(point.to_string()).status() {
            Ok(status) if status.success() => {}
            other => {
                eprintln!("point {point} did not run: {other:?}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
