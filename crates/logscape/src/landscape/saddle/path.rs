//! The minimum-energy path between two given minima, and the saddles on it.

use super::flow::{bounded, gain, resample};
use super::local::{LocalModel, difference, distance, is_same};
use super::search::{Departure, checked_minimum, search};
use super::{SaddleConfig, SaddleError, SaddleSearch};
use crate::Minimum;
use crate::Problem;
use crate::Stop;
use crate::operator::dense::EigenError;
use crate::operator::{axpy, dot, norm, scale};
use crate::problem::unless_failed;
use rayon::prelude::*;

/// Images of the string, ends included.
const IMAGES: usize = 21;
/// Most moves of the string, the share of the images' spacing that a move may take, and that at which the string is at rest.
const MOVES: usize = 150;
const STRIDE: f64 = 0.25;
const REST: f64 = 0.02;

/// The saddles that lead out of the basin of `minimum` on the way to the minimum at `other`.
///
/// Simplified string method (E, Ren, Vanden-Eijnden 2007): images between the minima move down across the string and are
/// spread evenly again, until they rest on a minimum-energy path. Every image that is higher than its neighbours then climbs
/// along the string's tangent to its saddle, as in [`find_saddles`](super::find_saddles). The path may cross basins between
/// the two; saddles that do not adjoin the basin of `minimum` are among the attempts.
///
/// # Errors
/// If settings make no search, a point does not fit the problem, `minimum` is none, the two are one, or on an interrupt.
pub fn between(
    problem: &dyn Problem,
    minimum: &Minimum,
    other: &[f64],
    config: &SaddleConfig,
    stop: &Stop,
) -> Result<SaddleSearch, SaddleError> {
    let bottom = checked_minimum(problem, minimum, config, stop)?;
    if other.len() != problem.dim() {
        return Err(SaddleError::Length { expected: problem.dim(), found: other.len() });
    }
    if is_same(problem, [&bottom.theta, other], config.distance, config.model(), stop)? {
        return Err(SaddleError::SameMinimum);
    }
    let mut string = resample(&[bottom.theta.clone(), other.to_vec()], IMAGES);
    let mut losses = [0.0; IMAGES];
    for _ in 0..MOVES {
        let spacing = string.windows(2).map(|pair| distance(&pair[0], &pair[1])).sum::<f64>() / (IMAGES - 1) as f64;
        let moved: Vec<(f64, Vec<f64>)> = (1..IMAGES - 1)
            .into_par_iter()
            .map(|k| across(problem, &string[k - 1..=k + 1], STRIDE * spacing, config, stop))
            .collect::<Result<_, EigenError>>()?;
        let farthest = moved.iter().map(|(_, step)| norm(step)).fold(0.0, f64::max);
        for (k, (loss, step)) in moved.iter().enumerate() {
            losses[k + 1] = *loss;
            axpy(1.0, step, &mut string[k + 1]);
        }
        string = resample(&string, IMAGES);
        if farthest < REST * spacing {
            break;
        }
    }
    let ends = [bottom.loss, crate::operator::full::loss(problem, other)];
    (losses[0], losses[IMAGES - 1]) = (ends[0], ends[1]);
    let departures: Vec<Departure> = (1..IMAGES - 1)
        .filter(|&k| losses[k] >= losses[k - 1] && losses[k] > losses[k + 1])
        .enumerate()
        .map(|(rank, k)| Departure {
            name: format!("path {}", rank + 1),
            from: string[k].clone(),
            along: tangent(&string[k - 1..=k + 1]),
        })
        .collect();
    unless_failed(problem, search(problem, &bottom, &departures, config, stop))
}

/// Unit vector from the first of three points to the last.
fn tangent(three: &[Vec<f64>]) -> Vec<f64> {
    let mut along = difference(&three[2], &three[0]);
    let length = norm(&along);
    scale(1.0 / length.max(f64::MIN_POSITIVE), &mut along);
    along
}

/// Loss at the middle one of three images, and its move down across the string, of length at most `longest`: the gradient
/// flow of the longest duration of which that holds, without its part along the string.
fn across(
    problem: &dyn Problem,
    three: &[Vec<f64>],
    longest: f64,
    config: &SaddleConfig,
    stop: &Stop,
) -> Result<(f64, Vec<f64>), EigenError> {
    let along = tangent(three);
    let model = LocalModel::at(problem, &three[1], std::slice::from_ref(&along), config.model(), stop)?;
    let mut duration = 1e6 / model.scale().max(f64::MIN_POSITIVE);
    loop {
        let h = bounded(&model, duration);
        let mut step = model.combine(|value, g, _| -gain(value, h) * g);
        let part = dot(&step, &along);
        axpy(-part, &along, &mut step);
        if norm(&step) <= longest || h < 1e-9 / model.scale() {
            return Ok((model.loss, step));
        }
        duration = 0.5 * h;
    }
}
