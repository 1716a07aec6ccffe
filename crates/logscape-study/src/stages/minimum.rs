//! The search for the minimum.

use super::{Context, Stage};
use crate::asked::{MinimumTable, Start};
use crate::error::RunError;
use crate::text::count;
use logscape::landscape::{MinimumConfig, find_minimum, train};
use logscape::operator::full::{loss_and_gradient, noise_trace};
use logscape::{Minimum, Problem, Sampling, SgdSettings, Stop};
use serde::Serialize;

/// Trains, where the study asks for it, and searches.
pub(super) struct FindMinimum;

/// Where from, and how.
#[derive(Serialize)]
pub(super) struct Input<'a> {
    pub(super) start: &'a [f64],
    pub(super) table: &'a MinimumTable,
    pub(super) seed: u64,
}

impl Stage for FindMinimum {
    const NAME: &'static str = "minimum";
    type Input<'a> = Input<'a>;
    type Output = Minimum;

    fn run(context: &Context, &Input { start, table, seed }: &Input) -> Result<Minimum, RunError> {
        find(context.problem, start, table, seed, context.stop)
    }
}

/// Trains, where the table asks for it, and searches.
pub(crate) fn find(
    problem: &dyn Problem,
    start: &[f64],
    table: &MinimumTable,
    seed: u64,
    stop: &Stop,
) -> Result<Minimum, RunError> {
    let mut start = match &table.start {
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
    let scale = sample_gradient(problem, &start);
    let config = MinimumConfig {
        // Where every sample's gradient vanishes at the start there is no scale, and the search is to leave it.
        gradient_tolerance: (table.tolerance * scale).max(f64::MIN_POSITIVE),
        max_iterations: table.max_iterations as usize,
        ..Default::default()
    };
    if let Some(training) = &table.train {
        let sgd = SgdSettings {
            learning_rate: training.learning_rate,
            batch_size: training.batch_size,
            sampling: Sampling::EpochShuffle,
        };
        start = train(problem, &start, &sgd, training.steps, seed, stop)?;
    }
    let mut minimum = find_minimum(problem, &start, &config, stop)?;
    // A start where every sample's gradient vanishes has no scale; the minimum has one then.
    let small = minimum.gradient_norm < table.tolerance * sample_gradient(problem, &minimum.theta);
    minimum.converged |= small && minimum.running_away.is_none();
    Ok(minimum)
}

/// Root mean square of the samples' gradients, `√(mean ‖g_μ‖²)`: what a gradient is small beside, in any units.
fn sample_gradient(problem: &dyn Problem, theta: &[f64]) -> f64 {
    let gradient = loss_and_gradient(problem, theta).1;
    (noise_trace(problem, theta) + gradient.iter().map(|g| g * g).sum::<f64>()).sqrt()
}
