//! The SDE of SGD with the covariance that its gradient has at every `θ` (Mandt, Hoffman & Blei 2017; Li, Tai & E 2017).

use super::{GradientFlow, GradientNoise, LossPoint, Sde, SdeError, not_negative, positive};
use crate::SgdSettings;
use crate::engine::TimeUnit;
use crate::lanes::{Lane, Real};

/// `dθ = −∇L dt + √(η Σ_B(θ)) dW` (Itô), `Σ_B = C(θ)/B_eff`.
///
/// The root of `C` is not formed: `(1/√N) Σ_μ (w_μ − w̄) g_μ` with `N` independent normal numbers `w_μ` has covariance `C`.
/// A step costs `N` normal numbers and two gradients of all data.
#[derive(Debug, Clone)]
pub struct MeasuredNoise<R, L> {
    landscape: L,
    /// `√(η/(B_eff N))`.
    factor: R,
    /// `1/N`.
    share: R,
}

/// What [`MeasuredNoise`] knows at a point.
#[derive(Debug)]
pub struct MeasuredPoint<R, W> {
    loss: LossPoint<R, W>,
    theta: Vec<Lane<R>>,
    /// `w_μ − w̄` (`N` lanes).
    weights: Vec<Lane<R>>,
}

impl<R: Real, L: GradientNoise<R>> MeasuredNoise<R, L> {
    /// The equation of SGD with these settings.
    ///
    /// # Errors
    /// If the learning rate is not positive and finite.
    pub fn new(landscape: L, settings: &SgdSettings) -> Result<Self, SdeError> {
        let n = landscape.samples() as f64;
        positive("learning rate", settings.learning_rate)?;
        let strength = settings.learning_rate / settings.effective_batch_size(landscape.samples());
        let factor = R::from_f64((not_negative("noise of a batch", strength)? / n).sqrt());
        Ok(Self { landscape, factor, share: R::from_f64(1.0 / n) })
    }
}

impl<R: Real, L: GradientNoise<R>> Sde<R> for MeasuredNoise<R, L> {
    type Point = MeasuredPoint<R, L::Work>;

    fn dim(&self) -> usize {
        self.landscape.dim()
    }

    fn noises(&self) -> usize {
        self.landscape.samples()
    }

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::LearningTime
    }

    fn point(&self) -> Self::Point {
        let lanes = |count| vec![Lane::splat(R::ZERO); count];
        let loss = LossPoint::new(&self.landscape);
        MeasuredPoint { loss, theta: lanes(self.landscape.dim()), weights: lanes(self.landscape.samples()) }
    }

    #[inline(always)]
    fn evaluate(&self, theta: &[Lane<R>], at: &mut Self::Point) {
        at.theta.copy_from_slice(theta);
        at.loss.evaluate(&self.landscape, theta);
    }

    #[inline(always)]
    fn add_drift(&self, at: &mut Self::Point, scale: Lane<R>, out: &mut [Lane<R>]) {
        at.loss.descend(scale, out);
    }

    #[inline(always)]
    fn add_noise(&self, at: &mut Self::Point, normals: &[Lane<R>], scale: Lane<R>, out: &mut [Lane<R>]) {
        let mut mean = Lane::splat(R::ZERO);
        for w in normals {
            mean = mean + *w;
        }
        mean = mean * Lane::splat(self.share);
        let scale = scale * Lane::splat(self.factor);
        for (weight, w) in at.weights.iter_mut().zip(normals) {
            *weight = scale * (*w - mean);
        }
        self.landscape.add_weighted_gradients(&at.theta, &at.weights, out, &mut at.loss.work);
    }

    fn has_diagonal_noise(&self) -> bool {
        false
    }

    fn add_noise_slope(&self, _at: &mut Self::Point, _scale: &[Lane<R>], _out: &mut [Lane<R>]) {
        unreachable!("the noise is not diagonal");
    }
}

impl<R: Real, L: GradientNoise<R>> GradientFlow<R> for MeasuredNoise<R, L> {
    type Landscape = L;

    fn landscape(&self) -> &L {
        &self.landscape
    }

    fn loss_point<'a>(&self, at: &'a mut Self::Point) -> &'a mut LossPoint<R, L::Work> {
        &mut at.loss
    }
}
