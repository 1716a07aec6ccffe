//! Throughput of SGD ensembles in replica-steps per second, on all cores.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use logscape::ensemble::{EscapeRun, Interrupt, Region};
use logscape::{Problem, Sampling, SgdSettings};
use logscape_bench::{linear_regression, perceptron, sinusoid};

fn main() {
    divan::main();
}

/// Runs `replicas × steps` steps that leave no region.
fn steps<P: Problem>(bencher: Bencher, problem: &P, start: Vec<f64>, batch_size: usize, replicas: usize, steps: u64) {
    let wall = vec![f64::INFINITY; start.len()];
    let region = Region::Box { lower: wall.iter().map(|x| -x).collect(), upper: wall };
    let settings = SgdSettings { learning_rate: 1e-3, batch_size, sampling: Sampling::WithReplacement };
    let run = EscapeRun { start, settings, region, replicas, max_steps: steps, seed: 1 };
    bencher
        .counter(ItemsCount::new(replicas as u64 * steps))
        .bench(|| black_box(run.run(problem, &Interrupt::default(), |_| {}).expect("the run is valid")));
}

#[divan::bench(args = [1, 10])]
fn linear_regression_1000x10(bencher: Bencher, batch_size: usize) {
    steps(bencher, &linear_regression().problem, vec![0.0; 10], batch_size, 256, 2000);
}

#[divan::bench(args = [1, 8])]
fn sinusoid_200(bencher: Bencher, batch_size: usize) {
    steps(bencher, &sinusoid().problem, vec![3.0], batch_size, 256, 2000);
}

#[divan::bench(args = [1, 32])]
fn perceptron_64_32_10(bencher: Bencher, batch_size: usize) {
    let (perceptron, start) = perceptron();
    steps(bencher, &perceptron.problem, start, batch_size, 16, 200);
}
