//! When the loss of all data has to be looked at, so that its passage through a level is seen at the step at which it happens.
//!
//! A look costs as much as `N/B` steps or more. At a look the loss is `L₀` and its gradient `g`. Of the curvature the leading
//! eigenvectors `u_i` (`k`) of the Hessian at the start are known, with their eigenvalues `λ_i`, and the largest beyond them, `λ`.
//! While the curvature is below `m` times that, `L(θ₀ + δ)` is at most
//!
//! `Q(δ) = L₀ + g·δ + ½m(λ‖δ‖² + Σ_i (λ_i − λ)(u_i·δ)²)`,
//!
//! and a replica has to be looked at when that is above the level `L_c`. `Q` costs `k` products of `P` numbers, so that it is not
//! computed at every step either: with its gradient `q` at `θ`, where it was computed last, it is below the level in the ball
//!
//! `‖θ + ε − (θ − q/mλ_1)‖² < ‖q/mλ_1‖² + 2(L_c − Q)/mλ_1`,
//!
//! which engines test for each lane after every step. Every look tests the bound: where it does not hold the replica goes back to
//! the look before, with a larger `m`.

use serde::{Deserialize, Serialize};

use super::{LossMeter, Region};
use crate::engine::{ExitTest, MovingBlock, ReplicaState};
use crate::lanes::{LANES, dispatch};
use crate::operator::{Deflated, EigenError, Hessian, LanczosConfig, leading_eigenpairs};
use crate::{Interrupted, Problem, Stop};

/// `m` at the start.
const MARGIN: f64 = 1.3;
/// `λ` in units of what a few products find of it, which is never too much.
const FOUND: f64 = 1.5;
/// Most eigenvectors; a network has an outlier for each output, and then a gap.
const MOST_LEADING: usize = 32;
/// Least `λ` in units of `λ_1`: along directions that are flat at the start the curvature changes on the way.
const LEAST_REST: f64 = 0.01;
/// Share of the height between the last look and the level below which `Q` is not worth a ball of its own.
const NEAR: f64 = 0.1;
/// Shares of the radius and of the distance from the origin that the ball is smaller by: what single precision may round.
const ROUNDED: [f64; 2] = [1e-3, 3e-7];

/// The Hessian at the start of a run, as far as a bound needs it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curvature {
    /// `u_i` (`k` of length `P`, one after the other).
    leading: Vec<f32>,
    /// `λ_i − λ` (`k`).
    excess: Vec<f64>,
    /// `λ`.
    rest: f64,
}

impl Curvature {
    /// Around `start`, for the whole of a run; none where the Hessian has no positive eigenvalue.
    ///
    /// # Errors
    /// On an interrupt.
    pub(super) fn at(
        problem: &dyn Problem,
        start: &[f64],
        seed: u64,
        stop: &Stop,
    ) -> Result<Option<Self>, Interrupted> {
        let (hessian, count) =
            (Hessian::new(problem, start), problem.outputs().min(MOST_LEADING).min(problem.dim() - 1));
        // Outliers are nearly equal, so that fewer random seeds than outliers would miss some.
        let config = LanczosConfig { count, block: count + 2, depth: 3, tolerance: 0.1, max_restarts: 0, seed };
        // From another seed, which sees an outlier that the first have missed.
        let one = LanczosConfig { count: 1, block: 1, depth: 6, seed: seed.wrapping_add(1), ..config };
        let pairs = leading_eigenpairs(&hessian, &config, stop).and_then(|leading| {
            let beyond = leading_eigenpairs(&Deflated::new(&hessian, &leading.vectors), &one, stop)?;
            Ok((leading, beyond.values))
        });
        let (leading, beyond) = match pairs {
            Ok(pairs) => pairs,
            Err(EigenError::Interrupted(interrupted)) => return Err(interrupted),
            Err(_) => return Ok(None),
        };
        let largest = leading.values.iter().chain(&beyond).fold(0.0, |max: f64, value| max.max(*value));
        if largest <= 0.0 {
            return Ok(None);
        }
        let rest = beyond.iter().fold(LEAST_REST * largest, |max, value| max.max(FOUND * value));
        let outliers = leading.values.iter().take_while(|value| **value > rest).count();
        let excess = leading.values[..outliers].iter().map(|value| value - rest).collect();
        let leading = leading.vectors[..outliers].iter().flatten().map(|x| *x as f32).collect();
        Ok(Some(Self { leading, excess, rest }))
    }

    fn largest(&self) -> f64 {
        self.rest + self.excess.first().copied().unwrap_or(0.0)
    }

