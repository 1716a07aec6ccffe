//! SGD on models `f(θ, x) = φ(x · θ)`, sixteen replicas in a block.

use super::{SgdError, check};
use crate::dynamics::{Advanced, DIVERGENCE_LIMIT, Dynamics, ExitTest, RowBlock, TimeUnit};
use crate::lanes::{LANES, Lane, Real, dispatch};
use crate::random::{Gaussian, lane_index_pair};
use crate::{Problem, Sampling, SgdSettings};

/// A problem whose model is a function of the inner product of `θ` with an input, with one output.
pub trait RowModel: Problem {
    /// Input `x_μ` (`P`).
    fn input(&self, sample: usize) -> &[f64];

    /// Target `y_μ`.
    fn target(&self, sample: usize) -> f64;

    /// `(φ(z), φ'(z))`.
    fn link<R: Real>(z: R) -> (R, R);
}

/// The chain of [`Sgd`](super::Sgd) with batches drawn with replacement, from the same indices, in the precision of `R`.
/// Its results differ from that chain's by rounding only.
#[derive(Debug)]
pub struct RowSgd<'a, R, M> {
    model: &'a M,
    /// `−η/B`.
    factor: R,
    batch_size: usize,
    /// Inputs (`N × ⌈P/LANES⌉` vectors), padded with zeros.
    inputs: Vec<Lane<R>>,
    targets: Vec<R>,
}

impl<'a, R: Gaussian, M: RowModel> RowSgd<'a, R, M> {
    /// SGD on `model` with learning rate `η` and batches of `batch_size`.
    ///
    /// # Errors
    /// If no run can have these settings.
    pub fn new(model: &'a M, learning_rate: f64, batch_size: usize) -> Result<Self, SgdError> {
        let settings = SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement };
        check(model.samples(), &settings)?;
        let padded = |sample| {
            let pad = move |i: usize| model.input(sample).get(i).map_or(R::ZERO, |&x| R::from_f64(x));
            (0..model.dim().div_ceil(LANES)).map(move |c| Lane::from_fn(|k| pad(c * LANES + k)))
        };
        Ok(Self {
            model,
            factor: R::from_f64(-learning_rate / batch_size as f64),
            batch_size,
            inputs: (0..model.samples()).flat_map(padded).collect(),
            targets: (0..model.samples()).map(|sample| R::from_f64(model.target(sample))).collect(),
        })
    }

    /// The steps of `advance` for rows of `width` vectors, a constant where the call says one.
    #[inline(always)]
    fn steps(&self, block: &mut RowBlock<R>, steps: u64, exit: &ExitTest, width: usize) -> Advanced {
        let RowBlock { rows, clocks, samples, bounds, gradient, .. } = block;
        let n = self.targets.len() as u32;
        let mut done = Advanced::default();
        while done.steps < steps && done.ended() == 0 {
            for pair in samples.chunks_exact_mut(2) {
                pair.copy_from_slice(&lane_index_pair(&clocks.normals.rng.next(), n));
            }
            for (lane, theta) in rows.chunks_exact_mut(width).enumerate() {
                let gradient = &mut gradient[..width];
                gradient.fill(Lane::splat(R::ZERO));
                for drawn in &samples[..self.batch_size] {
                    let sample = drawn[lane] as usize;
                    let x = &self.inputs[sample * width..][..width];
                    let (value, slope) = M::link(dot(theta, x));
                    let weight = Lane::splat((value - self.targets[sample]) * slope);
                    for (g, x) in gradient.iter_mut().zip(x) {
                        *g = weight.mul_add(*x, *g);
                    }
                }
                let factor = Lane::splat(self.factor);
                for (x, g) in theta.iter_mut().zip(&*gradient) {
                    *x = factor.mul_add(*g, *x);
                }
                let end = row_end(theta, bounds, exit);
                done.diverged |= u32::from(end == End::Diverged) << lane;
                done.escaped |= u32::from(end == End::Escaped) << lane;
            }
            done.diverged &= clocks.occupied;
            done.escaped &= clocks.occupied;
            done.steps += 1;
        }
        clocks.count(done.steps);
        done
    }
}

/// What a test of one row finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    None,
    Escaped,
    Diverged,
}

/// Whether a replica has ended. The bounds are those of `exit`, padded like the row.
#[inline(always)]
fn row_end<R: Real>(theta: &[Lane<R>], bounds: &[Vec<Lane<R>>; 2], exit: &ExitTest) -> End {
    let limit = R::from_f64(DIVERGENCE_LIMIT);
    let (mut lost, mut outside) = (false, false);
    for x in theta {
        for k in 0..LANES {
            // True for NaN too.
            lost |= !(x.0[k].abs() < limit);
        }
    }
    match *exit {
        ExitTest::Never => {}
        ExitTest::Box { .. } => {
            for ((x, low), high) in theta.iter().zip(&bounds[0]).zip(&bounds[1]) {
                for k in 0..LANES {
                    outside |= (x.0[k] < low.0[k]) | (x.0[k] > high.0[k]);
                }
            }
        }
        ExitTest::Ball { radius_squared, .. } => {
            let mut square = Lane::splat(R::ZERO);
            for (x, centre) in theta.iter().zip(&bounds[0]) {
                let distance = *x - *centre;
                square = distance.mul_add(distance, square);
            }
            outside = sum(square) > R::from_f64(radius_squared);
        }
    }
    match (lost, outside) {
        (true, _) => End::Diverged,
        (false, true) => End::Escaped,
        (false, false) => End::None,
    }
}

/// The inner product of two rows: by lane, then [`sum`].
#[inline(always)]
fn dot<R: Real>(a: &[Lane<R>], b: &[Lane<R>]) -> R {
    let mut products = a[0] * b[0];
    for (a, b) in a.iter().zip(b).skip(1) {
        products = a.mul_add(*b, products);
    }
    sum(products)
}

/// The sum of all lanes, halving: the order that vector units sum in.
#[inline(always)]
fn sum<R: Real>(lanes: Lane<R>) -> R {
    let x = lanes.0;
    let x: [R; 8] = std::array::from_fn(|k| x[k] + x[k + 8]);
    let x: [R; 4] = std::array::from_fn(|k| x[k] + x[k + 4]);
    (x[0] + x[2]) + (x[1] + x[3])
}

impl<R: Gaussian, M: RowModel> Dynamics for RowSgd<'_, R, M> {
    type Block = RowBlock<R>;

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::Steps
    }

    fn dim(&self) -> usize {
        self.model.dim()
    }

    fn block(&self) -> RowBlock<R> {
        RowBlock::new(self.dim(), self.batch_size)
    }

    fn advance(&self, block: &mut RowBlock<R>, steps: u64, exit: &ExitTest) -> Advanced {
        block.set_bounds(exit);
        dispatch(
            #[inline(always)]
            || match block.width() {
                1 => self.steps(block, steps, exit, 1),
                2 => self.steps(block, steps, exit, 2),
                width => self.steps(block, steps, exit, width),
            },
        )
    }
}
