//! SGD on networks of any layers, one replica in a block, whose vectors run over what the layers compute.

use std::slice;

use super::bounds::Bounds;
use super::{SgdError, check, draw};
use crate::engine::{Advanced, Block, Dynamics, ExitTest, LaneEnd, ReplicaState, TimeUnit};
use crate::lanes::{LANES, Lane, dispatch};
use crate::network::{Float, Network};
use crate::{Problem, SgdSettings};

/// One replica, in the precision of `R`, and room for a batch.
#[derive(Debug, Clone)]
pub struct NetworkBlock<R> {
    /// The replica but for its `θ`.
    state: ReplicaState,
    occupied: bool,
    /// How it ended: see [`Block::ends`].
    end: Option<LaneEnd>,
    /// Parameters (`P`), and their gradient.
    theta: Vec<R>,
    gradient: Vec<R>,
    /// The parameters sixteen at a time, zero beyond the last.
    lanes: Vec<Lane<R>>,
    bounds: Bounds<R>,
    batch: Vec<u32>,
    room: Vec<R>,
}

/// Copies `values` (`P`) to lanes.
fn place<R: Float>(values: &[f64], lanes: &mut [Lane<R>]) {
    for (values, lane) in values.chunks(LANES).zip(lanes) {
        for (x, value) in lane.0.iter_mut().zip(values) {
            *x = R::from_f64(*value);
        }
    }
}

impl<R: Float> NetworkBlock<R> {
    /// `θ ← θ − η g`.
    #[inline(always)]
    fn descend(&mut self, rate: R) {
        let parts = self.theta.chunks_mut(LANES).zip(self.gradient.chunks(LANES)).zip(&mut self.lanes);
        for ((theta, gradient), lane) in parts {
            if let (Ok(theta), Ok(gradient)) =
                (<&mut [R; LANES]>::try_from(&mut *theta), <&[R; LANES]>::try_from(gradient))
            {
                for l in 0..LANES {
                    lane.0[l] = (-rate).mul_add(gradient[l], lane.0[l]);
                }
                *theta = lane.0;
            } else {
                for l in 0..theta.len() {
                    lane.0[l] = (-rate).mul_add(gradient[l], lane.0[l]);
                    theta[l] = lane.0[l];
                }
            }
        }
    }
}

impl<R: Float> Block for NetworkBlock<R> {
    fn lanes(&self) -> usize {
        1
    }

    fn load(&mut self, _lane: usize, state: &ReplicaState) {
        self.state.clone_from(state);
        self.state.theta.clear();
        for (x, value) in self.theta.iter_mut().zip(&state.theta) {
            *x = R::from_f64(*value);
        }
        place(&state.theta, &mut self.lanes);
        (self.occupied, self.end) = (true, None);
    }

    fn store(&self, lane: usize) -> ReplicaState {
        let mut theta = vec![0.0; self.theta.len()];
        self.theta_into(lane, &mut theta);
        ReplicaState { theta, ..self.state.clone() }
    }

    fn clear(&mut self, _lane: usize) {
        (self.occupied, self.end) = (false, None);
    }

    fn steps(&self, _lane: usize) -> u64 {
        self.state.steps
    }

    fn time(&self, _lane: usize) -> f64 {
        self.state.time
    }

    fn theta_into(&self, _lane: usize, out: &mut [f64]) {
        for (out, x) in out.iter_mut().zip(&self.theta) {
            *out = x.to_f64();
        }
    }

    fn ends(&self) -> &[Option<LaneEnd>] {
        slice::from_ref(&self.end)
    }
}

/// The chain of [`Sgd`](super::Sgd) on a network of any layers and loss, from the same batches, in the precision of `R`. Its results
/// differ from that chain's by rounding only.
#[derive(Debug)]
pub struct NetworkSgd<'a, R> {
    network: &'a Network,
    settings: SgdSettings,
    /// `η`.
    rate: R,
}

impl<'a, R: Float> NetworkSgd<'a, R> {
    /// SGD on `network`.
    ///
    /// # Errors
    /// If no run can have these settings.
    pub fn new(network: &'a Network, settings: SgdSettings) -> Result<Self, SgdError> {
        check(network.samples(), &settings)?;
        Ok(Self { network, settings, rate: R::from_f64(settings.learning_rate) })
    }
}

impl<R: Float> Dynamics for NetworkSgd<'_, R> {
    type Block = NetworkBlock<R>;

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::Steps
    }

    fn dim(&self) -> usize {
        self.network.dim()
    }

    fn block(&self) -> NetworkBlock<R> {
        let (p, batch_size) = (self.dim(), self.settings.batch_size);
        let zeros = |count: usize| vec![R::ZERO; count];
        let lanes = vec![Lane::splat(R::ZERO); p.div_ceil(LANES)];
        NetworkBlock {
            state: ReplicaState::idle(),
            occupied: false,
            end: None,
            theta: zeros(p),
            gradient: zeros(p),
            bounds: Bounds::new(lanes.len()),
            lanes,
            batch: vec![0; batch_size],
            room: zeros(self.network.batch_room::<R>(batch_size)),
        }
    }

    fn advance(&self, block: &mut NetworkBlock<R>, steps: u64, exit: &ExitTest) -> Advanced {
        block.end = None;
        if !block.occupied {
            return Advanced { steps, ended: false };
        }
        block.bounds.set(exit, place);
        let (share, samples) = (1.0 / self.settings.batch_size as f64, self.network.samples());
        let mut taken = 0;
        while taken < steps && block.end.is_none() {
            let NetworkBlock { state, batch, theta, gradient, room, .. } = &mut *block;
            draw(self.settings.sampling, samples, state, batch);
            gradient.fill(R::ZERO);
            self.network.add_batch_gradient(theta, batch, share, gradient, room);
            dispatch(
                #[inline(always)]
                || {
                    block.descend(self.rate);
                    block.end = block.bounds.test(&block.lanes, exit);
                },
            );
            taken += 1;
        }
        block.state.steps += taken;
        block.state.time = block.state.steps as f64 * self.settings.learning_rate;
        Advanced { steps: taken, ended: block.end.is_some() }
    }
}

#[cfg(test)]
mod tests;
