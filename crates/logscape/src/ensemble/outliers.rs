//! A model of the loss that knows the outliers of the Hessian, and how far it may be trusted.
//!
//! Around an anchor `θ₁` where the loss `L₁` and its gradient `g` are known,
//!
//! `Q(θ) = L₁ + g·δ + ½ Σ_i λ_i (u_i·δ)²`, `δ = θ − θ₁`,
//!
//! with the leading eigenpairs (`λ_i`, `u_i`) of the Hessian at the start of a run. Its lowest value along the `u_i` is the floor,
//! and `Q − floor` the height, wherever the anchor is. What `Q` leaves out, the curvature beyond the outliers and all that is of
//! higher order, is the error `L − Q`, which looks at the loss show: it is allowed to be [`ALLOWED`] times the largest that has been
//! shown, up to so many times the heights and distances at which looks have shown it.

use serde::{Deserialize, Serialize};

use crate::lanes::{LANES, dispatch};
use crate::operator::{EigenError, Hessian, LanczosConfig, leading_eigenpairs};
use crate::{Interrupted, Problem, Stop};

/// Most eigenvectors; a network has an outlier for each output, and then a gap.
const MOST: usize = 32;
/// Share of the largest eigenvalue below which one is no outlier.
const LEAST: f64 = 0.02;
/// The error that is allowed, in units of the largest that has been shown. Where height or distance double the error of a smooth loss
/// grows by no more: it is cubic or quartic along the outliers, and quadratic beyond.
const ALLOWED: f64 = 4.0;
/// The least error that is allowed, as a share of what is between floor and level.
const LEAST_ALLOWED: f64 = 0.05;
/// How far the model is trusted, in units of what has been shown: of the height, and of the squared distance.
const TRUSTED: [f64; 2] = [2.0, 4.0];
/// Numbers of a vector that are worked on together.
const PIECE: usize = 2048;

/// The leading eigenpairs of the Hessian at the start of a run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outliers {
    /// `λ_i` (`k`), the largest first.
    values: Vec<f64>,
    /// `u_i` (`k` of length `P`, one after the other).
    vectors: Vec<f32>,
}

/// A place where the loss and its gradient are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Anchor {
    /// `θ₁` (`P`).
    pub(super) theta: Vec<f64>,
    /// `L₁`.
    pub(super) loss: f64,
    /// `g` (`P`).
    pub(super) gradient: Vec<f64>,
}

/// What looks have shown of the error of the model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Evidence {
    /// The floor.
    floor: f64,
    /// The largest `L − Q` below the level.
    error: f64,
    /// The largest height, and the largest square of the distance from the anchor beyond the outliers.
    shown: [f64; 2],
}

/// The model at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Modelled {
    /// `Q`.
    pub(super) loss: f64,
    /// Square of the distance from the anchor beyond the outliers.
    beyond: f64,
}

impl Outliers {
    /// Of the Hessian at `start`; none where it has no positive eigenvalue.
    ///
    /// # Errors
    /// On an interrupt.
    pub(super) fn at(
        problem: &dyn Problem,
        start: &[f64],
        seed: u64,
        stop: &Stop,
    ) -> Result<Option<Self>, Interrupted> {
        let count = problem.outputs().min(MOST);
        // Outliers are nearly equal, so that fewer random seeds than outliers would miss some.
        let config = LanczosConfig { count, block: count + 2, depth: 3, tolerance: 0.1, max_restarts: 0, seed };
        let pairs = match leading_eigenpairs(&Hessian::new(problem, start), &config, stop) {
            Ok(pairs) => pairs,
            Err(EigenError::Interrupted(interrupted)) => return Err(interrupted),
            Err(_) => return Ok(None),
        };
        let least = LEAST * pairs.values.first().copied().unwrap_or(0.0);
        let values: Vec<f64> = pairs.values.into_iter().take_while(|value| *value > least.max(0.0)).collect();
        let vectors = pairs.vectors[..values.len()].iter().flatten().map(|x| *x as f32).collect();
        Ok((!values.is_empty()).then_some(Self { values, vectors }))
    }

    /// The largest eigenvalue.
    pub(super) fn largest(&self) -> f64 {
        self.values[0]
    }

    /// What is known at the start of a run to `level`, of which `anchor` is the start: the model is trusted to a sixteenth of the height.
    pub(super) fn nothing_shown(&self, anchor: &Anchor, level: f64) -> Evidence {
        let floor = self.floor(anchor);
        Evidence { floor, error: 0.0, shown: [(level - floor) / (16.0 * TRUSTED[0]), 0.0] }
    }

    /// `L₁ − ½ Σ_i (u_i·g)²/λ_i`.
    fn floor(&self, anchor: &Anchor) -> f64 {
        let slope = |u: &[f32]| u.iter().zip(&anchor.gradient).map(|(u, g)| f64::from(*u) * g).sum::<f64>();
        let vectors = self.vectors.chunks_exact(anchor.theta.len());
        anchor.loss - vectors.zip(&self.values).map(|(u, value)| 0.5 * slope(u).powi(2) / value).sum::<f64>()
    }

