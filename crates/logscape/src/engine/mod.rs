//! How replicas move: layouts in memory, and the chains and equations that move them.

mod block;
mod descent;
mod erased;
mod exit;
mod heavy_ball;
mod multiplicative;
mod optimised;
pub mod sde;
mod sgd;
mod sgld;
mod state;

pub use block::{CHUNK, Clocks, LaneBlock, RowBlock, SoloBlock};
pub use descent::Descent;
pub use erased::{AnyDynamics, MovingBlock};
pub use exit::ExitTest;
pub use heavy_ball::HeavyBall;
pub use multiplicative::{MultiplicativeSgd, WeightLaw};
pub use optimised::Optimised;
pub(crate) use sgd::draw;
pub use sgd::{
    LaneSgd, ManyBlock, ManySgd, MlpBlock, MlpSgd, NetworkBlock, NetworkSgd, RowSgd, SUM_DIM, SUM_SAMPLES, Sgd,
    SgdError, SumSgd,
};
pub use sgld::Sgld;
pub use state::ReplicaState;

use crate::lanes::Real;
use serde::{Deserialize, Serialize};

/// A coordinate, or the norm of all, beyond this in absolute value means that the replica has diverged, in double precision; single
/// precision has its own limit, [`Real::DIVERGENCE_LIMIT`]. It is as far out as fourth
/// powers and their sums allow, so that the units of parameters do not matter.
pub const DIVERGENCE_LIMIT: f64 = <f64 as Real>::DIVERGENCE_LIMIT;

/// What one unit of a dynamics' clock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TimeUnit {
    /// Steps `k` of the discrete chain.
    Steps,
    /// Time `t = ηk`.
    LearningTime,
    /// Time `τ` of the logarithmic landscape, `dτ = L dt`.
    LandscapeTime,
}

/// Replicas that move together, each in a lane. What a replica does never depends on its lane or its neighbours.
pub trait Block: Send {
    /// Number of lanes.
    fn lanes(&self) -> usize;

    /// Puts a replica into a lane.
    fn load(&mut self, lane: usize, state: &ReplicaState);

    /// The replica of an occupied lane, such that loading it anywhere goes on to the same bits.
    fn store(&self, lane: usize) -> ReplicaState;

    /// Empties a lane.
    fn clear(&mut self, lane: usize);

    /// Steps that the replica of an occupied lane has taken.
    fn steps(&self, lane: usize) -> u64;

    /// Time `t` of the replica of an occupied lane.
    fn time(&self, lane: usize) -> f64;

    /// Parameters `θ` (`P`) of a lane into `out`.
    fn theta_into(&self, lane: usize, out: &mut [f64]);

    /// How the replicas ended at the last step of the last [`Dynamics::advance`] (as many as there are lanes): `None`
    /// where one goes on, or was put into its lane since, and for an empty lane.
    fn ends(&self) -> &[Option<LaneEnd>];
}

/// Why a replica goes on no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneEnd {
    /// It left the region.
    Escaped,
    /// A coordinate became non-finite or larger than [`DIVERGENCE_LIMIT`].
    Diverged,
}

/// What a call to [`Dynamics::advance`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Advanced {
    /// Steps taken, the same for every occupied lane.
    pub steps: u64,
    /// Whether a replica ended at the last one; [`Block::ends`] says which, and how.
    pub ended: bool,
}

/// A rule that moves the replicas of a block.
pub trait Dynamics: Sync {
    /// The layout of the replicas in memory.
    type Block: Block;

    /// The unit of the clock; a replica's `steps` count updates whatever it is.
    fn time_unit(&self) -> TimeUnit;

    /// Number of parameters `P`.
    fn dim(&self) -> usize;

    /// A block with all lanes empty.
    fn block(&self) -> Self::Block;

    /// Takes up to `steps` steps with every occupied lane, stopping after the first at which one has left or diverged;
    /// with none occupied it takes them all. Allocates nothing, but for the order of samples and the velocity before the
    /// first batch.
    fn advance(&self, block: &mut Self::Block, steps: u64, exit: &ExitTest) -> Advanced;
}
