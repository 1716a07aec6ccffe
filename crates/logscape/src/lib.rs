//! SGD as a noisy walk on the logarithm of the loss.
//!
//! Data flows one way: a [`Problem`] has a minimum, the minimum a [`Geometry`], the geometry and a [`Barrier`] give each
//! theory's prediction, and ensembles of replicas measure what SGD does. A theory never sees a simulation and a
//! simulation never sees a theory; they meet in the [`Verdict`].
//!
//! # Conventions
//!
//! - Loss `L(θ) = (1/N) Σ ½‖f(θ, x_μ) − y_μ‖²`; per-sample gradient `g_μ = J_μᵀ e_μ`.
//! - SGD step `θ ← θ − η g_B`; time `t = ηk` after `k` steps. Rates are per unit `t` unless a name says steps.
//! - `C` is the gradient-noise covariance of one sample; a batch drawn with replacement has `C/B`.
//! - Stochastic integrals are Itô's.

pub mod data;
pub mod dynamics;
pub mod engine;
pub mod ensemble;
pub mod geometry;
pub mod landscape;
pub mod lanes;
pub mod model;
pub mod operator;
pub mod problem;
pub mod random;
pub mod rare;
pub mod reference;
pub mod stats;
pub mod theory;
pub mod verdict;

pub use model::{
    Barrier, Estimate, Geometry, Instanton, Interrupted, Minimum, NoiseModel, Path, Precision, Sampling, SgdSettings,
    Stop, WayOut,
};
pub use problem::{Problem, Samples};
pub use verdict::Verdict;
