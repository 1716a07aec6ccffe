//! From what a study calls escape to the region that is simulated and the barrier that theories see.

use crate::runner::RunError;
use crate::schema::{EscapeTable, RegionText};
use logscape::ensemble::Region;
use logscape::landscape::{BarrierConfig, Minimum, interval, loss_level, saddles};
use logscape::problem::Problem;
use logscape::{Barrier, Geometry, SgdSettings};

/// The region that is simulated and the barrier that theories see, for what the study calls escape.
pub(crate) fn region_and_barrier<P: Problem>(
    problem: &P,
    minimum: &Minimum,
    geometry: &Geometry,
    sgd: SgdSettings,
    table: &EscapeTable,
) -> Result<(Region, Barrier), RunError> {
    let region = &table.region;
    if problem.dim() == 1 {
        return on_the_line(problem, minimum, region);
    }
    let level = |loss: f64| {
        let fastest = geometry.eigenvalues.first().map_or(f64::NAN, |sharpest| 0.1 / (sgd.learning_rate * sharpest));
        let check_every = table.check_every.unwrap_or(fastest.max(1.0) as u64);
        (Region::LossLevel { loss, check_every }, Barrier::Level { loss })
    };
    match region {
        RegionText::LossLevel(loss) => Ok(level(*loss)),
        RegionText::LossFactor(factor) => Ok(level(factor * minimum.loss)),
        RegionText::Ball(radius) => {
            let loss = minimum.loss + 0.5 * geometry.outliers.h_star.value * radius * radius;
            Ok((Region::Ball { centre: minimum.theta.clone(), radius: *radius }, Barrier::Level { loss }))
        }
        RegionText::Box(bounds) if bounds.len() == problem.dim() => {
            let (lower, upper) = bounds.iter().map(|[lower, upper]| (*lower, *upper)).unzip();
            let reason = "no formula knows the escape from a box in several dimensions".to_owned();
            Ok((Region::Box { lower, upper }, Barrier::Other { reason }))
        }
        RegionText::Box(bounds) => {
            let message = format!("the box has {} sides, the problem {} parameters", bounds.len(), problem.dim());
            Err(RunError::input("escape.region", message))
        }
        RegionText::DividingSurface => {
            let message =
                format!("a dividing surface needs a problem with 1 parameter, this one has {}", problem.dim());
            Err(RunError::input("escape.region", message + "; use loss-level, loss-factor, ball or box"))
        }
    }
}

/// [`region_and_barrier`] in one dimension, where every region is an interval.
fn on_the_line<P: Problem>(problem: &P, minimum: &Minimum, region: &RegionText) -> Result<(Region, Barrier), RunError> {
    let centre = minimum.theta[0];
    let config = BarrierConfig::default();
    let barrier = match region {
        RegionText::DividingSurface => saddles(problem, centre, &config)?,
        RegionText::LossLevel(level) => loss_level(problem, centre, *level, &config)?,
        RegionText::LossFactor(factor) => loss_level(problem, centre, factor * minimum.loss, &config)?,
        RegionText::Ball(radius) => interval(problem, centre, centre - radius, centre + radius, &config)?,
        RegionText::Box(bounds) => match bounds[..] {
            [[lower, upper]] => interval(problem, centre, lower, upper, &config)?,
            _ => return Err(RunError::input("escape.region", "a box on the line has one side".to_owned())),
        },
    };
    let ends = match &barrier {
        Barrier::Interval { lower, upper, .. } => (*lower, *upper),
        Barrier::Saddles { ways_out, .. } => ways_out.iter().fold((f64::NEG_INFINITY, f64::INFINITY), |(l, u), way| {
            let top = way.theta[0];
            if top < centre { (l.max(top), u) } else { (l, u.min(top)) }
        }),
        Barrier::Level { .. } | Barrier::Other { .. } => (f64::NEG_INFINITY, f64::INFINITY),
    };
    Ok((Region::interval(ends.0, ends.1), barrier))
}
