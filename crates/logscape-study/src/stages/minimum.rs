//! The search for the minimum.

use super::{Context, Stage};
use crate::asked::MinimumTable;
use crate::error::RunError;
use logscape::landscape::{MinimumConfig, find_minimum, train};
use logscape::{Minimum, Sampling, SgdSettings};
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
        let problem = context.problem;
        let config = MinimumConfig {
            gradient_tolerance: table.tolerance,
            max_iterations: table.max_iterations as usize,
            ..Default::default()
        };
        let mut start = table.start.clone().unwrap_or_else(|| start.to_vec());
        if start.len() != problem.dim() {
            let message = format!(
                "{} numbers, but the problem has {} parameters\n  hint: give one number for each parameter, or none",
                start.len(),
                problem.dim()
            );
            return Err(RunError::input("minimum.start", message));
        }
        if let Some(training) = &table.train {
            let sgd = SgdSettings {
                learning_rate: training.learning_rate,
                batch_size: training.batch_size,
                sampling: Sampling::EpochShuffle,
            };
            start = train(problem, &start, &sgd, training.steps, seed, context.stop)?;
        }
        Ok(find_minimum(problem, &start, &config, context.stop)?)
    }
}
