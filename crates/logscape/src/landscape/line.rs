//! One-dimensional barriers: from a minimum to the barrier tops on both sides, or to the ends of a box or loss level.

use crate::model::{Barrier, Path, WayOut};
use crate::operator::full::{loss_and_gradient, map_chunks, noise_trace};
use crate::operator::{Hessian, apply};
use crate::problem::{ProblemFailure, unless_failed};
use crate::reference::ReferenceError;
use crate::reference::cumulant::BatchCumulant;
use crate::reference::large_deviation::quasi_potential;
use crate::{Problem, Samples, Sampling, SgdSettings};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Settings of the search along the line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BarrierConfig {
    /// Share of the distance from the minimum by which the scan goes on; barriers narrower than this can be missed.
    pub step: f64,
    /// Distance from the minimum at which the scan gives up, in units of the distance `√(2L*/h*)` at which a parabola doubles the loss, or of a
    /// hundredth of `|θ*|` where that is more. The scan begins at `10⁻³` of that unit.
    pub range: f64,
    /// Nodes of the path, at least 3.
    pub nodes: usize,
    /// Share of the interval's length by which an interval's path extends beyond each end.
    pub margin: f64,
}

impl Default for BarrierConfig {
    fn default() -> Self {
        Self { step: 0.01, range: 1e4, nodes: 2001, margin: 0.1 }
    }
}

/// Side of the minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Towards smaller parameters.
    Left,
    /// Towards larger parameters.
    Right,
}

