//! `[problem]`: what is trained, on which data.

use super::check::{Wrong, require};
use logscape::problem::Activation;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[problem]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProblemTable {
    /// Which problem.
    pub kind: ProblemKind,
    /// Its data.
    pub data: DataTable,
    /// Widths of a perceptron's hidden layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<usize>,
    /// Activation of a perceptron's hidden layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// Whether the sinusoid's amplitude is trained too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub amplitude: bool,
    /// Rank of a matrix factorisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
}

impl ProblemTable {
    pub(super) fn check(&self) -> Result<(), Wrong> {
        let data = &self.data;
        let sources = usize::from(data.builtin.is_some())
            + usize::from(data.path.is_some())
            + usize::from(data.synthetic.is_some());
        require(
            sources == 1,
            "problem.data",
            format!("{sources} sources of data"),
            "give exactly one of `builtin`, `path` and `synthetic`",
        )?;
        if let Some(scale) = data.scale {
            require(
                scale.is_finite() && scale != 0.0,
                "problem.data.scale",
                format!("{scale} cannot scale inputs"),
                "use a finite number other than 0",
            )?;
        }
        require(data.limit != Some(0), "problem.data.limit", "no sample is left", "use 1 or more")?;
        require(!self.hidden.contains(&0), "problem.hidden", "a layer of width 0", "use widths of 1 or more")?;
        require(self.rank != Some(0), "problem.rank", "rank 0", "use 1 or more")?;
        Ok(())
    }
}

/// The problems that a study can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// `f = θ·x`.
    LinearRegression,
    /// `f = sin(θx)`, with `amplitude` `f = θ₂ sin(θ₁x)`.
    Sinusoid,
    /// `f = (x·θ)²`.
    PhaseRetrieval,
    /// `f = u_i·v_j`.
    MatrixFactorisation,
    /// Multilayer perceptron.
    Mlp,
}

/// `[problem.data]`: exactly one of `builtin`, `path` and `synthetic`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataTable {
    /// A data set inside the binary: `digits`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builtin: Option<String>,
    /// A CSV, NPY or NPZ file or an IDX folder, relative to the study file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// A seeded generator and its parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<toml::Table>,
    /// Factor that multiplies the inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Whether labels become one-hot targets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one_hot: bool,
    /// Use only the first so many samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}
