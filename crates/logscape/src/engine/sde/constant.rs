//! SDEs whose noise does not depend on `θ`: noise frozen at a minimum, Gaussian gradient dynamics, Langevin dynamics.

use super::{FactoredNoise, FlowLaw, Landscape, NoiseFactor, NoiseLaw, SdeError};
use crate::SgdSettings;
use crate::lanes::Real;

/// `dθ = −∇L dt + F dW`.
///
/// With `F Fᵀ = ηC(θ*)/B` this is SGD with its noise frozen at the minimum; with other matrices of the same trace it is
/// the family of Zhu et al. (2019), *The anisotropic noise in stochastic gradient descent*: isotropic, diagonal, the
/// leading eigenvector, or the Hessian's shape. With `F Fᵀ = 2T I` it is Langevin dynamics at temperature `T`, whose
/// stationary law is `e^{−L/T}` (Welling & Teh 2011 with the gradient of all data).
pub type ConstantNoise<R, L> = FactoredNoise<R, L, Constant>;

/// The law of [`ConstantNoise`]: `u = v = 1`.
#[derive(Debug, Clone, Copy)]
pub struct Constant;

impl NoiseLaw for Constant {}

impl FlowLaw for Constant {}

impl<R: Real, L: Landscape<R>> FactoredNoise<R, L, Constant> {
    /// The equation on `landscape` with covariance `F Fᵀ` per unit `t`.
    ///
    /// # Errors
    /// If dimensions differ.
    pub fn new(landscape: L, covariance: NoiseFactor<R>) -> Result<Self, SdeError> {
        Self::with_factor(landscape, covariance, "noise")
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
