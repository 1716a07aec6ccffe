//! When the loss of all data has to be looked at, so that its passage through a level is seen at the step at which it happens.
//!
//! A look costs as much as `N/B` steps or more. Engines test a ball for each lane after every step, in which a bound of the loss is
//! below the level, and only a replica that has left its own is looked at. Every look tests the bound: where it does not hold the
//! replica goes back to the look before, with a wider one. There are two bounds.
//!
//! **By the largest curvature.** At a look the loss is `L₀` and its gradient `g`; along a straight line of which the curvature stays
//! below `Λ`, `L(θ₀ + δ) ≤ L₀ + g·δ + ½Λ‖δ‖²`, which is below the level `L_c` while `θ` is in the ball
//!
//! `‖θ − (θ₀ − g/Λ)‖² < ‖g/Λ‖² + 2(L_c − L₀)/Λ`.
//!
//! `Λ` begins at twice the largest eigenvalue of the Hessian at the start.
//!
//! **By the outliers**, where parameters are many: the loss is below the [model](super::outliers) `Q` and what its error may be. The
//! model costs some steps, a look hundreds or thousands, so a replica that has left its ball is looked at where the model says so;
//! elsewhere it gets a ball around where it is, by the slope of `Q` and its largest curvature.

use serde::{Deserialize, Serialize};

use super::outliers::{Anchor, Evidence, Outliers};
use super::{LossMeter, Region};
use crate::engine::{ExitTest, MovingBlock, ReplicaState};
use crate::operator::{EigenError, Hessian, LanczosConfig, leading_eigenpairs};
use crate::{Interrupted, Problem, Stop};

/// `Λ` at the start in units of the largest eigenvalue there.
const MARGIN: f64 = 2.0;
/// Parameters from which the outliers are worth their products.
const MANY: usize = 500;
/// Shares of the radius and of the distance from the origin that the ball is smaller by: what single precision may round.
const ROUNDED: [f64; 2] = [1e-3, 3e-7];
/// Share of the level within which a loss in single precision says too little.
const ROUNDED_LOSS: f64 = 1e-3;

/// What is known of a replica since it was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    /// The replica then.
    state: ReplicaState,
    /// Where its gradient was known last; the same place where the bound is by the largest curvature.
    anchor: Anchor,
    bound: Bound,
}

/// Why the loss is below the level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Bound {
    /// By `Λ`; none where none is known, and then every step is looked at.
    Curvature(Option<f64>),
    /// By the outliers.
    Outliers {
        evidence: Evidence,
        /// Where the ball was set last (`P`).
        place: Vec<f64>,
    },
}

/// What every replica of a run begins with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beginning {
    look: Look,
    outliers: Option<Outliers>,
}

impl Beginning {
    /// Of a run from `start` to `level`; where there are outliers, of its pilots.
    ///
    /// # Errors
    /// On an interrupt.
    pub(super) fn at(
        problem: &dyn Problem,
        start: ReplicaState,
        level: f64,
        seed: u64,
        stop: &Stop,
    ) -> Result<Self, Interrupted> {
        let anchor = Anchor::at(&mut LossMeter::new(problem), &start.theta);
        if problem.dim() >= MANY
            && let Some(outliers) = Outliers::at(problem, &start.theta, seed, stop)?
        {
            let evidence = outliers.nothing_shown(&anchor, level);
            let bound = Bound::Outliers { evidence, place: start.theta.clone() };
            return Ok(Self { look: Look { state: start, anchor, bound }, outliers: Some(outliers) });
        }
        let bound = Bound::Curvature(curvature(problem, &start.theta, seed, stop)?);
        Ok(Self { look: Look { state: start, anchor, bound }, outliers: None })
    }

    /// The first look at a replica in this state, which is at the start.
    pub(super) fn look(&self, state: &ReplicaState) -> Look {
        Look { state: state.clone(), ..self.look.clone() }
    }

    /// Whether pilots have to show what the error of the model is.
    pub(super) fn wants_pilots(&self) -> bool {
        self.outliers.is_some()
    }

    /// What the last look at a pilot has shown is known to those that follow.
    pub(super) fn learn(&mut self, pilot: &Look) {
        if let (Bound::Outliers { evidence, .. }, Bound::Outliers { evidence: shown, .. }) =
            (&mut self.look.bound, &pilot.bound)
            && self.look.anchor == pilot.anchor
        {
            *evidence = *shown;
        }
    }

