//! Index-1 saddles around a minimum, by eigenvector following, each certified before it counts.

use super::certify::certify;
use super::local::{LocalModel, ModelConfig, distance, distance as apart, is_same, polish, sum};
use super::minimum::Minimum;
use crate::Problem;
use crate::ensemble::{Purpose, stream};
use crate::operator::EigenError;
use crate::operator::full::loss_and_gradient;
use crate::operator::{axpy, norm, scale};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// Settings of [`find_saddles`] and of [`between`](super::between).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SaddleConfig {
    /// How many of the softest and how many of the stiffest eigendirections are climbed, each on both sides.
    pub directions: usize,
    /// Searches from random points around the minimum.
    pub searches: usize,
    /// Distance of the random points (parameter units).
    pub reach: f64,
    /// Seed of the random points.
    pub seed: u64,
    /// Gradient norm below which a point is stationary.
    pub gradient_tolerance: f64,
    /// Most steps of one search.
    pub max_iterations: usize,
    /// First step (parameter units).
    pub step: f64,
    /// Longest step (parameter units).
    pub max_step: f64,
    /// Distance from the minimum at which a search gives up (parameter units).
    pub range: f64,
    /// Distance below which two stationary points are one (parameter units).
    pub distance: f64,
    /// Largest number of parameters for which steps are taken in the whole eigenbasis, `O(P³)` each.
    pub dense_up_to: usize,
    /// Dimensions of the Krylov space in which steps are taken beyond that.
    pub krylov: usize,
    /// Largest number of parameters for which determinants are known, from all eigenvalues of a dense Hessian.
    pub determinant_up_to: usize,
    /// Largest `N P²` for which the chain's path over a saddle is looked for in all dimensions: some thousand times so many
    /// operations.
    pub instanton_up_to: usize,
    /// Most steps of a gradient flow; fewer on the far side, where other steps go on downhill from some hundred.
    pub flow_steps: usize,
    /// Nodes of a path between two minima, or from a minimum to a saddle.
    pub nodes: usize,
}

impl Default for SaddleConfig {
    fn default() -> Self {
        Self {
            directions: 4,
            searches: 16,
            reach: 1.0,
            seed: 1,
            gradient_tolerance: 1e-8,
            max_iterations: 500,
            step: 0.05,
            max_step: 0.5,
            range: 50.0,
            distance: 1e-4,
            dense_up_to: 300,
            krylov: 60,
            determinant_up_to: 3000,
            instanton_up_to: 4_000_000,
            flow_steps: 3000,
            nodes: 51,
        }
    }
}

impl SaddleConfig {
    pub(super) fn model(&self) -> ModelConfig {
        ModelConfig { dense_up_to: self.dense_up_to, krylov: self.krylov }
    }

    pub(super) fn validate(&self) -> Result<(), SaddleError> {
        let positive = [self.reach, self.gradient_tolerance, self.step, self.max_step, self.range, self.distance];
        if positive.iter().any(|x| !x.is_finite() || *x <= 0.0) {
            return Err(SaddleError::Setting(
                "reach, gradient_tolerance, step, max_step, range and distance must be positive and finite",
            ));
        }
        if self.max_iterations == 0 || self.flow_steps == 0 || self.krylov < 2 || self.nodes < 3 {
            return Err(SaddleError::Setting(
                "max_iterations and flow_steps must be at least 1, krylov at least 2, nodes at least 3",
            ));
        }
        Ok(())
    }
}

