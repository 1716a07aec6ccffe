//! Throughput of SGD ensembles in replica-steps per second, on all cores.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use logscape::Problem;
use logscape::Stop;
use logscape::engine::AnyDynamics;
use logscape::ensemble::{EscapeRun, Region};
use logscape::network::OutputLoss;
use logscape::random::Gaussian;
use logscape_bench::formula::{CONVOLUTION, network, start};
use logscape_bench::{convolution, linear_regression, perceptron, phase_retrieval, sgd, sinusoid};

fn main() {
    divan::main();
}

const RATE: f64 = 1e-3;

/// Runs `replicas × steps` steps that leave no region.
fn steps(
    bencher: Bencher,
    dynamics: &AnyDynamics,
    problem: &dyn Problem,
    start: Vec<f64>,
    [replicas, steps]: [usize; 2],
) {
    let wall = vec![f64::INFINITY; start.len()];
    let region = Region::Box { lower: wall.iter().map(|x| -x).collect(), upper: wall };
    let run = EscapeRun { start, region, replicas, max_steps: steps as u64, seed: 1 };
    bencher
        .counter(ItemsCount::new(replicas * steps))
        .bench(|| black_box(run.run(dynamics, problem, &Stop::new(), |_| {}).expect("the run is valid")));
}

#[divan::bench(types = [f32, f64], args = [1, 10], sample_count = 20)]
fn linear_regression_1000x10<R: Gaussian>(bencher: Bencher, batch_size: usize) {
    let problem = linear_regression().problem;
    let sgd = sgd::<R>(&problem, RATE, batch_size);
    steps(bencher, &sgd, &problem, vec![0.0; 10], [4096, 2000]);
}

#[divan::bench(types = [f32, f64], args = [1, 8], sample_count = 20)]
fn phase_retrieval_500x2<R: Gaussian>(bencher: Bencher, batch_size: usize) {
    let problem = phase_retrieval().0.problem;
    let sgd = sgd::<R>(&problem, RATE, batch_size);
    steps(bencher, &sgd, &problem, vec![0.5; 2], [4096, 2000]);
}

#[divan::bench(types = [f32, f64], args = [1, 8], sample_count = 20)]
fn sinusoid_200<R: Gaussian>(bencher: Bencher, batch_size: usize) {
    let problem = sinusoid().problem;
    let sgd = sgd::<R>(&problem, RATE, batch_size);
    steps(bencher, &sgd, &problem, vec![3.0], [4096, 2000]);
}

#[divan::bench(types = [f32, f64], args = [1, 32], sample_count = 20)]
fn perceptron_64_32_10<R: Gaussian>(bencher: Bencher, batch_size: usize) {
    let (perceptron, start) = perceptron();
    let problem = perceptron.problem;
    let sgd = sgd::<R>(&problem, RATE, batch_size);
    steps(bencher, &sgd, &problem, start, [64, 3200 / batch_size]);
}

#[divan::bench(types = [f32, f64], args = [1, 8], sample_count = 20)]
fn convolution_8x8<R: Gaussian>(bencher: Bencher, batch_size: usize) {
    let (problem, start) = convolution();
    let sgd = sgd::<R>(&problem, RATE, batch_size);
    steps(bencher, &sgd, &problem, start, [64, 320 / batch_size]);
}

#[divan::bench(types = [f32, f64], args = [64], sample_count = 10)]
fn convolutions_28x28<R: Gaussian>(bencher: Bencher, batch_size: usize) {
    let problem = network(&[1, 28, 28], CONVOLUTION, OutputLoss::CrossEntropy, 500);
    let sgd = sgd::<R>(&problem, RATE, batch_size);
    steps(bencher, &sgd, &problem, start(problem.dim()), [2, 4]);
}
