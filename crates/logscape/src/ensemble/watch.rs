//! When the loss of all data has to be looked at, so that its passage through a level is seen at the step at which it happens.
//!
//! A look costs as much as `N/B` steps or more. At a look the loss is `L₀` and its gradient `g`; along a straight line of which the
//! curvature stays below `ΛM`, `L(θ₀ + δ) ≤ U(δ) = L₀ + g·δ + ½Λ δᵀMδ`. The matrix `M`, with no eigenvalue above one, has the shape of the
//! Hessian at the start: its leading eigenvectors, and the last of their eigenvalues in all other directions, along which noise carries
//! a replica far. `Λ` begins at twice the largest eigenvalue.
//!
//! Around any point `θ₁ = θ₀ + δ`, with `u = ∇U(δ)`, the bound is below the level `L_c` while `θ` is in the ball
//!
//! `‖θ − (θ₁ − u/Λ)‖² < ‖u/Λ‖² + 2(L_c − U(δ))/Λ`.
//!
//! Engines test the balls of their lanes after every step. A replica that has left its own gets one around where it is as long as `U` is
//! below the level there, and is looked at else. Every look tests the bound: where it does not hold the replica goes back to the look
//! before, with a larger `Λ`. When it is looked at depends on `U` alone, not on the balls.

use std::mem;

use serde::{Deserialize, Serialize};

use super::{LossMeter, Region};
use crate::engine::{ExitTest, MovingBlock, ReplicaState};
use crate::model::memory;
use crate::operator::{End, LanczosConfig, Matrix, extreme_eigenpairs, linearise};
use crate::{Interrupted, Precision, Problem, Stop};

/// `Λ` at the start in units of the largest eigenvalue there.
const MARGIN: f64 = 2.0;
/// Eigenvectors in `M`, at most.
const DIRECTIONS: usize = 8;
/// What `M` is in all other directions, at least: curvatures that are tiny at the start grow on the way.
const LEAST: f64 = 0.01;
/// Numbers that they and the one after them have, at most.
const NUMBERS: usize = 1 << 24;
/// Products with the Hessian for them, at most.
const PRODUCTS: usize = 24;
/// Shares of the radius and of the distance from the origin that the ball is smaller by: what single precision may round.
const ROUNDED: [f64; 2] = [1e-3, 3e-7];

/// What is known of a replica since it was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    /// The replica then.
    state: ReplicaState,
    /// `L₀`.
    loss: f64,
    /// `g` (`P`).
    gradient: Vec<f64>,
    /// `Λ`; none where none is known, and then every step is looked at.
    curvature: Option<f64>,
}

impl Look {
    /// The first one, of a replica in this state.
    pub(super) fn first(meter: &mut LossMeter, state: &ReplicaState, curvature: &Curvature) -> Self {
        let mut gradient = vec![0.0; state.theta.len()];
        let loss = meter.loss_and_gradient(&state.theta, &mut gradient);
        Self { state: state.clone(), loss, gradient, curvature: curvature.bound }
    }

    /// The same of another replica at the same place.
    pub(super) fn of(&self, state: &ReplicaState) -> Self {
        Self { state: state.clone(), ..self.clone() }
    }
}

/// The Hessian at the start, as bounds of the loss know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Curvature {
    /// `Λ` at the start; none where the Hessian has no positive eigenvalue.
    bound: Option<f64>,
    /// What `M` is in all other directions.
    rest: f64,
    /// What `M` has beyond that along its eigenvectors.
    shares: [f64; DIRECTIONS],
    /// The eigenvectors, coordinate by coordinate (`P × DIRECTIONS`); empty where `M` is one in all directions.
    vectors: Vec<f32>,
}

