//! SGD on models of few parameters, evaluated for sixteen replicas at once.

use super::{SgdError, check};
use crate::dynamics::{Advanced, Dynamics, ExitTest, LaneBlock, TimeUnit};
use crate::lanes::{Lane, Real, dispatch};
use crate::random::{Gaussian, lane_index_pair};
use crate::{Problem, Sampling, SgdSettings};

/// A problem whose per-sample gradient can be evaluated in lanes.
pub trait LaneModel: Problem {
    /// The data in the precision of `R`.
    type Data<R: Real>: Send + Sync;

    /// The data, copied.
    fn lane_data<R: Real>(&self) -> Self::Data<R>;

    /// Adds the gradient `g_μ` at `theta` (`P` lanes) of the sample `sample[k]` of each lane `k` to `out` (`P` lanes).
    fn add_lane_gradient<R: Real>(data: &Self::Data<R>, theta: &[Lane<R>], sample: &Lane<u32>, out: &mut [Lane<R>]);
}

/// The chain of [`Sgd`](super::Sgd) with batches drawn with replacement, from the same indices, in the precision of `R`.
/// Its results differ from that chain's by rounding only.
#[derive(Debug)]
pub struct LaneSgd<'a, R: Real, M: LaneModel> {
    model: &'a M,
    learning_rate: f64,
    /// `−η/B`.
    factor: R,
    batch_size: usize,
    data: M::Data<R>,
}

impl<'a, R: Gaussian, M: LaneModel> LaneSgd<'a, R, M> {
    /// SGD on `model` with learning rate `η` and batches of `batch_size`.
    ///
    /// # Errors
    /// If no run can have these settings.
    pub fn new(model: &'a M, learning_rate: f64, batch_size: usize) -> Result<Self, SgdError> {
        let settings = SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement };
        check(model.samples(), &settings)?;
        let factor = R::from_f64(-learning_rate / batch_size as f64);
        Ok(Self { model, learning_rate, factor, batch_size, data: model.lane_data() })
    }

    /// One step of every lane.
    #[inline(always)]
    fn step(&self, block: &mut LaneBlock<R>, samples: u32) {
        let LaneBlock { theta, clocks, scratch: gradient } = block;
        gradient.fill(Lane::splat(R::ZERO));
        for first in (0..self.batch_size).step_by(2) {
            let pair = lane_index_pair(&clocks.normals.rng.words(), samples);
            for sample in &pair[..(self.batch_size - first).min(2)] {
                M::add_lane_gradient(&self.data, theta, sample, gradient);
            }
        }
        for (x, g) in theta.iter_mut().zip(&*gradient) {
            *x = Lane::splat(self.factor).mul_add(*g, *x);
        }
    }
}

impl<R: Gaussian, M: LaneModel> Dynamics for LaneSgd<'_, R, M> {
    type Block = LaneBlock<R>;

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::Steps
    }

    fn dim(&self) -> usize {
        self.model.dim()
    }

    fn block(&self) -> LaneBlock<R> {
        LaneBlock::new(self.dim(), self.dim())
    }

    fn advance(&self, block: &mut LaneBlock<R>, steps: u64, exit: &ExitTest) -> Advanced {
        let samples = self.model.samples() as u32;
        dispatch(
            #[inline(always)]
            || {
                let mut done = Advanced::default();
                while done.steps < steps && done.ended() == 0 {
                    self.step(block, samples);
                    (done.escaped, done.diverged) = block.ends(exit);
                    done.steps += 1;
                }
                block.clocks.count_of(done.steps, self.learning_rate);
                done
            },
        )
    }
}
