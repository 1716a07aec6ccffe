//! SDEs whose noise does not depend on `θ`: noise frozen at a minimum, Gaussian gradient dynamics, Langevin dynamics.

use super::{GradientFlow, Landscape, LossPoint, NoiseFactor, Sde, SdeError, same_length};
use crate::SgdSettings;
use crate::dynamics::TimeUnit;
use crate::lanes::{Lane, Real};

/// `dθ = −∇L dt + F dW`.
///
/// With `F Fᵀ = ηC(θ*)/B` this is SGD with its noise frozen at the minimum; with other matrices of the same trace it is
/// the family of Zhu et al. (2019), *The anisotropic noise in stochastic gradient descent*: isotropic, diagonal, the
/// leading eigenvector, or the Hessian's shape. With `F Fᵀ = 2T I` it is Langevin dynamics at temperature `T`, whose
/// stationary law is `e^{−L/T}` (Welling & Teh 2011 with the gradient of all data).
#[derive(Debug, Clone)]
pub struct ConstantNoise<R, L> {
    landscape: L,
    factor: NoiseFactor<R>,
}

impl<R: Real, L: Landscape<R>> ConstantNoise<R, L> {
    /// The equation on `landscape` with covariance `F Fᵀ` per unit `t`.
    ///
    /// # Errors
    /// If dimensions differ.
    pub fn new(landscape: L, covariance: NoiseFactor<R>) -> Result<Self, SdeError> {
        same_length("noise", covariance.dim(), landscape.dim())?;
        Ok(Self { landscape, factor: covariance })
    }

    /// Noise `(η/B_eff) C` of the batches of SGD, for `covariance = C` of one of `samples` samples.
    ///
    /// # Errors
    /// If dimensions differ, or the settings give no finite noise.
    pub fn frozen(
        landscape: L,
        covariance: NoiseFactor<R>,
        settings: &SgdSettings,
        samples: usize,
    ) -> Result<Self, SdeError> {
        let strength = settings.learning_rate / settings.effective_batch_size(samples);
        Self::new(landscape, covariance.scaled(strength)?)
    }

    /// Noise with the trace of SGD's, `trace = tr (η/B) C`, and the shape of `shape`.
    ///
    /// # Errors
    /// If dimensions differ, or a trace is not positive and finite.
    pub fn matched(landscape: L, shape: NoiseFactor<R>, trace: f64) -> Result<Self, SdeError> {
        Self::new(landscape, shape.with_trace(trace)?)
    }

    /// Langevin dynamics at `temperature = T`, in units of the loss.
    ///
    /// # Errors
    /// If the temperature is negative or not finite.
    pub fn langevin(landscape: L, temperature: f64) -> Result<Self, SdeError> {
        let factor = NoiseFactor::isotropic(landscape.dim(), 2.0 * temperature)?;
        Self::new(landscape, factor)
    }
}

impl<R: Real, L: Landscape<R>> Sde<R> for ConstantNoise<R, L> {
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
    fn add_noise(&self, _at: &mut Self::Point, normals: &[Lane<R>], scale: Lane<R>, out: &mut [Lane<R>]) {
        self.factor.add(normals, scale, out);
    }

    /// The derivative of a constant is zero, diagonal or not.
    fn has_diagonal_noise(&self) -> bool {
        true
    }

    fn add_noise_slope(&self, _at: &mut Self::Point, _scale: &[Lane<R>], _out: &mut [Lane<R>]) {}
}

impl<R: Real, L: Landscape<R>> GradientFlow<R> for ConstantNoise<R, L> {
    type Landscape = L;

    fn landscape(&self) -> &L {
        &self.landscape
    }

    fn loss_point<'a>(&self, at: &'a mut Self::Point) -> &'a mut LossPoint<R, L::Work> {
        at
    }
}
