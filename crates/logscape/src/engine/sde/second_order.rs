//! The stochastic modified equation of second order (Li, Tai & E 2017, *Stochastic modified equations and adaptive
//! stochastic gradient algorithms*).

use super::{Curved, GradientFlow, LossPoint, Sde, SdeError, positive};
use crate::engine::TimeUnit;
use crate::lanes::{Lane, Real};

/// `dθ = −∇(L + (η/4) ‖∇L‖²) dt + b(θ) dW` (Itô), with the drift `−(I + (η/2) H) ∇L`, for the noise `b` of the equation
/// `dθ = −∇L dt + b(θ) dW`.
///
/// With [`MeasuredNoise`](super::MeasuredNoise) its means at fixed `t` are those of SGD up to `O(η²)`, where those of the
/// equation of first order are off by `O(η)`: in a quadratic basin `E θ` decays with `h + ηh²/2`, and SGD's with
/// `−ln(1 − ηh)/η`. The variance is itself of order `η`, and its share of error is not improved: constant noise gives
/// `ησ²/(h(2 + ηh))` in the long run, where the first order has `ησ²/2h` and SGD `ησ²/(h(2 − ηh))`.
///
/// A scheme with steps as long as `η` has errors as large as what is corrected: take shorter ones, or
/// [`Platen`](super::Platen)'s.
#[derive(Debug, Clone)]
pub struct SecondOrder<R, S> {
    first: S,
    /// `η/2`.
    half_rate: R,
}

/// What [`SecondOrder`] knows at a point.
#[derive(Debug)]
pub struct SecondOrderPoint<R, P> {
    first: P,
    theta: Vec<Lane<R>>,
    /// `H ∇L` (`P` lanes).
    product: Vec<Lane<R>>,
}

impl<R: Real, S: GradientFlow<R>> SecondOrder<R, S> {
    /// The equation `first` with the drift of second order for `learning_rate = η`, which should be the one of its noise.
    ///
    /// # Errors
    /// If the learning rate is not positive and finite.
    pub fn new(first: S, learning_rate: f64) -> Result<Self, SdeError> {
        let half_rate = R::from_f64(0.5 * positive("learning rate", learning_rate)?);
        Ok(Self { first, half_rate })
    }
}

impl<R: Real, S: GradientFlow<R, Landscape: Curved<R>>> Sde<R> for SecondOrder<R, S> {
    type Point = SecondOrderPoint<R, S::Point>;

    fn dim(&self) -> usize {
        self.first.dim()
    }

    fn noises(&self) -> usize {
        self.first.noises()
    }

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::LearningTime
    }

    fn point(&self) -> Self::Point {
        let zeros = vec![Lane::splat(R::ZERO); self.dim()];
        SecondOrderPoint { first: self.first.point(), theta: zeros.clone(), product: zeros }
    }

    #[inline(always)]
    fn evaluate(&self, theta: &[Lane<R>], at: &mut Self::Point) {
        at.theta.copy_from_slice(theta);
        self.first.evaluate(theta, &mut at.first);
    }

    #[inline(always)]
    fn add_drift(&self, at: &mut Self::Point, scale: Lane<R>, out: &mut [Lane<R>]) {
        self.first.add_drift(&mut at.first, scale, out);
        let LossPoint { gradient, work, .. } = self.first.loss_point(&mut at.first);
        self.first.landscape().hessian_product_into(&at.theta, gradient, &mut at.product, work);
        let scale = -scale * Lane::splat(self.half_rate);
        for (out, product) in out.iter_mut().zip(&at.product) {
            *out = scale.mul_add(*product, *out);
        }
    }

    #[inline(always)]
    fn add_noise(&self, at: &mut Self::Point, normals: &[Lane<R>], scale: Lane<R>, out: &mut [Lane<R>]) {
        self.first.add_noise(&mut at.first, normals, scale, out);
    }

    fn has_diagonal_noise(&self) -> bool {
        self.first.has_diagonal_noise()
    }

    fn add_noise_slope(&self, at: &mut Self::Point, scale: &[Lane<R>], out: &mut [Lane<R>]) {
        self.first.add_noise_slope(&mut at.first, scale, out);
    }
}
