//! Curvature and noise at the minimum.

use super::{Context, Stage};
use crate::error::RunError;
use crate::store::Kept;
use logscape::geometry::{GeometryConfig, measure};
use logscape::{Geometry, Minimum, Problem, Stop};
use serde::Serialize;

/// Measures the minimum.
pub(super) struct MeasureGeometry;

/// What it is measured from.
#[derive(Serialize)]
pub(super) struct Input<'a> {
    pub(super) minimum: &'a Kept<Minimum>,
    pub(super) seed: u64,
}

impl Stage for MeasureGeometry {
    const NAME: &'static str = "geometry";
    type Input<'a> = Input<'a>;
    type Output = Geometry;

    fn run(context: &Context, input: &Input) -> Result<Geometry, RunError> {
        measured(context.problem, &input.minimum.value, input.seed, context.stop)
    }
}

/// Measures a minimum.
pub(crate) fn measured(problem: &dyn Problem, minimum: &Minimum, seed: u64, stop: &Stop) -> Result<Geometry, RunError> {
    Ok(measure(problem, minimum, &GeometryConfig { seed, ..Default::default() }, stop)?)
}