impl Curvature {
    /// At `start`, for the whole of a run.
    ///
    /// # Errors
    /// On an interrupt.
    pub(super) fn at(problem: &dyn Problem, start: &[f64], seed: u64, stop: &Stop) -> Result<Self, Interrupted> {
        // One digit does.
        let upper = End::new((NUMBERS / start.len().max(1)).clamp(1, DIRECTIONS + 1).min(start.len()), 0.1);
        let config = LanczosConfig { upper, max_products: PRODUCTS, seed, ..LanczosConfig::default() };
        let mut found = None;
        // Single precision has too small a range for some units.
        for precision in [Precision::Float32, Precision::Float64] {
            let around = linearise(problem, start, precision, memory::limit() / 4);
            let Ok(pairs) = extreme_eigenpairs(&*around.operator(Matrix::Hessian), &config, stop, |_| {}) else {
                continue;
            };
            let pairs = pairs.uninterrupted()?.upper;
            if let Some(&largest) = pairs.values.first().filter(|x| **x > 0.0) {
                found = Some((largest, pairs));
                break;
            }
        }
        let Some((largest, pairs)) = found else { return Ok(Self::even(None)) };
        let mut curvature = Self::even(Some(MARGIN * largest));
        // The last one known bounds the rest.
        let known = pairs.converged.iter().zip(&pairs.values).take_while(|(known, x)| **known && **x > 0.0).count();
        if known > 1 {
            let rest = (pairs.values[known - 1] / largest).max(LEAST);
            curvature.rest = rest;
            curvature.vectors = vec![0.0; start.len() * DIRECTIONS];
            for k in 0..known - 1 {
                curvature.shares[k] = (pairs.values[k] / largest - rest).max(0.0);
                let rows = curvature.vectors.chunks_exact_mut(DIRECTIONS);
                rows.zip(&pairs.vectors[k]).for_each(|(row, &x)| row[k] = x as f32);
            }
        }
        Ok(curvature)
    }

    /// The same in all directions.
    fn even(bound: Option<f64>) -> Self {
        Self { bound, rest: 1.0, shares: [0.0; DIRECTIONS], vectors: Vec::new() }
    }

    /// `M δ` into `image`, and `δᵀMδ`.
    fn square(&self, step: &[f64], image: &mut Vec<f64>) -> f64 {
        let rows = self.vectors.as_chunks::<DIRECTIONS>().0;
        let mut along = [0.0; DIRECTIONS];
        for (x, row) in step.iter().zip(rows) {
            for k in 0..DIRECTIONS {
                along[k] += x * f64::from(row[k]);
            }
        }
        let mut square = self.rest * step.iter().map(|x| x * x).sum::<f64>();
        for (x, share) in along.iter_mut().zip(&self.shares) {
            square += share * *x * *x;
            *x *= share;
        }
        image.clear();
        image.extend(step.iter().map(|x| self.rest * x));
        for (image, row) in image.iter_mut().zip(rows) {
            *image += row.iter().zip(&along).map(|(v, x)| f64::from(*v) * x).sum::<f64>();
        }
        square
    }
}

/// How the replicas of a run are watched.
#[derive(Debug)]
pub(super) struct Watching<'a> {
    pub(super) curvature: &'a Curvature,
    /// The look at a replica that begins.
    pub(super) first: Look,
}

/// What a look has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// It goes on, from here or from the look before.
    Inside,
    /// The loss is above the level.
    Outside,
    /// The loss is no finite number.
    Diverged,
}

/// The balls of the lanes of one block.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    level: f64,
    curvature: &'a Curvature,
    looks: Vec<Option<Look>>,
    /// Coordinate by coordinate (`P × lanes`).
    centres: Vec<f64>,
    radii_squared: Vec<f64>,
    /// `δ` and `Mδ` of the replica that is looked at.
    step: Vec<f64>,
    image: Vec<f64>,
}

impl<'a> Watch<'a> {
    /// For a region whose loss is to be seen at every step, a watch over so many lanes of `dim` parameters each.
    pub(super) fn over(region: &Region, lanes: usize, dim: usize, curvature: &'a Curvature) -> Option<Self> {
        let Region::LossLevel { loss: level, check_every: 1 } = *region else { return None };
        let (centres, radii_squared) = (vec![0.0; dim * lanes], vec![0.0; lanes]);
        let (step, image) = (Vec::with_capacity(dim), Vec::with_capacity(dim));
        Some(Self { level, curvature, looks: vec![None; lanes], centres, radii_squared, step, image })
    }

