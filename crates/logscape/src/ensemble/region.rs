//! What escape means, stated once and recorded.

use serde::{Deserialize, Serialize};

use super::{EnsembleError, check_length};
use crate::engine::ExitTest;
use crate::network::OutputLoss;
use crate::problem::QuadraticLoss;
use crate::{Problem, Samples, WayOut};

/// The set that a replica escapes from. Box and ball are tested after every step.
///
/// A chain overshoots a boundary by about `0.58 η √Σ_B` along the normal; no correction is applied here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Region {
    /// Outside when the loss of all data exceeds `loss`, at any step: the loss is computed where a bound of its growth since
    /// it was last known does not exclude that. With `check_every` above 1 it is computed at every such step instead, so
    /// that an exit is seen up to that many steps late, and one that has returned in between is not seen.
    LossLevel {
        /// The level.
        #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
        loss: f64,
        /// Steps between tests, at least 1.
        #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
        check_every: u64,
    },
    /// Outside when some `θ_i` leaves `[lower_i, upper_i]`; bounds may be infinite. In one dimension an end at the barrier
    /// top is the dividing surface.
    Box {
        /// Lower bounds; in JSON, null where there is none.
        #[serde(with = "crate::model::unbounded::all_below")]
        #[cfg_attr(feature = "schema", schemars(with = "Vec<Option<f64>>", length(min = 1)))]
        lower: Vec<f64>,
        /// Upper bounds; in JSON, null where there is none.
        #[serde(with = "crate::model::unbounded::all_above")]
        #[cfg_attr(feature = "schema", schemars(with = "Vec<Option<f64>>", length(min = 1)))]
        upper: Vec<f64>,
    },
    /// Outside when `‖θ − centre‖ > radius`.
    Ball {
        /// Centre.
        #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
        centre: Vec<f64>,
        /// Radius.
        #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
        radius: f64,
    },
    /// Outside beyond one of `K` planes: `n_k·θ > offset_k`. Planes at the saddles around a minimum, each normal to its
    /// saddle's unstable direction, are where half of the arrivals fall back; see [`dividing_surface`](Self::dividing_surface).
    HalfSpaces {
        /// Normals `n_k` (`K` of length `P`, one after the other).
        normals: Vec<f64>,
        /// Offsets (`K`).
        offsets: Vec<f64>,
    },
    /// Outside when gradient descent from `θ` ends in another minimum than `home`: further than `tolerance` from it. Tested
    /// every `check_every` steps like a loss level, and late like one.
    ///
    /// The descent takes steps of `step` on the loss of all data until it is within `tolerance` of `home`, its gradient norm is
    /// below `gradient`, or `max_steps` are taken; a test costs up to `max_steps` passes over the data. A descent that comes to no
    /// rest has not come home, so it counts as outside: give it steps enough.
    Quench {
        /// The minimum that is left.
        home: Vec<f64>,
        /// Distance from `home` at which the descent has come home.
        #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
        tolerance: f64,
        /// Step of the descent, below `2/λ_max` everywhere it goes.
        #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
        step: f64,
        /// Gradient norm at which the descent is at rest.
        #[cfg_attr(feature = "schema", schemars(extend("exclusiveMinimum" = 0)))]
        gradient: f64,
        /// Most steps of a descent.
        #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
        max_steps: u64,
        /// Steps between tests, at least 1.
        #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
        check_every: u64,
    },
}

/// Standard deviations of the walk at a saddle beyond which a replica counts as committed: the committor of the linearised walk
/// is there `½ erfc(−3/√2)` = 0.9987.
pub const COMMITTED: f64 = 3.0;

impl Region {
    /// The region between the surfaces `lower` and `upper` on the line; either may be infinite.
    pub fn interval(lower: f64, upper: f64) -> Self {
        Self::Box { lower: vec![lower], upper: vec![upper] }
    }

    /// The planes at the saddles of `ways_out`, each normal to its saddle's unstable direction and oriented out of the basin.
    ///
    /// A plane divides the whole space. Where a basin bends around a plane, as it may behind a far or slanted saddle, part of
    /// the basin lies outside; [`Quench`](Self::Quench) has no such error, and costs more.
    pub fn dividing_surface(ways_out: &[WayOut]) -> Self {
        let offset = |way: &WayOut| way.direction.iter().zip(&way.theta).map(|(n, x)| n * x).sum();
        Self::HalfSpaces {
            normals: ways_out.iter().flat_map(|way| way.direction.iter().copied()).collect(),
            offsets: ways_out.iter().map(offset).collect(),
        }
    }

