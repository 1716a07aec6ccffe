//! `cargo xtask bench passages [SEED [NAME]]`: how many passages through a loss level are not seen at their step.
//!
//! Each replica is followed once as a run does it, which computes the loss of all data only where its bound asks for it, and once
//! with that loss at every step.

use logscape::data::digits;
use logscape::engine::{AnyDynamics, Block, Dynamics, ExitTest, ReplicaState};
use logscape::ensemble::{EscapeRun, LossMeter, Region, Termination};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::network::{Activation, Initialisation};
use logscape::operator::{End, Hessian, LanczosConfig, extreme_eigenpairs};
use logscape::problem::{LinearRegression, MatrixFactorisation, Mlp, PhaseRetrieval};
use logscape::random::{Purpose, stream};
use logscape::{Problem, Samples, Stop};
use logscape_bench::sgd;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StudentT};
use rayon::prelude::*;
use std::env;
use std::error::Error;
use std::time::Instant;

/// Parameters of a large problem; larger ones have fewer and shorter replicas.
const LARGE: usize = 5_000;
const REPLICAS: [usize; 2] = [20, 6];
const MOST_STEPS: [u64; 2] = [2000, 1000];
/// Batch sizes and products of learning rate and largest eigenvalue.
const SETTINGS: [(usize, [f64; 2]); 3] = [(1, [0.05, 0.2]), (8, [0.3, 0.9]), (32, [0.8, 1.7])];
/// `L_c/L*`.
const FACTORS: [f64; 2] = [1.5, 3.0];

fn main() -> Result<(), Box<dyn Error>> {
    let seed = env::args().nth(1).map_or(Ok(1), |word| word.parse())?;
    println!("| problem | P | N | leave | seen late | steps, mean | s watched | s step by step |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut sums = [0; 2];
    let only = env::args().nth(2).unwrap_or_default();
    for (name, problem, start) in problems(seed)?.into_iter().filter(|(name, ..)| name.contains(&only)) {
        let [left, late] = row(&name, &*problem, &start, seed)?;
        sums = [sums[0] + left, sums[1] + late];
    }
    println!("\n{} of {} passages are not seen at their step", sums[1], sums[0]);
    Ok(())
}

type Row = (String, Box<dyn Problem>, Vec<f64>);

fn normals(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count).map(|_| StandardNormal.sample(rng)).collect()
}

/// Outputs of a network with other widths and larger weights, and noise.
fn taught(widths: &[usize], inputs: &[f64], noise: f64, rng: &mut ChaCha8Rng) -> Result<Vec<f64>, Box<dyn Error>> {
    let [first, last] = [widths[0], widths[widths.len() - 1]];
    let samples = inputs.len() / first;
    let teacher = Mlp::new(&[first, 6, last], Activation::Tanh, inputs.to_vec(), vec![0.0; samples * last])?;
    let theta: Vec<f64> = teacher.init(Initialisation::Lecun, rng).iter().map(|x| 2.0 * x).collect();
    let mut outputs = vec![0.0; samples * last];
    let mut scratch = vec![0.0; teacher.scratch_len(samples)];
    teacher.residuals_into(&theta, Samples::Range(0..samples), &mut outputs, &mut scratch);
    Ok(outputs.into_iter().zip(normals(samples * last, rng)).map(|(y, e)| y + noise * e).collect())
}

fn network(
    name: &str,
    widths: &[usize],
    activation: Activation,
    inputs: Vec<f64>,
    rng: &mut ChaCha8Rng,
) -> Result<Row, Box<dyn Error>> {
    let targets = taught(widths, &inputs, 0.5, rng)?;
    let network = Mlp::new(widths, activation, inputs, targets)?;
    let start = network.init(Initialisation::Lecun, rng);
    Ok((format!("{} {name}", joined(widths)), Box::new(network), start))
}

fn joined(widths: &[usize]) -> String {
    widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}

