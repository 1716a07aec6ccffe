//! SGD on models `f(θ, x) = φ(x · θ)`, sixteen replicas in a block.

use super::{SgdError, check};
use crate::dynamics::{Advanced, CHUNK, DIVERGENCE_LIMIT, Dynamics, ExitTest, RowBlock, TimeUnit, block::Batch};
use crate::lanes::{LANES, Real, dispatch};
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
    learning_rate: f64,
    /// `−η/B`.
    factor: R,
    batch_size: usize,
    /// Inputs (`N × ⌈P/CHUNK⌉` chunks), padded with zeros.
    inputs: Vec<[R; CHUNK]>,
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
            (0..model.dim().div_ceil(CHUNK)).map(move |c| std::array::from_fn(|k| pad(c * CHUNK + k)))
        };
        Ok(Self {
            model,
            learning_rate,
            factor: R::from_f64(-learning_rate / batch_size as f64),
            batch_size,
            inputs: (0..model.samples()).flat_map(padded).collect(),
            targets: (0..model.samples()).map(|sample| R::from_f64(model.target(sample))).collect(),
        })
    }

    /// Adds the products of `W` chunks of `θ`, from number `first` on, with the samples' to their partial sums.
    #[inline(always)]
    fn project<const W: usize>(&self, theta: &[[R; CHUNK]], first: usize, drawn: &[u32], partial: &mut [[R; CHUNK]]) {
        let width = theta.len();
        let theta: [[R; CHUNK]; W] = tile(theta, first);
        for (&sample, partial) in drawn.iter().zip(partial) {
            let x: [[R; CHUNK]; W] = tile(&self.inputs, sample as usize * width + first);
            let mut sum = *partial;
            for c in 0..W {
                for k in 0..CHUNK {
                    sum[k] = theta[c][k].mul_add(x[c][k], sum[k]);
                }
            }
            *partial = sum;
        }
    }

    /// The step of `W` chunks of `θ`, from number `first` on.
    #[inline(always)]
    fn update<const W: usize>(&self, theta: &mut [[R; CHUNK]], first: usize, drawn: &[u32], weights: &[R]) {
        let width = theta.len();
        let mut gradient = [[R::ZERO; CHUNK]; W];
        for (&sample, &weight) in drawn.iter().zip(weights) {
            let x: [[R; CHUNK]; W] = tile(&self.inputs, sample as usize * width + first);
            for c in 0..W {
                for k in 0..CHUNK {
                    gradient[c][k] = weight.mul_add(x[c][k], gradient[c][k]);
                }
            }
        }
        for (theta, gradient) in theta[first..first + W].iter_mut().zip(gradient) {
            for k in 0..CHUNK {
                theta[k] = self.factor.mul_add(gradient[k], theta[k]);
            }
        }
    }

    /// Weights `(φ(z) − y) φ'(z)` from partial sums of `z` and targets, sixteen at a time.
    #[inline(always)]
    fn weigh(partial: &[[R; CHUNK]], targets: &[R], weights: &mut [R]) {
        for ((partial, targets), weights) in
            partial.chunks_exact(LANES).zip(targets.chunks_exact(LANES)).zip(weights.chunks_exact_mut(LANES))
        {
            for k in 0..LANES {
                let [a, b, c, d] = partial[k];
                let (value, slope) = M::link((a + c) + (b + d));
                weights[k] = (value - targets[k]) * slope;
            }
        }
    }

    /// One step of the replica `theta`.
    #[inline(always)]
    fn step(&self, theta: &mut [[R; CHUNK]], batch: &mut Batch<R>) {
        let Batch { drawn, partial, targets, weights } = batch;
        for ((partial, target), &sample) in partial.iter_mut().zip(targets.iter_mut()).zip(&*drawn) {
            *partial = [R::ZERO; CHUNK];
            *target = self.targets[sample as usize];
        }
        for first in (0..theta.len()).step_by(4) {
            match theta.len() - first {
                1 => self.project::<1>(theta, first, drawn, partial),
                2 => self.project::<2>(theta, first, drawn, partial),
                3 => self.project::<3>(theta, first, drawn, partial),
                _ => self.project::<4>(theta, first, drawn, partial),
            }
        }
        Self::weigh(partial, targets, weights);
        for first in (0..theta.len()).step_by(4) {
            match theta.len() - first {
                1 => self.update::<1>(theta, first, drawn, weights),
                2 => self.update::<2>(theta, first, drawn, weights),
                3 => self.update::<3>(theta, first, drawn, weights),
                _ => self.update::<4>(theta, first, drawn, weights),
            }
        }
    }

    /// The steps of `advance`.
    #[inline(always)]
    fn steps(&self, block: &mut RowBlock<R>, steps: u64, exit: &ExitTest) -> Advanced {
        let width = block.width();
        let RowBlock { rows, clocks, bounds, batches, .. } = block;
        let n = self.targets.len() as u32;
        let mut done = Advanced::default();
        while done.steps < steps && done.ended() == 0 {
            for first in (0..self.batch_size).step_by(2) {
                let pair = lane_index_pair(&clocks.normals.rng.words(), n);
                for (k, indices) in pair.iter().enumerate().take(self.batch_size - first) {
                    batches.iter_mut().zip(indices.0).for_each(|(batch, index)| batch.drawn[first + k] = index);
                }
            }
            for (lane, (theta, batch)) in rows.chunks_exact_mut(width).zip(batches.iter_mut()).enumerate() {
                self.step(theta, batch);
                let end = row_end(theta, bounds, exit);
                done.diverged |= u32::from(end == End::Diverged) << lane;
                done.escaped |= u32::from(end == End::Escaped) << lane;
            }
            done.diverged &= clocks.occupied;
            done.escaped &= clocks.occupied;
            done.steps += 1;
        }
        clocks.count_of(done.steps, self.learning_rate);
        done
    }
}