    /// After the pilots: without the outliers where the error of their model is too large to be of use.
    ///
    /// # Errors
    /// On an interrupt.
    pub(super) fn judged(
        mut self,
        problem: &dyn Problem,
        level: f64,
        seed: u64,
        stop: &Stop,
    ) -> Result<Self, Interrupted> {
        if let Bound::Outliers { evidence, .. } = &self.look.bound
            && !evidence.is_useful(level)
        {
            self.look.bound = Bound::Curvature(curvature(problem, &self.look.state.theta, seed, stop)?);
            self.outliers = None;
        }
        Ok(self)
    }
}

impl Anchor {
    fn at(meter: &mut LossMeter, theta: &[f64]) -> Self {
        let mut gradient = vec![0.0; theta.len()];
        let loss = meter.loss_and_gradient(theta, &mut gradient);
        Self { theta: theta.to_vec(), loss, gradient }
    }

    /// The least curvature that explains the loss at `theta`.
    fn observed_curvature(&self, theta: &[f64], loss: f64) -> f64 {
        let apart = || theta.iter().zip(&self.theta).map(|(x, from)| x - from);
        let slope: f64 = apart().zip(&self.gradient).map(|(d, g)| d * g).sum();
        let square: f64 = apart().map(|d| d * d).sum();
        2.0 * (loss - self.loss - slope) / square
    }
}

/// `Λ` around `start`, for the whole of a run; none where the Hessian has no positive eigenvalue.
///
/// # Errors
/// On an interrupt.
fn curvature(problem: &dyn Problem, start: &[f64], seed: u64, stop: &Stop) -> Result<Option<f64>, Interrupted> {
    // One digit does, which a single cycle of twelve products gives.
    let config = LanczosConfig { count: 1, block: 1, depth: 6, tolerance: 0.1, max_restarts: 0, seed };
    match leading_eigenpairs(&Hessian::new(problem, start), &config, stop) {
        Ok(pairs) => Ok(pairs.values.first().filter(|x| **x > 0.0).map(|largest| MARGIN * largest)),
        Err(EigenError::Interrupted(interrupted)) => Err(interrupted),
        Err(_) => Ok(None),
    }
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
    beginning: &'a Beginning,
    looks: Vec<Option<Look>>,
    /// Coordinate by coordinate (`P × lanes`).
    centres: Vec<f64>,
    radii_squared: Vec<f64>,
    /// Slope of the model (`P`).
    slope: Vec<f64>,
}

impl<'a> Watch<'a> {
    /// For a region whose loss is to be seen at every step, a watch over so many lanes.
    pub(super) fn over(region: &Region, lanes: usize, beginning: &'a Beginning) -> Option<Self> {
        let level = region.watched_level()?;
        let dim = beginning.look.anchor.theta.len();
        let zeros = |count: usize| vec![0.0; count];
        Some(Self {
            level,
            beginning,
            looks: vec![None; lanes],
            centres: zeros(dim * lanes),
            radii_squared: zeros(lanes),
            slope: zeros(dim),
        })
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
        let Look { anchor, bound, .. } = &look;
        let ball = match (bound, &self.beginning.outliers) {
            (Bound::Curvature(curvature), _) => {
                self.slope.copy_from_slice(&anchor.gradient);
                curvature.map(|curvature| (curvature, self.level - anchor.loss, &anchor.theta))
            }
            (Bound::Outliers { evidence, place }, Some(outliers)) => {
                let modelled = outliers.model(anchor, place, &mut self.slope);
                Some((outliers.largest(), evidence.ceiling(self.level) - modelled.loss, place))
            }
            (Bound::Outliers { .. }, None) => None,
        };
        self.radii_squared[lane] = -1.0;
        if let Some((curvature, height, place)) = ball {
            self.set_ball(lane, curvature, height, place);
        }
        self.looks[lane] = Some(look);
    }

    /// The ball in which a bound is below the level that is `height` below it at `place`, with the slope in `self.slope` and curvatures
    /// up to `curvature`.
    fn set_ball(&mut self, lane: usize, curvature: f64, height: f64, place: &[f64]) {
        let lanes = self.radii_squared.len();
        let (mut square, mut from_origin) = (0.0, 0.0);
        for (row, (x, slope)) in self.centres.chunks_exact_mut(lanes).zip(place.iter().zip(&self.slope)) {
            let shift = slope / curvature;
            row[lane] = x - shift;
            square += shift * shift;
            from_origin += row[lane] * row[lane];
        }
        let [share, unit] = ROUNDED;
        let radius = (square + 2.0 * height / curvature).sqrt() * (1.0 - share) - unit * from_origin.sqrt();
        self.radii_squared[lane] = if radius > 0.0 { radius * radius } else { -1.0 };
    }

