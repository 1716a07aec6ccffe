//! Curvature and noise at the minimum.

use super::{Context, Stage};
use crate::error::RunError;
use crate::store::Kept;
use logscape::geometry::{GeometryConfig, measure};
use logscape::{Geometry, Minimum};
use serde::{Deserialize, Serialize};

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
    type Output = StoredGeometry;

    fn run(context: &Context, input: &Input) -> Result<StoredGeometry, RunError> {
        let config = GeometryConfig { seed: input.seed, ..Default::default() };
        Ok(measure(context.problem, &input.minimum.value, &config, context.stop)?.into())
    }
}

/// A geometry as the store holds it: JSON has no infinity, which is the gap of a spectrum without a bulk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredGeometry {
    geometry: Geometry,
    bulk: bool,
}

impl From<Geometry> for StoredGeometry {
    fn from(mut geometry: Geometry) -> Self {
        let bulk = geometry.outliers.gap.is_finite();
        if !bulk {
            geometry.outliers.gap = 0.0;
        }
        Self { geometry, bulk }
    }
}

impl From<StoredGeometry> for Geometry {
    fn from(StoredGeometry { mut geometry, bulk }: StoredGeometry) -> Self {
        if !bulk {
            geometry.outliers.gap = f64::INFINITY;
        }
        geometry
    }
}
