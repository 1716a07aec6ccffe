//! How long a study takes at most, by some steps of each of its ensembles.

use super::dynamics::{AllDynamics, StudyDynamics};
use super::setting::run_of;
use super::stationary::plan;
use super::{Context, Known, Setting};
use crate::error::{RunError, StationaryError};
use logscape::dynamics::AtMinimum;
use logscape::ensemble::{EscapeProgress, EscapeRun, Region, StationaryProgress, StationaryRun, Termination};
use logscape::{Problem, Stop};
use std::time::{Duration, Instant};

/// Wall time of all steps that are timed, and the least of one ensemble.
const TIMED: Duration = Duration::from_millis(600);
const LEAST: Duration = Duration::from_millis(5);
/// How many times as long is waited for a first sample.
const PATIENCE: u32 = 4;
/// Ensembles from starts of several losses, where the fit interpolates and the study names none.
const STARTS: usize = 4;

/// Seconds that the ensembles of a study take at most, from what is known of its minimum.
pub(crate) fn at_most(context: &Context, known: &Known, at: &AtMinimum) -> Result<f64, RunError> {
    let study = context.study;
    let (batches, rates) = (&study.sgd.batch_size.0, &study.sgd.learning_rate.0);
    let kinds = usize::from(study.stationary.is_some()) + usize::from(study.escape.is_some());
    let ensembles = batches.len() * (1 + study.dynamics.len()) * kinds;
    let time = (TIMED / ensembles.max(1) as u32).max(LEAST);
    let interpolating = known.geometry.value.interpolating.is_some();
    let mut seconds = 0.0;
    // Batch sizes within learning rates: the first settings have each once.
    for (number, sgd) in study.sgd.grid().into_iter().enumerate().take(batches.len()) {
        let all = AllDynamics::build(at, Setting { number, sgd }, &study.dynamics)?;
        for (place, dynamics) in all.iter().enumerate() {
            // Steps of this dynamics for one of SGD, over all learning rates.
            let own: f64 = rates.iter().map(|rate| steps_per_sgd_step(context, place, *rate)).sum();
            if let Some(table) = study.stationary.as_ref().filter(|_| !interpolating) {
                let run = StationaryRun { burn_in: 0, ..plan(context, known, dynamics, table)? };
                let steps = table.replicas as f64 * table.burn_in.saturating_add(table.steps) as f64;
                seconds += own * steps / stationary_speed(context, dynamics, &run, time)?;
            }
            if let (Some(table), Some(barrier)) = (&study.escape, &known.barrier) {
                let run = run_of(context, known, Setting { number, sgd }, (table, barrier))?;
                let starts = table.start_losses.as_ref().map_or(STARTS, Vec::len);
                let times = match (interpolating, place) {
                    (true, 0) => starts as f64,
                    (false, 0) if table.committed => 2.0,
                    _ => 1.0,
                };
                let run = dynamics.own(&run);
                let advance = |progress: &mut EscapeProgress, stop: &Stop| {
                    Ok(run.advance(&dynamics.built.dynamics, context.problem, progress, stop, |_| {})?)
                };
                seconds += times * own * table.most_steps() / escape_speed(&run, context.stop, time, advance)?;
            }
        }
    }
    Ok(seconds)
}

/// The same where the minimum is not known, by steps of SGD from the start of its search.
pub(crate) fn at_most_from_start(context: &Context, start: &[f64]) -> Result<f64, RunError> {
    let study = context.study;
    let problem: &dyn Problem = context.problem;
    let batches = &study.sgd.batch_size.0;
    let time = (TIMED / batches.len() as u32).max(LEAST);
    let wall = vec![f64::INFINITY; start.len()];
    let region = Region::Box { lower: wall.iter().map(|x| -x).collect(), upper: wall };
    let replicas = study.escape.as_ref().map_or(1, |table| table.replicas);
    let replicas = study.stationary.as_ref().map_or(replicas, |table| replicas.max(table.replicas));
    let run = EscapeRun { start: start.to_vec(), region, replicas, max_steps: u64::MAX, seed: study.seed };
    let mut seconds = 0.0;
    for sgd in study.sgd.grid().into_iter().take(batches.len()) {
        let advance =
            |progress: &mut EscapeProgress, stop: &Stop| Ok(run.advance_sgd(problem, sgd, progress, stop, |_| {})?);
        let speed = escape_speed(&run, context.stop, time, advance)?;
        seconds += study.most_steps() / batches.len() as f64 / speed;
    }
    Ok(seconds)
}

/// Steps of a dynamics, by its place among those of a setting, for one of SGD.
fn steps_per_sgd_step(context: &Context, place: usize, rate: f64) -> f64 {
    match place.checked_sub(1) {
        None => 1.0,
        Some(other) => context.study.dynamics[other].steps_per_sgd_step(rate),
    }
}

/// Replica-steps per second of an escape.
fn escape_speed(
    run: &EscapeRun,
    stop: &Stop,
    time: Duration,
    advance: impl Fn(&mut EscapeProgress, &Stop) -> Result<(), RunError>,
) -> Result<f64, RunError> {
    let taken = |progress: &EscapeProgress| -> f64 {
        let steps = |end: &Termination| match end {
            Termination::Escaped { steps, .. }
            | Termination::Diverged { steps, .. }
            | Termination::Censored { steps, .. } => *steps as f64,
        };
        progress.terminations(run).iter().map(steps).sum()
    };
    let mut progress = EscapeProgress::default();
    let begun = Instant::now();
    // What is done once, at the beginning, is not counted, unless all is over by then.
    advance(&mut progress, &stop.within(time / 4))?;
    let (before, middle) = (taken(&progress), Instant::now());
    if progress.is_complete(run) {
        return Ok(speed(before, begun.elapsed()));
    }
    advance(&mut progress, &stop.within(time))?;
    stop.check()?;
    Ok(speed(taken(&progress) - before, middle.elapsed()))
}

/// Replica-steps per second of a stationary ensemble.
fn stationary_speed(
    context: &Context,
    dynamics: &StudyDynamics,
    run: &StationaryRun,
    time: Duration,
) -> Result<f64, RunError> {
    let mut progress = StationaryProgress::default();
    let begun = Instant::now();
    let mut complete = false;
    while !complete && (begun.elapsed() < time || progress.samples() == 0 && begun.elapsed() < time * PATIENCE) {
        let advanced =
            run.advance(&dynamics.built.dynamics, context.problem, &mut progress, &context.stop.within(time));
        complete = advanced.map_err(StationaryError::from)?;
        context.stop.check()?;
    }
    Ok(speed(progress.samples().max(1) as f64 * run.thin as f64, begun.elapsed()))
}

/// Steps per second, of which there is at least one.
fn speed(steps: f64, time: Duration) -> f64 {
    steps.max(1.0) / time.as_secs_f64().max(1e-9)
}
