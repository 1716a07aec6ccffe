//! The spectra of the matrices that a study asks for, at its minimum.

use super::blocks::{Block, blocks};
use super::notes::note_curvature;
use super::{Context, Stage};
use crate::asked::CurvatureTable;
use crate::error::RunError;
use crate::events::{Event, TOLD};
use crate::matrices::{Eigenvalue, Eigenvalues, MatrixCurvature, ProductCost, Sums, uncertainties};
use crate::store::Kept;
use faer::Mat;
use logscape::geometry::{GeometryConfig, GeometryError, SpectrumConfig, complete_spectrum, partial_spectrum};
use logscape::model::Minimum;
use logscape::operator::{
    Counted, EigenError, LanczosProgress, LinearOperator, Linearisation, Matrix, Quadrature, Restricted,
    lanczos_quadrature, linearise, probe_symmetry, trace_and_norm,
};
use logscape::{Geometry, Interrupted, Precision, Problem, Stop};
use serde::Serialize;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What the stages of one block of one matrix depend on, and how they have it.
#[derive(Serialize)]
struct Input<'a> {
    minimum: &'a Kept<Minimum>,
    table: Numbers,
    matrix: Matrix,
    block: Option<&'a str>,
    seed: u64,
    #[serde(skip)]
    at: At<'a>,
    #[serde(skip)]
    parts: &'a [Range<usize>],
    /// Where an interrupted iteration leaves what it knows.
    #[serde(skip)]
    so_far: &'a Mutex<Option<Eigenvalues>>,
}

/// The numbers of the table that a stage depends on: the others are zero.
#[derive(Clone, Copy, Default, Serialize)]
struct Numbers {
    counts: [usize; 2],
    tolerance: f64,
    precision: Precision,
}

/// The problem around its minimum.
#[derive(Clone, Copy)]
struct At<'a> {
    context: &'a Context<'a>,
    table: &'a CurvatureTable,
    around: &'a dyn Linearisation,
    /// Precision of its products.
    precision: Precision,
}

impl Input<'_> {
    /// Does `work` on the operator of the block, whose products are told as they are made: of so many, where that is known.
    fn on_operator<T>(&self, what: &'static str, of: Option<usize>, work: impl FnOnce(&dyn LinearOperator) -> T) -> T {
        let whole = self.at.around.operator(self.matrix);
        let restricted = Restricted::new(&*whole, self.parts.to_vec());
        let operator: &dyn LinearOperator = if self.block.is_some() { &restricted } else { &*whole };
        let context = self.at.context;
        let begun = context.stop.work_time();
        let tell = |products: usize| {
            let (matrix, block) = (self.matrix, self.block.map(str::to_owned));
            let seconds = begun.elapsed().as_secs_f64();
            context.events.tell(&Event::Products { what, matrix, block, products, of, seconds });
        };
        work(&Counted::new(operator, &tell))
    }
}

/// Eigenvalues, all or those of the ends.
struct FindEigenvalues;

impl Stage for FindEigenvalues {
    const NAME: &'static str = "eigenvalues";
    type Input<'a> = Input<'a>;
    type Output = Eigenvalues;

    fn run(context: &Context, input: &Input) -> Result<Eigenvalues, RunError> {
        let (at, seed) = (input.at, input.seed);
        let config = at.config(input.matrix);
        input.on_operator("eigenvalues", None, |operator| {
            if operator.dim() <= config.dense_up_to {
                return Ok(complete_spectrum(operator, context.stop).map_err(failed)?.into());
            }
            probe_symmetry(operator, at.precision, seed, context.stop).map_err(failed)?;
            let tell = |progress: &LanczosProgress| context.events.tell(&Event::eigenvalues(input.matrix, progress));
            let found: Eigenvalues =
                partial_spectrum(operator, &config.lanczos, context.stop, &tell).map_err(failed)?.into();
            if found.interrupted {
                *input.so_far.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
                return Err(Interrupted.into());
            }
            Ok(found)
        })
    }
}

/// Why the spectrum of a matrix is not known.
fn failed(error: EigenError) -> RunError {
    GeometryError::from(error).into()
}

/// The trace and the Frobenius norm from random vectors.
struct EstimateTrace;

