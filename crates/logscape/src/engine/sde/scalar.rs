//! The two equations of the loss in a parabola, with everything in registers: one normal number is most of a step.

use super::{SdeError, not_negative, positive, same_length};
use crate::engine::block::Masks;
use crate::engine::{Advanced, Dynamics, ExitTest, LaneBlock, TimeUnit};
use crate::lanes::{LANES, Lane, Real, dispatch};
use crate::problem::QuadraticBasin;
use crate::random::{Gaussian, Normals};

/// An Euler–Maruyama step in one dimension with a fixed length.
pub trait ScalarSde<R: Real>: Sync {
    /// What `s` is.
    const TIME_UNIT: TimeUnit;

    /// The equation in `L = L* + ½hθ²` with noise `strength = 2ηs/B`, in steps of length `step` (in `s`).
    fn new(minimum_loss: f64, curvature: f64, strength: f64, step: f64) -> Self;

    /// `θ` after a step with the normal number `w`, and what the clock `t` gains.
    fn step(&self, theta: Lane<R>, w: Lane<R>) -> (Lane<R>, Lane<R>);
}

/// [`DecoupledNoise`](super::DecoupledNoise) with `H* = h`: `dθ = −hθ dt + √(2ηshL/B) dW`.
#[derive(Debug, Clone, Copy)]
pub struct DecoupledBasin<R> {
    /// `1 − hΔ`.
    contraction: R,
    /// Variance of a step, `c₀ + c₂θ²`.
    variance: [R; 2],
    length: R,
}

impl<R: Real> ScalarSde<R> for DecoupledBasin<R> {
    const TIME_UNIT: TimeUnit = TimeUnit::LearningTime;

    fn new(minimum_loss: f64, curvature: f64, strength: f64, step: f64) -> Self {
        let per_loss = strength * curvature * step;
        Self {
            contraction: R::from_f64(1.0 - curvature * step),
            variance: [per_loss * minimum_loss, 0.5 * curvature * per_loss].map(R::from_f64),
            length: R::from_f64(step),
        }
    }

    #[inline(always)]
    fn step(&self, theta: Lane<R>, w: Lane<R>) -> (Lane<R>, Lane<R>) {
        let mut next = theta;
        for k in 0..LANES {
            let x = theta.0[k];
            let deviation = (x * x).mul_add(self.variance[1], self.variance[0]).sqrt();
            next.0[k] = deviation.mul_add(w.0[k], self.contraction * x);
        }
        (next, Lane::splat(self.length))
    }
}

/// [`LogLandscape`](super::LogLandscape) with `H* = h`: `dθ = −hθ/L dτ + √(2ηsh/B) dW_τ`, `dt = dτ/L`.
#[derive(Debug, Clone, Copy)]
pub struct LogBasin<R> {
    minimum_loss: R,
    curvature: R,
    half_curvature: R,
    length: R,
    deviation: R,
}

impl<R: Real> ScalarSde<R> for LogBasin<R> {
    const TIME_UNIT: TimeUnit = TimeUnit::LandscapeTime;

    fn new(minimum_loss: f64, curvature: f64, strength: f64, step: f64) -> Self {
        Self {
            minimum_loss: R::from_f64(minimum_loss),
            curvature: R::from_f64(curvature),
            half_curvature: R::from_f64(0.5 * curvature),
            length: R::from_f64(step),
            deviation: R::from_f64((strength * curvature * step).sqrt()),
        }
    }

    #[inline(always)]
    fn step(&self, theta: Lane<R>, w: Lane<R>) -> (Lane<R>, Lane<R>) {
        let (mut next, mut gain) = (theta, theta);
        for k in 0..LANES {
            let x = theta.0[k];
            gain.0[k] = self.length / (x * x).mul_add(self.half_curvature, self.minimum_loss);
            let drifted = (-self.curvature * x).mul_add(gain.0[k], x);
            next.0[k] = self.deviation.mul_add(w.0[k], drifted);
        }
        (next, gain)
    }
}

/// The dynamics of a [`ScalarSde`]: the chain of [`Diffusion`](super::Diffusion) with
/// [`EulerMaruyama`](super::EulerMaruyama), from the same normal numbers, but for rounding.
#[derive(Debug, Clone, Copy)]
pub struct ScalarDiffusion<S> {
    equation: S,
    step: f64,
}

impl<S> ScalarDiffusion<S> {
    /// The equation in the one-dimensional `basin` with noise `strength = 2ηs/B`, in steps of length `step` (in `s`).
    ///
    /// # Errors
    /// If the basin has more dimensions, or a number is not finite or has the wrong sign.
    pub fn new<R: Real>(basin: &QuadraticBasin, strength: f64, step: f64) -> Result<Self, SdeError>
    where
        S: ScalarSde<R>,
    {
        same_length("list of curvatures", basin.curvatures().len(), 1)?;
        let strength = not_negative("noise strength", strength)?;
        let step = positive("step", step)?;
        Ok(Self { equation: S::new(basin.minimum_loss(), basin.curvatures()[0], strength, step), step })
    }
}

/// The intervals that the replicas stay in while nothing has happened to them.
fn intervals<R: Real>(exit: &ExitTest) -> [Lane<R>; 2] {
    let ends = Lane::from_fn(|lane| interval::<R>(exit, lane));
    [0, 1].map(|end| Lane::from_fn(|lane| R::from_f64(ends.0[lane][end])))
}

