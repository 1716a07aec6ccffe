//! The search for the minimum.

use super::{Context, Stage};
use crate::asked::{MinimumTable, Start};
use crate::error::RunError;
use crate::store::Kept;
use crate::text::count;
use logscape::landscape::{MinimumConfig, MinimumError, find_minimum};
use logscape::operator::full::{loss_and_gradient, noise_trace};
use logscape::training::Training;
use logscape::{Minimum, Problem, Stop};
use serde::Serialize;

/// Searches, where the study does not leave that out.
pub(super) struct FindMinimum;

/// Where from, and how.
#[derive(Serialize)]
pub(super) struct Input<'a> {
    pub(super) start: &'a [f64],
    pub(super) training: Option<&'a Kept<Training>>,
    pub(super) table: &'a MinimumTable,
    pub(super) seed: u64,
}

impl Stage for FindMinimum {
    const NAME: &'static str = "minimum";
    type Input<'a> = Input<'a>;
    type Output = Minimum;

    fn run(context: &Context, &Input { start, training, table, .. }: &Input) -> Result<Minimum, RunError> {
        let trained = training.map(|training| &training.value.theta[..]);
        find(context.problem, start, trained, table, context.stop)
    }
}

/// Where the study starts, if not where the problem does.
pub(super) fn start_of(problem: &dyn Problem, start: &[f64], table: &MinimumTable) -> Result<Vec<f64>, RunError> {
    let start = match &table.start {
        Some(Start::Numbers(numbers)) => numbers.clone(),
        Some(Start::File(_)) | None => start.to_vec(),
    };
    if start.len() != problem.dim() {
        let message = format!(
            "{}, but the problem has {}\n  hint: give one number for each parameter, or none",
            count(start.len(), "number"),
            count(problem.dim(), "parameter")
        );
        return Err(RunError::input("minimum.start", message));
    }
    Ok(start)
}

/// Searches from where the training has ended, or else from the start, whose gradients are the scale of tolerances.
pub(crate) fn find(
    problem: &dyn Problem,
    start: &[f64],
    trained: Option<&[f64]>,
    table: &MinimumTable,
    stop: &Stop,
) -> Result<Minimum, RunError> {
    let scale = sample_gradient(problem, start);
    let config = MinimumConfig {
        // Where every sample's gradient vanishes at the start there is no scale, and the search is to leave it.
        gradient_tolerance: (table.tolerance * scale).max(f64::MIN_POSITIVE),
        max_iterations: table.max_iterations as usize,
        ..Default::default()
    };
    let from = trained.unwrap_or(start);
    let mut minimum =
        if table.search { find_minimum(problem, from, &config, stop)? } else { as_it_is(problem, from, &config)? };
    // A start where every sample's gradient vanishes has no scale; the minimum has one then.
    let small = minimum.gradient_norm < table.tolerance * sample_gradient(problem, &minimum.theta);
    minimum.converged |= small && minimum.running_away.is_none();
    Ok(minimum)
}

/// The point without a search.
fn as_it_is(problem: &dyn Problem, theta: &[f64], config: &MinimumConfig) -> Result<Minimum, RunError> {
    let (loss, gradient) = loss_and_gradient(problem, theta);
    let gradient_norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    if !loss.is_finite() || !gradient_norm.is_finite() {
        return Err(MinimumError::NotFinite.into());
    }
    Ok(Minimum {
        theta: theta.to_vec(),
        loss,
        gradient_norm,
        converged: gradient_norm < config.gradient_tolerance,
        iterations: 1,
        method: "no search".to_owned(),
        interpolating: None,
        running_away: None,
    })
}

/// Root mean square of the samples' gradients, `√(mean ‖g_μ‖²)`: what a gradient is small beside, in any units.
fn sample_gradient(problem: &dyn Problem, theta: &[f64]) -> f64 {
    let gradient = loss_and_gradient(problem, theta).1;
    (noise_trace(problem, theta) + gradient.iter().map(|g| g * g).sum::<f64>()).sqrt()
}
