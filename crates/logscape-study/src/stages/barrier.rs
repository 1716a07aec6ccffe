//! What stands between the minimum and what the study calls escape: what theories see.

use super::{Context, Saddles, Stage};
use crate::asked::{EscapeTable, RegionText, Study};
use crate::error::RunError;
use crate::store::Kept;
use crate::text::count;
use logscape::landscape::{BarrierConfig, BarrierError, interval, loss_level, saddles};
use logscape::{Barrier, Geometry, Minimum};
use serde::Serialize;

/// Finds the barrier of the study's region.
pub(super) struct FindBarrier;

/// Of which region, around what.
#[derive(Serialize)]
pub(super) struct Input<'a> {
    pub(super) region: &'a RegionText,
    pub(super) minimum: &'a Kept<Minimum>,
    pub(super) geometry: &'a Kept<Geometry>,
    /// Those of a problem with several parameters, where [`needs_saddles`] says so.
    pub(super) saddles: Option<&'a Kept<Saddles>>,
}

/// Whether the study's region is made from saddles that are searched for, in so many dimensions.
pub(super) fn needs_saddles(region: &RegionText, dim: usize) -> bool {
    matches!(region, RegionText::DividingSurface | RegionText::Quench) && dim > 1
}

/// The escape that the study asks for, where there is such a thing around its minimum.
pub(super) fn asked<'a>(study: &'a Study, minimum: &Minimum) -> Option<&'a EscapeTable> {
    study.escape.as_ref().filter(|escape| is_defined(&escape.region, minimum.interpolating.is_some()))
}

/// Whether there is such a region: a multiple of a loss that is not resolved is none.
fn is_defined(region: &RegionText, interpolating: bool) -> bool {
    !(interpolating && matches!(region, RegionText::LossFactor(_)))
}

impl Stage for FindBarrier {
    const NAME: &'static str = "barrier";
    type Input<'a> = Input<'a>;
    type Output = Barrier;

    fn run(context: &Context, input: &Input) -> Result<Barrier, RunError> {
        if context.problem.dim() == 1 { on_the_line(context, input) } else { in_several_dimensions(context, input) }
    }
}

fn in_several_dimensions(context: &Context, input: &Input) -> Result<Barrier, RunError> {
    let (dim, minimum) = (context.problem.dim(), &input.minimum.value);
    let found = input.saddles.map(|found| &found.value);
    match input.region {
        RegionText::LossLevel(loss) => Ok(Barrier::Level { loss: *loss }),
        RegionText::LossFactor(factor) => Ok(Barrier::Level { loss: factor * minimum.loss }),
        RegionText::Ball(radius) => {
            let loss = minimum.loss + 0.5 * input.geometry.value.outliers.h_star.value * radius * radius;
            Ok(Barrier::Level { loss })
        }
        RegionText::Box(bounds) if bounds.len() == dim => {
            Ok(Barrier::Other { reason: "no formula knows the escape from a box in several dimensions".to_owned() })
        }
        RegionText::Box(bounds) => {
            let message =
                format!("the box has {}, the problem {}", count(bounds.len(), "side"), count(dim, "parameter"));
            Err(RunError::input("escape.region", message))
        }
        RegionText::DividingSurface => {
            if let Some(barrier @ Barrier::Saddles { .. }) = found.map(|found| &found.barrier) {
                return Ok(barrier.clone());
            }
            let tried = found.map_or_else(String::new, |found| found.search.summary());
            let message = format!("a dividing surface needs a saddle: {tried}");
            let hint =
                "\n  hint: search more widely in [saddle], name an other_minimum there, or use region = \"quench\"";
            Err(RunError::input("escape.region", message + hint))
        }
        RegionText::Quench => {
            let none = || Barrier::Other { reason: "no saddle was looked for".to_owned() };
            Ok(found.map_or_else(none, |found| found.barrier.clone()))
        }
    }
}

/// The barrier in one dimension, where every region is an interval.
fn on_the_line(context: &Context, input: &Input) -> Result<Barrier, RunError> {
    let (problem, minimum) = (context.problem, &input.minimum.value);
    let centre = minimum.theta[0];
    let config = BarrierConfig::default();
    Ok(match input.region {
        RegionText::DividingSurface => saddles(problem, centre, &config)?,
        RegionText::Quench => match saddles(problem, centre, &config) {
            Ok(barrier) => barrier,
            Err(error @ BarrierError::NotFound { .. }) => Barrier::Other { reason: error.to_string() },
            Err(error) => return Err(error.into()),
        },
        RegionText::LossLevel(level) => loss_level(problem, centre, *level, &config)?,
        RegionText::LossFactor(factor) => loss_level(problem, centre, factor * minimum.loss, &config)?,
        RegionText::Ball(radius) => interval(problem, centre, centre - radius, centre + radius, &config)?,
        RegionText::Box(bounds) => match bounds[..] {
            [[lower, upper]] => interval(problem, centre, lower, upper, &config)?,
            _ => return Err(RunError::input("escape.region", "a box on the line has one side".to_owned())),
        },
    })
}
