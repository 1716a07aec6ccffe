//! Saddles by eigenvector following.

use super::certify::certify;
use super::local::{LocalModel, distance, is_same, polish, sum};
use super::{Attempt, AttemptEnd, Saddle, SaddleConfig, SaddleError, SaddleSearch};
use crate::Stop;
use crate::operator::EigenError;
use crate::operator::full::loss_and_gradient;
use crate::operator::{axpy, norm, scale};
use crate::problem::unless_failed;
use crate::random::{Purpose, stream};
use crate::{Minimum, Problem};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// A place to climb from.
pub(super) struct Departure {
    pub(super) name: String,
    pub(super) from: Vec<f64>,
    /// Direction in which the climb begins.
    pub(super) along: Vec<f64>,
}

/// The end of a climb.
struct Climb {
    model: LocalModel,
    iterations: usize,
    end: Result<(), AttemptEnd>,
}

/// The saddles of index 1 around `minimum`, found by climbing from it along its softest and stiffest directions, on both
/// sides, and from random points nearby.
///
/// Eigenvector following (Cerjan, Miller 1981; Wales 1994): every step goes up along one eigendirection of the Hessian and
/// down along all others, within a trust radius in which the quadratic model holds. The one is that closest to the last until
/// the lowest eigenvalue is negative, and the lowest from then on. Newton steps finish; the gradient flow on both sides
/// decides whether the saddle belongs to the basin: one of them must arrive at the minimum, the other go down elsewhere. Up
/// to `dense_up_to` parameters the whole eigenbasis is used, beyond it the Krylov space of the gradient, which costs `krylov`
/// Hessian products a step.
///
/// No search for saddles is complete: a basin may have lower ways out than those found here.
///
/// # Errors
/// If settings make no search, `minimum` does not fit the problem or is none, or on an interrupt.
pub fn find_saddles(
    problem: &dyn Problem,
    minimum: &Minimum,
    config: &SaddleConfig,
    stop: &Stop,
) -> Result<SaddleSearch, SaddleError> {
    let bottom = checked_minimum(problem, minimum, config, stop)?;
    unless_failed(problem, search(problem, &bottom, &departures(&bottom, config), config, stop))
}

/// The model at the minimum, polished.
pub(super) fn checked_minimum(
    problem: &dyn Problem,
    minimum: &Minimum,
    config: &SaddleConfig,
    stop: &Stop,
) -> Result<LocalModel, SaddleError> {
    config.validate()?;
    if minimum.theta.len() != problem.dim() {
        return Err(SaddleError::Length { expected: problem.dim(), found: minimum.theta.len() });
    }
    let bottom =
        unless_failed(problem, polish(problem, &minimum.theta, 5, config.model(), stop).map_err(SaddleError::from))?;
    let moved = distance(&bottom.theta, &minimum.theta);
    let (negative, gradient_norm) = (bottom.negative(), norm(&loss_and_gradient(problem, &minimum.theta).1));
    if negative > 0 || moved > config.reach {
        return Err(SaddleError::NoMinimum { negative, gradient_norm });
    }
    if bottom.theta.len() <= config.dense_up_to {
        return Ok(bottom);
    }
    // The lowest and the highest directions of a Krylov space come from random seeds, not from a vanishing gradient.
    let seeds: Vec<Vec<f64>> = (0..4).map(|k| gaussian(problem.dim(), config.seed, u64::MAX - k)).collect();
    Ok(LocalModel::at(problem, &bottom.theta, &seeds, config.model(), stop)?)
}

/// `P` standard normal numbers.
fn gaussian(dim: usize, seed: u64, number: u64) -> Vec<f64> {
    StandardNormal.sample_iter(stream(seed, Purpose::Saddle, number)).take(dim).collect()
}

