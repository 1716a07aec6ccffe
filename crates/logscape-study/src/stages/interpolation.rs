//! SGD near a minimum that interpolates: products of random matrices, and escapes from starts at a given loss.

use super::{Context, Known, Setting, Stage};
use crate::asked::EscapeTable;
use crate::error::RunError;
use crate::record::{InterpolationRecord, StartEscapeRecord, StartRecord};
use crate::store::Kept;
use logscape::engine::Sgd;
use logscape::ensemble::{EnsembleError, EscapeRun, Region};
use logscape::interpolation::{Interpolation, InterpolationConfig, StartRun, Starts, log_slope, stability};
use logscape::operator::full::loss;
use logscape::{Barrier, Estimate, Geometry, Minimum, Precision, SgdSettings};
use serde::Serialize;

/// Factors between the losses of the level and of the starts, where the study names none.
const FACTORS: [f64; 4] = [4.0, 16.0, 64.0, 256.0];
/// Bounds of the share of its start's loss at which a replica has collapsed, and the part of the escapes that may come after it.
const COLLAPSE: ([f64; 2], f64) = ([1e-12, 1e-2], 0.01);
/// Residuals times parameters that the looks at the loss of one start may take, and the steps that each replica has at least.
const WORK: (f64, f64) = (2e10, 1_000.0);

/// What to ask for instead of a multiple of a loss that is not resolved.
const ASK: &str = "a multiple of the loss at the minimum has no meaning, as the fit interpolates: ask for a level in absolute loss, such \
                   as region = { loss-level = 0.01 }";

/// Measures products of random matrices.
struct MeasureProducts;

/// Of which setting, at what minimum.
#[derive(Serialize)]
struct ProductsInput<'a> {
    minimum: &'a Kept<Minimum>,
    geometry: &'a Kept<Geometry>,
    sgd: SgdSettings,
    seed: u64,
}

impl Stage for MeasureProducts {
    const NAME: &'static str = "products";
    type Input<'a> = ProductsInput<'a>;
    type Output = Interpolation;

    fn run(context: &Context, input: &ProductsInput) -> Result<Interpolation, RunError> {
        let config = InterpolationConfig::for_problem(&input.geometry.value, &input.sgd, input.seed);
        Ok(stability(context.problem, &input.minimum.value.theta, &input.sgd, &config, context.stop)?)
    }
}

/// Replicas from one loss.
struct RunStarts;

/// From where, until what, and with what.
#[derive(Serialize)]
struct StartsInput<'a> {
    minimum: &'a Kept<Minimum>,
    region: &'a Region,
    loss: f64,
    collapse: f64,
    replicas: usize,
    max_steps: u64,
    seed: u64,
    sgd: SgdSettings,
    precision: Precision,
}

impl Stage for RunStarts {
    const NAME: &'static str = "starts";
    type Input<'a> = StartsInput<'a>;
    type Output = Starts;

    fn run(context: &Context, input: &StartsInput) -> Result<Starts, RunError> {
        let &StartsInput { minimum, region, loss, collapse, replicas, max_steps, seed, sgd, precision } = input;
        let run = StartRun { minimum: &minimum.value.theta, region, loss, collapse, replicas, max_steps, seed };
        let dynamics = Sgd::on(context.problem, sgd, precision).map_err(EnsembleError::from)?;
        match run.run(&dynamics, context.problem, context.stop) {
            Err(EnsembleError::Interrupted(stop)) => Err(stop.into()),
            Err(EnsembleError::StartOutside) => {
                let message = format!("a start at the loss {loss:e} is not inside the region");
                Err(RunError::input(
                    "escape.start_losses",
                    message + "\n  hint: give losses well below that of the boundary",
                ))
            }
            other => Ok(other?),
        }
    }
}

/// The record of one setting; none where the loss at the minimum is resolved. `run` is that of the study's region, where there is one.
pub(super) fn interpolation(
    context: &Context,
    known: &Known,
    setting: Setting,
    run: &EscapeRun,
) -> Result<Option<InterpolationRecord>, RunError> {
    if known.geometry.value.interpolating.is_none() {
        return Ok(None);
    }
    let (sgd, seed) = (setting.sgd, context.study.seed);
    let input = ProductsInput { minimum: &known.minimum, geometry: &known.geometry, sgd, seed };
    let products = context.stage::<MeasureProducts>(&input)?.value;
    let (mut escape, mut escape_reason) = (None, None);
    match (&context.study.escape, &known.barrier) {
        (None, _) => {}
        (Some(_), None) => escape_reason = Some(ASK.to_owned()),
        (Some(_), Some(_)) if matches!(run.region, Region::Quench { .. }) => {
            let words = "a descent from every step is too dear to count escapes from a start: ask for a loss level";
            escape_reason = Some(words.to_owned());
        }
        (Some(table), Some(barrier)) => {
            escape = Some(escapes(context, known, sgd, run, (table, &barrier.value, &products))?);
        }
    }
    Ok(Some(InterpolationRecord { products, escape, escape_reason }))
}

