//! `[saddle]`: how ways out are looked for.

use super::check::{Wrong, require};
use logscape::landscape::SaddleConfig;
use serde::{Deserialize, Serialize};

/// `[saddle]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SaddleTable {
    /// How many of the softest and how many of the stiffest eigendirections are climbed, each on both sides.
    pub directions: usize,
    /// Searches from random points around the minimum; the study's seed drives them.
    pub searches: usize,
    /// Distance of the random points.
    pub reach: f64,
    /// Distance from the minimum at which a search gives up.
    pub range: f64,
    /// Starts of searches for other minima, to each of which the path from the minimum is looked for too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_minimum: Vec<Vec<f64>>,
}

impl Default for SaddleTable {
    fn default() -> Self {
        let SaddleConfig { directions, searches, reach, range, .. } = SaddleConfig::default();
        Self { directions, searches, reach, range, other_minimum: Vec::new() }
    }
}

impl SaddleTable {
    /// The settings of the search.
    pub fn config(&self, seed: u64) -> SaddleConfig {
        let Self { directions, searches, reach, range, .. } = *self;
        SaddleConfig { directions, searches, reach, range, seed, ..SaddleConfig::default() }
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        for (field, length) in [("saddle.reach", self.reach), ("saddle.range", self.range)] {
            require(
                length.is_finite() && length > 0.0,
                field,
                format!("{length} is no distance"),
                "use a positive number",
            )?;
        }
        let finite = self.other_minimum.iter().flatten().all(|x| x.is_finite());
        require(finite, "saddle.other_minimum", "an entry is not finite", "use finite numbers")?;
        Ok(())
    }
}
