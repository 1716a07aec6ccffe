//! Laws and orders of the SDEs against closed forms and quadrature, each with a wrong variant that the same test rejects.

mod laws;
mod mechanics;
mod orders;
mod passages;
mod second_order;

use super::*;
use crate::engine::{AnyDynamics, Block, Dynamics, ReplicaState};
use crate::problem::QuadraticBasin;
use crate::random::Gaussian;
use crate::random::{Purpose, stream};

/// The isotropic basin with `h = 1` and `L* = 0.1`.
const LOW: f64 = 0.1;
/// `T = ηsh/B`, so that `φ = 5`.
const TEMPERATURE: f64 = 0.25;

fn basin(dim: usize) -> QuadraticBasin {
    QuadraticBasin::new(LOW, vec![1.0; dim]).unwrap()
}

fn isotropic<R: Gaussian>(dim: usize) -> NoiseFactor<R> {
    NoiseFactor::isotropic(dim, 1.0).unwrap()
}

fn decoupled<R: Gaussian>(dim: usize, step: f64) -> Diffusion<R, DecoupledNoise<R, QuadraticBasin>> {
    let sde = DecoupledNoise::new(basin(dim), isotropic(dim), 2.0 * TEMPERATURE).unwrap();
    Diffusion::new(sde, EulerMaruyama, step).unwrap()
}

fn log_landscape<R: Gaussian>(dim: usize, step: f64) -> Diffusion<R, LogLandscape<R, QuadraticBasin>> {
    let sde = LogLandscape::new(basin(dim), isotropic(dim), 2.0 * TEMPERATURE).unwrap();
    Diffusion::new(sde, EulerMaruyama, step).unwrap()
}

fn replica(start: &[f64], seed: u64, number: u64) -> ReplicaState {
    ReplicaState::new(start, stream(seed, Purpose::Escape, number))
}

/// A block full of replicas at `start`.
fn full_block<D: Dynamics>(dynamics: &D, start: &[f64], seed: u64) -> D::Block {
    let mut block = dynamics.block();
    (0..block.lanes()).for_each(|lane| block.load(lane, &replica(start, seed, lane as u64)));
    block
}

/// Mean and its standard error.
fn mean(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.into_iter().collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt())
}
