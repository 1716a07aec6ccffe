//! Equations whose noise is a constant matrix times a function of the loss.

use std::marker::PhantomData;

use super::{GradientFlow, Landscape, LossPoint, NoiseFactor, Sde, SdeError, same_length};
use crate::engine::TimeUnit;
use crate::lanes::{Lane, Real};

/// The functions `u` and `v` of `dθ = −u(L) ∇L ds + v(L) F dW`. Without a word of its own a law has `u = v = 1` in the time `t`.
pub trait NoiseLaw: Sync {
    /// What `s` is.
    const TIME_UNIT: TimeUnit = TimeUnit::LearningTime;

    /// `(v²)'`, which must be a constant.
    const SQUARE_SLOPE: f64 = 0.0;

    /// `scale · u(L)`.
    #[inline(always)]
    fn drift_scale<R: Real>(scale: Lane<R>, _loss: Lane<R>) -> Lane<R> {
        scale
    }

    /// `scale · v(L)`.
    #[inline(always)]
    fn noise_scale<R: Real>(scale: Lane<R>, _loss: Lane<R>) -> Lane<R> {
        scale
    }

    /// `dt/ds`.
    #[inline(always)]
    fn clock_rate<R: Real>(_loss: Lane<R>) -> Lane<R> {
        Lane::splat(R::ONE)
    }
}

/// A law with the drift `−∇L` in the time `t`.
pub trait FlowLaw: NoiseLaw {}

/// `dθ = −u(L) ∇L ds + v(L) F dW` (Itô) with a constant `F` and the `u, v` of the law `V`.
#[derive(Debug, Clone)]
pub struct FactoredNoise<R, L, V> {
    landscape: L,
    factor: NoiseFactor<R>,
    law: PhantomData<V>,
}

impl<R: Real, L: Landscape<R>, V: NoiseLaw> FactoredNoise<R, L, V> {
    /// The equation on `landscape`; `what` names the factor where it does not fit.
    pub(super) fn with_factor(landscape: L, factor: NoiseFactor<R>, what: &'static str) -> Result<Self, SdeError> {
        same_length(what, factor.dim(), landscape.dim())?;
        Ok(Self { landscape, factor, law: PhantomData })
    }
}

impl<R: Real, L: Landscape<R>, V: NoiseLaw> Sde<R> for FactoredNoise<R, L, V> {
    type Point = LossPoint<R, L::Work>;

    fn dim(&self) -> usize {
        self.landscape.dim()
    }

    fn noises(&self) -> usize {
        self.factor.noises()
    }

    fn time_unit(&self) -> TimeUnit {
        V::TIME_UNIT
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
        at.descend(V::drift_scale(scale, at.loss), out);
    }

    #[inline(always)]
    fn add_noise(&self, at: &mut Self::Point, normals: &[Lane<R>], scale: Lane<R>, out: &mut [Lane<R>]) {
        self.factor.add(normals, V::noise_scale(scale, at.loss), out);
    }

    #[inline(always)]
    fn clock_rate(&self, at: &Self::Point) -> Lane<R> {
        V::clock_rate(at.loss)
    }

    /// The derivative of a constant is zero, diagonal or not.
    fn has_diagonal_noise(&self) -> bool {
        V::SQUARE_SLOPE == 0.0 || self.dim() == 1 && self.noises() == 1
    }

    /// `b b' = ½ F² (v²)' L'` in one dimension.
    #[inline(always)]
    fn add_noise_slope(&self, at: &mut Self::Point, scale: &[Lane<R>], out: &mut [Lane<R>]) {
        if V::SQUARE_SLOPE != 0.0 {
            let half_square = Lane::splat(R::from_f64(0.5 * V::SQUARE_SLOPE * self.factor.trace()));
            out[0] = (scale[0] * half_square).mul_add(at.gradient[0], out[0]);
        }
    }
}

impl<R: Real, L: Landscape<R>, V: FlowLaw> GradientFlow<R> for FactoredNoise<R, L, V> {
    type Landscape = L;

    fn landscape(&self) -> &L {
        &self.landscape
    }

    fn loss_point<'a>(&self, at: &'a mut Self::Point) -> &'a mut LossPoint<R, L::Work> {
        at
    }
}
