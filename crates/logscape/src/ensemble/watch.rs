//! When the loss of all data has to be looked at, so that its passage through a level is seen at the step at which it happens.
//!
//! A look costs as much as `N/B` steps or more. At a look the loss is `L₀` and its gradient `g`; along a straight line of which the
//! curvature stays below `Λ`, `L(θ₀ + δ) ≤ L₀ + g·δ + ½Λ‖δ‖²`, which is below the level `L_c` while `θ` is in the ball
//!
//! `‖θ − (θ₀ − g/Λ)‖² < ‖g/Λ‖² + 2(L_c − L₀)/Λ`.
//!
//! Engines test the balls of their lanes after every step, and only a replica that has left its own is looked at. `Λ` begins at
//! twice the largest eigenvalue of the Hessian at the start. Every look tests the bound: where it does not hold the replica goes
//! back to the look before, with a larger `Λ`.

use serde::{Deserialize, Serialize};

use super::{LossMeter, Region};
use crate::engine::{ExitTest, MovingBlock, ReplicaState};
use crate::operator::{End, Hessian, LanczosConfig, extreme_eigenpairs};
use crate::{Interrupted, Problem, Stop};

/// `Λ` at the start in units of the largest eigenvalue there.
const MARGIN: f64 = 2.0;
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
    /// The first one, of a replica in this state, with the curvature that [`curvature`] gives.
    pub(super) fn first(meter: &mut LossMeter, state: &ReplicaState, curvature: Option<f64>) -> Self {
        let mut gradient = vec![0.0; state.theta.len()];
        let loss = meter.loss_and_gradient(&state.theta, &mut gradient);
        Self { state: state.clone(), loss, gradient, curvature }
    }

    /// The same of another replica at the same place.
    pub(super) fn of(&self, state: &ReplicaState) -> Self {
        Self { state: state.clone(), ..self.clone() }
    }

    /// Square of the radius of the ball around `θ₀ − g/Λ`; negative where nothing is known to be safe.
    fn radius_squared(&self, level: f64, centre: impl Iterator<Item = f64>) -> f64 {
        let Some(curvature) = self.curvature else { return -1.0 };
        let square = self.gradient.iter().map(|g| (g / curvature).powi(2)).sum::<f64>();
        let [share, unit] = ROUNDED;
        let from_origin = centre.map(|c| c * c).sum::<f64>().sqrt();
        let radius = (square + 2.0 * (level - self.loss) / curvature).sqrt() * (1.0 - share) - unit * from_origin;
        if radius > 0.0 { radius * radius } else { -1.0 }
    }

    /// The least curvature that explains the loss at `theta`.
    fn observed_curvature(&self, theta: &[f64], loss: f64) -> f64 {
        let apart = || theta.iter().zip(&self.state.theta).map(|(x, from)| x - from);
        let slope: f64 = apart().zip(&self.gradient).map(|(d, g)| d * g).sum();
        let square: f64 = apart().map(|d| d * d).sum();
        2.0 * (loss - self.loss - slope) / square
    }
}

/// `Λ` around `start`, for the whole of a run; none where the Hessian has no positive eigenvalue.
///
/// # Errors
/// On an interrupt.
pub(super) fn curvature(
    problem: &dyn Problem,
    start: &[f64],
    seed: u64,
    stop: &Stop,
) -> Result<Option<f64>, Interrupted> {
    // One digit does.
    let config = LanczosConfig { upper: End::new(1, 0.1), max_products: 12, seed, ..LanczosConfig::default() };
    let Ok(pairs) = extreme_eigenpairs(&Hessian::new(problem, start), &config, stop, |_| {}) else { return Ok(None) };
    Ok(pairs.uninterrupted()?.upper.values.first().filter(|x| **x > 0.0).map(|largest| MARGIN * largest))
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
pub(super) struct Watch {
    level: f64,
    looks: Vec<Option<Look>>,
    /// Coordinate by coordinate (`P × lanes`).
    centres: Vec<f64>,
    radii_squared: Vec<f64>,
}

impl Watch {
    /// For a region whose loss is to be seen at every step, a watch over so many lanes of `dim` parameters each.
    pub(super) fn over(region: &Region, lanes: usize, dim: usize) -> Option<Self> {
        let Region::LossLevel { loss: level, check_every: 1 } = *region else { return None };
        let (centres, radii_squared) = (vec![0.0; dim * lanes], vec![0.0; lanes]);
        Some(Self { level, looks: vec![None; lanes], centres, radii_squared })
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
        let lanes = self.radii_squared.len();
        for (i, (x, g)) in look.state.theta.iter().zip(&look.gradient).enumerate() {
            self.centres[i * lanes + lane] = x - look.curvature.map_or(0.0, |curvature| g / curvature);
        }
        let centre = self.centres.chunks_exact(lanes).map(|row| row[lane]);
        self.radii_squared[lane] = look.radius_squared(self.level, centre);
        self.looks[lane] = Some(look);
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
        let observed = look.observed_curvature(theta, loss);
        // Rounding of the losses alone says nothing of the curvature.
        let noise = 1e-12 * (loss.abs() + before.abs());
        let allowed = look.observed_curvature(theta, loss - noise);
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
