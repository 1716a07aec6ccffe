//! From what a study calls escape to the region that is simulated and the barrier that theories see.

use crate::runner::RunError;
use crate::schema::{EscapeTable, RegionText, SaddleTable};
use logscape::Stop;
use logscape::ensemble::Region;
use logscape::landscape::{
    BarrierConfig, BarrierError, MinimumConfig, SaddleError, SaddleSearch, between, find_minimum, find_saddles,
    interval, loss_level, saddles, ways_out,
};
use logscape::model::Minimum;
use logscape::problem::Problem;
use logscape::{Barrier, Geometry, SgdSettings, WayOut};
use serde::{Deserialize, Serialize};

/// Steps of the descent of a quench, the share of `1/λ_max` that each takes, and the gradient norm of its rest as a share of
/// `λ_max` times its tolerance: well below the slopes at the edge of the ball that is home.
const DESCENT: (u64, f64, f64) = (20_000, 0.5, 1e-5);

/// The region that is simulated and the barrier that theories see, for what the study calls escape; `saddles` are those of a
/// problem with several parameters, where [`needs_saddles`] says so.
pub(crate) fn region_and_barrier<P: Problem>(
    problem: &P,
    minimum: &Minimum,
    geometry: &Geometry,
    saddles: Option<&WaysOut>,
    sgd: SgdSettings,
    table: &EscapeTable,
) -> Result<(Region, Barrier), RunError> {
    let region = &table.region;
    let sharpest = geometry.eigenvalues.first().copied().unwrap_or(f64::NAN);
    let check_every = table.check_every.unwrap_or((0.1 / (sgd.learning_rate * sharpest)).max(1.0) as u64);
    let quench = |barrier: &Barrier| quench(&minimum.theta, barrier, sharpest, check_every);
    if problem.dim() == 1 {
        return on_the_line(problem, minimum, region, &quench);
    }
    let level = |loss: f64| (Region::LossLevel { loss, check_every }, Barrier::Level { loss });
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
            if let Some(barrier @ Barrier::Saddles { ways_out, .. }) = saddles.map(|found| &found.barrier) {
                let inward = |way: &WayOut| {
                    let terms = way.direction.iter().zip(&way.theta).zip(&minimum.theta);
                    terms.map(|((n, saddle), x)| n * (saddle - x)).sum::<f64>() > 0.0
                };
                if let Some(number) = ways_out.iter().position(|way| !inward(way)) {
                    let message = format!("the minimum lies beyond the plane at saddle {number}: its basin is bent");
                    return Err(RunError::input("escape.region", message + "\n  hint: use region = \"quench\""));
                }
                return Ok((Region::dividing_surface(ways_out), barrier.clone()));
            }
            let tried = saddles.map_or_else(String::new, |found| found.search.summary());
            let message = format!("a dividing surface needs a saddle: {tried}");
            let hint =
                "\n  hint: search more widely in [saddle], name an other_minimum there, or use region = \"quench\"";
            Err(RunError::input("escape.region", message + hint))
        }
        RegionText::Quench => {
            let none = || Barrier::Other { reason: "no saddle was looked for".to_owned() };
            let barrier = saddles.map_or_else(none, |found| found.barrier.clone());
            Ok((quench(&barrier), barrier))
        }
    }
}

/// Gradient descent ends elsewhere than at `home`: in a ball around it that reaches a quarter of the way to the nearest way
/// out.
fn quench(home: &[f64], barrier: &Barrier, sharpest: f64, check_every: u64) -> Region {
    let apart = |way: &WayOut| way.theta.iter().zip(home).map(|(x, c)| (x - c).powi(2)).sum::<f64>().sqrt();
    let nearest = match barrier {
        Barrier::Saddles { ways_out, .. } => ways_out.iter().map(apart).fold(f64::INFINITY, f64::min),
        _ => f64::INFINITY,
    };
    let length = home.iter().map(|x| x * x).sum::<f64>().sqrt();
    let tolerance = if nearest.is_finite() { 0.25 * nearest } else { 1e-2 * (1.0 + length) };
    let (max_steps, share, rest) = DESCENT;
    Region::Quench {
        home: home.to_vec(),
        tolerance,
        step: share / sharpest,
        gradient: rest * sharpest * tolerance,
        max_steps,
        check_every,
    }
}

/// Whether the study's region is made from saddles in several dimensions.
pub(crate) fn needs_saddles(region: &RegionText) -> bool {
    matches!(region, RegionText::DividingSurface | RegionText::Quench)
}

/// The saddles of a problem with several parameters, and the barrier that they make.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WaysOut {
    pub(crate) search: SaddleSearch,
    pub(crate) barrier: Barrier,
}

/// Looks for the saddles around a minimum, as the study's table says.
pub(crate) fn find_ways_out<P: Problem>(
    problem: &P,
    minimum: &Minimum,
    table: &SaddleTable,
    seed: u64,
    stop: &Stop,
) -> Result<WaysOut, RunError> {
    let config = table.config(seed);
    let mut search = find_saddles(problem, minimum, &config, stop)?;
    for start in &table.other_minimum {
        if start.len() != problem.dim() {
            let message = format!("{} numbers, but the problem has {} parameters", start.len(), problem.dim());
            let hint = "\n  hint: give one number for each parameter";
            return Err(RunError::input("saddle.other_minimum", message + hint));
        }
        let other = find_minimum(problem, start, &MinimumConfig::default(), stop)?;
        match between(problem, minimum, &other.theta, &config, stop) {
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
        ways_out(problem, minimum, &search.saddles, &config, stop)?
    };
    Ok(WaysOut { search, barrier })
}

/// [`region_and_barrier`] in one dimension, where every region is an interval.
fn on_the_line<P: Problem>(
    problem: &P,
    minimum: &Minimum,
    region: &RegionText,
    quench: &dyn Fn(&Barrier) -> Region,
) -> Result<(Region, Barrier), RunError> {
    let centre = minimum.theta[0];
    let config = BarrierConfig::default();
    let barrier = match region {
        RegionText::DividingSurface => saddles(problem, centre, &config)?,
        RegionText::Quench => {
            let barrier = match saddles(problem, centre, &config) {
                Ok(barrier) => barrier,
                Err(error @ BarrierError::NotFound { .. }) => Barrier::Other { reason: error.to_string() },
                Err(error) => return Err(error.into()),
            };
            return Ok((quench(&barrier), barrier));
        }
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
