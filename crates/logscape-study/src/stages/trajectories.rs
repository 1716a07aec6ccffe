//! The paths of the first replicas of a dynamics.

use super::dynamics::StudyDynamics;
use super::{Context, Known};
use crate::asked::TrajectoriesTable;
use crate::error::RunError;
use crate::record::{TrajectoryRow, trajectory_rows};
use logscape::ensemble::{EscapeRun, Region};

/// Numbers that the trajectories of one dynamics in one setting may have, which are kept in memory.
const MOST_NUMBERS: f64 = 1e7;

/// Refuses more numbers than are kept in memory.
pub(super) fn check(context: &Context, table: &TrajectoriesTable) -> Result<(), RunError> {
    let numbers = table.most_points() * context.problem.dim() as f64;
    if numbers <= MOST_NUMBERS {
        return Ok(());
    }
    let message = format!(
        "up to {numbers:.1e} numbers for each setting, where 10^7 are the most\n  hint: use fewer replicas, fewer steps, or a larger `every`"
    );
    Err(RunError::input("output.trajectories", message))
}

/// The paths of the first replicas of `run`.
pub(super) fn trajectories(
    context: &Context,
    dynamics: &StudyDynamics,
    run: &EscapeRun,
    table: &TrajectoriesTable,
) -> Result<Vec<TrajectoryRow>, RunError> {
    let first = EscapeRun {
        replicas: table.replicas.min(run.replicas),
        max_steps: table.steps.min(run.max_steps),
        ..run.clone()
    };
    let every = dynamics.built.steps(table.every);
    let run = dynamics.own(&first);
    let points = run.trajectories(&dynamics.built.dynamics, context.problem, every, context.stop)?;
    context.stop.check()?;
    Ok(trajectory_rows((dynamics.setting.number, &dynamics.setting.sgd, dynamics.name), points))
}

/// A run that nothing ends before its steps are over, for a study without escape.
pub(super) fn everywhere(known: &Known, seed: u64) -> EscapeRun {
    let start = known.minimum.value.theta.clone();
    let wall = vec![f64::INFINITY; start.len()];
    let region = Region::Box { lower: wall.iter().map(|x| -x).collect(), upper: wall };
    EscapeRun { start, region, replicas: usize::MAX, max_steps: u64::MAX, seed }
}
