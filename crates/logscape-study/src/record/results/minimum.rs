//! The minimum of a run.

use logscape::Geometry;
use logscape::model::Minimum;
use logscape::network::OutputLoss;
use logscape::problem::Unstandardised;
use serde::{Deserialize, Serialize};

/// Parameters above which `theta` is left out of the results.
pub(super) const THETA_LIMIT: usize = 10_000;

/// The minimum of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MinimumRecord {
    /// Parameters `θ*`; absent above 10,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub theta: Option<Vec<f64>>,
    /// The same model for inputs as they were before `standardise`; absent where they were not standardised, where the model has no
    /// such parameters, and where `theta` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unstandardised: Option<UnstandardisedRecord>,
    /// What the loss is: the mean over the samples of half the squared residual norm where this is absent, or of another loss of the outputs;
    /// null for one of a model's own.
    #[serde(default = "mean_square", skip_serializing_if = "is_mean_square")]
    #[cfg_attr(feature = "schema", schemars(extend("nullable" = true)))]
    pub output_loss: Option<OutputLoss>,
    /// Share of the samples whose class has the largest output; absent where the targets are no classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = 1)))]
    pub accuracy: Option<f64>,
    /// Loss `L*`, in squared units of the target unless `output_loss` says otherwise.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub loss: f64,
    /// Norm of the gradient, in units of loss per parameter.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub gradient_norm: f64,
    /// Whether the gradient norm met the study's tolerance, or the fit interpolates.
    pub converged: bool,
    /// Whether every sample is fitted, so that `L*` is what rounding and the search left over. Noise strengths, `φ`, critical
    /// dimensions and rates, which are ratios to it, are then null, and each setting has an `interpolation` instead.
    #[serde(default)]
    pub interpolating: bool,
    /// How that was seen, in words; absent where the loss is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpolating_reason: Option<String>,
    /// What tells that the parameters run away, where the search did not converge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_away: Option<String>,
    /// Number of negative Hessian eigenvalues; 0 at a minimum.
    pub index: usize,
    /// Parameters `P`.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub parameters: usize,
    /// Samples `N`.
    #[cfg_attr(feature = "schema", schemars(range(min = 2)))]
    pub samples: usize,
    /// How it was found.
    pub method: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "serde hands over a reference")]
fn is_mean_square(loss: &Option<OutputLoss>) -> bool {
    *loss == mean_square()
}

#[allow(clippy::unnecessary_wraps, reason = "it stands for a field that is absent")]
fn mean_square() -> Option<OutputLoss> {
    Some(OutputLoss::MeanSquare)
}

/// Parameters for inputs as they were before they were standardised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnstandardisedRecord {
    /// Parameters, in the order of `theta`.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub theta: Vec<f64>,
    /// What is added to the output, in units of the target.
    pub offset: f64,
}

impl From<Unstandardised> for UnstandardisedRecord {
    fn from(Unstandardised { theta, offset }: Unstandardised) -> Self {
        Self { theta, offset }
    }
}

impl MinimumRecord {
    /// The record of a minimum with its geometry.
    pub fn new(minimum: &Minimum, geometry: &Geometry) -> Self {
        Self {
            theta: (minimum.theta.len() <= THETA_LIMIT).then(|| minimum.theta.clone()),
            unstandardised: None,
            output_loss: geometry.output_loss,
            accuracy: geometry.accuracy,
            loss: minimum.loss,
            gradient_norm: minimum.gradient_norm,
            converged: minimum.converged,
            interpolating: minimum.interpolating.is_some(),
            interpolating_reason: minimum.interpolating.clone(),
            running_away: minimum.running_away.clone(),
            index: geometry.index,
            parameters: geometry.parameters,
            samples: geometry.samples,
            method: minimum.method.clone(),
        }
    }
}
