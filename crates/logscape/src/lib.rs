//! SGD as a noisy walk on the logarithm of the loss.
//!
//! How long does SGD stay in a minimum? Measure it, ask every theory, simulate, compare:
//!
//! ```
//! use logscape::ensemble::{EscapeRun, Region, rate_estimate};
//! use logscape::geometry::{GeometryConfig, measure};
//! use logscape::landscape::{MinimumConfig, find_minimum};
//! use logscape::problem::LinearRegression;
//! use logscape::verdict::Measured;
//! use logscape::{Barrier, Sampling, SgdSettings, Stop, Verdict, theory};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let x: Vec<f64> = (0..100).map(|k| f64::from(k) / 50.0 - 1.0).collect();
//! let y = x.iter().zip(0..).map(|(x, k)| 2.0 * x + f64::from(k * k % 7 - 3)).collect();
//! let problem = LinearRegression::new(x, y, 1)?;
//!
//! let stop = Stop::new();
//! let minimum = find_minimum(&problem, &[0.0], &MinimumConfig::default(), &stop)?;
//! let geometry = measure(&problem, &minimum, &GeometryConfig::default(), &stop)?;
//!
//! // Escape: the loss of all data passes 1.5 times that of the minimum.
//! let level = 1.5 * minimum.loss;
//! let sgd = SgdSettings { learning_rate: 0.5, batch_size: 1, sampling: Sampling::WithReplacement };
//! let barrier = Barrier::Level { loss: level };
//! let predictions: Vec<_> = theory::all().iter().map(|t| t.predict(&geometry, &barrier, &sgd)).collect();
//!
//! let region = Region::LossLevel { loss: level, check_every: 1 };
//! let run = EscapeRun { start: minimum.theta.clone(), region, replicas: 100, max_steps: 100_000, seed: 7 };
//! let rate = rate_estimate(&run.run_sgd(&problem, sgd, &stop, |_| {})?, run.seed);
//! let verdict = Verdict::new(&predictions, Measured::new(rate.mean_steps, rate.mean_steps_lower_bound));
//! println!("{:?} steps; {verdict}", rate.mean_steps);
//! # assert!(rate.escaped == 100);
//! # Ok(())
//! # }
//! ```
//!
//! | room | what it holds |
//! |---|---|
//! | [`model`] | the nouns: estimates, settings, minima, geometries, barriers, and the one way to [stop](Stop) |
//! | [`data`] | loaders and generators of data sets |
//! | [`network`] | layers, losses of outputs, and the networks that they make |
//! | [`problem`] | what is trained: the trait, the built-in problems, and a [checker](problem::check()) for one's own |
//! | [`operator`] | Hessian, Gauss–Newton and noise covariance by products; eigenpairs, densities of eigenvalues and traces from them |
//! | [`geometry`], [`landscape`] | measuring a minimum; finding minima, saddles and barriers |
//! | [`training`] | optimisers, schedules and batches: from a start to near a minimum |
//! | [`interpolation`] | minima that fit every sample: stability, and the chance to leave from near them |
//! | [`engine`], [`dynamics`] | how replicas move fast; SGD and its relatives by name |
//! | [`ensemble`], [`rare`] | many replicas, by waiting; escapes that are too rare to wait for |
//! | [`mod@reference`], [`theory`], [`verdict`] | exact answers; predictions; which of them hold |
//! | [`stats`], [`random`], [`lanes`] | estimators; streams of random numbers; vector arithmetic |
//!
//! Data flow one way: a [`Problem`] has a minimum, the minimum a [`Geometry`], the geometry and a [`Barrier`] give each
//! theory's prediction, and ensembles of replicas measure what SGD does. A theory never sees a simulation and a
//! simulation never sees a theory; they meet in the [`Verdict`].
//!
//! # Conventions
//!
//! - Loss `L(θ) = (1/N) Σ ½‖f(θ, x_μ) − y_μ‖²`; per-sample gradient `g_μ = J_μᵀ e_μ`.
//! - SGD step `θ ← θ − η g_B`; time `t = ηk` after `k` steps. Rates are per unit `t` unless a name says steps.
//! - `C` is the gradient-noise covariance of one sample; a batch drawn with replacement has `C/B`.
//! - Stochastic integrals are Itô's.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests take what generators they like"))]

pub mod data;
pub mod dynamics;
pub mod engine;
pub mod ensemble;
pub mod geometry;
pub mod interpolation;
pub mod landscape;
pub mod lanes;
pub mod model;
pub mod network;
pub mod operator;
pub mod problem;
pub mod random;
pub mod rare;
pub mod reference;
pub mod stats;
pub mod theory;
pub mod training;
pub mod verdict;

pub use model::{
    Barrier, Estimate, Geometry, Instanton, Interrupted, Minimum, NoiseModel, Path, Precision, Sampling, SgdSettings,
    Stop, WayOut,
};
pub use problem::{Problem, Samples};
pub use verdict::Verdict;
