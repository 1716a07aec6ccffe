//! The SDE on the logarithm of the loss, in the time in which SGD's noise is additive (Mori et al. 2022, eq. 13).

use super::{FactoredNoise, Landscape, NoiseFactor, NoiseLaw, SdeError};
use crate::engine::TimeUnit;
use crate::lanes::{Lane, Real};

/// `dθ = −(∇L/L) dτ + F dW_τ` with `F Fᵀ = 2ηsH*/B`, and the clock `dt = dτ/L` beside it.
///
/// It has the paths of [`DecoupledNoise`](super::DecoupledNoise), passed in another time. Near `L = 0` its drift is stiff:
/// its rate is `h/L` where that of the loss is `h`, see [`AdaptiveEuler`](super::AdaptiveEuler).
pub type LogLandscape<R, L> = FactoredNoise<R, L, Logarithmic>;

/// The law of [`LogLandscape`]: `u = 1/L`, `v = 1`, `dt = dτ/L`.
#[derive(Debug, Clone, Copy)]
pub struct Logarithmic;

impl NoiseLaw for Logarithmic {
    const TIME_UNIT: TimeUnit = TimeUnit::LandscapeTime;

    #[inline(always)]
    fn drift_scale<R: Real>(scale: Lane<R>, loss: Lane<R>) -> Lane<R> {
        scale / loss
    }

    #[inline(always)]
    fn clock_rate<R: Real>(loss: Lane<R>) -> Lane<R> {
        Lane::splat(R::ONE) / loss
    }
}

impl<R: Real, L: Landscape<R>> FactoredNoise<R, L, Logarithmic> {
    /// The equation on `landscape` with `hessian = H*` and `strength = 2ηs/B`.
    ///
    /// # Errors
    /// If dimensions differ, or `strength` is negative or not finite.
    pub fn new(landscape: L, hessian: NoiseFactor<R>, strength: f64) -> Result<Self, SdeError> {
        Self::with_factor(landscape, hessian.scaled(strength)?, "Hessian")
    }
}
