//! The whole pipeline: minimum, geometry, saddles, barrier, and every setting.

use super::assemble::assemble;
use super::barrier::{FindBarrier, Input as BarrierInput, asked, needs_saddles};
use super::curvature::{cost, curvature};
use super::geometry::{Input as GeometryInput, MeasureGeometry};
use super::minimum::{FindMinimum, Input as MinimumInput, start_of};
use super::notes::{note_known, note_setting};
use super::saddles::{FindSaddles, Input as SaddlesInput};
use super::setting::{check, setting};
use super::training::{Input as TrainInput, Train};
use super::{Context, Known, Saddles, Setting};
use crate::error::RunError;
use crate::events::Event;
use crate::record::{Results, Tables};
use crate::store::Kept;
use logscape::dynamics::AtMinimum;
use logscape::{Geometry, Minimum};

/// What a study has come to.
pub(crate) struct Survey {
    pub(crate) results: Results,
    pub(crate) tables: Tables,
    /// The minimum (`P`).
    pub(crate) theta: Vec<f64>,
}

/// The context's study on its problem, whose search for a minimum starts at `start`.
pub(crate) fn survey(context: &Context, start: &[f64]) -> Result<Survey, RunError> {
    let known = explore(context, start)?;
    let at = at_minimum(context, &known);
    check_all(context, &known, &at)?;
    let grid = context.study.sgd.grid();
    let mut surveyed = Vec::with_capacity(grid.len());
    for (number, &sgd) in grid.iter().enumerate() {
        context.events.tell(&Event::Setting { number, of: grid.len(), sgd });
        let (begun, kept) = (context.stop.work_time(), context.log(|log| log.kept));
        let mut found = setting(context, &known, &at, Setting { number, sgd })?;
        note_setting(context, number, &mut found)?;
        surveyed.push(found);
        let elapsed = begun.elapsed();
        let whole = context.log(|log| {
            log.seconds.push((format!("setting-{number}"), elapsed));
            log.kept == kept
        });
        context.events.tell(&Event::SettingDone { number, of: grid.len(), seconds: elapsed.as_secs_f64(), whole });
    }
    let (results, tables) = assemble(context.study, &context.outputs.origin().columns, &known, surveyed);
    Ok(Survey { results, tables, theta: known.minimum.value.theta })
}

/// Where the dynamics of all settings are built.
pub(crate) fn at_minimum<'a>(context: &'a Context, known: &'a Known) -> AtMinimum<'a> {
    let (minimum, precision) = (&known.minimum.value, context.study.sgd.precision);
    AtMinimum::new(context.problem, &minimum.theta, &known.geometry.value, precision, context.stop)
}

/// Refuses what the study asks of any setting and cannot have, before anything is simulated.
pub(crate) fn check_all(context: &Context, known: &Known, at: &AtMinimum) -> Result<(), RunError> {
    let settings = context.study.sgd.grid().into_iter().enumerate();
    settings.map(|(number, sgd)| Setting { number, sgd }).try_for_each(|setting| check(context, known, at, setting))
}

/// The stages before the settings.
pub(crate) fn explore(context: &Context, start: &[f64]) -> Result<Known, RunError> {
    let (study, seed) = (context.study, context.study.seed);
    let start = &start_of(context.problem, start, &study.minimum)?[..];
    let train = study.minimum.train.as_ref();
    let training = train.map(|table| context.stage::<Train>(&TrainInput { start, table, seed })).transpose()?;
    let input = MinimumInput { start, training: training.as_ref(), table: &study.minimum, seed };
    let minimum = context.stage::<FindMinimum>(&input)?;
    let Minimum { loss, gradient_norm, converged, .. } = minimum.value;
    let interpolating = minimum.value.interpolating.clone();
    context.events.tell(&Event::Minimum { loss, gradient_norm, converged, interpolating });
    if let Some(cost) = cost(context.problem, &minimum.value.theta, study.curvature.as_ref(), context.stop)? {
        context.events.tell(&Event::Cost(cost));
    }
    let geometry = context.stage::<MeasureGeometry>(&GeometryInput {
        minimum: &minimum,
        spectrum: study.curvature.as_ref().map(Into::into),
        seed,
    })?;
    context.events.tell(&Event::Geometry {
        outliers: geometry.value.outliers.count,
        h_star: geometry.value.outliers.h_star,
        noise_strength: geometry.value.noise_strength,
        index: geometry.value.index,
        complete: geometry.value.complete,
    });
    let mut known = Known { training, minimum, geometry, curvature: Vec::new(), saddles: None, barrier: None };
    note_known(context, &known)?;
    known.curvature = curvature(context, &known.minimum, &known.geometry.value)?;
    let (minimum, geometry) = (&known.minimum, &known.geometry);
    let accepted = study.minimum.accept || !study.minimum.search || study.sgd.is_absent();
    if let Some(reason) = no_minimum(&minimum.value, &geometry.value).filter(|_| !accepted) {
        return Err(RunError::NoMinimum(reason));
    }
    let Some(escape) = asked(study, &minimum.value) else { return Ok(known) };
    if needs_saddles(&escape.region, context.problem.dim()) {
        known.saddles = Some(find_saddles(context, minimum)?);
        note_known(context, &known)?;
    }
    known.barrier = Some(context.stage::<FindBarrier>(&BarrierInput {
        region: &escape.region,
        minimum: &known.minimum,
        geometry: &known.geometry,
        saddles: known.saddles.as_ref(),
    })?);
    note_known(context, &known)?;
    Ok(known)
}

/// Why the search ended at no minimum, where it did.
pub(crate) fn no_minimum(minimum: &Minimum, geometry: &Geometry) -> Option<String> {
    let down = match geometry.index {
        0 => None,
        1 => Some("one direction curves down".to_owned()),
        index => Some(format!("{index} directions curve down")),
    };
    let flat = geometry.eigenvalues.first().is_some_and(|&largest| largest <= 0.0);
    let gradient_norm = minimum.gradient_norm;
    let unfinished = (!minimum.converged).then(|| {
        if minimum.running_away.is_some() {
            // Where units are saturated it may be as small as the study asks.
            format!("the gradient norm is {gradient_norm:.2e}")
        } else if flat {
            "no parameter changes a prediction there".to_owned()
        } else {
            format!("the gradient norm {gradient_norm:.2e} is above the tolerance")
        }
    });
    let away = minimum.running_away.as_ref().map(|how| {
        format!(
            "parameters run away: {how}; there more steps do not help, but fewer units, more data or another seed may"
        )
    });
    let reasons: Vec<String> = unfinished.into_iter().chain(down).chain(away).collect();
    (!reasons.is_empty())
        .then(|| format!("the search ended at no minimum: {} (L = {:.6e})", reasons.join(", and "), minimum.loss))
}

fn find_saddles(context: &Context, minimum: &Kept<Minimum>) -> Result<Kept<Saddles>, RunError> {
    let table = context.study.saddle.clone().unwrap_or_default();
    let found = context.stage::<FindSaddles>(&SaddlesInput { minimum, table: &table, seed: context.study.seed })?;
    let search = &found.value.search;
    context.events.tell(&Event::Saddles {
        found: search.saddles.len(),
        searches: search.attempts.len(),
        summary: search.summary(),
    });
    Ok(found)
}
