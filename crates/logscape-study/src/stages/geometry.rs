//! Curvature and noise at the minimum.

use super::{Context, Stage};
use crate::asked::CurvatureTable;
use crate::error::RunError;
use crate::events::Event;
use crate::store::Kept;
use logscape::geometry::{GeometryConfig, GeometryProgress, measure, measure_telling};
use logscape::operator::{Matrix, RitzValue};
use logscape::{Geometry, Minimum, Precision, Problem, Stop};
use serde::Serialize;
use std::sync::{Mutex, PoisonError};

/// Measures the minimum.
pub(super) struct MeasureGeometry;

/// What it is measured from.
#[derive(Serialize)]
pub(super) struct Input<'a> {
    pub(super) minimum: &'a Kept<Minimum>,
    /// How its spectrum is computed, if not as ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) spectrum: Option<Spectrum>,
    pub(super) seed: u64,
}

/// What the spectrum depends on of the table `[curvature]`.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Spectrum {
    counts: [usize; 2],
    tolerance: f64,
    precision: Precision,
    trace_products: usize,
}

impl From<&CurvatureTable> for Spectrum {
    fn from(table: &CurvatureTable) -> Self {
        Self {
            counts: [table.largest, table.lowest],
            tolerance: table.tolerance,
            precision: table.precision,
            trace_products: table.trace_products,
        }
    }
}

impl Stage for MeasureGeometry {
    const NAME: &'static str = "geometry";
    type Input<'a> = Input<'a>;
    type Output = Geometry;

    fn run(context: &Context, input: &Input) -> Result<Geometry, RunError> {
        let mut config = GeometryConfig { seed: input.seed, ..GeometryConfig::default() };
        if let Some(table) = &context.study.curvature {
            config.spectrum = table.spectrum(false, input.seed);
            if table.trace_products > 0 {
                config.trace_products = table.trace_products;
            }
        }
        let last = Mutex::new(None);
        let tell = |progress: GeometryProgress| match progress {
            GeometryProgress::Eigenpairs(found) => {
                context.events.tell(&Event::eigenvalues(Matrix::Hessian, found));
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
            }
            GeometryProgress::Part { what, done, of } => context.events.tell(&Event::Measuring { what, done, of }),
        };
        let measured = measure_telling(context.problem, &input.minimum.value, &config, context.stop, &tell);
        if let (Err(_), Some(progress)) = (&measured, last.into_inner().unwrap_or_else(PoisonError::into_inner)) {
            let converged = |values: Vec<RitzValue>| {
                values.into_iter().filter(|ritz| ritz.converged).map(|ritz| ritz.value).collect()
            };
            let (largest, lowest) = (converged(progress.largest), converged(progress.lowest));
            context.events.tell(&Event::Converged {
                matrix: Matrix::Hessian,
                products: progress.products,
                largest,
                lowest,
            });
        }
        Ok(measured?)
    }
}

/// Measures a minimum.
pub(crate) fn measured(problem: &dyn Problem, minimum: &Minimum, seed: u64, stop: &Stop) -> Result<Geometry, RunError> {
    Ok(measure(problem, minimum, &GeometryConfig { seed, ..Default::default() }, stop)?)
}