/// Why a search cannot be made. One that finds nothing is a [`SaddleSearch`] without saddles instead.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SaddleError {
    /// A point has the wrong length.
    #[error("the point has {found} parameters, the problem {expected}")]
    Length {
        /// Parameters of the problem.
        expected: usize,
        /// Parameters given.
        found: usize,
    },
    /// The start is no minimum.
    #[error(
        "the start has {negative} directions of negative curvature and a gradient of {gradient_norm:.1e}, so it is no minimum"
    )]
    NoMinimum {
        /// Eigenvalues below `−10⁻⁶ λ_max`.
        negative: usize,
        /// Gradient norm.
        gradient_norm: f64,
    },
    /// The two ends of a path are one point.
    #[error("both ends of the path are the same minimum")]
    SameMinimum,
    /// A setting is out of range.
    #[error("{0}")]
    Setting(&'static str),
    /// A Hessian could not be decomposed, or the search was interrupted.
    #[error(transparent)]
    Eigen(#[from] EigenError),
}

/// A certified saddle of index 1 on the edge of the basin of a given minimum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saddle {
    /// Where it is, `θ^s` (`P`).
    pub theta: Vec<f64>,
    /// Loss `L^s`.
    pub loss: f64,
    /// Gradient norm there.
    pub gradient_norm: f64,
    /// The negative Hessian eigenvalue `h_e^s` (loss per squared parameter).
    pub eigenvalue: f64,
    /// Its unit eigenvector (`P`), pointing out of the basin of the given minimum.
    pub direction: Vec<f64>,
    /// The minimum on the other side (`P`), or where the way down left the range of the search.
    pub other_minimum: Vec<f64>,
    /// Loss there.
    pub other_loss: f64,
    /// Hessian eigenvalues at the saddle, descending; empty above the number of parameters for which all are computed.
    pub eigenvalues: Vec<f64>,
    /// The minimum-energy path (`P` each): from the given minimum up to the saddle, which is the node in the middle, and
    /// down the other side to the end of the gradient flow, at equal distances on either side.
    pub path: Vec<Vec<f64>>,
    /// What makes it a way out.
    pub certificate: Certificate,
}

/// The evidence that a point is a saddle between two minima.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Eigenvalues below `−10⁻⁶ λ_max`: 1.
    pub negative: usize,
    /// Eigenvalues within `±10⁻⁶ λ_max`, as symmetries make them. Of a partial spectrum, those among the lowest three.
    pub flat: usize,
    /// Whether all eigenvalues were looked at.
    pub complete: bool,
    /// Distance from the given minimum at which the gradient flow ends on its side. Where the minimum has flat directions
    /// the end may be any point of its flat set.
    pub distance: f64,
    /// Gradient norms at the ends of both sides, the given minimum's first.
    pub gradient_norms: [f64; 2],
    /// How the other side ended.
    pub far_side: FarSide,
}

/// How the way down from a saddle ended on the side that is not the given minimum's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FarSide {
    /// The gradient flow ends in another minimum.
    Minimum,
    /// The gradient flow did not arrive in its steps; Newton steps downhill in a trust region from its last point end in another
    /// minimum, which need not be the flow's own.
    Descent,
    /// Nor did they arrive: they went farther from the given minimum than the range of the search, as where weights grow without
    /// end.
    OutOfRange,
}

/// How one search ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Where it began: `softest +1`, `stiffest -2`, `random 3`, `path 1`.
    pub start: String,
    /// Steps taken.
    pub iterations: usize,
    /// Loss at its end.
    pub loss: f64,
    /// Gradient norm at its end.
    pub gradient_norm: f64,
    /// Distance of its end from the minimum.
    pub distance: f64,
    /// What was there.
    pub end: AttemptEnd,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptEnd {
    /// A saddle on the edge of the basin, by its place in the list.
    Saddle(usize),
    /// A stationary point with this many negative eigenvalues.
    Index(usize),
    /// A saddle from which the gradient flow leads to other minima on both sides.
    Elsewhere,
    /// A saddle from which a gradient flow did not arrive at a minimum.
    FlowUnfinished,
    /// Out of the range of the search.
    OutOfRange,
    /// No step was small enough for the quadratic model.
    Stalled,
    /// The most steps were taken.
    Exhausted,
    /// Loss or curvature left the finite numbers.
    NotFinite,
}

impl fmt::Display for AttemptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Saddle(number) => write!(f, "saddle {number}"),
            Self::Index(index) => write!(f, "a stationary point of index {index}"),
            Self::Elsewhere => f.write_str("a saddle between other minima"),
            Self::FlowUnfinished => f.write_str("a saddle whose gradient flow did not arrive"),
            Self::OutOfRange => f.write_str("out of range"),
            Self::Stalled => f.write_str("no step was small enough"),
            Self::Exhausted => f.write_str("too many steps"),
            Self::NotFinite => f.write_str("not finite"),
        }
    }
}

