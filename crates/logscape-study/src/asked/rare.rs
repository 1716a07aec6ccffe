//! `[escape.rare]`: splitting and forward flux sampling.

use super::check::{Wrong, require};
use crate::text::count;
use serde::{Deserialize, Serialize};

/// Repeats that random streams are kept for.
const MOST_REPEATS: usize = 1 << 16;

/// `[escape.rare]`: splitting and forward flux sampling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RareTable {
    /// Excursions from home that each repeat follows, on average.
    pub trajectories: usize,
    /// Independent repeats, from which the interval comes.
    pub repeats: usize,
    /// What tells how far a replica is on its way out.
    pub score: ScoreName,
    /// Share of the excursions that splitting drops in each round.
    pub cut: f64,
    /// Replica-steps that the pilot and each repeat may take; a twentieth of `replicas × max_steps` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<u64>,
}

impl Default for RareTable {
    fn default() -> Self {
        Self { trajectories: 1_000, repeats: 20, score: ScoreName::Auto, cut: 0.25, max_cost: None }
    }
}

/// `escape.rare.score`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreName {
    /// `committor` with one parameter; else `log-loss` for a loss level or a quench, and `displacement` for other regions.
    #[default]
    Auto,
    /// The logarithm of the loss of all data.
    LogLoss,
    /// The displacement from the minimum towards the nearest side of the region, or its length.
    Displacement,
    /// With one parameter: to leading order, the logarithm of the probability to reach the exit before home.
    Committor,
}

impl ScoreName {
    /// Its name in studies and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::LogLoss => "log-loss",
            Self::Displacement => "displacement",
            Self::Committor => "committor",
        }
    }
}

impl RareTable {
    pub(super) fn check(&self) -> Result<(), Wrong> {
        let RareTable { trajectories, repeats, cut, max_cost, .. } = self;
        require(
            *trajectories >= 10,
            "escape.rare.trajectories",
            format!("{} cannot be dropped in part", count(*trajectories, "excursion")),
            "use 10 or more, better 1000",
        )?;
        require(
            (3..=MOST_REPEATS).contains(repeats),
            "escape.rare.repeats",
            format!("{} cannot give an interval", count(*repeats, "repeat")),
            "use 3 to 65536, better 20",
        )?;
        let cut_ok = *cut > 0.0 && *cut < 1.0;
        require(cut_ok, "escape.rare.cut", format!("{cut} is no share to drop"), "use a number between 0 and 1")?;
        require(*max_cost != Some(0), "escape.rare.max_cost", "no step", "use 1 or more, better 100_000_000")
    }
}