/// Where the climbs from the minimum begin.
fn departures(bottom: &LocalModel, config: &SaddleConfig) -> Vec<Departure> {
    let flat = bottom.flat_below();
    let curved: Vec<usize> = (0..bottom.values.len()).filter(|&j| bottom.values[j] > flat).collect();
    let count = config.directions.min(curved.len());
    let named = |name: &'static str, picks: Vec<usize>| {
        picks.into_iter().enumerate().flat_map(move |(rank, j)| [(name, rank, j, 1.0), (name, rank, j, -1.0)])
    };
    let soft = named("softest", curved.iter().rev().take(count).copied().collect());
    let stiff = named("stiffest", curved.iter().take(count).copied().collect());
    let mut all: Vec<Departure> = Vec::new();
    let mut climbed: Vec<(usize, bool)> = Vec::new();
    for (name, rank, j, sign) in soft.chain(stiff) {
        // In few dimensions the softest are the stiffest.
        if climbed.contains(&(j, sign > 0.0)) {
            continue;
        }
        climbed.push((j, sign > 0.0));
        let mut along = bottom.vector(j);
        scale(sign, &mut along);
        let mut from = bottom.theta.clone();
        axpy(config.step, &along, &mut from);
        all.push(Departure { name: format!("{name} {}{}", if sign > 0.0 { '+' } else { '-' }, rank + 1), from, along });
    }
    for k in 0..config.searches {
        let numbers = gaussian(bottom.values.len(), config.seed, k as u64);
        let mut along = bottom.combine(|h, _, j| if h > flat { numbers[j] } else { 0.0 });
        let length = norm(&along);
        scale(1.0 / length.max(f64::MIN_POSITIVE), &mut along);
        let mut from = bottom.theta.clone();
        axpy(config.reach, &along, &mut from);
        all.push(Departure { name: format!("random {}", k + 1), from, along });
    }
    all
}

/// Climbs from every departure, certifies what is new, and merges what is the same.
pub(super) fn search(
    problem: &dyn Problem,
    bottom: &LocalModel,
    departures: &[Departure],
    config: &SaddleConfig,
    stop: &Stop,
) -> Result<SaddleSearch, SaddleError> {
    let climbs: Vec<Climb> = departures
        .par_iter()
        .enumerate()
        .map(|(number, departure)| climb(problem, bottom, departure, number as u64, config, stop))
        .collect::<Result<_, EigenError>>()?;
    let same = |a: &LocalModel, b: &LocalModel| {
        let alike = (a.loss - b.loss).abs() <= 1e-6 * (a.loss.abs() + b.loss.abs());
        if !alike {
            return Ok(false);
        }
        is_same(problem, [&a.theta, &b.theta], config.distance, config.model(), stop)
    };
    let mut distinct: Vec<usize> = Vec::new();
    let mut of_climb: Vec<Option<usize>> = vec![None; climbs.len()];
    for (k, climb) in climbs.iter().enumerate().filter(|(_, climb)| climb.end.is_ok()) {
        let mut known = None;
        for (place, &other) in distinct.iter().enumerate() {
            if same(&climb.model, &climbs[other].model)? {
                known = Some(place);
                break;
            }
        }
        of_climb[k] = Some(known.unwrap_or(distinct.len()));
        if known.is_none() {
            distinct.push(k);
        }
    }
    let certified: Vec<Result<Saddle, AttemptEnd>> = distinct
        .par_iter()
        .map(|&k| certify(problem, bottom, &climbs[k].model, config, stop))
        .collect::<Result<_, EigenError>>()?;
    let mut order: Vec<usize> = (0..certified.len()).filter(|&k| certified[k].is_ok()).collect();
    let height = |k: usize| certified[k].as_ref().map_or(f64::NAN, |saddle| saddle.loss);
    order.sort_by(|&a, &b| height(a).total_cmp(&height(b)));
    let attempts = climbs.iter().zip(departures).zip(&of_climb).map(|((climb, departure), place)| {
        let end = match (&climb.end, place) {
            (Ok(()), Some(place)) => match &certified[*place] {
                Ok(_) => AttemptEnd::Saddle(order.iter().position(|k| k == place).unwrap_or_default()),
                Err(end) => end.clone(),
            },
            (Ok(()), None) => AttemptEnd::Stalled,
            (Err(end), _) => end.clone(),
        };
        Attempt {
            start: departure.name.clone(),
            iterations: climb.iterations,
            loss: climb.model.loss,
            gradient_norm: norm(&climb.model.gradient),
            distance: distance(&climb.model.theta, &bottom.theta),
            end,
        }
    });
    let attempts = attempts.collect();
    let saddles = order.iter().filter_map(|&k| certified[k].clone().ok()).collect();
    Ok(SaddleSearch { saddles, attempts })
}

