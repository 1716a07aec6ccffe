//! The search for saddles in several dimensions.

use super::{Context, Saddles, Stage};
use crate::asked::SaddleTable;
use crate::error::RunError;
use crate::store::Kept;
use crate::text::count;
use logscape::landscape::{MinimumConfig, SaddleError, between, find_minimum, find_saddles, ways_out};
use logscape::{Barrier, Minimum};
use serde::Serialize;

/// Looks for the saddles around the minimum, as the study's table says.
pub(super) struct FindSaddles;

/// Around what, and how.
#[derive(Serialize)]
pub(super) struct Input<'a> {
    pub(super) minimum: &'a Kept<Minimum>,
    pub(super) table: &'a SaddleTable,
    pub(super) seed: u64,
}

impl Stage for FindSaddles {
    const NAME: &'static str = "saddles";
    type Input<'a> = Input<'a>;
    type Output = Saddles;

    fn run(context: &Context, &Input { minimum, table, seed }: &Input) -> Result<Saddles, RunError> {
        let (problem, minimum) = (context.problem, &minimum.value);
        let config = table.config(seed);
        let mut search = find_saddles(problem, minimum, &config, context.stop)?;
        for start in &table.other_minimum {
            if start.len() != problem.dim() {
                let message = format!(
                    "{}, but the problem has {}",
                    count(start.len(), "number"),
                    count(problem.dim(), "parameter")
                );
                let hint = "\n  hint: give one number for each parameter";
                return Err(RunError::input("saddle.other_minimum", message + hint));
            }
            let other = find_minimum(problem, start, &MinimumConfig::default(), context.stop)?;
            match between(problem, minimum, &other.theta, &config, context.stop) {
                Ok(more) => search.merge(more, config.distance),
                Err(SaddleError::SameMinimum) => {
                    let message = "the descent from this start ends in the study's own minimum".to_owned();
                    return Err(RunError::input("saddle.other_minimum", message + "\n  hint: start further away"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        let barrier = if search.saddles.is_empty() {
            Barrier::Other { reason: search.summary() }
        } else {
            ways_out(problem, minimum, &search.saddles, &config, context.stop)?
        };
        Ok(Saddles { search, barrier })
    }
}