    /// Looks at the replica of a lane, which is at `theta`, if the bound there says so.
    pub(super) fn look(
        &mut self,
        lane: usize,
        block: &mut dyn MovingBlock,
        theta: &[f64],
        meter: &mut LossMeter,
    ) -> Shown {
        match self.looks[lane].take() {
            None => Shown::Inside,
            Some(Look { state, anchor, bound: Bound::Curvature(curvature) }) => {
                self.look_by_curvature(lane, block, theta, meter, (state, anchor, curvature))
            }
            Some(Look { state, anchor, bound: Bound::Outliers { evidence, mut place } }) => {
                place.copy_from_slice(theta);
                self.look_by_outliers(lane, block, place, meter, (state, anchor, evidence))
            }
        }
    }

    fn look_by_curvature(
        &mut self,
        lane: usize,
        block: &mut dyn MovingBlock,
        theta: &[f64],
        meter: &mut LossMeter,
        (state, anchor, curvature): (ReplicaState, Anchor, Option<f64>),
    ) -> Shown {
        let here = Anchor::at(meter, theta);
        let loss = here.loss;
        let skipped = block.steps(lane) > state.steps + 1;
        if !loss.is_finite() && !skipped {
            return Shown::Diverged;
        }
        let observed = anchor.observed_curvature(theta, loss);
        // Rounding of the losses alone says nothing of the curvature.
        let noise = 1e-12 * (loss.abs() + anchor.loss.abs());
        let allowed = anchor.observed_curvature(theta, loss - noise);
        let exceeded = |by: f64| curvature.is_some_and(|curvature| by > curvature);
        if !loss.is_finite() || (skipped && exceeded(allowed)) {
            // No bound can be tested by a loss that is no number: every step from the look before.
            let bound = Bound::Curvature(loss.is_finite().then_some(MARGIN * observed));
            block.load(lane, &state);
            self.put(lane, Look { state, anchor, bound });
            return Shown::Inside;
        }
        if loss > self.level {
            return Shown::Outside;
        }
        let bound = Bound::Curvature(if exceeded(observed) { Some(MARGIN * observed) } else { curvature });
        self.put(lane, Look { state: block.store(lane), anchor: here, bound });
        Shown::Inside
    }

    fn look_by_outliers(
        &mut self,
        lane: usize,
        block: &mut dyn MovingBlock,
        place: Vec<f64>,
        meter: &mut LossMeter,
        (state, anchor, evidence): (ReplicaState, Anchor, Evidence),
    ) -> Shown {
        let (level, steps) = (self.level, block.steps(lane));
        let (Some(outliers), Bound::Outliers { evidence: first, .. }) =
            (&self.beginning.outliers, &self.beginning.look.bound)
        else {
            return Shown::Inside;
        };
        let modelled = outliers.model(&anchor, &place, &mut self.slope);
        if !evidence.is_doubtful(modelled, level) {
            self.set_ball(lane, outliers.largest(), evidence.ceiling(level) - modelled.loss, &place);
            self.looks[lane] = Some(Look { state, anchor, bound: Bound::Outliers { evidence, place } });
            return Shown::Inside;
        }
        // The rounding of the steps is no matter but close to the level.
        let rounded = block.rounded_loss(lane).filter(|loss| (loss - level).abs() > ROUNDED_LOSS * level);
        let loss = rounded.unwrap_or_else(|| meter.loss(&place));
        let skipped = steps > state.steps + 1;
        if !loss.is_finite() && !skipped {
            return Shown::Diverged;
        }
        if skipped && (!loss.is_finite() || evidence.is_refuted(modelled, loss, level)) {
            // No bound can be tested by a loss that is no number: every step from the look before.
            let evidence =
                if loss.is_finite() { evidence.with_error(modelled, loss, level) } else { evidence.refuted() };
            block.load(lane, &state);
            let place = state.theta.clone();
            self.put(lane, Look { state, anchor, bound: Bound::Outliers { evidence, place } });
            return Shown::Inside;
        }
        let shown = evidence.with(modelled, loss, level);
        if loss > level {
            self.looks[lane] = Some(Look { state, anchor, bound: Bound::Outliers { evidence: shown, place } });
            return Shown::Outside;
        }
        let (anchor, evidence) = if shown.is_worn(first, level) {
            let here = Anchor::at(meter, &place);
            let evidence = first.around(outliers, &here);
            (here, evidence)
        } else {
            (anchor, shown)
        };
        self.put(lane, Look { state: block.store(lane), anchor, bound: Bound::Outliers { evidence, place } });
        Shown::Inside
    }
}