fn interval<R: Real>(exit: &ExitTest, lane: usize) -> [f64; 2] {
    let limit = R::DIVERGENCE_LIMIT.to_f64();
    let ball = |centre: f64, radius_squared: f64| {
        let radius = radius_squared.sqrt();
        [(centre - radius).max(-limit), (centre + radius).min(limit)]
    };
    match *exit {
        ExitTest::Never => [-limit, limit],
        ExitTest::Box { lower, upper } => [lower[0].max(-limit), upper[0].min(limit)],
        ExitTest::Ball { centre, radius_squared } => ball(centre[0], radius_squared),
        ExitTest::Balls { centres, radii_squared } => ball(centres[lane], radii_squared[lane]),
        ExitTest::HalfSpaces { normals, offsets } => {
            normals.iter().zip(offsets).fold([-limit, limit], |[low, high], (n, offset)| match *n {
                n if n > 0.0 => [low, high.min(offset / n)],
                n if n < 0.0 => [low.max(offset / n), high],
                _ => [low, high],
            })
        }
    }
}

/// Bit `k` is set where lane `k` is not within its interval, or not a number.
#[inline(always)]
fn outside<R: Real>(x: &Lane<R>, [low, high]: &[Lane<R>; 2]) -> u32 {
    let mut mask = 0;
    for k in 0..LANES {
        mask |= u32::from(!((x.0[k] >= low.0[k]) & (x.0[k] <= high.0[k]))) << k;
    }
    mask
}

macro_rules! scalar_dynamics {
    ($($equation:ident)*) => {$(
        impl<R: Gaussian> Dynamics for ScalarDiffusion<$equation<R>> {
            type Block = LaneBlock<R>;

            fn time_unit(&self) -> TimeUnit {
                <$equation<R> as ScalarSde<R>>::TIME_UNIT
            }

            fn dim(&self) -> usize {
                1
            }

            fn block(&self) -> LaneBlock<R> {
                LaneBlock::new(1, 0)
            }

            fn advance(&self, block: &mut LaneBlock<R>, steps: u64, exit: &ExitTest) -> Advanced {
                dispatch(
                    #[inline(always)]
                    || advance(&self.equation, self.step, block, steps, exit),
                )
            }
        }
    )*};
}

scalar_dynamics! { DecoupledBasin LogBasin }

/// Pairs of steps that are taken before they are looked at.
const PAIRS: u64 = 8;

/// Whatever a step changes.
#[derive(Clone)]
struct Moving<R> {
    theta: Lane<R>,
    time: Lane<f64>,
    normals: Normals<R>,
}

impl<R: Gaussian> Moving<R> {
    #[inline(always)]
    fn step<S: ScalarSde<R>>(&mut self, equation: &S, w: Lane<R>) {
        let (next, gain) = equation.step(self.theta, w);
        self.theta = next;
        if S::TIME_UNIT == TimeUnit::LandscapeTime {
            for k in 0..LANES {
                self.time.0[k] += gain.0[k].to_f64();
            }
        }
    }

    /// Takes [`PAIRS`] pairs of steps; returns whether no occupied lane was outside after any of them.
    #[inline(always)]
    fn pairs<S: ScalarSde<R>>(&mut self, equation: &S, bounds: &[Lane<R>; 2], occupied: u32) -> bool {
        let (mut lowest, mut highest) = (self.theta, self.theta);
        for _ in 0..PAIRS {
            for w in self.normals.draw_two() {
                self.step(equation, w);
                for k in 0..LANES {
                    let x = self.theta.0[k];
                    lowest.0[k] = if x < lowest.0[k] { x } else { lowest.0[k] };
                    highest.0[k] = if x > highest.0[k] { x } else { highest.0[k] };
                }
            }
        }
        // What is not a number is passed over above, but stays.
        (outside(&lowest, bounds) | outside(&highest, bounds) | outside(&self.theta, bounds)) & occupied == 0
    }
}

/// Steps until a replica leaves the interval: in chunks, and where one has left within a chunk, again one by one.
#[inline(always)]
fn advance<R: Gaussian, S: ScalarSde<R>>(
    equation: &S,
    length: f64,
    block: &mut LaneBlock<R>,
    steps: u64,
    exit: &ExitTest,
) -> Advanced {
    let (bounds, occupied) = (intervals(exit), block.clocks.occupied);
    let LaneBlock { theta, clocks, .. } = &mut *block;
    let mut moving = Moving { theta: theta[0], time: clocks.time, normals: clocks.normals.clone() };
    let (mut taken, mut left, mut careful) = (0, 0, 0);
    while taken < steps && left == 0 {
        if careful == 0 && steps - taken >= 2 * PAIRS && moving.normals.can_draw_two() {
            let before = moving.clone();
            if moving.pairs(equation, &bounds, occupied) {
                taken += 2 * PAIRS;
                continue;
            }
            (moving, careful) = (before, 2 * PAIRS);
        }
        let w = moving.normals.draw();
        moving.step(equation, w);
        left = outside(&moving.theta, &bounds) & occupied;
        taken += 1;
        careful = careful.saturating_sub(1);
    }
    (theta[0], clocks.time, clocks.normals) = (moving.theta, moving.time, moving.normals);
    if S::TIME_UNIT == TimeUnit::LandscapeTime {
        clocks.count(taken);
    } else {
        clocks.count_of(taken, length);
    }
    let (escaped, diverged) = if left == 0 { (0, 0) } else { block.masks(exit) };
    Masks { steps: taken, escaped, diverged }.tell(&mut block.clocks.ends)
}
