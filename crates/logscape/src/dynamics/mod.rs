//! Dynamics by name: what a study can run, and what each is built from.
//!
//! A new one is a file with a [`Kind`] and a line in `registry.rs`.

mod adam;
mod decoupled;
mod equation;
mod error;
mod frozen;
mod gaussian;
mod heavy_ball;
mod langevin;
mod log_landscape;
mod matrices;
mod measured;
mod multiplicative;
mod registry;
mod second_order;
mod sgd;
mod sgld;
#[cfg(test)]
mod tests;

pub use error::{BuildError, MATRIX_LIMIT};
pub use matrices::AtMinimum;
pub use registry::{all, by_name};

use serde::{Deserialize, Serialize};

use crate::engine::{AnyDynamics, TimeUnit};
use crate::{Precision, Sampling, SgdSettings};

/// A dynamics that can be built from a minimum and options.
pub trait Kind: Sync {
    /// Its name in studies and records.
    fn name(&self) -> &'static str;

    /// Its equation, in one line.
    fn equation(&self) -> &'static str;

    /// The source of the equation.
    fn reference(&self) -> &'static str;

    /// What it tells beside SGD, as a question.
    fn question(&self) -> &'static str;

    /// Names of the [`Options`] that it takes.
    fn options(&self) -> &'static [&'static str];

    /// The dynamics of `sgd`'s learning rate and batches, near the minimum.
    ///
    /// # Errors
    /// If the options, or the size of the problem, make no such dynamics.
    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError>;
}

/// What can be said about a dynamics beside its name; a field that is absent takes its default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Momentum `β` of `heavy-ball`, in `[0, 1)`; 0.9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Weight decay `λ` of `heavy-ball`, `adam` and `adamw`; 0, and 0.01 for `adamw`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// What is left of Adam's means after a step, `β₁` and `β₂`; 0.9 and 0.999.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub betas: Option<[f64; 2]>,
    /// What is added to the root in Adam's step, `ε`; 1e-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// Temperature `T` in units of the loss; there is no default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Share of samples with a weight, in `[B/(N + B), 1]`; the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Noise strength `s`; the measured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_strength: Option<f64>,
    /// Step of an SDE in the time `t`; `η/10`. On the logarithmic landscape the step is `L* dt` in `τ`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dt: Option<f64>,
    /// Scheme of an SDE; Euler–Maruyama.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<SchemeName>,
    /// How batches are drawn, where not as for SGD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// Precision of `sgd`, where not as for SGD; of an SDE, `float64` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
}

impl Options {
    /// Names of the options that are given.
    pub fn given(&self) -> Vec<&'static str> {
        let given = [
            ("momentum", self.momentum.is_some()),
            ("weight_decay", self.weight_decay.is_some()),
            ("betas", self.betas.is_some()),
            ("epsilon", self.epsilon.is_some()),
            ("temperature", self.temperature.is_some()),
            ("share", self.share.is_some()),
            ("noise_strength", self.noise_strength.is_some()),
            ("dt", self.dt.is_some()),
            ("scheme", self.scheme.is_some()),
            ("sampling", self.sampling.is_some()),
            ("precision", self.precision.is_some()),
        ];
        given.into_iter().filter(|option| option.1).map(|option| option.0).collect()
    }

    /// The temperature, which must be given.
    fn temperature(&self) -> Result<f64, BuildError> {
        self.temperature.ok_or(BuildError::Missing("temperature"))
    }

    /// The step in `t`.
    fn dt(&self, sgd: &SgdSettings) -> f64 {
        self.dt.unwrap_or(0.1 * sgd.learning_rate)
    }

    /// The settings with the sampling that the options name.
    fn sampled(&self, sgd: SgdSettings) -> SgdSettings {
        SgdSettings { sampling: self.sampling.unwrap_or(sgd.sampling), ..sgd }
    }
}

/// A scheme by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SchemeName {
    /// [`EulerMaruyama`](crate::engine::sde::EulerMaruyama).
    EulerMaruyama,
    /// [`Milstein`](crate::engine::sde::Milstein).
    Milstein,
    /// [`Platen`](crate::engine::sde::Platen).
    Platen,
    /// [`AdaptiveEuler`](crate::engine::sde::AdaptiveEuler), for the logarithmic landscape.
    AdaptiveEuler,
}

/// A dynamics, and how its steps count.
#[derive(Debug)]
pub struct Built<'a> {
    /// The dynamics.
    pub dynamics: AnyDynamics<'a>,
    /// Length of a step in the dynamics' own time: 1 for a chain, else in `t` or `τ`.
    pub step: f64,
    /// Steps in the time that one step of SGD takes at the minimum.
    pub steps_per_sgd_step: f64,
}

impl<'a> Built<'a> {
    /// A chain: one step for each of SGD.
    fn chain(dynamics: AnyDynamics<'a>) -> Self {
        Self { dynamics, step: 1.0, steps_per_sgd_step: 1.0 }
    }

    /// An SDE in `t` with steps of length `dt`.
    fn in_time(dynamics: AnyDynamics<'a>, dt: f64, sgd: &SgdSettings) -> Self {
        Self { dynamics, step: dt, steps_per_sgd_step: sgd.learning_rate / dt }
    }

    /// The number of steps that stand for `steps` of SGD's, at least 1.
    pub fn steps(&self, steps: u64) -> u64 {
        ((steps as f64 * self.steps_per_sgd_step).round() as u64).max(1)
    }

    /// How long `steps` steps are in SGD's, where the dynamics has a clock `t` of the learning rate `η`.
    pub fn sgd_steps(&self, steps: u64, time: f64, learning_rate: f64) -> f64 {
        match crate::engine::Dynamics::time_unit(&self.dynamics) {
            TimeUnit::Steps => steps as f64,
            TimeUnit::LearningTime | TimeUnit::LandscapeTime => time / learning_rate,
        }
    }
}