/// Refuses losses to start from that do not lie in the region.
pub(super) fn check(context: &Context, known: &Known, run: &EscapeRun) -> Result<(), RunError> {
    let counted = known.geometry.value.interpolating.is_some() && !matches!(run.region, Region::Quench { .. });
    match (&context.study.escape, &known.barrier) {
        (Some(table), Some(barrier)) if counted => losses(context, table, &barrier.value).map(|_| ()),
        _ => Ok(()),
    }
}

/// The losses to start from, and that of the region's boundary where it is known.
fn losses(context: &Context, table: &EscapeTable, barrier: &Barrier) -> Result<(Vec<f64>, Option<f64>), RunError> {
    let refused = |message: String| Err(RunError::input("escape.start_losses", message));
    let level = level(context, barrier);
    match (&table.start_losses, level) {
        (None, None) => {
            let hint = "\n  hint: give losses in the region to start from";
            refused("no loss of the region's boundary is known".to_owned() + hint)
        }
        (None, Some(level)) => Ok((FACTORS.map(|factor| level / factor).to_vec(), Some(level))),
        (Some(losses), _) => match losses.iter().find(|loss| level.is_some_and(|level| **loss >= level)) {
            Some(loss) => {
                let hint = "\n  hint: give losses well below that of the boundary";
                refused(format!("a start at the loss {loss:e} is not inside the region") + hint)
            }
            None => Ok((losses.clone(), level)),
        },
    }
}

/// Escapes from every start.
fn escapes(
    context: &Context,
    known: &Known,
    sgd: SgdSettings,
    run: &EscapeRun,
    (table, barrier, products): (&EscapeTable, &Barrier, &Interpolation),
) -> Result<StartEscapeRecord, RunError> {
    let problem = context.problem;
    let (losses, level) = losses(context, table, barrier)?;
    let exponent =
        products.alpha.map(|alpha| Estimate { value: 0.5 * alpha.value, ci95: alpha.ci95.map(|end| 0.5 * end) });
    let ([least, most], part) = COLLAPSE;
    // Without an exponent none comes back from a collapse, or all do.
    let leaves = products.lyapunov.is_some_and(|lyapunov| lyapunov.value > 0.0);
    let collapse = exponent
        .map_or(if leaves { least } else { most }, |exponent| part.powf(1.0 / exponent.value).clamp(least, most));
    let look = table.replicas as f64 * (problem.samples() * problem.outputs() * problem.dim()) as f64;
    let max_steps = table.max_steps.min((WORK.0 / look).max(WORK.1) as u64);
    let from = |loss: f64| {
        let (replicas, seed) = (table.replicas, run.seed);
        let input = StartsInput {
            minimum: &known.minimum,
            region: &run.region,
            loss,
            collapse,
            replicas,
            max_steps,
            seed,
            sgd,
            precision: context.study.sgd.precision,
        };
        Ok::<_, RunError>((loss, context.stage::<RunStarts>(&input)?.value))
    };
    let seen: Vec<(f64, Starts)> = losses.into_iter().map(from).collect::<Result<_, _>>()?;
    Ok(StartEscapeRecord {
        level,
        collapse,
        max_steps,
        starts: seen.iter().map(|&(loss, ends)| StartRecord::new(loss, ends, level, exponent)).collect(),
        slope: log_slope(&seen),
        slope_predicted: exponent,
    })
}

/// The least loss that is known of the region's boundary.
fn level(context: &Context, barrier: &Barrier) -> Option<f64> {
    let lowest = |losses: &mut dyn Iterator<Item = f64>| losses.filter(|loss| loss.is_finite()).reduce(f64::min);
    match barrier {
        Barrier::Level { loss } => Some(*loss),
        Barrier::Interval { lower, upper, .. } => lowest(
            &mut [*lower, *upper].into_iter().filter(|end| end.is_finite()).map(|end| loss(context.problem, &[end])),
        ),
        Barrier::Saddles { ways_out, .. } => lowest(&mut ways_out.iter().map(|way| way.loss)),
        Barrier::Other { .. } => None,
    }
}