/// Why there is no barrier to report.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BarrierError {
    /// The problem has more than one parameter.
    #[error("the problem has {0} parameters; a line search for barriers needs one")]
    Dimension(usize),
    /// Nothing was found on one side.
    #[error("no barrier found in range {range} on the {side:?} of the minimum")]
    NotFound {
        /// Where it is missing.
        side: Side,
        /// How far the scan went.
        range: f64,
    },
    /// The start is no minimum: its curvature is not positive.
    #[error("the curvature at the start is {0}, so it is no minimum")]
    NoMinimum(f64),
    /// A setting is out of range.
    #[error("{0}")]
    Setting(&'static str),
    /// The problem failed at its work.
    #[error(transparent)]
    Problem(#[from] ProblemFailure),
    /// The loss left the finite numbers.
    #[error("the loss is not finite at {0}")]
    NotFinite(f64),
}

/// Slope `L'(θ)` on the line.
fn slope(problem: &dyn Problem, theta: f64) -> f64 {
    loss_and_gradient(problem, &[theta]).1[0]
}

/// Curvature `L''(θ)` on the line.
fn curvature(problem: &dyn Problem, theta: f64) -> f64 {
    // Nothing asks it to stop.
    apply(&Hessian::new(problem, &[theta]), &[1.0], &crate::Stop::new()).map_or(f64::NAN, |image| image[0])
}

/// Refuses what no search can start from.
fn check(problem: &dyn Problem, minimum: f64, config: &BarrierConfig) -> Result<(), BarrierError> {
    if problem.dim() != 1 {
        return Err(BarrierError::Dimension(problem.dim()));
    }
    if !(config.step > 0.0 && config.range > FIRST && config.range.is_finite() && config.margin >= 0.0)
        || config.nodes < 3
    {
        return Err(BarrierError::Setting(
            "step must be positive, range above 0.001, the margin not negative, nodes at least 3",
        ));
    }
    let h = curvature(problem, minimum);
    if h.is_finite() && h > 0.0 { Ok(()) } else { Err(BarrierError::NoMinimum(h)) }
}

/// Where the scan begins, in its units.
const FIRST: f64 = 1e-3;

/// What the scan measures distances by: it scales as the parameter does.
fn unit(problem: &dyn Problem, minimum: f64) -> f64 {
    let loss = loss_and_gradient(problem, &[minimum]).0;
    (2.0 * loss / curvature(problem, minimum)).sqrt().max(1e-2 * minimum.abs()).max(f64::MIN_POSITIVE)
}

/// The first zero of `f` outward from the minimum, where `f` turns from positive to not positive, by scan and bisection.
fn first_crossing(
    (minimum, unit): (f64, f64),
    side: Side,
    config: &BarrierConfig,
    f: impl Fn(f64) -> f64,
) -> Result<f64, BarrierError> {
    let sign = if side == Side::Left { -1.0 } else { 1.0 };
    let range = config.range * unit;
    let steps = ((config.range / FIRST).ln() / config.step.ln_1p()).ceil() as i32;
    let mut inner = minimum;
    for k in 0..=steps {
        let outer = minimum + sign * (FIRST * unit * (1.0 + config.step).powi(k)).min(range);
        let value = f(outer);
        if !value.is_finite() {
            return Err(BarrierError::NotFinite(outer));
        }
        if value <= 0.0 {
            return Ok(bisect(inner, outer, f));
        }
        inner = outer;
    }
    Err(BarrierError::NotFound { side, range })
}

/// The zero between `inner`, where `f > 0`, and `outer`, where `f ≤ 0`, to the last bit.
fn bisect(mut inner: f64, mut outer: f64, f: impl Fn(f64) -> f64) -> f64 {
    loop {
        let middle = 0.5 * (inner + outer);
        if middle == inner || middle == outer {
            return middle;
        }
        if f(middle) > 0.0 { inner = middle } else { outer = middle }
    }
}

/// The two barrier tops around the minimum of a one-parameter problem, with the path between them.
///
/// A top is the first zero of `L'` outward of the minimum with `L'' < 0`. Rates add up over both.
///
/// # Errors
/// If the problem has more than one parameter or fails, `minimum` is none, or a side has no top within the range.
pub fn saddles(problem: &dyn Problem, minimum: f64, config: &BarrierConfig) -> Result<Barrier, BarrierError> {
    unless_failed(problem, tops(problem, minimum, config))
}

fn tops(problem: &dyn Problem, minimum: f64, config: &BarrierConfig) -> Result<Barrier, BarrierError> {
    check(problem, minimum, config)?;
    let from = (minimum, unit(problem, minimum));
    let left = first_crossing(from, Side::Left, config, |x| -slope(problem, x))?;
    let right = first_crossing(from, Side::Right, config, |x| slope(problem, x))?;
    let ways_out = [left, right]
        .into_iter()
        .map(|top| WayOut {
            direction: vec![(top - minimum).signum()],
            direction_minimum: vec![(top - minimum).signum()],
            theta: vec![top],
            loss: loss_and_gradient(problem, &[top]).0,
            curvature_minimum: curvature(problem, minimum),
            curvature_saddle: curvature(problem, top),
            ln_transverse_ratio: Some(0.0),
            noise_minimum: noise_trace(problem, &[minimum]),
            noise_saddle: noise_trace(problem, &[top]),
            ..WayOut::default()
        })
        .collect();
    let mut path = path(problem, minimum, left, right, config.nodes);
    path.quasi_potential = quasi_potentials(&path, [left, right]);
    Ok(Barrier::Saddles { ways_out, path: Some(path) })
}

/// Escape from the box `lower < θ < upper` of a one-parameter problem; the path extends beyond both ends by the margin.
///
/// # Errors
/// If the problem has more than one parameter or fails, or `minimum` is none or lies outside the box.
pub fn interval(
    problem: &dyn Problem,
    minimum: f64,
    lower: f64,
    upper: f64,
    config: &BarrierConfig,
) -> Result<Barrier, BarrierError> {
    check(problem, minimum, config)?;
    if !(lower < minimum && minimum < upper && lower.is_finite() && upper.is_finite()) {
        return Err(BarrierError::Setting("the minimum must lie inside the box"));
    }
    let margin = config.margin * (upper - lower);
    let mut path = path(problem, minimum, lower - margin, upper + margin, config.nodes);
    path.quasi_potential = quasi_potentials(&path, [lower, upper]);
    unless_failed(problem, Ok(Barrier::Interval { path, lower, upper }))
}

/// Escape through the loss level `L_c` of a one-parameter problem: the box whose ends are the first points outward of
/// the minimum with `L = L_c`.
///
/// # Errors
/// As [`interval`], and if the level is not above the minimum or is not reached within the range.
pub fn loss_level(
    problem: &dyn Problem,
    minimum: f64,
    level: f64,
    config: &BarrierConfig,
) -> Result<Barrier, BarrierError> {
    check(problem, minimum, config)?;
    let below = |x: f64| level - loss_and_gradient(problem, &[x]).0;
    if below(minimum) > 0.0 {
        let from = (minimum, unit(problem, minimum));
        let lower = first_crossing(from, Side::Left, config, below)?;
        let upper = first_crossing(from, Side::Right, config, below)?;
        interval(problem, minimum, lower, upper, config)
    } else {
        Err(BarrierError::Setting("the loss level must lie above the loss of the minimum"))
    }
}

/// Loss, slope, curvature, noise and per-sample slopes at evenly spaced nodes from `left` to `right`.
fn path(problem: &dyn Problem, minimum: f64, left: f64, right: f64, nodes: usize) -> Path {
    let position: Vec<f64> = (0..nodes)
        .map(|k| {
            let share = k as f64 / (nodes - 1) as f64;
            left * (1.0 - share) + right * share
        })
        .collect();
    let rows: Vec<(f64, f64, f64, f64, Vec<f64>)> = position
        .par_iter()
        .map(|&x| {
            let (loss, gradient) = loss_and_gradient(problem, &[x]);
            let slopes = map_chunks(problem, 1, |range, out, scratch| {
                problem.per_sample_gradients_into(&[x], Samples::Range(range), out, scratch);
            });
            (loss, gradient[0], curvature(problem, x), noise_trace(problem, &[x]), slopes)
        })
        .collect();
    let mut path = Path {
        position,
        loss: Vec::with_capacity(nodes),
        gradient: Vec::with_capacity(nodes),
        curvature: Vec::with_capacity(nodes),
        noise: Vec::with_capacity(nodes),
        sample_slopes: Vec::with_capacity(nodes),
        minimum,
        quasi_potential: Vec::new(),
    };
    for (loss, gradient, curvature, noise, slopes) in rows {
        path.loss.push(loss);
        path.gradient.push(gradient);
        path.curvature.push(curvature);
        path.noise.push(noise);
        path.sample_slopes.push(slopes);
    }
    path
}

/// Quasi-potentials of both ends for batches of one; empty where they are no numbers, as beyond a barrier top.
fn quasi_potentials(path: &Path, ends: [f64; 2]) -> Vec<Option<f64>> {
    let one = SgdSettings { learning_rate: 1.0, batch_size: 1, sampling: Sampling::WithReplacement };
    let samples = path.sample_slopes.first().map_or(0, Vec::len);
    let Ok(law) = BatchCumulant::new(samples, &one) else { return Vec::new() };
    let to = |end| match quasi_potential(&path.position, &path.sample_slopes, path.minimum, end, &law) {
        Ok(found) => found.is_finite().then_some(Some(found)),
        Err(ReferenceError::OneSided { .. }) => Some(None),
        Err(_) => None,
    };
    ends.map(to).into_iter().collect::<Option<Vec<_>>>().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stop;
    use crate::landscape::{MinimumConfig, find_minimum};
    use crate::operator::testing::{Linear, Sinusoid};

    fn sinusoid() -> (Sinusoid, f64) {
        let problem = Sinusoid::grid(200, 0.3, 5);
        let minimum = find_minimum(&problem, &[3.2], &MinimumConfig::default(), &Stop::new()).unwrap();
        assert!(minimum.converged);
        (problem, minimum.theta[0])
    }

    #[test]
    fn sinusoid_tops_are_maxima_on_both_sides() {
        let (problem, minimum) = sinusoid();
        let Barrier::Saddles { ways_out, path: Some(path) } =
            saddles(&problem, minimum, &BarrierConfig::default()).unwrap()
        else {
            panic!("not saddles")
        };
        assert!(ways_out[0].theta[0] < minimum && minimum < ways_out[1].theta[0]);
        for way in &ways_out {
            assert!(slope(&problem, way.theta[0]).abs() < 1e-12 && way.curvature_saddle < 0.0);
            assert!(way.loss > 2.0 * path.loss.iter().copied().fold(f64::INFINITY, f64::min));
        }
        assert_eq!(path.position[0], ways_out[0].theta[0]);
        assert_eq!(*path.position.last().unwrap(), ways_out[1].theta[0]);
        for k in (1..path.position.len() - 1).step_by(97) {
            let step = path.position[k + 1] - path.position[k - 1];
            assert!(((path.loss[k + 1] - path.loss[k - 1]) / step - path.gradient[k]).abs() < 1e-4);
            assert!(((path.gradient[k + 1] - path.gradient[k - 1]) / step - path.curvature[k]).abs() < 1e-4);
            let g = &path.sample_slopes[k];
            let mean = g.iter().sum::<f64>() / 200.0;
            assert!((mean - path.gradient[k]).abs() < 1e-12);
            assert!((g.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 200.0 - path.noise[k]).abs() < 1e-12);
        }
    }

    #[test]
    fn loss_level_of_a_parabola_is_in_closed_form() {
        let problem = Linear::gaussian(1, 300, 0.5, 7);
        let minimum = find_minimum(&problem, &[1.0], &MinimumConfig::default(), &Stop::new()).unwrap();
        let (h, level) = (curvature(&problem, 0.0), 3.0 * minimum.loss);
        let theta = minimum.theta[0];
        let config = BarrierConfig::default();
        let Barrier::Interval { path, lower, upper } = loss_level(&problem, theta, level, &config).unwrap() else {
            panic!("not an interval")
        };
        let radius = (2.0 * (level - minimum.loss) / h).sqrt();
        assert!((upper - theta - radius).abs() < 1e-9 && (theta - lower - radius).abs() < 1e-9);
        assert!((path.position[0] - (lower - 0.1 * (upper - lower))).abs() < 1e-12);
        let none = saddles(&problem, theta, &config);
        let range = 1e4 * (2.0 * minimum.loss / h).sqrt().max(1e-2 * theta.abs());
        assert_eq!(none, Err(BarrierError::NotFound { side: Side::Left, range }));
    }
}
