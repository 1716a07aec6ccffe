//! Stochastic differential equations that stand for SGD, sixteen replicas side by side.
//!
//! `dθ = a(θ) ds + b(θ) dW` (Itô) with `P` parameters and `m` independent noises. The time `s` is `t` or, for the
//! logarithmic landscape, `τ` with `dτ = L dt`. An equation ([`Sde`]) is built on a [`Landscape`], and a [`Scheme`] steps
//! it; [`Diffusion`] makes a [`Dynamics`](super::Dynamics) of the two.
//!
//! | equation | drift `a` | noise `b bᵀ` | time |
//! |---|---|---|---|
//! | [`MeasuredNoise`] | `−∇L` | `(η/B) C(θ)` | `t` |
//! | [`DecoupledNoise`] | `−∇L` | `(2ηs/B) L(θ) H*` | `t` |
//! | [`ConstantNoise`] | `−∇L` | any constant matrix | `t` |
//! | [`SecondOrder`] | `−∇(L + (η/4)‖∇L‖²)` | that of one of the above | `t` |
//! | [`LogLandscape`] | `−∇L/L` | `(2ηs/B) H*` | `τ` |

mod any_landscape;
mod constant;
mod decoupled;
mod diffusion;
mod factor;
mod factored;
mod landscape;
mod log_landscape;
mod measured;
mod moments;
mod scalar;
mod scheme;
mod second_order;
#[cfg(test)]
mod tests;

pub use any_landscape::AnyLandscape;
pub use constant::{Constant, ConstantNoise};
pub use decoupled::{Decoupled, DecoupledNoise};
pub use diffusion::{Diffusion, SdeBlock};
pub use factor::NoiseFactor;
pub use factored::{FactoredNoise, FlowLaw, NoiseLaw};
pub use landscape::{AllSamples, Curved, EachReplica, GradientNoise, Landscape};
pub use log_landscape::{LogLandscape, Logarithmic};
pub use measured::MeasuredNoise;
pub use moments::{Moments, MomentsWork};
pub use scalar::{DecoupledBasin, LogBasin, ScalarDiffusion, ScalarSde};
pub use scheme::{AdaptiveEuler, EulerMaruyama, Milstein, Platen, Scheme};
pub use second_order::{SecondOrder, SecondOrderPoint};

use thiserror::Error;

use super::TimeUnit;
use crate::lanes::{Lane, Real};

/// Settings that no SDE can have.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum SdeError {
    /// A number is not finite or has the wrong sign.
    #[error("{what} must be finite and {}, got {value}", if *.zero { "not negative" } else { "positive" })]
    Value {
        /// Which number.
        what: &'static str,
        /// The number.
        value: f64,
        /// Whether zero is allowed.
        zero: bool,
    },
    /// Two lengths do not fit.
    #[error("{what} has {found} entries, expected {expected}")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },
    /// Milstein's scheme needs noise whose `i`-th column moves `θ_i` only and depends on `θ_i` only.
    #[error("Milstein's scheme needs diagonal noise")]
    NotDiagonal,
}

fn positive(what: &'static str, value: f64) -> Result<f64, SdeError> {
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err(SdeError::Value { what, value, zero: false }) }
}

fn not_negative(what: &'static str, value: f64) -> Result<f64, SdeError> {
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(SdeError::Value { what, value, zero: true }) }
}

fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), SdeError> {
    if found == expected { Ok(()) } else { Err(SdeError::Length { what, found, expected }) }
}

/// `dθ = a(θ) ds + b(θ) dW` (Itô), for the replicas of all lanes at once.
pub trait Sde<R: Real>: Sync {
    /// What is known of the coefficients at one `θ`, and room to compute it.
    type Point: Send;

    /// Number of parameters `P`.
    fn dim(&self) -> usize;

    /// Number of independent noises `m`.
    fn noises(&self) -> usize;

    /// What `s` is.
    fn time_unit(&self) -> TimeUnit;

    /// Room for a point.
    fn point(&self) -> Self::Point;

    /// Goes to `theta` (`P` lanes): the methods below are about this `θ` then.
    fn evaluate(&self, theta: &[Lane<R>], at: &mut Self::Point);

    /// Adds `scale · a(θ)` to `out` (`P` lanes).
    fn add_drift(&self, at: &mut Self::Point, scale: Lane<R>, out: &mut [Lane<R>]);

    /// Adds `scale · b(θ) w` to `out` (`P` lanes), for `w` in `normals` (`m` lanes).
    fn add_noise(&self, at: &mut Self::Point, normals: &[Lane<R>], scale: Lane<R>, out: &mut [Lane<R>]);

    /// `dt/ds`.
    fn clock_rate(&self, _at: &Self::Point) -> Lane<R> {
        Lane::splat(R::ONE)
    }

    /// Whether `b` is diagonal and `b_ii` depends on `θ_i` only, as in any equation with `P = m = 1`.
    fn has_diagonal_noise(&self) -> bool;

    /// Adds `scale_i · b_ii ∂b_ii/∂θ_i` to `out_i` (`P` lanes each), where [`has_diagonal_noise`](Self::has_diagonal_noise).
    fn add_noise_slope(&self, at: &mut Self::Point, scale: &[Lane<R>], out: &mut [Lane<R>]);
}

/// An equation with the drift `−∇L` in the time `t`.
pub trait GradientFlow<R: Real>: Sde<R> {
    /// What has the loss `L`.
    type Landscape: Landscape<R>;

    /// The landscape.
    fn landscape(&self) -> &Self::Landscape;

    /// Loss and gradient at a point.
    fn loss_point<'a>(&self, at: &'a mut Self::Point) -> &'a mut LossPoint<R, <Self::Landscape as Landscape<R>>::Work>;
}

/// Loss and gradient at a point, as most equations need them.
#[derive(Debug)]
pub struct LossPoint<R, W> {
    /// `L(θ)`.
    loss: Lane<R>,
    /// `∇L(θ)` (`P` lanes).
    gradient: Vec<Lane<R>>,
    /// What the landscape needs.
    work: W,
}

impl<R: Real, W> LossPoint<R, W> {
    fn new<L: Landscape<R, Work = W>>(landscape: &L) -> Self {
        let zero = Lane::splat(R::ZERO);
        Self { loss: zero, gradient: vec![zero; landscape.dim()], work: landscape.work() }
    }

    #[inline(always)]
    fn evaluate<L: Landscape<R, Work = W>>(&mut self, landscape: &L, theta: &[Lane<R>]) {
        self.loss = landscape.loss_gradient_into(theta, &mut self.gradient, &mut self.work);
    }

    /// Adds `−scale ∇L` to `out`.
    #[inline(always)]
    fn descend(&self, scale: Lane<R>, out: &mut [Lane<R>]) {
        for (out, g) in out.iter_mut().zip(&self.gradient) {
            *out = (-scale).mul_add(*g, *out);
        }
    }
}