    /// The region whose surfaces lie [`COMMITTED`] standard deviations of the walk further out than the dividing surfaces of this
    /// one, which stand at the saddles of `ways_out`: whoever passes them falls back with probability 0.13 %, by the linearised
    /// walk, so that their passages are committed escapes. None for a region that is no dividing surface, or where a deviation is
    /// no positive number.
    pub fn committed(&self, ways_out: &[WayOut], learning_rate: f64, batch: f64) -> Option<Self> {
        let shift = |way: &WayOut| Some(COMMITTED * way.walk_deviation(learning_rate, batch)).filter(|x| *x > 0.0);
        let shifts: Vec<f64> = ways_out.iter().map(shift).collect::<Option<_>>()?;
        match self {
            Self::Box { lower, upper } if lower.len() == 1 => {
                let at = |end: f64, sign: f64| {
                    let here = ways_out.iter().zip(&shifts).find(|(way, _)| way.theta[..] == [end]);
                    if end.is_finite() { here.map(|(_, shift)| end + sign * shift) } else { Some(end) }
                };
                Some(Self::interval(at(lower[0], -1.0)?, at(upper[0], 1.0)?))
            }
            Self::HalfSpaces { normals, offsets } if offsets.len() == shifts.len() => {
                let length = |normal: &[f64]| normal.iter().map(|x| x * x).sum::<f64>().sqrt();
                let lengths = normals.chunks_exact(normals.len() / offsets.len()).map(length);
                let moved =
                    offsets.iter().zip(&shifts).zip(lengths).map(|((offset, shift), length)| offset + shift * length);
                Some(Self::HalfSpaces { normals: normals.clone(), offsets: moved.collect() })
            }
            _ => None,
        }
    }

    /// Whether the loss is to be seen at every step.
    pub(crate) fn is_watched(&self) -> bool {
        matches!(self, Self::LossLevel { check_every: 1, .. })
    }

    /// Steps between tests that are too dear for every step.
    pub(crate) fn check_every(&self) -> Option<u64> {
        match self {
            Self::LossLevel { check_every, .. } | Self::Quench { check_every, .. } => Some(*check_every),
            Self::Box { .. } | Self::Ball { .. } | Self::HalfSpaces { .. } => None,
        }
    }

    /// Checks lengths and values for a problem with `dim` parameters.
    ///
    /// # Errors
    /// If a length differs from `dim` or a value makes no region.
    pub fn validate(&self, dim: usize) -> Result<(), EnsembleError> {
        match self {
            Self::LossLevel { loss, check_every } => {
                positive("loss level", *loss)?;
                if *check_every == 0 { Err(EnsembleError::NotPositive("check_every")) } else { Ok(()) }
            }
            Self::Box { lower, upper } => {
                check_length("lower bound", lower.len(), dim)?;
                check_length("upper bound", upper.len(), dim)?;
                if lower.iter().zip(upper).all(|(l, u)| l < u) { Ok(()) } else { Err(EnsembleError::EmptyBox) }
            }
            Self::Ball { centre, radius } => {
                check_length("centre of the ball", centre.len(), dim)?;
                positive("radius", *radius)
            }
            Self::HalfSpaces { normals, offsets } => {
                check_length("every normal of the half spaces", normals.len(), dim * offsets.len())?;
                let good = |normal: &[f64]| normal.iter().all(|x| x.is_finite()) && normal.iter().any(|&x| x != 0.0);
                let any = !offsets.is_empty() && offsets.iter().all(|x| x.is_finite());
                if any && normals.chunks_exact(dim).all(good) { Ok(()) } else { Err(EnsembleError::NoHalfSpace) }
            }
            Self::Quench { home, tolerance, step, gradient, max_steps, check_every } => {
                check_length("minimum that is left", home.len(), dim)?;
                for (what, x) in [("tolerance", tolerance), ("step of the descent", step), ("gradient norm", gradient)]
                {
                    positive(what, *x)?;
                }
                if *check_every == 0 || *max_steps == 0 {
                    return Err(EnsembleError::NotPositive("check_every and max_steps of the descent"));
                }
                if home.iter().all(|x| x.is_finite()) { Ok(()) } else { Err(EnsembleError::StartOutside) }
            }
        }
    }

    /// The test to run after every step; [`ExitTest::Never`] for a loss level or a quench.
    pub fn exit_test(&self) -> ExitTest<'_> {
        match self {
            Self::LossLevel { .. } | Self::Quench { .. } => ExitTest::Never,
            Self::Box { lower, upper } => ExitTest::Box { lower, upper },
            Self::Ball { centre, radius } => ExitTest::Ball { centre, radius_squared: radius * radius },
            Self::HalfSpaces { normals, offsets } => ExitTest::HalfSpaces { normals, offsets },
        }
    }
}

fn positive(what: &'static str, x: f64) -> Result<(), EnsembleError> {
    if x.is_finite() && x > 0.0 { Ok(()) } else { Err(EnsembleError::NotPositive(what)) }
}

/// Evaluates the loss of all data in blocks, and gradient descent on it, with its own buffers.
pub struct LossMeter<'a> {
    problem: &'a dyn Problem,
    /// The loss where it is a quadratic form.
    form: Option<&'a QuadraticLoss>,
    residuals: Vec<f64>,
    scratch: Vec<f64>,
    /// Gradients of a block and of all data, and the point of a descent (`P` each); empty before the first descent.
    descent: [Vec<f64>; 3],
}

