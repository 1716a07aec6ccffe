//! `cargo run --release -p logscape-bench --bin precision`: what single precision changes, on the same random streams.
//!
//! Three tables: the distance of trajectories after so many steps, mean escape times, and moments of the stationary loss.

use logscape::Stop;
use std::error::Error;
use std::sync::Arc;

use logscape::engine::{AnyDynamics, Block, Dynamics, ExitTest, ReplicaState};
use logscape::ensemble::observable::ExcessLoss;
use logscape::ensemble::{EscapeRun, Region, StationaryRun, rate_estimate};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::random::{Purpose, stream};
use logscape::stats::{BlockMeans, Histogram, Scale, summarise};
use logscape::{Estimate, Problem};
use logscape_bench::{linear_regression, perceptron, phase_retrieval, sgd, sinusoid};

const REPLICAS: usize = 64;
const STEPS: [u64; 5] = [1, 10, 100, 1_000, 10_000];

fn main() -> Result<(), Box<dyn Error>> {
    let linear = linear_regression().problem;
    let sine = sinusoid().problem;
    let (retrieval, teacher) = phase_retrieval();
    let retrieval = retrieval.problem;
    let (network, start) = perceptron();
    let network = network.problem;

    println!("root mean square of |theta32 - theta64| over that of |theta64 - start|, {REPLICAS} replicas\n");
    println!("{:<24}{}", "steps", STEPS.map(|steps| format!("{steps:>10}")).concat());
    row("linear, d = 10", &sgd::<f32>(&linear, 0.01, 10), &sgd::<f64>(&linear, 0.01, 10), &[0.0; 10]);
    row("sinusoid", &sgd::<f32>(&sine, 0.05, 1), &sgd::<f64>(&sine, 0.05, 1), &[5.48]);
    for batch_size in [1, 8] {
        let (single, double) = (sgd::<f32>(&retrieval, 0.005, batch_size), sgd::<f64>(&retrieval, 0.005, batch_size));
        row(&format!("phase retrieval, B = {batch_size}"), &single, &double, &teacher);
    }
    row("perceptron 64-32-10", &sgd::<f32>(&network, 0.1, 32), &sgd::<f64>(&network, 0.1, 32), &start);

    println!("\nmean escape time in steps, 20,000 replicas\n");
    let out = Region::interval(4.41, 6.6);
    escape("sinusoid", &sgd::<f32>(&sine, 0.08, 1), &sgd::<f64>(&sine, 0.08, 1), &sine, &[5.48], out)?;
    let out = Region::Ball { centre: teacher.clone(), radius: 0.5 };
    let (single, double) = (sgd::<f32>(&retrieval, 0.01, 1), sgd::<f64>(&retrieval, 0.01, 1));
    escape("phase retrieval", &single, &double, &retrieval, &teacher, out)?;

    println!("\nstationary excess loss of linear regression, eta = 0.05, B = 1: mean, standard deviation\n");
    let minimum = find_minimum(&linear, &[0.0; 10], &MinimumConfig::default(), &Stop::new())?;
    let run = StationaryRun {
        start: minimum.theta,
        replicas: 256,
        groups: 16,
        burn_in: 1_000,
        samples: 500,
        thin: 100,
        observables: vec![Arc::new(ExcessLoss {
            minimum_loss: minimum.loss,
            bins: Histogram::new(Scale::Logarithmic, 1e-5 * minimum.loss, 1e7 * minimum.loss, 10)?,
        })],
        moments: false,
        seed: 5,
    };
    stationary("float32", &run, &sgd::<f32>(&linear, 0.05, 1), &linear)?;
    stationary("float64", &run, &sgd::<f64>(&linear, 0.05, 1), &linear)?;
    Ok(())
}

/// One row of the first table.
fn row(name: &str, single: &AnyDynamics, double: &AnyDynamics, start: &[f64]) {
    let (single, double) = (paths(single, start), paths(double, start));
    let distance = |(a, b): (&Vec<Vec<f64>>, &Vec<Vec<f64>>)| {
        let square = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let differences = a.iter().zip(b).map(|(a, b)| square(a, b)).sum::<f64>();
        format!("{:>10.1e}", (differences / b.iter().map(|b| square(b, start)).sum::<f64>()).sqrt())
    };
    println!("{name:<24}{}", single.iter().zip(&double).map(distance).collect::<String>());
}

/// `θ` of every replica after each of [`STEPS`].
fn paths(dynamics: &AnyDynamics, start: &[f64]) -> Vec<Vec<Vec<f64>>> {
    let mut block = dynamics.block();
    let lanes = block.lanes();
    let mut all = vec![Vec::new(); STEPS.len()];
    for first in (0..REPLICAS).step_by(lanes) {
        for lane in 0..lanes {
            block.load(lane, &ReplicaState::new(start, stream(1, Purpose::Escape, (first + lane) as u64)));
        }
        let mut taken = 0;
        for (steps, all) in STEPS.into_iter().zip(&mut all) {
            dynamics.advance(&mut block, steps - taken, &ExitTest::Never);
            taken = steps;
            for lane in 0..lanes {
                let mut theta = vec![0.0; dynamics.dim()];
                block.theta_into(lane, &mut theta);
                all.push(theta);
            }
        }
    }
    all
}

fn escape(
    name: &str,
    single: &AnyDynamics,
    double: &AnyDynamics,
    problem: &dyn Problem,
    start: &[f64],
    region: Region,
) -> Result<(), Box<dyn Error>> {
    let run = EscapeRun { start: start.to_vec(), region, replicas: 20_000, max_steps: 10_000_000, seed: 3 };
    let stop = Stop::new();
    let (a, b) = (run.run(single, problem, &stop, |_| {})?, run.run(double, problem, &stop, |_| {})?);
    let same = a.iter().zip(&b).filter(|(a, b)| a == b).count();
    let mean = |ends| rate_estimate(ends, 3).mean_steps.map_or_else(|| "-".to_owned(), |mean| with_interval(&mean));
    println!("{name:<18} float32 {}   float64 {}   {same} replicas end at the same step", mean(&a), mean(&b));
    Ok(())
}

fn stationary(
    name: &str,
    run: &StationaryRun,
    dynamics: &AnyDynamics,
    problem: &dyn Problem,
) -> Result<(), Box<dyn Error>> {
    let groups = run.run(dynamics, problem, &Stop::new())?;
    let series: Vec<BlockMeans> = groups.iter().map(|group| group.statistics[0].series.clone()).collect();
    let summary = summarise(&series).ok_or("no spread")?;
    println!("{name:<10}{}   {}", with_interval(&summary.mean), with_interval(&summary.deviation));
    Ok(())
}

fn with_interval(estimate: &Estimate) -> String {
    format!("{:.5} [{:.5}, {:.5}]", estimate.value, estimate.ci95[0], estimate.ci95[1])
}
