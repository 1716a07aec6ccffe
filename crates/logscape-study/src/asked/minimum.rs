//! `[minimum]`: how the minimum is found.

use super::TrainTable;
use super::check::{Wrong, require};
use logscape::network::Initialisation;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[minimum]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MinimumTable {
    /// Start of the search: numbers, or a file of weights; drawn by `init` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Start>,
    /// Initialisation of a network.
    pub init: Initialisation,
    /// Gradient norm at which the search stops, in units of the root mean square of the samples' gradients where it starts.
    pub tolerance: f64,
    /// Most Newton steps with up to 200 parameters, and as many again of all further searches together where the first finds no minimum;
    /// else most iterations of L-BFGS, most Hessian products of the Newton steps after it, and, with up to 1,500 parameters, ten times as
    /// many as the exact Newton steps that finish the search.
    pub max_iterations: u64,
    /// Whether to go on where the search ends at no minimum.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub accept: bool,
    /// Whether there is a search at all; without it, everything is measured at the start, or where the training ends.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub search: bool,
    /// Training that comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<TrainTable>,
}

/// Where the search for a minimum starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a list of numbers, or the path of a safetensors file")]
pub enum Start {
    /// The parameters.
    Numbers(Vec<f64>),
    /// A safetensors file of them, by its path from the study's folder.
    File(PathBuf),
}

impl Default for MinimumTable {
    fn default() -> Self {
        Self {
            start: None,
            init: Initialisation::Lecun,
            tolerance: 1e-8,
            max_iterations: 2_000,
            accept: false,
            search: true,
            train: None,
        }
    }
}

impl MinimumTable {
    pub(super) fn check(&self) -> Result<(), Wrong> {
        require(
            self.tolerance.is_finite() && self.tolerance > 0.0,
            "minimum.tolerance",
            format!("{} is no gradient norm", self.tolerance),
            "use a small positive number such as 1e-8",
        )?;
        self.train.as_ref().map_or(Ok(()), TrainTable::check)?;
        let start_ok = match &self.start {
            Some(Start::Numbers(start)) => start.iter().all(|x| x.is_finite()),
            Some(Start::File(_)) | None => true,
        };
        require(start_ok, "minimum.start", "an entry is not finite", "use finite numbers")?;
        Ok(())
    }
}