/// `W` chunks from number `first` on.
#[inline(always)]
fn tile<R: Copy, const W: usize>(chunks: &[[R; CHUNK]], first: usize) -> [[R; CHUNK]; W] {
    let tile = &chunks[first..first + W];
    std::array::from_fn(|c| tile[c])
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
fn row_end<R: Real>(theta: &[[R; CHUNK]], bounds: &[Vec<[R; CHUNK]>; 2], exit: &ExitTest) -> End {
    let limit = R::from_f64(DIVERGENCE_LIMIT);
    let (mut sane, mut outside) = ([true; CHUNK], [false; CHUNK]);
    for x in theta {
        for k in 0..CHUNK {
            // False for NaN too.
            sane[k] &= x[k].abs() < limit;
        }
    }
    match *exit {
        ExitTest::Never => {}
        ExitTest::Box { .. } => {
            for ((x, low), high) in theta.iter().zip(&bounds[0]).zip(&bounds[1]) {
                for k in 0..CHUNK {
                    outside[k] |= (x[k] < low[k]) | (x[k] > high[k]);
                }
            }
        }
        ExitTest::Ball { radius_squared, .. } => {
            let mut square = [R::ZERO; CHUNK];
            for (x, centre) in theta.iter().zip(&bounds[0]) {
                for k in 0..CHUNK {
                    let distance = x[k] - centre[k];
                    square[k] = distance.mul_add(distance, square[k]);
                }
            }
            let [a, b, c, d] = square;
            outside[0] = (a + c) + (b + d) > R::from_f64(radius_squared);
        }
    }
    let sane = sane.iter().fold(true, |all, flag| all & flag);
    let outside = outside.iter().fold(false, |any, flag| any | flag);
    match (sane, outside) {
        (false, _) => End::Diverged,
        (true, true) => End::Escaped,
        (true, false) => End::None,
    }
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
            || self.steps(block, steps, exit),
        )
    }
}
