//! The SDE on the logarithm of the loss, in the time in which SGD's noise is additive (Mori et al. 2022, eq. 13).

use super::{Landscape, LossPoint, NoiseFactor, Sde, SdeError, same_length};
use crate::dynamics::TimeUnit;
use crate::lanes::{Lane, Real};

/// `dθ = −(∇L/L) dτ + F dW_τ` with `F Fᵀ = 2ηsH*/B`, and the clock `dt = dτ/L` beside it.
///
/// It has the paths of [`DecoupledNoise`](super::DecoupledNoise), passed in another time. Near `L = 0` its drift is stiff:
/// its rate is `h/L` where that of the loss is `h`, see [`AdaptiveEuler`](super::AdaptiveEuler).
#[derive(Debug, Clone)]
pub struct LogLandscape<R, L> {
    landscape: L,
    factor: NoiseFactor<R>,
}

impl<R: Real, L: Landscape<R>> LogLandscape<R, L> {
    /// The equation on `landscape` with `hessian = H*` and `strength = 2ηs/B`.
    ///
    /// # Errors
    /// If dimensions differ, or `strength` is negative or not finite.
    pub fn new(landscape: L, hessian: NoiseFactor<R>, strength: f64) -> Result<Self, SdeError> {
        same_length("Hessian", hessian.dim(), landscape.dim())?;
        Ok(Self { landscape, factor: hessian.scaled(strength)? })
    }
}

impl<R: Real, L: Landscape<R>> Sde<R> for LogLandscape<R, L> {
    type Point = LossPoint<R, L::Work>;

    fn dim(&self) -> usize {
        self.landscape.dim()
    }

    fn noises(&self) -> usize {
        self.factor.noises()
    }

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::LandscapeTime
    }

    fn point(&self) -> Self::Point {
        LossPoint::new(&self.landscape)
    }

    #[inline(always)]
    fn evaluate(&self, theta: &[Lane<R>], at: &mut Self::Point) {
        at.evaluate(&self.landscape, theta);
    }

    #[inline(always)]
    fn add_drift(&self, at: &mut Self::Point, scale: Lane<R>, out: &mut [Lane<R>]) {
        at.descend(scale / at.loss, out);
    }

    #[inline(always)]
    fn add_noise(&self, _at: &mut Self::Point, normals: &[Lane<R>], scale: Lane<R>, out: &mut [Lane<R>]) {
        self.factor.add(normals, scale, out);
    }

    #[inline(always)]
    fn clock_rate(&self, at: &Self::Point) -> Lane<R> {
        Lane::splat(R::ONE) / at.loss
    }

    /// The derivative of a constant is zero, diagonal or not.
    fn has_diagonal_noise(&self) -> bool {
        true
    }

    fn add_noise_slope(&self, _at: &mut Self::Point, _scale: &[Lane<R>], _out: &mut [Lane<R>]) {}
}
