//! One setting: its laws, predicted and measured.

use super::dynamics::AllDynamics;
use super::escape::escape;
use super::exit::region;
use super::interpolation::{self, interpolation};
use super::plan::EscapePlan;
use super::predict::{Input, Predict};
use super::stationary::{self, stationary_law};
use super::trajectories::{self, everywhere, trajectories};
use super::{Context, Known, Setting};
use crate::asked::EscapeTable;
use crate::error::RunError;
use crate::record::{DynamicsStationary, EscapeRecord, SettingRecord, Tables};
use crate::store::Kept;
use logscape::dynamics::AtMinimum;
use logscape::ensemble::EscapeRun;
use logscape::theory::{Prediction, Stationary};
use logscape::{Barrier, SgdSettings};

/// What was found in a setting.
pub(super) struct Surveyed {
    pub(super) record: SettingRecord,
    /// What theories say, where the study asks for escapes.
    pub(super) predictions: Option<Kept<Vec<Prediction>>>,
    pub(super) tables: Tables,
}

/// Refuses what the study asks of a setting and cannot have, before anything is simulated.
pub(super) fn check(context: &Context, known: &Known, at: &AtMinimum, setting: Setting) -> Result<(), RunError> {
    let study = context.study;
    let all = AllDynamics::build(at, setting, &study.dynamics)?;
    if let Some(table) = study.stationary.as_ref().filter(|_| known.geometry.value.interpolating.is_none()) {
        for dynamics in all.iter() {
            stationary::plan(context, known, dynamics, table)?;
        }
    }
    if let Some(table) = &study.output.trajectories {
        trajectories::check(context, table)?;
    }
    let (Some(table), Some(barrier)) = (&study.escape, &known.barrier) else { return Ok(()) };
    let run = run_of(context, known, setting, (table, barrier))?;
    let plan = EscapePlan { context, known, barrier, table, run: &run, committed: false };
    for dynamics in all.iter() {
        dynamics.own(&run).check(context.problem)?;
    }
    interpolation::check(context, known, &run)?;
    plan.check(&setting.sgd)
}

/// Everything that the study asks of a setting.
pub(super) fn setting(
    context: &Context,
    known: &Known,
    at: &AtMinimum,
    setting: Setting,
) -> Result<Surveyed, RunError> {
    let law = Stationary::predict(&known.geometry.value, &setting.sgd);
    let all = AllDynamics::build(at, setting, &context.study.dynamics)?;
    let mut tables = Tables::default();
    let (mut stationary, mut stationary_dynamics) = (None, Vec::new());
    if let Some(table) = &context.study.stationary {
        for (number, dynamics) in all.iter().enumerate() {
            let (measured, rows) = stationary_law(context, known, dynamics, &law, table)?;
            tables.stationary.extend(rows);
            if number == 0 {
                stationary = Some(measured);
            } else {
                let (name, kind) = (dynamics.name.to_owned(), dynamics.kind.to_owned());
                stationary_dynamics.push(DynamicsStationary { name, kind, clock: dynamics.time_unit(), law: measured });
            }
        }
    }
    let (run, escape) = escapes(context, known, &all, setting, &mut tables)?;
    let (escape, predictions) = escape.unzip();
    let interpolation = interpolation(context, known, setting, &run)?;
    if let Some(table) = &context.study.output.trajectories {
        for dynamics in all.iter() {
            tables.trajectories.extend(trajectories(context, dynamics, &run, table)?);
        }
    }
    let record = SettingRecord { sgd: setting.sgd, law, stationary, stationary_dynamics, interpolation, escape };
    Ok(Surveyed { record, predictions, tables })
}

/// The record of an escape, and the predictions that it was judged by.
type Predicted = (EscapeRecord, Kept<Vec<Prediction>>);

/// Predictions of escape and its measurement, where the study asks for them, and the run of SGD whose paths may be kept.
fn escapes(
    context: &Context,
    known: &Known,
    all: &AllDynamics,
    setting: Setting,
    tables: &mut Tables,
) -> Result<(EscapeRun, Option<Predicted>), RunError> {
    let seed = context.study.seed;
    let (Some(table), Some(barrier)) = (&context.study.escape, &known.barrier) else {
        return Ok((everywhere(known, seed), None));
    };
    let run = run_of(context, known, setting, (table, barrier))?;
    let predictions = predicted(context, known, setting.sgd, (table, barrier))?;
    let plan = EscapePlan { context, known, barrier, table, run: &run, committed: false };
    let (record, rows) = escape(&plan, all, &predictions.value)?;
    tables.escape_times.extend(rows);
    Ok((run, Some((record, predictions))))
}

/// What each theory says of a setting's escape, where the study asks for that.
pub(crate) fn predictions(
    context: &Context,
    known: &Known,
    sgd: SgdSettings,
) -> Result<Option<Vec<Prediction>>, RunError> {
    let (Some(table), Some(barrier)) = (&context.study.escape, &known.barrier) else { return Ok(None) };
    predicted(context, known, sgd, (table, barrier)).map(|found| Some(found.value))
}

fn predicted(
    context: &Context,
    known: &Known,
    sgd: SgdSettings,
    (table, barrier): (&EscapeTable, &Kept<Barrier>),
) -> Result<Kept<Vec<Prediction>>, RunError> {
    let (geometry, theories, xi) = (&known.geometry, &table.theories, table.xi);
    context.stage::<Predict>(&Input { geometry, barrier, sgd, theories, xi })
}

/// Direct simulation with SGD of the escape that the study asks for.
pub(super) fn run_of(
    context: &Context,
    known: &Known,
    setting: Setting,
    (table, barrier): (&EscapeTable, &Kept<Barrier>),
) -> Result<EscapeRun, RunError> {
    Ok(EscapeRun {
        start: known.minimum.value.theta.clone(),
        region: region(context, known, &barrier.value, setting, table)?,
        replicas: table.replicas,
        max_steps: table.max_steps,
        seed: context.study.seed,
    })
}