impl Stage for EstimateTrace {
    const NAME: &'static str = "trace";
    type Input<'a> = Input<'a>;
    type Output = Sums;

    fn run(context: &Context, input: &Input) -> Result<Sums, RunError> {
        let config = input.at.table.trace(input.seed);
        let found = input
            .on_operator("trace", Some(config.products), |operator| trace_and_norm(operator, &config, context.stop))
            .map_err(failed)?;
        Ok(found.into())
    }
}

/// The density of eigenvalues from random vectors.
struct EstimateDensity;

impl Stage for EstimateDensity {
    const NAME: &'static str = "density";
    type Input<'a> = Input<'a>;
    type Output = Quadrature;

    fn run(context: &Context, input: &Input) -> Result<Quadrature, RunError> {
        let config = input.at.table.quadrature(input.seed);
        let found = input
            .on_operator("density", Some(config.probes * config.steps), |operator| {
                lanczos_quadrature(operator, &config, context.stop)
            })
            .map_err(failed)?;
        if found.interrupted { Err(Interrupted.into()) } else { Ok(found) }
    }
}

/// What the study asks for of its matrices.
pub(super) fn curvature(
    context: &Context,
    minimum: &Kept<Minimum>,
    geometry: &Geometry,
) -> Result<Vec<MatrixCurvature>, RunError> {
    let Some(table) = &context.study.curvature else { return Ok(Vec::new()) };
    let blocks = blocks(context.problem, &table.layers)?;
    // Matrices that are decomposed are worth double precision.
    let SpectrumConfig { dense_up_to, passes, .. } = SpectrumConfig::default();
    let dense = context.problem.dim() <= dense_up_to;
    let precision = if dense { Precision::Float64 } else { table.precision };
    let around = linearise(context.problem, &minimum.value.theta, precision, passes);
    let at = At { context, table, around: &*around, precision };
    let mut found = Vec::new();
    for &matrix in &table.matrices {
        for block in &blocks {
            at.measure((minimum, geometry), matrix, block, &mut found)?;
        }
    }
    Ok(found)
}

impl At<'_> {
    fn config(&self, matrix: Matrix) -> SpectrumConfig {
        self.table.spectrum(matrix.is_positive(), self.context.study.seed)
    }

    /// Adds one matrix to those `found`, which are noted whenever more is known.
    fn measure(
        self,
        (minimum, geometry): (&Kept<Minimum>, &Geometry),
        matrix: Matrix,
        Block { name, parts }: &Block,
        found: &mut Vec<MatrixCurvature>,
    ) -> Result<(), RunError> {
        let Self { context, table, precision, .. } = self;
        let so_far = Mutex::new(None);
        let (block, seed) = (name.as_deref(), context.study.seed);
        let input = |counts: [usize; 2], tolerance: f64| {
            let table = Numbers { counts, tolerance, precision };
            Input { minimum, table, matrix, block, seed, at: self, parts, so_far: &so_far }
        };
        let eigenvalues = if matrix == Matrix::Hessian && name.is_none() {
            Ok(of_geometry(geometry, table))
        } else {
            let lowest = self.config(matrix).lanczos.lower.count;
            let input = input([table.largest, lowest], table.tolerance);
            context.stage::<FindEigenvalues>(&input).map(|found| found.value)
        };
        let part = so_far.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (eigenvalues, ended) = match (eigenvalues, part) {
            (Ok(eigenvalues), _) => (eigenvalues, Ok(())),
            (Err(error), Some(part)) => (part, Err(error)),
            (Err(error), None) => return Err(error),
        };
        tell_done(context, matrix, name.as_ref(), &eigenvalues);
        let (block, parameters) = (name.clone(), parts.iter().map(Range::len).sum());
        let mut known = MatrixCurvature { matrix, block, parameters, eigenvalues, sums: None, density: None };
        let mut note = |known: &MatrixCurvature, first: bool| {
            if !first {
                found.pop();
            }
            found.push(known.clone());
            note_curvature(context, found)
        };
        note(&known, true)?;
        ended?;
        if known.eigenvalues.complete {
            return Ok(());
        }
        // The Hessian's are known from its geometry, but where the fit interpolates.
        let of_geometry = geometry.hessian_sums.filter(|_| matrix == Matrix::Hessian && name.is_none());
        if table.trace_products > 0
            && let Some(sums) = of_geometry
        {
            known.sums = Some(sums.into());
            note(&known, false)?;
        } else if table.trace_products > 0 {
            known.sums = Some(context.stage::<EstimateTrace>(&input([table.trace_products, 0], 0.0))?.value);
            note(&known, false)?;
        }
        if table.density_probes > 0 {
            let counts = [table.density_probes, table.density_steps];
            known.density = Some(context.stage::<EstimateDensity>(&input(counts, 0.0))?.value);
            note(&known, false)?;
        }
        Ok(())
    }
}

