//! A dynamics whose type is forgotten: one call through a pointer for many steps, none within a step.

use std::fmt;
use std::sync::Arc;

use super::{Advanced, Block, Dynamics, ExitTest, LaneEnd, ReplicaState, TimeUnit};

/// Any [`Dynamics`], for code that is compiled once for all of them. Its results are those of the dynamics, to the bit.
pub struct AnyDynamics<'a>(Box<dyn Erased<'a> + 'a>);

impl<'a> AnyDynamics<'a> {
    /// Forgets the type of `dynamics`.
    pub fn new<D: Dynamics + Send + 'a>(dynamics: D) -> Self {
        Self(Box::new(Shared(Arc::new(dynamics))))
    }
}

/// The type that was forgotten.
impl fmt::Debug for AnyDynamics<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyDynamics").field(&self.0.name()).finish()
    }
}

/// A block that knows how it moves.
pub trait MovingBlock: Block {
    /// See [`Dynamics::advance`].
    fn advance(&mut self, steps: u64, exit: &ExitTest) -> Advanced;
}

impl<'a> Dynamics for AnyDynamics<'a> {
    type Block = Box<dyn MovingBlock + 'a>;

    fn time_unit(&self) -> TimeUnit {
        self.0.time_unit()
    }

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn block(&self) -> Self::Block {
        self.0.block()
    }

    fn advance(&self, block: &mut Self::Block, steps: u64, exit: &ExitTest) -> Advanced {
        block.advance(steps, exit)
    }
}

trait Erased<'a>: Send + Sync {
    fn name(&self) -> &'static str;
    fn time_unit(&self) -> TimeUnit;
    fn dim(&self) -> usize;
    fn block(&self) -> Box<dyn MovingBlock + 'a>;
}

/// A dynamics that its blocks share.
struct Shared<D>(Arc<D>);

impl<'a, D: Dynamics + Send + 'a> Erased<'a> for Shared<D> {
    fn name(&self) -> &'static str {
        std::any::type_name::<D>()
    }

    fn time_unit(&self) -> TimeUnit {
        self.0.time_unit()
    }

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn block(&self) -> Box<dyn MovingBlock + 'a> {
        Box::new(Moving { block: self.0.block(), dynamics: Arc::clone(&self.0) })
    }
}

struct Moving<D: Dynamics> {
    dynamics: Arc<D>,
    block: D::Block,
}

impl<D: Dynamics + Send> MovingBlock for Moving<D> {
    fn advance(&mut self, steps: u64, exit: &ExitTest) -> Advanced {
        self.dynamics.advance(&mut self.block, steps, exit)
    }
}

/// Writes a [`Block`] that passes every call on to `$inner`.
macro_rules! passing_block {
    ([$($parameters:tt)*] $type:ty, $block:ident => $inner:expr) => {
        impl<$($parameters)*> Block for $type {
            fn lanes(&self) -> usize {
                let $block = self;
                $inner.lanes()
            }

            fn load(&mut self, lane: usize, state: &ReplicaState) {
                let $block = self;
                $inner.load(lane, state);
            }

            fn store(&self, lane: usize) -> ReplicaState {
                let $block = self;
                $inner.store(lane)
            }

            fn clear(&mut self, lane: usize) {
                let $block = self;
                $inner.clear(lane);
            }

            fn steps(&self, lane: usize) -> u64 {
                let $block = self;
                $inner.steps(lane)
            }

            fn time(&self, lane: usize) -> f64 {
                let $block = self;
                $inner.time(lane)
            }

            fn theta_into(&self, lane: usize, out: &mut [f64]) {
                let $block = self;
                $inner.theta_into(lane, out);
            }

            fn ends(&self) -> &[Option<LaneEnd>] {
                let $block = self;
                $inner.ends()
            }
        }
    };
}

passing_block!([D: Dynamics + Send] Moving<D>, moving => moving.block);
passing_block!(['a] Box<dyn MovingBlock + 'a>, boxed => (**boxed));
