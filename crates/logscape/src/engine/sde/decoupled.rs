//! The SDE of the mean-square loss, whose noise is proportional to the loss (Mori et al. 2022, eq. 10).

use super::{FactoredNoise, FlowLaw, Landscape, NoiseFactor, NoiseLaw, SdeError};
use crate::lanes::{Lane, Real};

/// `dθ = −∇L dt + √(L(θ)) F dW` (Itô), `F Fᵀ = 2ηsH*/B`: gradient noise of the shape of the Hessian at the minimum, which
/// grows with the loss.
pub type DecoupledNoise<R, L> = FactoredNoise<R, L, Decoupled>;

/// The law of [`DecoupledNoise`]: `u = 1`, `v = √L`.
#[derive(Debug, Clone, Copy)]
pub struct Decoupled;

impl NoiseLaw for Decoupled {
    const SQUARE_SLOPE: f64 = 1.0;

    #[inline(always)]
    fn noise_scale<R: Real>(scale: Lane<R>, loss: Lane<R>) -> Lane<R> {
        scale * loss.sqrt()
    }
}

impl FlowLaw for Decoupled {}

impl<R: Real, L: Landscape<R>> FactoredNoise<R, L, Decoupled> {
    /// The equation on `landscape` with `hessian = H*` and `strength = 2ηs/B`.
    ///
    /// # Errors
    /// If dimensions differ, or `strength` is negative or not finite.
    pub fn new(landscape: L, hessian: NoiseFactor<R>, strength: f64) -> Result<Self, SdeError> {
        Self::with_factor(landscape, hessian.scaled(strength)?, "Hessian")
    }
}
