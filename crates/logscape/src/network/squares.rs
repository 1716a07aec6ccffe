//! Lengths of the samples' gradients.

use std::mem;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::Network;
use super::pass::Pass;
use super::transform::Float;
use crate::problem::{Problem, Samples};

/// The squared norms `‖g_μ‖²` of the gradients of a network's samples, at one point after the other, in the precision of `R`. No gradient
/// is made, but in convolutions and normalisations those of their own parameters.
///
/// Keeps room for a block of samples on each thread, and in single precision the inputs (`N × n₀`).
#[derive(Debug)]
pub struct GradientSquares<'a, R> {
    network: &'a Network,
    /// Empty where the network has them in this precision.
    inputs: Vec<R>,
    /// Samples of a block.
    block: usize,
    /// `θ` in the precision of `R`.
    theta: Vec<R>,
    /// Of passes that have ended, for the next.
    rooms: Mutex<Vec<Vec<R>>>,
}

impl<'a, R: Float> GradientSquares<'a, R> {
    /// For all samples of `network`.
    pub fn new(network: &'a Network) -> Self {
        let inputs = match R::borrow(&network.inputs) {
            Some(_) => Vec::new(),
            None => network.inputs.iter().map(|&x| R::from_f64(x)).collect(),
        };
        // Of one size, so that threads have as much to do.
        let samples = network.samples();
        let block = samples.div_ceil(samples.div_ceil(network.gradient_block));
        Self { network, inputs, block, theta: Vec::new(), rooms: Mutex::default() }
    }

    /// Those at `theta` (`P`), one for each sample (`N`), computed on the threads of the current pool, with the same bits on any number of them.
    ///
    /// # Panics
    /// If `theta` has another length than `P`.
    pub fn at(&mut self, theta: &[f64]) -> Vec<f64> {
        let network = self.network;
        assert_eq!(theta.len(), network.dim());
        self.theta.clear();
        self.theta.extend(theta.iter().map(|&x| R::from_f64(x)));
        let (theta, block, n) = (&self.theta, self.block, network.graph.inputs);
        let inputs = R::borrow(&network.inputs).unwrap_or(&self.inputs);
        let used = || self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = vec![0.0; network.samples()];
        out.par_chunks_mut(block).zip(inputs.par_chunks(block * n)).enumerate().for_each(|(place, (out, inputs))| {
            let room = used().pop();
            let mut room = room.unwrap_or_else(|| vec![R::ZERO; Pass::<R>::cotangent_room(network, block)]);
            let samples = Samples::Range(place * block..place * block + out.len());
            let mut pass = Pass::over(network, theta, (samples, inputs), &mut room, false);
            pass.forward(false);
            pass.output_gradients();
            pass.backward();
            let cotangents = mem::take(&mut pass.cotangents);
            pass.add_gradient_grams(&[cotangents], out);
            used().push(room);
        });
        out
    }
}
