//! The chains `θ ← θ − η g` on one replica, which differ in `g` alone.

use super::{Advanced, DIVERGENCE_LIMIT, Dynamics, ExitTest, LaneEnd, ReplicaState, SoloBlock, TimeUnit};

/// A chain `θ ← θ − η g` on one replica; its clock counts steps. It is a [`Dynamics`] by what it says here.
pub trait Descent: Sync {
    /// Number of parameters `P`.
    fn parameters(&self) -> usize;

    /// Learning rate `η`.
    fn learning_rate(&self) -> f64;

    /// An empty block, with room for a gradient (`P`) at the start of its scratch.
    fn room(&self) -> SoloBlock;

    /// Draws what a step needs and writes `g` into `gradient` (`P`), with the batch of the block and the rest of its
    /// scratch; the state has taken `state.steps` steps before.
    fn estimate(&self, state: &mut ReplicaState, batch: &mut [u32], gradient: &mut [f64], scratch: &mut [f64]);

    /// Makes room in a replica before its first step.
    fn prepare(&self, _state: &mut ReplicaState) {}
}

impl<C: Descent> Dynamics for C {
    type Block = SoloBlock;

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::Steps
    }

    fn dim(&self) -> usize {
        self.parameters()
    }

    fn block(&self) -> SoloBlock {
        self.room()
    }

    fn advance(&self, block: &mut SoloBlock, steps: u64, exit: &ExitTest) -> Advanced {
        descend(self, block, steps, exit)
    }
}

/// The steps of [`advance`](Dynamics::advance).
#[inline(always)]
fn descend<C: Descent>(chain: &C, block: &mut SoloBlock, steps: u64, exit: &ExitTest) -> Advanced {
    let learning_rate = chain.learning_rate();
    let SoloBlock { state, batch, scratch, occupied, end } = block;
    let (gradient, rest) = scratch.split_at_mut(state.theta.len());
    *end = None;
    if !*occupied {
        return Advanced { steps, ended: false };
    }
    chain.prepare(state);
    let mut taken = 0;
    while taken < steps && end.is_none() {
        chain.estimate(state, batch, gradient, rest);
        let mut sane = true;
        for (x, g) in state.theta.iter_mut().zip(&*gradient) {
            *x -= learning_rate * g;
            // False for NaN too.
            sane &= x.abs() < DIVERGENCE_LIMIT;
        }
        taken += 1;
        state.steps += 1;
        *end =
            if sane { exit.is_outside(&state.theta, 0).then_some(LaneEnd::Escaped) } else { Some(LaneEnd::Diverged) };
    }
    state.time = state.steps as f64 * learning_rate;
    Advanced { steps: taken, ended: end.is_some() }
}
