//! The SDE of the mean-square loss, whose noise is proportional to the loss (Mori et al. 2022, eq. 10).

use super::{GradientFlow, Landscape, LossPoint, NoiseFactor, Sde, SdeError, same_length};
use crate::dynamics::TimeUnit;
use crate::lanes::{Lane, Real};

/// `dθ = −∇L dt + √(L(θ)) F dW` (Itô), `F Fᵀ = 2ηsH*/B`: gradient noise of the shape of the Hessian at the minimum, which
/// grows with the loss.
#[derive(Debug, Clone)]
pub struct DecoupledNoise<R, L> {
    landscape: L,
    factor: NoiseFactor<R>,
}

impl<R: Real, L: Landscape<R>> DecoupledNoise<R, L> {
    /// The equation on `landscape` with `hessian = H*` and `strength = 2ηs/B`.
    ///
    /// # Errors
    /// If dimensions differ, or `strength` is negative or not finite.
    pub fn new(landscape: L, hessian: NoiseFactor<R>, strength: f64) -> Result<Self, SdeError> {
        same_length("Hessian", hessian.dim(), landscape.dim())?;
        Ok(Self { landscape, factor: hessian.scaled(strength)? })
    }
}

impl<R: Real, L: Landscape<R>> Sde<R> for DecoupledNoise<R, L> {
    type Point = LossPoint<R, L::Work>;

    fn dim(&self) -> usize {
        self.landscape.dim()
    }

    fn noises(&self) -> usize {
        self.factor.noises()
    }

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::LearningTime
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
        at.descend(scale, out);
    }

    #[inline(always)]
    fn add_noise(&self, at: &mut Self::Point, normals: &[Lane<R>], scale: Lane<R>, out: &mut [Lane<R>]) {
        self.factor.add(normals, scale * at.loss.sqrt(), out);
    }

    fn has_diagonal_noise(&self) -> bool {
        self.dim() == 1 && self.noises() == 1
    }

    /// `b b' = ½ F² L'` in one dimension.
    #[inline(always)]
    fn add_noise_slope(&self, at: &mut Self::Point, scale: &[Lane<R>], out: &mut [Lane<R>]) {
        let half_square = Lane::splat(R::from_f64(0.5 * self.factor.trace()));
        out[0] = (scale[0] * half_square).mul_add(at.gradient[0], out[0]);
    }
}

impl<R: Real, L: Landscape<R>> GradientFlow<R> for DecoupledNoise<R, L> {
    type Landscape = L;

    fn landscape(&self) -> &L {
        &self.landscape
    }

    fn loss_point<'a>(&self, at: &'a mut Self::Point) -> &'a mut LossPoint<R, L::Work> {
        at
    }
}