/// What the study's products at `theta` take, with or without a `table`; none where all matrices are decomposed.
pub(crate) fn cost(
    problem: &dyn Problem,
    theta: &[f64],
    table: Option<&CurvatureTable>,
    stop: &Stop,
) -> Result<Option<ProductCost>, RunError> {
    let SpectrumConfig { dense_up_to, passes, .. } = SpectrumConfig::default();
    if problem.dim() <= dense_up_to {
        return Ok(None);
    }
    let precision = table.map_or(Precision::Float64, |table| table.precision);
    let around = linearise(problem, theta, precision, passes);
    let hessian = around.operator(Matrix::Hessian);
    let mut image = Mat::zeros(theta.len(), 1);
    let vector = Mat::from_fn(theta.len(), 1, |i, _| ((i % 7) as f64 - 3.0) / (theta.len() as f64).sqrt());
    // The first takes its memory.
    hessian.apply_into(vector.as_ref(), image.as_mut(), stop)?;
    let begun = Instant::now();
    hessian.apply_into(vector.as_ref(), image.as_mut(), stop)?;
    let seconds = begun.elapsed().as_secs_f64();
    // The geometry has the Hessian's eigenvalues and trace, asked for or not.
    let asked = table.map_or(0, |table| table.trace_products);
    let of_geometry = if asked > 0 { asked } else { GeometryConfig::default().trace_products };
    let (mut spectra, mut products) = (1, of_geometry);
    if let Some(table) = table {
        let size = |block: &Block| block.parts.iter().map(Range::len).sum::<usize>();
        let large = blocks(problem, &table.layers)?.iter().filter(|block| size(block) > dense_up_to).count();
        let known = usize::from(table.matrices.contains(&Matrix::Hessian));
        spectra += large * table.matrices.len() - known;
        products += (spectra - 1) * asked + large * table.matrices.len() * table.density_probes * table.density_steps;
    }
    Ok(Some(ProductCost { seconds, kept_share: around.kept_share(), products, spectra }))
}

/// The Hessian's eigenvalues, which the geometry has.
fn of_geometry(geometry: &Geometry, table: &CurvatureTable) -> Eigenvalues {
    let scale = geometry.eigenvalues.iter().chain(&geometry.lowest).fold(0.0_f64, |most, value| most.max(value.abs()));
    let rows = |values: &[f64], residuals: &[f64]| {
        let row = |(&value, &residual): (&f64, &f64)| {
            let converged = geometry.complete || residual <= table.tolerance * scale;
            Eigenvalue { value, residual, converged }
        };
        values.iter().zip(residuals).map(row).collect()
    };
    Eigenvalues {
        largest: rows(&geometry.eigenvalues, &geometry.residuals),
        lowest: rows(&geometry.lowest, &geometry.lowest_residuals),
        complete: geometry.complete,
        products: geometry.products,
        basis: geometry.basis,
        interrupted: false,
    }
}

fn tell_done(context: &Context, matrix: Matrix, block: Option<&String>, found: &Eigenvalues) {
    let end = if found.lowest.is_empty() {
        found.largest.last().map_or(&[][..], std::slice::from_ref)
    } else {
        &found.lowest
    };
    context.events.tell(&Event::Spectrum {
        matrix,
        block: block.cloned(),
        largest: found.largest.iter().take(TOLD).map(|pair| pair.value).collect(),
        lowest: end.first().map(|pair| pair.value),
        uncertainty: uncertainties(end).first().copied().unwrap_or(0.0),
        complete: found.complete,
        unconverged: found.largest.iter().chain(&found.lowest).filter(|pair| !pair.converged).count(),
        products: found.products,
    });
}
