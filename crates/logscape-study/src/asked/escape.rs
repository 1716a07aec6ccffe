//! `[escape]`: what escape means, and how it is measured.

use super::check::{Wrong, require};
use super::{RareTable, Theories};
use serde::{Deserialize, Serialize};

/// `[escape]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscapeTable {
    /// What escape means.
    pub region: RegionText,
    /// Replicas.
    #[serde(default = "thousand")]
    pub replicas: usize,
    /// Steps after which a replica is censored.
    #[serde(default = "ten_million")]
    pub max_steps: u64,
    /// Steps between two looks, for regions that need the loss of all data. Without it a passage through a loss level is seen at its
    /// step, and a quench begins every tenth of the fastest relaxation time `1/(η λ_max)`; with more than 1 what
    /// happens between looks is missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_every: Option<u64>,
    /// How escape is measured.
    #[serde(default)]
    pub method: EscapeMethod,
    /// Theories that predict: `"all"`, or a list of names.
    #[serde(default)]
    pub theories: Theories,
    /// Path parameter `ξ` of `diffusion-theory`: the weight of the minimum's noise against the saddle's.
    #[serde(default = "half")]
    pub xi: f64,
    /// Steps of a training run, for the line of one escape per run in the phase diagram; `max_steps` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_steps: Option<u64>,
    /// Losses, in units of the loss, from which replicas start where the fit interpolates; a quarter of that of the region's boundary, a
    /// 16th, a 64th and a 256th without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_losses: Option<Vec<f64>>,
    /// Whether committed escapes are measured beside arrivals, at a dividing surface, by a second ensemble of SGD.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub committed: bool,
    /// How splitting and forward flux sampling are run.
    #[serde(default)]
    pub rare: RareTable,
}

impl EscapeTable {
    /// Steps of a training run.
    pub fn steps_of_training(&self) -> u64 {
        self.training_steps.unwrap_or(self.max_steps)
    }

    /// Replica-steps that the pilot and each repeat of splitting may take.
    pub fn rare_cost(&self) -> u64 {
        self.rare.max_cost.unwrap_or((self.replicas as u64).saturating_mul(self.max_steps) / 20).max(1)
    }

    /// The most replica-steps that one ensemble takes.
    pub(crate) fn most_steps(&self) -> f64 {
        let direct = self.replicas as f64 * self.max_steps as f64;
        let rare = (self.rare.repeats + 1) as f64 * self.rare_cost() as f64;
        match self.method {
            EscapeMethod::Auto => direct + rare,
            EscapeMethod::Direct => direct,
            EscapeMethod::Splitting | EscapeMethod::ForwardFlux => rare,
        }
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        require(self.replicas > 0, "escape.replicas", "no replica", "use 1 or more")?;
        require(self.max_steps > 0, "escape.max_steps", "no step", "use 1 or more")?;
        require(self.check_every != Some(0), "escape.check_every", "no step", "use 1 or more")?;
        require(self.training_steps != Some(0), "escape.training_steps", "no step", "use 1 or more")?;
        require(
            !self.committed || self.region == RegionText::DividingSurface,
            "escape.committed",
            "committed escapes are told apart from arrivals at a dividing surface only",
            "use region = \"dividing-surface\", or committed = false",
        )?;
        let positive =
            |losses: &Vec<f64>| !losses.is_empty() && losses.iter().all(|loss| loss.is_finite() && *loss > 0.0);
        require(
            self.start_losses.as_ref().is_none_or(positive),
            "escape.start_losses",
            "a loss to start from that is not positive, or none",
            "use positive losses below that of the region's boundary, or leave them out",
        )?;
        self.region.check()?;
        self.rare.check()?;
        self.theories.check()?;
        require(
            self.xi > 0.0 && self.xi < 1.0,
            "escape.xi",
            format!("{} is no path parameter", self.xi),
            "use a number between 0 and 1",
        )
    }
}

/// `escape.method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EscapeMethod {
    /// Direct simulation where the first replicas show that enough of them will escape, else splitting.
    #[default]
    Auto,
    /// Replicas run until they escape.
    Direct,
    /// Multilevel splitting.
    Splitting,
    /// Forward flux sampling.
    ForwardFlux,
}

/// `escape.region`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegionText {
    /// The barrier tops of a one-dimensional basin; the planes at the saddles in several dimensions.
    DividingSurface,
    /// A loss `L_c`.
    LossLevel(f64),
    /// A multiple of the minimum's loss.
    LossFactor(f64),
    /// Distance from the minimum.
    Ball(f64),
    /// Lower and upper bound of each parameter.
    Box(Vec<[f64; 2]>),
    /// Gradient descent from here ends in another minimum.
    Quench,
}

impl RegionText {
    fn check(&self) -> Result<(), Wrong> {
        const FIELD: &str = "escape.region";
        match self {
            RegionText::DividingSurface | RegionText::Quench => Ok(()),
            RegionText::LossLevel(level) => {
                require(level.is_finite() && *level > 0.0, FIELD, format!("loss level {level}"), "use a positive loss")
            }
            RegionText::LossFactor(factor) => require(
                factor.is_finite() && *factor > 1.0,
                FIELD,
                format!("loss factor {factor} is met at the minimum itself"),
                "use a factor above 1",
            ),
            RegionText::Ball(radius) => {
                require(radius.is_finite() && *radius > 0.0, FIELD, format!("radius {radius}"), "use a positive radius")
            }
            RegionText::Box(bounds) => require(
                bounds.iter().all(|[low, high]| low < high),
                FIELD,
                "a side is empty",
                "give [low, high] with low < high for every parameter",
            ),
        }
    }
}

fn half() -> f64 {
    0.5
}

fn thousand() -> usize {
    1_000
}

fn ten_million() -> u64 {
    10_000_000
}
