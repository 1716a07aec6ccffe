//! How the noise scales with the loss along a training.

use super::NoisePoint;
use crate::Estimate;
use crate::stats::slope;
use serde::{Deserialize, Serialize};

/// Fewest points of a fit.
const FEWEST: usize = 5;

/// The exponent in a range of losses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LossWindow {
    /// Least and largest loss of the points.
    pub losses: [f64; 2],
    /// Points.
    pub points: usize,
    /// Exponent `γ` of `tr C ∝ L^γ`, the least-squares slope of logarithms with Student's interval, as if points were independent.
    pub exponent: Estimate,
}

/// The exponents `γ` of `tr C ∝ L^γ` in windows of one decade of the loss, down from the largest; one of all points where they span no
/// two decades. A window with fewer than five points has none, nor do points without loss or noise count.
pub fn noise_exponents(points: &[NoisePoint]) -> Vec<LossWindow> {
    let kept = points.iter().filter(|point| point.loss > 0.0 && point.noise_trace > 0.0);
    let logs: Vec<[f64; 2]> = kept.map(|point| [point.loss.log10(), point.noise_trace.log10()]).collect();
    let top = logs.iter().map(|log| log[0]).fold(f64::NEG_INFINITY, f64::max);
    let bottom = logs.iter().map(|log| log[0]).fold(f64::INFINITY, f64::min);
    let windows = ((top - bottom).floor() as usize).max(1);
    let width = (top - bottom) / windows as f64;
    let window = |log: &[f64; 2]| (((top - log[0]) / width) as usize).min(windows - 1);
    (0..windows).filter_map(|number| of(logs.iter().filter(|log| window(log) == number))).collect()
}

fn of<'a>(logs: impl Iterator<Item = &'a [f64; 2]>) -> Option<LossWindow> {
    let mut points: Vec<(f64, f64)> = logs.map(|&[x, y]| (x, y)).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (first, last) = (points.first()?.0, points.last()?.0);
    (points.len() >= FEWEST && first < last).then(|| LossWindow {
        losses: [first, last].map(|log| 10.0_f64.powf(log)),
        points: points.len(),
        exponent: slope(&points),
    })
}