/// Follows one eigendirection up to a stationary point of index 1.
fn climb(
    problem: &dyn Problem,
    bottom: &LocalModel,
    departure: &Departure,
    number: u64,
    config: &SaddleConfig,
    stop: &Stop,
) -> Result<Climb, EigenError> {
    /// Share of a step's terms by which the quadratic model may miss the loss.
    const MISS: f64 = 0.3;
    let noise = gaussian(problem.dim(), config.seed, (1 << 32) + number);
    let mut followed = departure.along.clone();
    let at = |theta: &[f64], followed: &[f64]| {
        LocalModel::at(problem, theta, &[followed.to_vec(), noise.clone()], config.model(), stop)
    };
    let mut model = match at(&departure.from, &followed) {
        Ok(model) => model,
        Err(EigenError::Interrupted(stop)) => return Err(stop.into()),
        Err(_) => {
            let model = at(&bottom.theta, &followed)?;
            return Ok(Climb { model, iterations: 0, end: Err(AttemptEnd::NotFinite) });
        }
    };
    let mut radius = config.step;
    let mut end = Err(AttemptEnd::Exhausted);
    let mut iterations = 0;
    while iterations < config.max_iterations {
        iterations += 1;
        let negative = model.negative();
        if norm(&model.gradient) < config.gradient_tolerance && negative > 0 {
            end = if negative == 1 { Ok(()) } else { Err(AttemptEnd::Index(negative)) };
            if negative == 1 {
                model = polish(problem, &model.theta, 20, config.model(), stop)?;
            }
            break;
        }
        if distance(&model.theta, &bottom.theta) > config.range {
            end = Err(AttemptEnd::OutOfRange);
            break;
        }
        let j = if negative > 0 { model.lowest() } else { model.closest(&followed) };
        let step = eigenvector_step(&model, j, &followed, radius);
        let (change, _) = model.predict(&step);
        let trial = sum(&model.theta, &step);
        let (loss, gradient) = loss_and_gradient(problem, &trial);
        let size = terms(&model, &step);
        let rounding = 1e-13 * model.loss.abs();
        let holds = (loss - model.loss - change).abs() <= MISS * size + rounding;
        let converging = negative > 0 && norm(&gradient) < 0.5 * norm(&model.gradient);
        if loss.is_finite() && (holds || converging) {
            if (loss - model.loss - change).abs() <= 0.3 * MISS * size + rounding {
                radius = (1.5 * radius).min(config.max_step);
            }
            let sense = model.components(&followed)[j];
            followed = model.vector(j);
            scale(1.0_f64.copysign(sense), &mut followed);
            model = match at(&trial, &followed) {
                Ok(model) => model,
                Err(EigenError::Interrupted(stop)) => return Err(stop.into()),
                Err(_) => {
                    end = Err(AttemptEnd::NotFinite);
                    break;
                }
            };
        } else {
            radius *= 0.5;
            if radius < 1e-10 * config.step {
                end = Err(AttemptEnd::Stalled);
                break;
            }
        }
    }
    Ok(Climb { model, iterations, end })
}

/// The step up along the `j`-th eigendirection and down along all others, each part of length at most `radius`. Where the
/// loss still curves up along the `j`-th, the step keeps the sense in which `followed` has it.
fn eigenvector_step(model: &LocalModel, j: usize, followed: &[f64], radius: f64) -> Vec<f64> {
    let down = |shift: f64| model.combine(|h, g, i| if i == j || g == 0.0 { 0.0 } else { -g / (h.abs() + shift) });
    let mut step = down(0.0);
    if norm(&step) > radius {
        // The trust-region problem: the length falls as the shift grows.
        let (mut low, mut high) = (0.0, norm(&model.gradient) / radius);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if norm(&down(middle)) > radius { low = middle } else { high = middle }
        }
        step = down(high);
    }
    let sense = model.components(followed)[j];
    let up = model.combine(|h, g, i| match i == j {
        true if h < -model.flat_below() => (g / h).abs().min(radius).copysign(g),
        true => radius.copysign(sense),
        false => 0.0,
    });
    axpy(1.0, &up, &mut step);
    step
}

/// `Σ_j |s_j g_j| + ½ |h_j| s_j²`, the size of the terms that a prediction adds.
fn terms(model: &LocalModel, step: &[f64]) -> f64 {
    let g = model.components(&model.gradient);
    model
        .components(step)
        .iter()
        .zip(&g)
        .zip(&model.values)
        .map(|((s, g), h)| (s * g).abs() + 0.5 * h.abs() * s * s)
        .sum()
}
