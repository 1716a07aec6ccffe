//! An equation and a scheme, as a dynamics.

use std::marker::PhantomData;

use super::{EulerMaruyama, Scheme, Sde, SdeError, positive};
use crate::engine::block::Masks;
use crate::engine::{Advanced, Block, Dynamics, ExitTest, LaneBlock, LaneEnd, ReplicaState, TimeUnit};
use crate::lanes::dispatch;
use crate::random::Gaussian;

/// Replicas of an SDE in lanes, with room for the scheme.
#[derive(Debug)]
pub struct SdeBlock<R, W> {
    /// The replicas.
    pub lanes: LaneBlock<R>,
    work: W,
}

impl<R: Gaussian, W: Send> Block for SdeBlock<R, W> {
    fn lanes(&self) -> usize {
        self.lanes.lanes()
    }

    fn load(&mut self, lane: usize, state: &ReplicaState) {
        self.lanes.load(lane, state);
    }

    fn store(&self, lane: usize) -> ReplicaState {
        self.lanes.store(lane)
    }

    fn clear(&mut self, lane: usize) {
        self.lanes.clear(lane);
    }

    fn steps(&self, lane: usize) -> u64 {
        self.lanes.steps(lane)
    }

    fn time(&self, lane: usize) -> f64 {
        self.lanes.time(lane)
    }

    fn theta_into(&self, lane: usize, out: &mut [f64]) {
        self.lanes.theta_into(lane, out);
    }

    fn ends(&self) -> &[Option<LaneEnd>] {
        self.lanes.ends()
    }
}

/// The equation `sde`, in steps of a fixed length of its time `s`, by `scheme`, in the precision of `R`.
#[derive(Debug, Clone)]
pub struct Diffusion<R, S, M = EulerMaruyama> {
    sde: S,
    scheme: M,
    step: f64,
    precision: PhantomData<R>,
}

impl<R: Gaussian, S: Sde<R>, M: Scheme<R, S>> Diffusion<R, S, M> {
    /// The equation in steps of length `step` (in `s`).
    ///
    /// # Errors
    /// If the step is not positive and finite, or the scheme cannot step this equation.
    pub fn new(sde: S, scheme: M, step: f64) -> Result<Self, SdeError> {
        positive("step", step)?;
        scheme.check(&sde)?;
        Ok(Self { sde, scheme, step, precision: PhantomData })
    }
}

impl<R: Gaussian, S: Sde<R>, M: Scheme<R, S>> Dynamics for Diffusion<R, S, M> {
    type Block = SdeBlock<R, M::Work>;

    fn time_unit(&self) -> TimeUnit {
        self.sde.time_unit()
    }

    fn dim(&self) -> usize {
        self.sde.dim()
    }

    fn block(&self) -> Self::Block {
        SdeBlock { lanes: LaneBlock::new(self.sde.dim(), 0), work: self.scheme.work(&self.sde) }
    }

    fn advance(&self, block: &mut Self::Block, steps: u64, exit: &ExitTest) -> Advanced {
        let length = R::from_f64(self.step);
        let SdeBlock { lanes, work } = block;
        dispatch(
            #[inline(always)]
            || {
                let mut done = Masks::default();
                while done.steps < steps && !done.ended() {
                    let LaneBlock { theta, clocks, .. } = &mut *lanes;
                    self.scheme.step(&self.sde, length, (theta, &mut clocks.time), &mut clocks.normals, work);
                    (done.escaped, done.diverged) = lanes.masks(exit);
                    done.steps += 1;
                }
                match self.sde.time_unit() {
                    TimeUnit::LandscapeTime => lanes.clocks.count(done.steps),
                    TimeUnit::Steps | TimeUnit::LearningTime => lanes.clocks.count_of(done.steps, self.step),
                }
                done.tell(&mut lanes.clocks.ends)
            },
        )
    }
}