    /// `λ‖δ‖² + Σ_i (λ_i − λ)(u_i·δ)²`, and half of its gradient into `slope` (`P`).
    fn form(&self, delta: &[f64], slope: &mut [f64]) -> f64 {
        dispatch(
            #[inline(always)]
            || {
                slope.iter_mut().zip(delta).for_each(|(slope, d)| *slope = self.rest * d);
                let mut form = delta.iter().zip(&*slope).map(|(d, slope)| d * slope).sum::<f64>();
                for (u, excess) in self.leading.chunks_exact(delta.len()).zip(&self.excess) {
                    let along = along(u, delta);
                    form += excess * along * along;
                    slope.iter_mut().zip(u).for_each(|(slope, u)| *slope += excess * along * f64::from(*u));
                }
                form
            },
        )
    }
}

/// `u·δ`, summed in lanes.
#[inline(always)]
fn along(u: &[f32], delta: &[f64]) -> f64 {
    let ((u, u_rest), (delta, delta_rest)) = (u.as_chunks::<LANES>(), delta.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (u, d) in u.iter().zip(delta) {
        for l in 0..LANES {
            sums[l] = f64::from(u[l]).mul_add(d[l], sums[l]);
        }
    }
    let rest: f64 = u_rest.iter().zip(delta_rest).map(|(u, d)| f64::from(*u) * d).sum();
    sums.into_iter().sum::<f64>() + rest
}

/// What every replica of a run begins with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beginning {
    look: Look,
    curvature: Option<Curvature>,
}

impl Beginning {
    /// Of a run from `start`.
    ///
    /// # Errors
    /// On an interrupt.
    pub(super) fn at(problem: &dyn Problem, start: &ReplicaState, seed: u64, stop: &Stop) -> Result<Self, Interrupted> {
        let curvature = Curvature::at(problem, &start.theta, seed, stop)?;
        let mut gradient = vec![0.0; start.theta.len()];
        let loss = LossMeter::new(problem).loss_and_gradient(&start.theta, &mut gradient);
        let margin = curvature.as_ref().map(|_| MARGIN);
        Ok(Self { look: Look { state: start.clone(), loss, gradient, margin }, curvature })
    }

    /// The first look at a replica in this state, which is at the start.
    pub(super) fn look(&self, state: &ReplicaState) -> Look {
        Look { state: state.clone(), ..self.look.clone() }
    }
}

/// What is known of a replica since it was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Look {
    /// The replica then.
    state: ReplicaState,
    /// `L₀`.
    loss: f64,
    /// `g` (`P`).
    gradient: Vec<f64>,
    /// `m`; none where no bound is known, and then every step is looked at.
    margin: Option<f64>,
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
    curvature: Option<&'a Curvature>,
    looks: Vec<Option<Look>>,
    /// Coordinate by coordinate (`P × lanes`).
    centres: Vec<f64>,
    radii_squared: Vec<f64>,
    /// `δ` of one lane, and the slope there (`P` each).
    delta: Vec<f64>,
    slope: Vec<f64>,
}

impl<'a> Watch<'a> {
    /// For a region whose loss is to be seen at every step, a watch over so many lanes.
    pub(super) fn over(region: &Region, lanes: usize, beginning: &'a Beginning) -> Option<Self> {
        let Region::LossLevel { loss: level, check_every: 1 } = *region else { return None };
        let (dim, curvature) = (beginning.look.gradient.len(), beginning.curvature.as_ref());
        let zeros = |count: usize| vec![0.0; count];
        let (centres, radii_squared) = (zeros(dim * lanes), zeros(lanes));
        let (delta, slope) = (zeros(dim), zeros(dim));
        Some(Self { level, curvature, looks: vec![None; lanes], centres, radii_squared, delta, slope })
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
        let largest = look.margin.zip(self.curvature).map(|(margin, curvature)| margin * curvature.largest());
        self.set_ball(lane, largest, look.loss, look.state.theta.iter().copied().zip(look.gradient.iter().copied()));
        self.looks[lane] = Some(look);
    }

