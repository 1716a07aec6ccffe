//! Lengths of the samples' gradients.

use std::mem;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::Network;
use super::pass::Pass;
use super::transform::Float;
use crate::problem::{Problem, Samples};

impl Network {
    /// The squared norms `‖g_μ‖²` (`N`) of the samples' gradients at `theta` (`P`), computed in the precision of `R` on the threads of the
    /// current pool, with the same bits on any number of them. No gradient is made, but in convolutions and normalisations those of their own
    /// parameters.
    ///
    /// # Panics
    /// If `theta` has another length than `P`.
    pub fn gradient_squares<R: Float>(&self, theta: &[f64]) -> Vec<f64> {
        assert_eq!(theta.len(), self.dim());
        let theta: Vec<R> = theta.iter().map(|&x| R::from_f64(x)).collect();
        let mut squares = vec![0.0; self.samples()];
        // Of one size, so that threads have as much to do.
        let block = squares.len().div_ceil(squares.len().div_ceil(self.gradient_block));
        // Of blocks that have ended, for the next.
        let rooms = Mutex::new(Vec::new());
        let used = || rooms.lock().unwrap_or_else(PoisonError::into_inner);
        squares.par_chunks_mut(block).enumerate().for_each(|(place, squares)| {
            let room = used().pop();
            let mut room = room.unwrap_or_else(|| vec![R::ZERO; Pass::<R>::gradient_room(self, block)]);
            let samples = Samples::Range(place * block..place * block + squares.len());
            let mut pass = Pass::gathered(self, &theta, samples, &mut room, false);
            pass.forward(false);
            pass.losses(1.0);
            pass.backward();
            let cotangents = mem::take(&mut pass.cotangents);
            pass.add_gradient_grams(&[cotangents], squares);
            used().push(room);
        });
        squares
    }
}