    /// The model at `theta`, and its slope there into `slope` (`P`).
    pub(super) fn model(&self, anchor: &Anchor, theta: &[f64], slope: &mut [f64]) -> Modelled {
        dispatch(
            #[inline(always)]
            || self.model_in_lanes(anchor, theta, slope),
        )
    }

    #[inline(always)]
    fn model_in_lanes(&self, anchor: &Anchor, theta: &[f64], slope: &mut [f64]) -> Modelled {
        let dim = theta.len();
        let mut delta = [0.0; PIECE];
        let mut along = [0.0; MOST];
        let (mut sloped, mut square) = (0.0, 0.0);
        for first in (0..dim).step_by(PIECE) {
            let last = (first + PIECE).min(dim);
            let delta = &mut delta[..last - first];
            let [to, from, gradient] = [&theta[first..last], &anchor.theta[first..last], &anchor.gradient[first..last]];
            for i in 0..delta.len() {
                delta[i] = to[i] - from[i];
            }
            sloped += inner(gradient, delta, |g| g);
            square += inner(delta, delta, |d| d);
            for k in 0..self.values.len() {
                along[k] += inner(&self.vectors[k * dim..][first..last], delta, f64::from);
            }
        }
        let mut modelled = Modelled { loss: anchor.loss + sloped, beyond: square };
        for k in 0..self.values.len() {
            modelled.loss += 0.5 * self.values[k] * along[k] * along[k];
            modelled.beyond -= along[k] * along[k];
        }
        slope.copy_from_slice(&anchor.gradient);
        for first in (0..dim).step_by(PIECE) {
            let last = (first + PIECE).min(dim);
            let slope = &mut slope[first..last];
            for k in 0..self.values.len() {
                let (factor, u) = (self.values[k] * along[k], &self.vectors[k * dim..][first..last]);
                for i in 0..slope.len() {
                    slope[i] = f64::from(u[i]).mul_add(factor, slope[i]);
                }
            }
        }
        modelled
    }
}

/// The inner product of vectors of equal length, in lanes.
#[inline(always)]
fn inner<T: Copy>(left: &[T], right: &[f64], widen: impl Fn(T) -> f64) -> f64 {
    let ((left, left_rest), (right, right_rest)) = (left.as_chunks::<LANES>(), right.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for k in 0..left.len() {
        for l in 0..LANES {
            sums[l] = widen(left[k][l]).mul_add(right[k][l], sums[l]);
        }
    }
    let mut sum = 0.0;
    for part in sums {
        sum += part;
    }
    for k in 0..left_rest.len() {
        sum += widen(left_rest[k]) * right_rest[k];
    }
    sum
}

impl Evidence {
    /// The error that is allowed below `level`.
    fn allowed(&self, level: f64) -> f64 {
        (ALLOWED * self.error).max(LEAST_ALLOWED * (level - self.floor))
    }

    /// Up to which `Q` the loss is below `level`.
    pub(super) fn ceiling(&self, level: f64) -> f64 {
        (level - self.allowed(level)).min(self.floor + TRUSTED[0] * self.shown[0])
    }

    /// Whether the loss may be above `level`.
    pub(super) fn is_doubtful(&self, modelled: Modelled, level: f64) -> bool {
        modelled.loss > self.ceiling(level) || modelled.beyond > TRUSTED[1] * self.shown[1]
    }

    /// The error that a loss shows: above the level in proportion to the square of the height, since it grows no faster.
    fn shows(&self, modelled: Modelled, loss: f64, level: f64) -> f64 {
        let height = ((modelled.loss - self.floor) / (level - self.floor)).max(1.0);
        (loss - modelled.loss) / (height * height)
    }

    /// Whether a loss shows a larger error than was allowed.
    pub(super) fn is_refuted(&self, modelled: Modelled, loss: f64, level: f64) -> bool {
        self.shows(modelled, loss, level) > self.allowed(level)
    }

    /// With the error that a loss shows.
    pub(super) fn with_error(self, modelled: Modelled, loss: f64, level: f64) -> Self {
        // A finite number, since JSON has no other.
        let error = self.shows(modelled, loss, level).min(f64::MAX);
        Self { error: self.error.max(error), ..self }
    }

    /// With the error, the height and the distance that a loss shows.
    pub(super) fn with(self, modelled: Modelled, loss: f64, level: f64) -> Self {
        let [height, beyond] = self.shown;
        let shown = [height.max(modelled.loss - self.floor), beyond.max(modelled.beyond)];
        Self { shown, ..self.with_error(modelled, loss, level) }
    }

    /// After which no bound is known.
    pub(super) fn refuted(self) -> Self {
        Self { error: f64::MAX, ..self }
    }

    /// Whether the model has become so much worse than `first`, with which the replica began, that another anchor helps.
    pub(super) fn is_worn(&self, first: &Self, level: f64) -> bool {
        self.error > 2.0 * first.error && ALLOWED * self.error > 0.25 * (level - self.floor)
    }

    /// Whether the model bounds the loss on most of the way from the floor to `level`.
    pub(super) fn is_useful(&self, level: f64) -> bool {
        self.allowed(level) < 0.5 * (level - self.floor)
    }

    /// The same around another anchor.
    pub(super) fn around(self, outliers: &Outliers, anchor: &Anchor) -> Self {
        Self { floor: outliers.floor(anchor), ..self }
    }
}