/// What a search found, and what it tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SaddleSearch {
    /// The saddles, the lowest of each search first, none twice.
    pub saddles: Vec<Saddle>,
    /// Every search.
    pub attempts: Vec<Attempt>,
}

impl SaddleSearch {
    /// Adds what another search from the same minimum found. A saddle within `distance` of a known one is that one.
    pub fn merge(&mut self, other: Self, distance: f64) {
        let mut places = Vec::with_capacity(other.saddles.len());
        for saddle in other.saddles {
            let known = self.saddles.iter().position(|known| apart(&known.theta, &saddle.theta) <= distance);
            places.push(known.unwrap_or(self.saddles.len()));
            if known.is_none() {
                self.saddles.push(saddle);
            }
        }
        self.attempts.extend(other.attempts.into_iter().map(|mut attempt| {
            if let AttemptEnd::Saddle(place) = &mut attempt.end {
                *place = places.get(*place).copied().unwrap_or(*place);
            }
            attempt
        }));
    }

    /// How many searches came to what, in words.
    pub fn summary(&self) -> String {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for attempt in &self.attempts {
            let words = match attempt.end {
                AttemptEnd::Saddle(_) => "a saddle of the basin".to_owned(),
                _ => attempt.end.to_string(),
            };
            match counts.iter_mut().find(|(known, _)| *known == words) {
                Some((_, count)) => *count += 1,
                None => counts.push((words, 1)),
            }
        }
        let ends: Vec<String> = counts.iter().map(|(words, count)| format!("{count} × {words}")).collect();
        format!(
            "{} saddles found in {} searches, which ended at: {}",
            self.saddles.len(),
            self.attempts.len(),
            if ends.is_empty() { "nothing".to_owned() } else { ends.join(", ") }
        )
    }
}

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
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<SaddleSearch, SaddleError> {
    let bottom = checked_minimum(problem, minimum, config, interrupt)?;
    search(problem, &bottom, &departures(&bottom, config), config, interrupt)
}

/// The model at the minimum, polished.
pub(super) fn checked_minimum(
    problem: &dyn Problem,
    minimum: &Minimum,
    config: &SaddleConfig,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<LocalModel, SaddleError> {
    config.validate()?;
    if minimum.theta.len() != problem.dim() {
        return Err(SaddleError::Length { expected: problem.dim(), found: minimum.theta.len() });
    }
    let bottom = polish(problem, &minimum.theta, 5, config.model(), interrupt)?;
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
    Ok(LocalModel::at(problem, &bottom.theta, &seeds, config.model(), interrupt)?)
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
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<SaddleSearch, SaddleError> {
    let climbs: Vec<Climb> = departures
        .par_iter()
        .enumerate()
        .map(|(number, departure)| climb(problem, bottom, departure, number as u64, config, interrupt))
        .collect::<Result<_, EigenError>>()?;
    let same = |a: &LocalModel, b: &LocalModel| {
        let alike = (a.loss - b.loss).abs() <= 1e-6 * (a.loss.abs() + b.loss.abs());
        if !alike {
            return Ok(false);
        }
        is_same(problem, [&a.theta, &b.theta], config.distance, config.model(), interrupt)
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
        .map(|&k| certify(problem, bottom, &climbs[k].model, config, interrupt))
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
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Climb, EigenError> {
    /// Share of a step's terms by which the quadratic model may miss the loss.
    const MISS: f64 = 0.3;
    let noise = gaussian(problem.dim(), config.seed, (1 << 32) + number);
    let mut followed = departure.along.clone();
    let at = |theta: &[f64], followed: &[f64]| {
        LocalModel::at(problem, theta, &[followed.to_vec(), noise.clone()], config.model(), interrupt)
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
                model = polish(problem, &model.theta, 20, config.model(), interrupt)?;
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

#[cfg(test)]
#[path = "saddle_tests.rs"]
mod tests;
