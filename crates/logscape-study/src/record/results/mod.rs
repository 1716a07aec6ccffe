//! The summary of a run, as `results.json` holds it: one file per table. Numbers are finite or null.

mod curvature;
mod dynamics;
mod escape;
mod geometry;
mod interpolation;
mod measured;
mod minimum;
mod prediction;
mod quantile;
mod saddles;
mod setting;
mod stationary;
mod training;
mod verdict;

pub use curvature::CurvatureRecord;
pub use dynamics::DynamicsEscape;
pub use escape::{CommittedRecord, EscapeRecord};
pub use geometry::{ClassesRecord, GeometryRecord, NoiseSubspaceRecord};
pub use interpolation::{InterpolationRecord, StartEscapeRecord, StartRecord};
pub use measured::{LookBias, MeasuredRecord, Method, RareRecord};
pub use minimum::{MinimumRecord, UnstandardisedRecord};
pub use prediction::PredictionRecord;
pub(crate) use prediction::by_theory;
pub use quantile::QuantileRecord;
pub use saddles::{SaddleRecord, SaddlesRecord};
pub use setting::SettingRecord;
pub use stationary::{DynamicsStationary, SeriesRecord, StationaryRecord};
pub use training::TrainingRecord;
pub use verdict::{Judgement, RefutationRecord, StandingRecord, StudyVerdictRecord, VerdictRecord};

use logscape::Sampling;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Summary of a run. Loss is the mean over samples of half the squared residual norm, in squared units of the target, unless
/// `minimum.output_loss` says otherwise. Time is
/// `t` = learning rate × steps. Every number is finite; null where it is unknown or does not exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "results.json of a logscape record"))]
pub struct Results {
    /// Name of the study.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Za-z0-9_-]+$")))]
    pub study: String,
    /// Version of the program.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^\d+\.\d+\.\d+")))]
    pub version: String,
    /// The training before the search for the minimum, where the study asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingRecord>,
    /// The minimum from which SGD starts.
    pub minimum: MinimumRecord,
    /// Curvature and noise there.
    pub geometry: GeometryRecord,
    /// Matrices there, where the study has a section `[curvature]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curvature: Vec<CurvatureRecord>,
    /// The ways out of a minimum in several dimensions, where the study's region is made from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saddles: Option<SaddlesRecord>,
    /// One entry per learning rate and batch size: batch sizes run fastest. None where the study names none.
    pub settings: Vec<SettingRecord>,
    /// Which theory holds over all of them, where the study asks for escapes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<StudyVerdictRecord>,
}

impl Results {
    /// Reads `results.json` of a study that draws its batches like this: early records do not say so.
    ///
    /// # Errors
    /// If the text is no such summary.
    pub fn from_json(text: &str, sampling: Sampling) -> serde_json::Result<Self> {
        let mut value: Value = serde_json::from_str(text)?;
        let settings = value.get_mut("settings").and_then(Value::as_array_mut);
        for setting in settings.into_iter().flatten().filter_map(Value::as_object_mut) {
            setting.entry("sampling").or_insert_with(|| json!(sampling));
        }
        serde_json::from_value(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_sampling_takes_it_from_its_study_and_one_with_it_keeps_it() {
        let text = |sampling: &str| {
            format!(
                r#"{{"study": "s", "version": "0.1.0",
                "minimum": {{"loss": 1.0, "gradient_norm": 0.0, "converged": true, "index": 0, "parameters": 1,
                    "samples": 2, "method": "m"}},
                "geometry": {{"outliers": 1, "outlier_rule": "all", "gap": null, "complete": true,
                    "h_star": {{"value": 1.0, "ci95": [1.0, 1.0]}}, "eigenvalues": [1.0],
                    "noise_strength": {{"value": 1.0, "ci95": [0.9, 1.1]}}, "sample_curvature": [1.0, 1.0, 1.0, 1.0],
                    "decoupling": {{"trace_ratio_hessian": 1.0, "trace_ratio_gauss_newton": 1.0,
                        "frobenius_distance": 0.0, "off_diagonal_share": 0.0, "scaling_points": [],
                        "scaling_exponent": {{"value": 1.0, "ci95": [1.0, 1.0]}}}}}},
                "settings": [{{"learning_rate": 0.1, "batch_size": 3, {sampling} "temperature": null,
                    "temperature_measured": null, "phi": 0.1, "phi_measured": null, "critical_dimension": null,
                    "critical_dimension_measured": null, "linearly_stable": true, "mean_square_growth": null}}]}}"#
            )
        };
        let read = |sampling: &str| Results::from_json(&text(sampling), Sampling::EpochShuffle).expect("results");
        assert_eq!(read("").settings[0].sgd.sampling, Sampling::EpochShuffle);
        let kept = read(r#""sampling": "without-replacement","#);
        assert_eq!(kept.settings[0].sgd.sampling, Sampling::WithoutReplacement);
        let written = serde_json::to_string(&kept).expect("JSON");
        assert_eq!(Results::from_json(&written, Sampling::EpochShuffle).expect("results"), kept);
    }
}