fn problems(seed: u64) -> Result<Vec<Row>, Box<dyn Error>> {
    let rng = &mut stream(seed, Purpose::Check, 1);
    let mut rows = vec![
        network("tanh", &[20, 24, 1], Activation::Tanh, normals(20 * 800, rng), rng)?,
        network("tanh", &[12, 24, 10], Activation::Tanh, normals(12 * 200, rng), rng)?,
        network("ReLU", &[20, 24, 3], Activation::Relu, normals(20 * 400, rng), rng)?,
        network("GELU", &[10, 16, 16, 4], Activation::Gelu, normals(10 * 300, rng), rng)?,
        network("linear", &[12, 20, 20, 6], Activation::Identity, normals(12 * 200, rng), rng)?,
    ];
    let heavy = StudentT::new(3.0)?;
    for (samples, widths) in [(600, [20, 24, 2]), (3000, [50, 100, 5])] {
        let count = samples * widths[0];
        let inputs = (0..count).map(|_| heavy.sample(rng)).collect();
        rows.push(network("tanh, heavy tails", &widths, Activation::Tanh, inputs, rng)?);
        // The first of the inputs is far from zero in all samples, and some samples are five times as large.
        let mut inputs = normals(count, rng);
        for (k, x) in inputs.chunks_exact_mut(widths[0]).enumerate() {
            x[0] = 4.0 + 0.1 * x[0];
            x.iter_mut().for_each(|x| *x *= if k % 50 == 0 { 5.0 } else { 1.0 });
        }
        rows.push(network("tanh, off centre", &widths, Activation::Tanh, inputs, rng)?);
    }
    rows.push(network("tanh", &[100, 60, 1], Activation::Tanh, normals(100 * 8000, rng), rng)?);
    for (name, widths, activation) in [
        ("tanh", &[64, 32, 10][..], Activation::Tanh),
        ("GELU", &[64, 64, 64, 10], Activation::Gelu),
        ("ReLU", &[64, 80, 10], Activation::Relu),
        ("linear", &[64, 100, 10], Activation::Identity),
    ] {
        let data = digits()?.one_hot()?;
        let digits = Mlp::new(widths, activation, data.inputs, data.targets)?;
        let start = digits.init(Initialisation::Lecun, rng);
        rows.push((format!("{} {name}, digits", joined(widths)), Box::new(digits), start));
    }
    for (sizes, rank) in [([60, 50], 5), ([200, 150], 20)] {
        let (left, right) = (normals(sizes[0] * 3, rng), normals(sizes[1] * 3, rng));
        let mut entries = Vec::new();
        for i in 0..sizes[0] {
            for j in 0..sizes[1] {
                let product: f64 = (0..3).map(|k| left[3 * i + k] * right[3 * j + k]).sum();
                let noise: f64 = StandardNormal.sample(rng);
                entries.push((i, j, product + noise));
            }
        }
        let start = normals((sizes[0] + sizes[1]) * rank, rng).iter().map(|x| 0.3 * x).collect();
        let problem = MatrixFactorisation::new(sizes[0], sizes[1], rank, &entries)?;
        rows.push((format!("matrix {} × {}, rank {rank}", sizes[0], sizes[1]), Box::new(problem), start));
    }
    let (dim, samples) = (600, 1500);
    let inputs = normals(dim * samples, rng);
    let teacher: Vec<f64> = normals(dim, rng).iter().map(|x| x / (dim as f64).sqrt()).collect();
    let along = |x: &[f64]| x.iter().zip(&teacher).map(|(x, t)| x * t).sum::<f64>();
    let noise = normals(samples, rng);
    let line = inputs.chunks_exact(dim).zip(&noise).map(|(x, e)| along(x) + e).collect();
    rows.push((
        "linear regression".to_owned(),
        Box::new(LinearRegression::new(inputs.clone(), line, dim)?),
        vec![0.0; dim],
    ));
    let squares = inputs.chunks_exact(dim).zip(&noise).map(|(x, e)| along(x).powi(2) + 0.5 * e).collect();
    rows.push(("phase retrieval".to_owned(), Box::new(PhaseRetrieval::new(inputs, squares, dim)?), teacher));
    Ok(rows)
}

fn row(name: &str, problem: &dyn Problem, start: &[f64], seed: u64) -> Result<[usize; 2], Box<dyn Error>> {
    let config = MinimumConfig { max_iterations: 200, newton_up_to: 0, ..MinimumConfig::default() };
    let minimum = find_minimum(problem, start, &config, &Stop::new())?;
    let one = LanczosConfig { upper: End::new(1, 1e-3), seed, ..LanczosConfig::default() };
    let hessian = Hessian::new(problem, &minimum.theta);
    let largest = extreme_eigenpairs(&hessian, &one, &Stop::new(), |_| {})?.upper.values[0];
    let (mut left, mut late, mut steps, mut seconds) = (0, 0, 0, [0.0; 2]);
    for (batch_size, rates) in SETTINGS {
        for rate in rates {
            let dynamics = sgd::<f64>(problem, rate / largest, batch_size);
            for factor in FACTORS {
                let large = usize::from(problem.dim() >= LARGE);
                let (replicas, max_steps) = (REPLICAS[large], MOST_STEPS[large]);
                let region = Region::LossLevel { loss: factor * minimum.loss, check_every: 1 };
                let run = EscapeRun { start: minimum.theta.clone(), region, replicas, max_steps, seed };
                let begun = Instant::now();
                let found = run.run(&dynamics, problem, &Stop::new(), |_| {})?;
                let between = Instant::now();
                let want = step_by_step(&run, &dynamics, problem);
                seconds = [seconds[0] + (between - begun).as_secs_f64(), seconds[1] + between.elapsed().as_secs_f64()];
                let found = found.iter().map(|end: &Termination| end.observation(|steps, _| steps as f64));
                let of_setting = found
                    .zip(&want)
                    .filter(|(end, (at, out))| [end.time as u64, u64::from(end.event)] != [*at, u64::from(*out)])
                    .count();
                let out = want.iter().filter(|(_, out)| *out).count();
                if of_setting > 0 {
                    eprintln!("{name}, B {batch_size}, η λ {rate}, to {factor} L*: {of_setting} late of {out}");
                }
                late += of_setting;
                left += out;
                steps += want.iter().filter(|(_, out)| *out).map(|(at, _)| at).sum::<u64>();
            }
        }
    }
    let (dim, samples, mean) = (problem.dim(), problem.samples(), steps as f64 / left as f64);
    println!("| {name} | {dim} | {samples} | {left} | {late} | {mean:.0} | {:.1} | {:.1} |", seconds[0], seconds[1]);
    Ok([left, late])
}

/// When each replica leaves, or that it does not, with the loss of all data at each step.
fn step_by_step(run: &EscapeRun, dynamics: &AnyDynamics, problem: &dyn Problem) -> Vec<(u64, bool)> {
    let one = |replica: u64| {
        let Region::LossLevel { loss: level, .. } = run.region else { return (0, false) };
        let (mut meter, mut theta) = (LossMeter::new(problem), vec![0.0; dynamics.dim()]);
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
    (0..run.replicas as u64).into_par_iter().map(one).collect()
}