/// Samples of a block: half of those that the problem takes at once, since every thread has a meter.
fn block(problem: &dyn Problem) -> usize {
    problem.samples_at_once().div_ceil(2)
}

impl<'a> LossMeter<'a> {
    /// A meter for `problem`.
    pub fn new(problem: &'a dyn Problem) -> Self {
        let block = block(problem).min(problem.samples());
        Self {
            problem,
            form: problem.quadratic_loss(),
            residuals: vec![0.0; block * problem.outputs()],
            scratch: vec![0.0; problem.scratch_len(block)],
            descent: [Vec::new(), Vec::new(), Vec::new()],
        }
    }

    /// Whether `theta` is outside of a region that [`Region::check_every`] tests; none if that cannot be told, because the
    /// loss is no finite number.
    pub(crate) fn is_outside(&mut self, region: &Region, theta: &[f64]) -> Option<bool> {
        match region {
            Region::LossLevel { loss: level, .. } => {
                Some(self.loss(theta)).filter(|loss| loss.is_finite()).map(|loss| loss > *level)
            }
            Region::Quench { home, tolerance, step, gradient, max_steps, .. } => {
                self.returns(theta, home, [*tolerance, *step, *gradient], *max_steps).map(|home| !home)
            }
            Region::Box { .. } | Region::Ball { .. } | Region::HalfSpaces { .. } => {
                Some(region.exit_test().is_outside(theta, 0))
            }
        }
    }

    /// Whether gradient descent from `theta` comes within `tolerance` of `home`; none if it leaves the finite numbers.
    fn returns(
        &mut self,
        theta: &[f64],
        home: &[f64],
        [tolerance, step, rest]: [f64; 3],
        max_steps: u64,
    ) -> Option<bool> {
        let square = |a: &[f64]| a.iter().map(|x| x * x).sum::<f64>();
        let [part, gradient, here] = &mut self.descent;
        part.resize(theta.len(), 0.0);
        gradient.resize(theta.len(), 0.0);
        here.clear();
        here.extend_from_slice(theta);
        for _ in 0..max_steps {
            let apart: f64 = here.iter().zip(home).map(|(x, c)| (x - c) * (x - c)).sum();
            if apart <= tolerance * tolerance {
                return Some(true);
            }
            slope_into(self.problem, here, gradient, [part, &mut self.scratch]);
            let slope = square(gradient);
            if !slope.is_finite() {
                return None;
            }
            if slope <= rest * rest {
                return Some(false);
            }
            here.iter_mut().zip(&*gradient).for_each(|(x, g)| *x -= step * g);
        }
        Some(false)
    }

    /// `L(θ)`, and its gradient into `gradient` (`P`).
    pub fn loss_and_gradient(&mut self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        if let Some(form) = self.form {
            return form.loss_and_gradient(theta, gradient);
        }
        let [part, ..] = &mut self.descent;
        part.resize(theta.len(), 0.0);
        slope_into(self.problem, theta, gradient, [part, &mut self.scratch])
    }

    /// `L(θ) = (1/N) Σ ℓ_μ`.
    pub fn loss(&mut self, theta: &[f64]) -> f64 {
        if let Some(form) = self.form {
            return form.loss(theta);
        }
        let (n, block) = (self.problem.samples(), block(self.problem));
        let mut sum = 0.0;
        let mut first = 0;
        while first < n {
            let last = (first + block).min(n);
            if self.problem.output_loss() == Some(OutputLoss::MeanSquare) {
                let residuals = &mut self.residuals[..(last - first) * self.problem.outputs()];
                self.problem.residuals_into(theta, Samples::Range(first..last), residuals, &mut self.scratch);
                sum += residuals.iter().map(|e| 0.5 * e * e).sum::<f64>();
            } else {
                let losses = &mut self.residuals[..last - first];
                self.problem.losses_into(theta, Samples::Range(first..last), losses, &mut self.scratch);
                sum += losses.iter().sum::<f64>();
            }
            first = last;
        }
        sum / n as f64
    }
}

/// `L(θ)`, and its gradient into `gradient` (`P`), with room for the gradient of a block and for the problem.
fn slope_into(problem: &dyn Problem, theta: &[f64], gradient: &mut [f64], [part, scratch]: [&mut Vec<f64>; 2]) -> f64 {
    let n = problem.samples();
    gradient.fill(0.0);
    let mut loss = 0.0;
    let block = block(problem);
    for first in (0..n).step_by(block) {
        let last = (first + block).min(n);
        let share = (last - first) as f64 / n as f64;
        loss += share * problem.batch_gradient_into(theta, Samples::Range(first..last), part, scratch);
        gradient.iter_mut().zip(&*part).for_each(|(sum, g)| *sum += share * g);
    }
    loss
}
