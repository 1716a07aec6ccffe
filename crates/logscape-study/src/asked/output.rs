//! `[output]`: what is drawn and kept.

use super::check::{Wrong, require};
use serde::{Deserialize, Serialize};

/// `[output]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputTable {
    /// Formats of the figures' files; none for no files. The report always holds its pictures.
    pub figures: Vec<FigureFormat>,
    /// Which trajectories are kept; none without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trajectories: Option<TrajectoriesTable>,
}

/// `output.trajectories`: the paths of the first replicas of each escape ensemble, or of replicas that nothing stops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrajectoriesTable {
    /// Steps of SGD between two points.
    pub every: u64,
    /// Replicas.
    #[serde(default = "four")]
    pub replicas: usize,
    /// Steps of SGD after which a path ends.
    #[serde(default = "hundred_thousand")]
    pub steps: u64,
}

impl TrajectoriesTable {
    /// The most points that the trajectories of one dynamics in one setting have.
    pub fn most_points(&self) -> f64 {
        self.replicas as f64 * (self.steps as f64 / self.every as f64 + 2.0)
    }
}

impl OutputTable {
    pub(super) fn check(&self) -> Result<(), Wrong> {
        self.trajectories.as_ref().map_or(Ok(()), TrajectoriesTable::check)
    }
}

impl TrajectoriesTable {
    fn check(&self) -> Result<(), Wrong> {
        const FIELD: &str = "output.trajectories";
        let some = self.every > 0 && self.replicas > 0 && self.steps > 0;
        require(some, FIELD, "a number is 0", "use every = 100, replicas = 4 and steps = 100_000, or the like")?;
        let points = self.most_points();
        require(
            points <= 1e6,
            FIELD,
            format!("up to {points:.1e} points for each setting, where 10^6 are the most"),
            "use fewer replicas, fewer steps, or a larger `every`",
        )
    }
}

fn four() -> usize {
    4
}

fn hundred_thousand() -> u64 {
    100_000
}

impl Default for OutputTable {
    fn default() -> Self {
        Self { figures: vec![FigureFormat::Svg], trajectories: None }
    }
}

/// A format of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FigureFormat {
    /// Scalable Vector Graphics.
    Svg,
}
