//! The region that is simulated, for what the study calls escape.

use super::{Context, Known, Setting};
use crate::asked::{EscapeTable, RegionText};
use crate::error::RunError;
use logscape::ensemble::Region;
use logscape::{Barrier, Minimum, WayOut};

/// Steps of the descent of a quench, the share of `1/λ_max` that each takes, and the gradient norm of its rest as a share of
/// `λ_max` times its tolerance: well below the slopes at the edge of the ball that is home.
const DESCENT: (u64, f64, f64) = (20_000, 0.5, 1e-5);

/// The region of the study in one setting. A descent to a minimum is too dear for every step: it begins after a tenth of the
/// time that the steepest direction takes to relax.
pub(super) fn region(
    context: &Context,
    known: &Known,
    barrier: &Barrier,
    setting: Setting,
    table: &EscapeTable,
) -> Result<Region, RunError> {
    let minimum = &known.minimum.value;
    let sharpest = known.geometry.value.eigenvalues.first().copied().unwrap_or(f64::NAN);
    let relaxed = (0.1 / (setting.sgd.learning_rate * sharpest)).max(1.0) as u64;
    let check_every = table.check_every.unwrap_or(if table.region == RegionText::Quench { relaxed } else { 1 });
    if table.region == RegionText::Quench {
        return Ok(quench(&minimum.theta, barrier, sharpest, check_every));
    }
    if context.problem.dim() == 1 {
        return Ok(on_the_line(minimum, barrier));
    }
    Ok(match &table.region {
        RegionText::LossLevel(loss) => Region::LossLevel { loss: *loss, check_every },
        RegionText::LossFactor(factor) => Region::LossLevel { loss: factor * minimum.loss, check_every },
        RegionText::Ball(radius) => Region::Ball { centre: minimum.theta.clone(), radius: *radius },
        RegionText::Box(bounds) => {
            let (lower, upper) = bounds.iter().map(|[lower, upper]| (*lower, *upper)).unzip();
            Region::Box { lower, upper }
        }
        RegionText::DividingSurface | RegionText::Quench => dividing_surface(minimum, barrier)?,
    })
}

/// The planes at the saddles, each of which must have the minimum on its inner side.
fn dividing_surface(minimum: &Minimum, barrier: &Barrier) -> Result<Region, RunError> {
    let ways_out = if let Barrier::Saddles { ways_out, .. } = barrier { &ways_out[..] } else { &[] };
    let inward = |way: &WayOut| {
        let terms = way.direction.iter().zip(&way.theta).zip(&minimum.theta);
        terms.map(|((n, saddle), x)| n * (saddle - x)).sum::<f64>() > 0.0
    };
    if let Some(number) = ways_out.iter().position(|way| !inward(way)) {
        let message = format!("the minimum lies beyond the plane at saddle {number}: its basin is bent");
        return Err(RunError::input("escape.region", message + "\n  hint: use region = \"quench\""));
    }
    Ok(Region::dividing_surface(ways_out))
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

/// The interval of a barrier in one dimension.
fn on_the_line(minimum: &Minimum, barrier: &Barrier) -> Region {
    let centre = minimum.theta[0];
    let (lower, upper) = match barrier {
        Barrier::Interval { lower, upper, .. } => (*lower, *upper),
        Barrier::Saddles { ways_out, .. } => ways_out.iter().fold((f64::NEG_INFINITY, f64::INFINITY), |(l, u), way| {
            let top = way.theta[0];
            if top < centre { (l.max(top), u) } else { (l, u.min(top)) }
        }),
        Barrier::Level { .. } | Barrier::Other { .. } => (f64::NEG_INFINITY, f64::INFINITY),
    };
    Region::interval(lower, upper)
}
