//! What theories say of a study's settings, with nothing simulated.

use crate::asked::Study;
use crate::error::RunError;
use crate::events::Events;
use crate::record::{PredictionRecord, by_theory};
use crate::run::check_start;
use crate::stages::{Context, Log, check_sizes, explore, predictions, probe, tell_of};
use crate::store::{Memo, Store};
use logscape::theory::Stationary;
use logscape::{Problem, SgdSettings, Stop};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// One learning rate and batch size, as `results.json` has it, without what is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictedSetting {
    /// Learning rate, batch size and sampling.
    #[serde(flatten)]
    pub sgd: SgdSettings,
    /// Predicted stationary law, and stability.
    #[serde(flatten)]
    pub law: Stationary,
    /// What each theory says of the escape, where the study asks for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictions: Option<BTreeMap<String, PredictionRecord>>,
}

/// Finds the minimum of a problem of the caller's from `start` (`P`), measures it as the study says, and asks the theories for each setting;
/// what `memo` has is not made again.
///
/// # Errors
/// [`RunError`] as [`run_with`](crate::run_with), but for records.
pub fn predict_with(
    problem: &dyn Problem,
    start: &[f64],
    study: &Study,
    memo: Option<Memo>,
    stop: &Stop,
    events: &dyn Events,
) -> Result<Vec<PredictedSetting>, RunError> {
    check_start(problem, start, study)?;
    let (origin, mut warnings) = (probe(problem, start), Vec::new());
    tell_of(problem, &origin, &mut warnings, events);
    check_sizes(study, problem)?;
    let context = Context {
        study,
        problem,
        warnings: &warnings,
        outputs: Store::nowhere(origin.clone()).with(memo),
        ensembles: Store::nowhere(origin),
        every: Duration::MAX,
        stop,
        events,
        log: &Mutex::new(Log::default()),
    };
    let known = explore(&context, start)?;
    let of = |sgd: SgdSettings| {
        let law = Stationary::predict(&known.geometry.value, &sgd);
        let predictions = predictions(&context, &known, sgd)?.map(|found| by_theory(&found, sgd.learning_rate));
        Ok(PredictedSetting { sgd, law, predictions })
    };
    study.sgd.grid().into_iter().map(of).collect()
}
