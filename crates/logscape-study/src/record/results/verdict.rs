//! The verdict of a setting as `results.json` holds it.

use logscape::Verdict;
use logscape::theory::Warning;
use logscape::verdict::{Assessment, ErrorDecades};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which theory holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VerdictRecord {
    /// The theory with the smallest error, however large; null where no error is known.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z0-9-]+$")))]
    pub best: Option<String>,
    /// `log10(predicted/measured)` mean steps of each theory; null where either is unknown.
    pub error_decades: BTreeMap<String, Option<f64>>,
    /// The theory to trust; null where none is seen to hold.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z0-9-]+$")))]
    pub trust: Option<String>,
    /// Theories that hold as well and that the measurement does not tell apart from the nearest that holds.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(inner(regex(pattern = "^[a-z0-9-]+$"))))]
    pub indistinguishable: Vec<String>,
    /// The judgement of each theory, by name.
    #[serde(default)]
    pub theories: BTreeMap<String, Judgement>,
    /// The verdict in one sentence without its stop.
    #[serde(default)]
    pub text: String,
}

/// One theory against the measurement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Judgement {
    /// Lower end of the 95 % interval of the error in decades; null where there is none.
    pub at_least: Option<f64>,
    /// Upper end, one-sided where there is no lower one; null where the error is unknown.
    pub at_most: Option<f64>,
    /// Whether the theory holds; null where that cannot be told.
    pub holds: Option<bool>,
    /// Regime checks that fail.
    pub failed_checks: Vec<Warning>,
    /// Why the theory makes no prediction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_applicable: Option<String>,
}

impl From<&Verdict> for VerdictRecord {
    fn from(verdict: &Verdict) -> Self {
        let error = |theory: &Assessment| theory.error.as_ref().and_then(ErrorDecades::value);
        Self {
            best: verdict.nearest().map(|nearest| nearest.theory.clone()),
            error_decades: verdict.theories.iter().map(|theory| (theory.theory.clone(), error(theory))).collect(),
            trust: verdict.trust.clone(),
            indistinguishable: verdict.indistinguishable.clone(),
            theories: verdict.theories.iter().map(|theory| (theory.theory.clone(), theory.into())).collect(),
            text: verdict.to_string(),
        }
    }
}

impl From<&Assessment> for Judgement {
    fn from(theory: &Assessment) -> Self {
        Self {
            at_least: theory.error.and_then(|error| error.at_least()),
            at_most: theory.error.map(|error| error.at_most()),
            holds: theory.holds,
            failed_checks: theory.failed_checks.clone(),
            not_applicable: theory.not_applicable.clone(),
        }
    }
}
