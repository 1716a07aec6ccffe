//! Throughput of SDE ensembles in replica-steps per second, on all cores.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use logscape::Stop;
use logscape::engine::sde::{
    AllSamples, DecoupledBasin, DecoupledNoise, Diffusion, EulerMaruyama, LogBasin, LogLandscape, MeasuredNoise,
    NoiseFactor, ScalarDiffusion,
};
use logscape::engine::{AnyDynamics, Dynamics};
use logscape::ensemble::{EscapeRun, Region};
use logscape::problem::QuadraticBasin;
use logscape::random::Gaussian;
use logscape::{Problem, Sampling, SgdSettings};
use logscape_bench::{scalar_sde, sinusoid};

fn main() {
    divan::main();
}

/// Runs `replicas × steps` steps that leave no region.
fn steps(
    bencher: Bencher,
    dynamics: impl Dynamics + Send,
    problem: &dyn Problem,
    start: f64,
    replicas: usize,
    steps: u64,
) {
    let dynamics = AnyDynamics::new(dynamics);
    let wall = vec![f64::INFINITY; dynamics.dim()];
    let region = Region::Box { lower: wall.iter().map(|x| -x).collect(), upper: wall };
    let run = EscapeRun { start: vec![start; dynamics.dim()], region, replicas, max_steps: steps, seed: 1 };
    bencher
        .counter(ItemsCount::new(replicas as u64 * steps))
        .bench(|| black_box(run.run(&dynamics, problem, &Stop::new(), |_| {}).expect("the run is valid")));
}

#[divan::bench(types = [f32, f64], sample_count = 20)]
fn scalar_decoupled<R: Gaussian>(bencher: Bencher) {
    let basin = scalar_sde::basin();
    let sde =
        ScalarDiffusion::<DecoupledBasin<R>>::new(&basin, scalar_sde::STRENGTH, 0.01).expect("settings are valid");
    steps(bencher, sde, &basin, scalar_sde::START, 4096, 20_000);
}

#[divan::bench(types = [f32, f64], sample_count = 20)]
fn scalar_log_landscape<R: Gaussian>(bencher: Bencher) {
    let basin = scalar_sde::basin();
    let sde = ScalarDiffusion::<LogBasin<R>>::new(&basin, scalar_sde::STRENGTH, 0.001).expect("settings are valid");
    steps(bencher, sde, &basin, scalar_sde::START, 4096, 20_000);
}

#[divan::bench(types = [f32, f64], args = [1, 2, 5, 20], sample_count = 20)]
fn decoupled<R: Gaussian>(bencher: Bencher, dim: usize) {
    let basin = QuadraticBasin::new(0.1, vec![1.0; dim]).expect("the numbers are positive");
    let shape = NoiseFactor::isotropic(dim, 1.0).expect("the number is positive");
    let sde = DecoupledNoise::<R, _>::new(basin.clone(), shape, scalar_sde::STRENGTH).expect("settings are valid");
    let sde = Diffusion::new(sde, EulerMaruyama, 0.01).expect("settings are valid");
    steps(bencher, sde, &basin, 0.1, 1024, 2000);
}

#[divan::bench(types = [f32, f64], args = [1, 2, 5, 20], sample_count = 20)]
fn log_landscape<R: Gaussian>(bencher: Bencher, dim: usize) {
    let basin = QuadraticBasin::new(0.1, vec![1.0; dim]).expect("the numbers are positive");
    let shape = NoiseFactor::isotropic(dim, 1.0).expect("the number is positive");
    let sde = LogLandscape::<R, _>::new(basin.clone(), shape, scalar_sde::STRENGTH).expect("settings are valid");
    let sde = Diffusion::new(sde, EulerMaruyama, 0.001).expect("settings are valid");
    steps(bencher, sde, &basin, 0.1, 1024, 2000);
}

#[divan::bench(types = [f32, f64], sample_count = 20)]
fn measured_sinusoid_200<R: Gaussian>(bencher: Bencher) {
    let problem = sinusoid().problem;
    let settings = SgdSettings { learning_rate: 1e-3, batch_size: 1, sampling: Sampling::WithReplacement };
    let sde = MeasuredNoise::<R, _>::new(AllSamples::new(&problem), &settings).expect("settings are valid");
    let sde = Diffusion::new(sde, EulerMaruyama, 1e-3).expect("settings are valid");
    steps(bencher, sde, &problem, 3.0, 256, 200);
}
