//! SGD on models of few parameters, evaluated for sixteen replicas at once.

use super::{SgdError, check};
use crate::engine::block::{Masks, ends, is_bounded};
use crate::engine::{Advanced, Clocks, Dynamics, ExitTest, LaneBlock, TimeUnit};
use crate::lanes::{Lane, Real, dispatch};
use crate::problem::LaneModel;
use crate::random::{Gaussian, lane_index_pair};
use crate::{Sampling, SgdSettings};

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

    /// The steps of `advance` at `theta` with room for a gradient (`P` lanes each).
    // Calls of iterators' methods would not all be inlined here, and cost more than the arithmetic.
    #[inline(always)]
    fn steps(
        &self,
        theta: &mut [Lane<R>],
        gradient: &mut [Lane<R>],
        clocks: &mut Clocks<R>,
        (steps, samples): (u64, u32),
        exit: &ExitTest,
    ) -> Advanced {
        let (mut done, bounded) = (Masks::default(), is_bounded::<R>(exit));
        // A copy, which stays in registers.
        let mut rng = clocks.normals.rng.clone();
        while done.steps < steps && !done.ended() {
            for i in 0..gradient.len() {
                gradient[i] = Lane::splat(R::ZERO);
            }
            let mut left = self.batch_size;
            while left > 0 {
                let pair = lane_index_pair(&rng.words(), samples);
                M::add_lane_gradient(&self.data, theta, &pair[0], gradient);
                if left > 1 {
                    M::add_lane_gradient(&self.data, theta, &pair[1], gradient);
                }
                left = left.saturating_sub(2);
            }
            for i in 0..theta.len() {
                theta[i] = Lane::splat(self.factor).mul_add(gradient[i], theta[i]);
            }
            (done.escaped, done.diverged) = ends(theta, clocks.occupied, exit, bounded);
            done.steps += 1;
        }
        clocks.normals.rng = rng;
        clocks.count_of(done.steps, self.learning_rate);
        done.tell(&mut clocks.ends)
    }

    /// [`steps`](Self::steps) of a block of `P` parameters, which stay in registers.
    #[inline(always)]
    fn narrow<const P: usize>(&self, block: &mut LaneBlock<R>, run: (u64, u32), exit: &ExitTest) -> Advanced {
        let zero = Lane::splat(R::ZERO);
        let mut theta = [zero; P];
        theta.copy_from_slice(&block.theta);
        let done = self.steps(&mut theta, &mut [zero; P], &mut block.clocks, run, exit);
        block.theta.copy_from_slice(&theta);
        done
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
        let run = (steps, self.model.samples() as u32);
        dispatch(
            #[inline(always)]
            || match block.theta.len() {
                1 => self.narrow::<1>(block, run, exit),
                2 => self.narrow::<2>(block, run, exit),
                3 => self.narrow::<3>(block, run, exit),
                _ => {
                    let LaneBlock { theta, clocks, scratch, .. } = block;
                    self.steps(theta, scratch, clocks, run, exit)
                }
            },
        )
    }
}
