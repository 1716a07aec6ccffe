//! The step that the chains on one replica share.

use super::{Advanced, DIVERGENCE_LIMIT, ExitTest, ReplicaState, SoloBlock};

/// Takes up to `steps` steps `θ ← θ − η g` with `η = learning_rate`; see [`advance`](super::Dynamics::advance).
///
/// `estimate` draws what it needs and writes `g` into its third argument (`P`); the second is the batch of the block, the
/// fourth the rest of its scratch.
#[inline(always)]
pub(super) fn descend(
    block: &mut SoloBlock,
    learning_rate: f64,
    steps: u64,
    exit: &ExitTest,
    mut estimate: impl FnMut(&mut ReplicaState, &mut [u32], &mut [f64], &mut [f64]),
) -> Advanced {
    let SoloBlock { state, batch, scratch, occupied } = block;
    let (gradient, rest) = scratch.split_at_mut(state.theta.len());
    let mut done = Advanced::default();
    if !*occupied {
        return Advanced { steps, ..done };
    }
    for _ in 0..steps {
        estimate(state, batch, gradient, rest);
        let mut sane = true;
        for (x, g) in state.theta.iter_mut().zip(&*gradient) {
            *x -= learning_rate * g;
            // False for NaN too.
            sane &= x.abs() < DIVERGENCE_LIMIT;
        }
        done.steps += 1;
        done.diverged = u32::from(!sane);
        done.escaped = u32::from(sane && exit.is_outside(&state.theta));
        if done.ended() != 0 {
            break;
        }
    }
    state.steps += done.steps;
    state.time = state.steps as f64 * learning_rate;
    done
}