    pub(super) fn exit_test(&self) -> ExitTest<'_> {
        ExitTest::Balls { centres: &self.centres, radii_squared: &self.radii_squared }
    }

    /// The last look at the replica of a lane.
    pub(super) fn last(&self, lane: usize) -> Option<&Look> {
        self.looks[lane].as_ref()
    }

    /// The replica of a lane was last looked at like this.
    pub(super) fn put(&mut self, lane: usize, look: Look) {
        let places = look.state.theta.iter().copied().zip(look.gradient.iter().copied());
        self.surround(lane, places, look.loss, look.curvature);
        self.looks[lane] = Some(look);
    }

    /// The ball of a lane from what is known at a place: coordinates of `θ₁` and `u`, the bound `U` and `Λ`.
    fn surround(&mut self, lane: usize, places: impl Iterator<Item = (f64, f64)>, bound: f64, curvature: Option<f64>) {
        let Some(curvature) = curvature else {
            // Nothing is known to be safe.
            self.radii_squared[lane] = -1.0;
            return;
        };
        let lanes = self.radii_squared.len();
        let (mut square, mut from_origin) = (0.0, 0.0);
        for (row, (x, u)) in self.centres.chunks_exact_mut(lanes).zip(places) {
            let shift = u / curvature;
            row[lane] = x - shift;
            square += shift * shift;
            from_origin += row[lane] * row[lane];
        }
        let [share, unit] = ROUNDED;
        let within = (square + 2.0 * (self.level - bound) / curvature).sqrt();
        let radius = within * (1.0 - share) - unit * from_origin.sqrt();
        self.radii_squared[lane] = if radius > 0.0 { radius * radius } else { -1.0 };
    }

    /// `δ` from a look, with what [`Curvature::square`] makes of it, and `g·δ`.
    fn measure(&mut self, look: &Look, theta: &[f64]) -> [f64; 2] {
        self.step.clear();
        self.step.extend(theta.iter().zip(&look.state.theta).map(|(x, from)| x - from));
        let slope = self.step.iter().zip(&look.gradient).map(|(d, g)| d * g).sum();
        [self.curvature.square(&self.step, &mut self.image), slope]
    }

    /// Whether the replica of a lane is where its loss is known to be below the level; then its ball is around there.
    fn is_safe(&mut self, lane: usize, look: &Look, theta: &[f64], [square, slope]: [f64; 2]) -> bool {
        // Without eigenvectors the ball around the look is all that is known.
        let Some(curvature) = look.curvature.filter(|_| !self.curvature.vectors.is_empty()) else { return false };
        let bound = look.loss + slope + 0.5 * curvature * square;
        let safe = bound < self.level;
        if safe {
            let image = mem::take(&mut self.image);
            let slopes = look.gradient.iter().zip(&image).map(|(g, x)| g + curvature * x);
            self.surround(lane, theta.iter().copied().zip(slopes), bound, Some(curvature));
            self.image = image;
        }
        safe
    }

    /// Looks at the replica of a lane, which is at `theta`.
    pub(super) fn look(
        &mut self,
        lane: usize,
        block: &mut dyn MovingBlock,
        theta: &[f64],
        meter: &mut LossMeter,
    ) -> Shown {
        let Some(mut look) = self.looks[lane].take() else { return Shown::Inside };
        let [square, slope] = self.measure(&look, theta);
        if self.is_safe(lane, &look, theta, [square, slope]) {
            self.looks[lane] = Some(look);
            return Shown::Inside;
        }
        let before = look.loss;
        let mut gradient = vec![0.0; theta.len()];
        let loss = meter.loss_and_gradient(theta, &mut gradient);
        let skipped = block.steps(lane) > look.state.steps + 1;
        if !loss.is_finite() {
            if !skipped {
                return Shown::Diverged;
            }
            // No bound can be tested by this loss: every step from the look before.
            look.curvature = None;
            block.load(lane, &look.state);
            self.put(lane, look);
            return Shown::Inside;
        }
        // The least `Λ` that explains a loss.
        let explains = |loss: f64| 2.0 * (loss - before - slope) / square;
        let observed = explains(loss);
        // Rounding of the losses alone says nothing of the curvature.
        let allowed = explains(loss - 1e-12 * (loss.abs() + before.abs()));
        let exceeded = |by: f64| look.curvature.is_some_and(|curvature| by > curvature);
        if skipped && exceeded(allowed) {
            look.curvature = Some(MARGIN * observed);
            block.load(lane, &look.state);
            self.put(lane, look);
            return Shown::Inside;
        }
        if loss > self.level {
            return Shown::Outside;
        }
        let curvature = if exceeded(observed) { Some(MARGIN * observed) } else { look.curvature };
        self.put(lane, Look { state: block.store(lane), loss, gradient, curvature });
        Shown::Inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{LayerWord, Network, OutputLoss};
    use crate::problem::LinearRegression;

    /// A quadratic loss whose Hessian has eigenvalues along the coordinates that fall by half: seven are above a hundredth of the first.
    #[test]
    fn bounds_have_the_shape_of_the_hessian() {
        let d = 20;
        let eigenvalue = |k: usize| 100.0 / f64::from(1_u32 << k);
        let mut inputs = vec![0.0; d * d];
        (0..d).for_each(|k| inputs[k * d + k] = (d as f64 * eigenvalue(k)).sqrt());
        let problem = LinearRegression::new(inputs, vec![1.0; d], d).unwrap();
        let curvature = Curvature::at(&problem, &vec![0.1; d], 1, &Stop::new()).unwrap();
        let bound = curvature.bound.unwrap();
        let mut image = Vec::new();
        let mut of = |step: &[f64]| {
            let square = bound * curvature.square(step, &mut image);
            let along: f64 = step.iter().zip(&image).map(|(x, image)| bound * x * image).sum();
            assert!((along / square - 1.0).abs() < 1e-12, "the form is that of its image: {along} {square}");
            square
        };
        for k in 0..d {
            let mut step = vec![0.0; d];
            step[k] = 1.0;
            // One digit of eigenvalues, in single precision.
            let ratio = of(&step) / (MARGIN * eigenvalue(k.min(DIRECTIONS)).max(LEAST * eigenvalue(0)));
            assert!((ratio - 1.0).abs() < 0.1, "{k}: {ratio}");
        }
        for seed in 0..100 {
            let step: Vec<f64> = (0..d).map(|k| (f64::from(seed) + (k * k) as f64).sin()).collect();
            let exact: f64 = step.iter().enumerate().map(|(k, x)| eigenvalue(k) * x * x).sum();
            assert!(of(&step) > exact, "{seed}");
        }
    }

    /// A layer of one input, without biases, has the mean square of the input as its curvature: far below what single precision holds.
    #[test]
    fn curvature_beyond_single_precision_is_known() {
        let layers: Vec<LayerWord> = serde_json::from_str(r#"[{"linear": 2, "bias": false}]"#).unwrap();
        let inputs: Vec<f64> = (1..=6).map(|k| 1e-30 * f64::from(k)).collect();
        let network = Network::new(&[1], &layers, OutputLoss::MeanSquare, inputs.clone(), vec![0.5; 12]).unwrap();
        let exact = inputs.iter().map(|x| x * x).sum::<f64>() / 6.0;
        let found = Curvature::at(&network, &[0.1, 0.2], 1, &Stop::new()).unwrap();
        assert!((found.bound.unwrap() / (MARGIN * exact) - 1.0).abs() < 0.1, "{found:?}");
    }
}
