//! Verdicts as `results.json` holds them: of a setting, and of the study.

use logscape::Verdict;
use logscape::theory::Warning;
use logscape::verdict::{Assessment, ErrorDecades, Refutation, StudyVerdict};
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
    /// The theory to trust: the nearest of those that hold, pass every check that they rest on, and fail at no neighbouring
    /// setting that their checks allow; null where there is none.
    #[serde(default, alias = "trust")]
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z0-9-]+$")))]
    pub trusted: Option<String>,
    /// Theories that hold, trusted or not, nearest first.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(inner(regex(pattern = "^[a-z0-9-]+$"))))]
    pub agrees: Vec<String>,
    /// What speaks against trusting theories that hold, in words, by theory.
    #[serde(default)]
    pub vetoed_by: BTreeMap<String, Vec<String>>,
    /// Theories that could be trusted as well and that the measurement does not tell apart from the trusted one.
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
    /// Regime checks that the theory rests on and that fail.
    pub failed_checks: Vec<Warning>,
    /// Where it fails beside this setting, where it holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refuted_at: Vec<RefutationRecord>,
    /// Why the theory makes no prediction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_applicable: Option<String>,
}

/// A neighbouring setting that a theory's checks allow and where it fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefutationRecord {
    /// Learning rate there.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
    pub learning_rate: f64,
    /// Batch size there.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub batch_size: usize,
    /// `log10(predicted/measured)` there; null where the measurement is a bound, or escape is impossible.
    pub error_decades: Option<f64>,
}

/// Which theory holds over all settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StudyVerdictRecord {
    /// Settings that count.
    pub settings: usize,
    /// The theory that is trusted at the most settings, and fails at none that its checks allow; null where there is none.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[a-z0-9-]+$")))]
    pub trusted: Option<String>,
    /// In how many settings each theory that holds somewhere does so, by name.
    pub theories: BTreeMap<String, StandingRecord>,
    /// The verdict in one sentence without its stop.
    pub text: String,
}

/// In how many settings a theory holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StandingRecord {
    /// Where it holds.
    pub agrees: usize,
    /// Where it could be trusted.
    pub trusted: usize,
    /// Where its checks allow it and it fails.
    pub refuted: usize,
}

impl From<&StudyVerdict> for StudyVerdictRecord {
    fn from(verdict: &StudyVerdict) -> Self {
        let standing = |theory: &logscape::verdict::Standing| {
            let record = StandingRecord { agrees: theory.agrees, trusted: theory.trusted, refuted: theory.refuted };
            (theory.theory.clone(), record)
        };
        Self {
            settings: verdict.settings,
            trusted: verdict.trusted().map(|theory| theory.theory.clone()),
            theories: verdict.theories.iter().map(standing).collect(),
            text: verdict.to_string(),
        }
    }
}

impl From<&Verdict> for VerdictRecord {
    fn from(verdict: &Verdict) -> Self {
        let error = |theory: &Assessment| theory.error.as_ref().and_then(ErrorDecades::value);
        let name = |theory: &Assessment| theory.theory.clone();
        let vetoed = verdict.agrees().filter(|theory| !theory.vetoes().is_empty());
        Self {
            best: verdict.nearest().map(name),
            error_decades: verdict.theories.iter().map(|theory| (name(theory), error(theory))).collect(),
            trusted: verdict.trusted().map(name),
            agrees: verdict.agrees().map(name).collect(),
            vetoed_by: vetoed.map(|theory| (name(theory), theory.vetoes())).collect(),
            indistinguishable: verdict.indistinguishable().map(name).collect(),
            theories: verdict.theories.iter().map(|theory| (name(theory), theory.into())).collect(),
            text: verdict.to_string(),
        }
    }
}

impl From<&Assessment> for Judgement {
    fn from(theory: &Assessment) -> Self {
        let refuted = |at: &Refutation| RefutationRecord {
            learning_rate: at.learning_rate,
            batch_size: at.batch_size,
            error_decades: at.error.and_then(|error| error.value()),
        };
        Self {
            at_least: theory.error.and_then(|error| error.at_least()),
            at_most: theory.error.map(|error| error.at_most()),
            holds: theory.holds,
            failed_checks: theory.failed_checks.clone(),
            refuted_at: theory.refuted_at.iter().map(refuted).collect(),
            not_applicable: theory.not_applicable.clone(),
        }
    }
}
