//! Escape under one setting.

use super::dynamics::DynamicsEscape;
use super::measured::MeasuredRecord;
use super::prediction::{PredictionRecord, by_theory};
use super::verdict::VerdictRecord;
use logscape::ensemble::Region;
use logscape::theory::Prediction;
use logscape::{Estimate, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Escape under one setting: predictions beside the measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EscapeRecord {
    /// What escape means.
    pub region: Region,
    /// Prediction of each theory, by name.
    pub predictions: BTreeMap<String, PredictionRecord>,
    /// Why SGD can never get out, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impossible: Option<String>,
    /// What SGD did.
    pub measured: MeasuredRecord,
    /// Committed escapes, where the study asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<CommittedRecord>,
    /// What the dynamics beside SGD did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dynamics: Vec<DynamicsEscape>,
    /// Predictions against the measurement.
    pub verdict: VerdictRecord,
}

impl EscapeRecord {
    /// Puts predictions beside a measurement at this learning rate, with the verdict of that alone.
    pub fn new(region: Region, predictions: &[Prediction], measured: MeasuredRecord, learning_rate: f64) -> Self {
        let verdict = Verdict::new(predictions, measured.judged());
        Self {
            region,
            impossible: None,
            predictions: by_theory(predictions, learning_rate),
            measured,
            committed: None,
            dynamics: Vec::new(),
            verdict: VerdictRecord::from(&verdict),
        }
    }
}

/// Committed escapes through a dividing surface: passages of the same surface, moved outward to where few fall back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CommittedRecord {
    /// The region with its surfaces moved outward by three standard deviations of the walk at each saddle.
    pub region: Region,
    /// How far the loss falls from a saddle to its moved surface by the curvature there, over how far it rises from the minimum to
    /// the saddle; the largest of all saddles, dimensionless. Above 1 the surface may lie beyond the next minimum, and the factor then tells of
    /// more than falling back.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub fall: f64,
    /// What SGD did.
    pub measured: MeasuredRecord,
    /// Mean steps per committed escape over those to the dividing surface, dimensionless; 2 for small steps. Null where either is unknown.
    pub factor: Option<Estimate>,
}
