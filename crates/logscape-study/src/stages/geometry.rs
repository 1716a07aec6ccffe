//! Curvature and noise at the minimum.

use super::{Context, Stage};
use crate::asked::CurvatureTable;
use crate::error::RunError;
use crate::events::Event;
use crate::store::Kept;
use logscape::geometry::{
    GeometryConfig, GeometryError, GeometryProgress, Spectrum, SpectrumConfig, measure, measure_telling, spectrum,
};
use logscape::model::memory;
use logscape::operator::{LanczosProgress, Matrix, RitzValue};
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
    pub(super) spectrum: Option<SpectrumNumbers>,
    pub(super) seed: u64,
}

/// What the spectrum depends on of the table `[curvature]`.
#[derive(Clone, Copy, Serialize)]
pub(super) struct SpectrumNumbers {
    counts: [usize; 2],
    tolerance: f64,
    precision: Precision,
    trace_products: usize,
}

impl From<&CurvatureTable> for SpectrumNumbers {
    fn from(table: &CurvatureTable) -> Self {
        Self {
            counts: [table.largest, table.lowest],
            tolerance: table.tolerance,
            precision: table.precision,
            trace_products: table.trace_products,
        }
    }
}

impl Input<'_> {
    fn config(&self, context: &Context) -> GeometryConfig {
        let mut config = GeometryConfig { seed: self.seed, ..GeometryConfig::default() };
        if let Some(table) = &context.study.curvature {
            config.spectrum = table.spectrum(false, self.seed);
            if table.trace_products > 0 {
                config.trace_products = table.trace_products;
            }
        }
        config
    }
}

impl Stage for MeasureGeometry {
    const NAME: &'static str = "geometry";
    type Input<'a> = Input<'a>;
    type Output = Geometry;

    fn run(context: &Context, input: &Input) -> Result<Geometry, RunError> {
        let config = input.config(context);
        let known = if is_kept(&config.spectrum, input.minimum.value.theta.len()) {
            Some(context.stage::<FindSpectrum>(input)?.value)
        } else {
            None
        };
        telling(context, |tell| {
            Ok(measure_telling(context.problem, &input.minimum.value, known, &config, context.stop, tell)?)
        })
    }
}

/// Finds the Hessian's spectrum where that is partial, so that it is kept before anything else is measured.
struct FindSpectrum;

impl Stage for FindSpectrum {
    const NAME: &'static str = "spectrum";
    type Input<'a> = Input<'a>;
    type Output = Spectrum;

    fn run(context: &Context, input: &Input) -> Result<Spectrum, RunError> {
        let config = input.config(context).spectrum;
        telling(context, |tell| {
            let progress = |found: &LanczosProgress| tell(GeometryProgress::Eigenpairs(found));
            let found = spectrum(context.problem, &input.minimum.value.theta, &config, context.stop, &progress);
            Ok(found.map_err(GeometryError::from)?)
        })
    }
}

/// Bytes of a number in a note.
const NOTED: u64 = 24;

/// Whether the spectrum of so many parameters is partial, and its vectors are no more than an eighth of the memory when noted.
fn is_kept(config: &SpectrumConfig, parameters: usize) -> bool {
    let vectors = config.lanczos.upper.count + config.lanczos.lower.count;
    parameters > config.dense_up_to && (parameters * vectors) as u64 <= memory::limit() / 8 / NOTED
}

/// Does work that tells how far it has come; where it ends too soon, the eigenvalues that have converged are told.
fn telling<T>(
    context: &Context,
    work: impl FnOnce(&(dyn Fn(GeometryProgress) + Sync)) -> Result<T, RunError>,
) -> Result<T, RunError> {
    let last = Mutex::new(None);
    let tell = |progress: GeometryProgress| match progress {
        GeometryProgress::Eigenpairs(found) => {
            context.events.tell(&Event::eigenvalues(Matrix::Hessian, found));
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        }
        GeometryProgress::Part { what, done, of } => context.events.tell(&Event::Measuring { what, done, of }),
    };
    let made = work(&tell);
    if let (Err(_), Some(progress)) = (&made, last.into_inner().unwrap_or_else(PoisonError::into_inner)) {
        let converged =
            |values: Vec<RitzValue>| values.into_iter().filter(|ritz| ritz.converged).map(|ritz| ritz.value).collect();
        let (largest, lowest) = (converged(progress.largest), converged(progress.lowest));
        context.events.tell(&Event::Converged {
            matrix: Matrix::Hessian,
            products: progress.products,
            largest,
            lowest,
        });
    }
    made
}

/// Measures a minimum.
pub(crate) fn measured(problem: &dyn Problem, minimum: &Minimum, seed: u64, stop: &Stop) -> Result<Geometry, RunError> {
    Ok(measure(problem, minimum, &GeometryConfig { seed, ..Default::default() }, stop)?)
}