    /// The ball in which a loss that is `bound` at a place, with a slope, is below the level where the curvature is at most
    /// `largest`; none where that is not known.
    fn set_ball(&mut self, lane: usize, largest: Option<f64>, bound: f64, at: impl Iterator<Item = (f64, f64)>) {
        let Some(largest) = largest else {
            self.radii_squared[lane] = -1.0;
            return;
        };
        let lanes = self.radii_squared.len();
        let (mut square, mut from_origin) = (0.0, 0.0);
        for (row, (x, slope)) in self.centres.chunks_exact_mut(lanes).zip(at) {
            let shift = slope / largest;
            row[lane] = x - shift;
            square += shift * shift;
            from_origin += row[lane] * row[lane];
        }
        let [share, unit] = ROUNDED;
        let height = 2.0 * (self.level - bound) / largest;
        let radius = (square + height).sqrt() * (1.0 - share) - unit * from_origin.sqrt();
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
        let Some(mut look) = self.looks[lane].take() else { return Shown::Inside };
        self.delta.iter_mut().zip(theta).zip(&look.state.theta).for_each(|((d, x), from)| *d = x - from);
        let along: f64 = self.delta.iter().zip(&look.gradient).map(|(d, g)| d * g).sum();
        // Half of the form's curvature, which a margin multiplies.
        let half = self.curvature.map(|curvature| 0.5 * curvature.form(&self.delta, &mut self.slope));
        if let (Some(curvature), Some(half), Some(margin)) = (self.curvature, half, look.margin) {
            let bound = look.loss + along + margin * half;
            if self.level - bound > NEAR * (self.level - look.loss) {
                let Self { slope, .. } = self;
                slope.iter_mut().zip(&look.gradient).for_each(|(slope, g)| *slope = g + margin * *slope);
                let slope = std::mem::take(&mut self.slope);
                let largest = Some(margin * curvature.largest());
                self.set_ball(lane, largest, bound, theta.iter().copied().zip(slope.iter().copied()));
                (self.slope, self.looks[lane]) = (slope, Some(look));
                return Shown::Inside;
            }
        }
        let mut gradient = vec![0.0; theta.len()];
        let loss = meter.loss_and_gradient(theta, &mut gradient);
        let skipped = block.steps(lane) > look.state.steps + 1;
        if !loss.is_finite() {
            if !skipped {
                return Shown::Diverged;
            }
            // No bound can be tested by this loss: every step from the look before.
            look.margin = None;
            block.load(lane, &look.state);
            self.put(lane, look);
            return Shown::Inside;
        }
        // The least margin that explains the loss, or one within the rounding of the losses, which says nothing.
        let explains = |loss: f64| half.map(|half| (loss - look.loss - along) / half);
        let noise = 1e-12 * (loss.abs() + look.loss.abs());
        let exceeded = |by: Option<f64>| look.margin.zip(by).is_some_and(|(margin, by)| by > margin);
        let observed = explains(loss);
        let wider = observed.map(|observed| MARGIN * observed);
        if skipped && exceeded(explains(loss - noise)) {
            look.margin = wider;
            block.load(lane, &look.state);
            self.put(lane, look);
            return Shown::Inside;
        }
        if loss > self.level {
            return Shown::Outside;
        }
        let margin = if exceeded(observed) { wider } else { look.margin };
        self.put(lane, Look { state: block.store(lane), loss, gradient, margin });
        Shown::Inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::dense::{eigen, to_dense};
    use crate::problem::{Activation, Initialisation, Mlp};
    use crate::random::{Purpose, stream};
    use faer::Mat;
    use rand_distr::{Distribution, StandardNormal};

    fn check(sizes: &[usize], activation: Activation, shift: f64) {
        let mut rng = stream(3, Purpose::Check, 0);
        let mut normals = |count: usize, shift: f64| -> Vec<f64> {
            (0..count)
                .map(|_| shift + <StandardNormal as Distribution<f64>>::sample(&StandardNormal, &mut rng))
                .collect()
        };
        let outputs = sizes[sizes.len() - 1];
        let problem = Mlp::new(sizes, activation, normals(80 * sizes[0], shift), normals(80 * outputs, 0.0)).unwrap();
        let theta = problem.init(Initialisation::Lecun, &mut stream(4, Purpose::Start, 0));
        let p = problem.dim();
        let curvature = Curvature::at(&problem, &theta, 5, &Stop::new()).unwrap().unwrap();
        let form = Mat::from_fn(p, p, |i, j| {
            let pairs = curvature.leading.chunks_exact(p).zip(&curvature.excess);
            let outliers: f64 = pairs.map(|(u, excess)| excess * f64::from(u[i]) * f64::from(u[j])).sum();
            outliers + if i == j { curvature.rest } else { 0.0 }
        });
        let hessian = to_dense(&Hessian::new(&problem, &theta), &Stop::new()).unwrap();
        let (values, _) = eigen((MARGIN * &form - &hessian).as_ref()).unwrap();
        assert!(values.iter().all(|value| *value > 0.0), "{sizes:?}, {activation:?}: {values:?}");
        let (values, _) = eigen(form.as_ref()).unwrap();
        let (want, _) = eigen(hessian.as_ref()).unwrap();
        let trace = |values: &[f64]| values.iter().map(|value| value.max(0.0)).sum::<f64>();
        // No wider than twice the Hessian but where that is flat.
        assert!(trace(&values) < 2.0 * trace(&want) + 2.0 * p as f64 * curvature.rest, "{sizes:?}");
    }

    /// The bound is above the Hessian in every direction: with outliers that are equal (ten outputs that share their inputs), close
    /// together, and without any.
    #[test]
    fn the_curvature_is_not_below_the_hessian() {
        check(&[12, 10], Activation::Tanh, 2.0);
        check(&[9, 7, 10], Activation::Tanh, 1.5);
        check(&[9, 7, 10], Activation::Gelu, 0.0);
        check(&[4, 8, 3], Activation::Relu, 0.5);
        check(&[5, 6, 1], Activation::Tanh, 0.0);
    }
}
