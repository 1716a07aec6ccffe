//! SGD on models `f(θ, x) = φ(x · θ)`, sixteen replicas in a block.

use super::{SgdError, check};
use crate::engine::block::Masks;
use crate::engine::{Advanced, CHUNK, Dynamics, ExitTest, RowBlock, TimeUnit};
use crate::lanes::{LANES, Lane, Real, dispatch};
use crate::problem::RowModel;
use crate::random::{Gaussian, lane_index_pair};
use crate::{Sampling, SgdSettings};

/// The chain of [`Sgd`](super::Sgd) with batches drawn with replacement, from the same indices, in the precision of `R`.
/// Its results differ from that chain's by rounding only.
#[derive(Debug)]
pub struct RowSgd<'a, R, M> {
    model: &'a M,
    learning_rate: f64,
    /// `−η/B`.
    factor: R,
    batch_size: usize,
    /// Inputs, padded with zeros, and in a chunk of its own the target, of each sample (`N × (⌈P/CHUNK⌉ + 1)` chunks).
    data: Vec<[R; CHUNK]>,
}

impl<'a, R: Gaussian, M: RowModel> RowSgd<'a, R, M> {
    /// SGD on `model` with learning rate `η` and batches of `batch_size`.
    ///
    /// # Errors
    /// If no run can have these settings.
    pub fn new(model: &'a M, learning_rate: f64, batch_size: usize) -> Result<Self, SgdError> {
        let settings = SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement };
        check(model.samples(), &settings)?;
        let stride = model.dim().div_ceil(CHUNK) + 1;
        let row = |sample| {
            let input = model.input(sample);
            let entry = move |i: usize| input.get(i).map_or(R::ZERO, |&x| R::from_f64(x));
            let chunk = move |c: usize| std::array::from_fn(|k| entry(c * CHUNK + k));
            let target = [R::from_f64(model.target(sample)), R::ZERO, R::ZERO, R::ZERO];
            (0..stride - 1).map(chunk).chain([target])
        };
        Ok(Self {
            model,
            learning_rate,
            factor: R::from_f64(-learning_rate / batch_size as f64),
            batch_size,
            data: (0..model.samples()).flat_map(row).collect(),
        })
    }

    /// The weight `(φ(z) − y) φ'(z)` of an input in the gradient, from partial sums of `z`.
    #[inline(always)]
    fn weight(partial: &[R; CHUNK], target: R) -> R {
        let (value, slope) = M::link((partial[0] + partial[2]) + (partial[1] + partial[3]));
        (value - target) * slope
    }

    /// Adds the gradients of `S` samples at `theta`, whose `W` chunks stay in registers. Several samples together fill
    /// the time that the sum of each takes. `V` is `W + 1`.
    #[inline(always)]
    fn add<const W: usize, const V: usize, const S: usize>(
        data: &[[[R; CHUNK]; V]],
        theta: &[[R; CHUNK]; W],
        samples: [u32; S],
        gradient: &mut [[R; CHUNK]; W],
    ) {
        // Indices are below the length; the minimum says so without a branch.
        let last = data.len() - 1;
        let mut partial = [[R::ZERO; CHUNK]; S];
        for j in 0..S {
            let row = &data[(samples[j] as usize).min(last)];
            for c in 0..W {
                for k in 0..CHUNK {
                    partial[j][k] = theta[c][k].mul_add(row[c][k], partial[j][k]);
                }
            }
        }
        // In a loop of its own, which becomes vector code over the samples.
        let mut weights = [R::ZERO; S];
        for j in 0..S {
            weights[j] = Self::weight(&partial[j], data[(samples[j] as usize).min(last)][W][0]);
        }
        for j in 0..S {
            let row = &data[(samples[j] as usize).min(last)];
            for c in 0..W {
                for k in 0..CHUNK {
                    gradient[c][k] = weights[j].mul_add(row[c][k], gradient[c][k]);
                }
            }
        }
    }

    /// One step of the replica in `lane` at `theta`.
    // Calls of iterators' methods would not all be inlined here, and cost more than the arithmetic.
    #[inline(always)]
    fn step<const W: usize, const V: usize>(
        &self,
        data: &[[[R; CHUNK]; V]],
        theta: &mut [[R; CHUNK]; W],
        (quads, rest): (&[[Lane<u32>; 4]], &[Lane<u32>]),
        lane: usize,
    ) {
        let now = *theta;
        let mut gradient = [[R::ZERO; CHUNK]; W];
        for q in 0..quads.len() {
            let [a, b, c, d] = &quads[q];
            Self::add(data, &now, [a.0[lane], b.0[lane], c.0[lane], d.0[lane]], &mut gradient);
        }
        if let [a, b, ..] = rest {
            Self::add(data, &now, [a.0[lane], b.0[lane]], &mut gradient);
        }
        if let [a] | [_, _, a] = rest {
            Self::add(data, &now, [a.0[lane]], &mut gradient);
        }
        for c in 0..W {
            for k in 0..CHUNK {
                theta[c][k] = self.factor.mul_add(gradient[c][k], now[c][k]);
            }
        }
    }

    /// [`step`](Self::step) of a replica of any number of chunks, with room for its gradient.
    #[inline(always)]
    fn step_wide(
        &self,
        data: &[[R; CHUNK]],
        rows: &mut [[R; CHUNK]],
        drawn: &[Lane<u32>],
        lane: usize,
        gradient: &mut [[R; CHUNK]],
    ) {
        let width = gradient.len();
        let theta = &mut rows[lane * width..][..width];
        gradient.fill([R::ZERO; CHUNK]);
        for samples in drawn {
            let input = &data[samples.0[lane] as usize * (width + 1)..][..=width];
            // Four sums at a time, since each has to wait for itself.
            let mut partial = [[R::ZERO; CHUNK]; 4];
            let tiled = width - width % 4;
            for tile in (0..tiled).step_by(4) {
                for c in 0..4 {
                    for k in 0..CHUNK {
                        partial[c][k] = theta[tile + c][k].mul_add(input[tile + c][k], partial[c][k]);
                    }
                }
            }
            for c in tiled..width {
                for k in 0..CHUNK {
                    partial[0][k] = theta[c][k].mul_add(input[c][k], partial[0][k]);
                }
            }
            let [mut sum, b, c, d] = partial;
            for k in 0..CHUNK {
                sum[k] = (sum[k] + c[k]) + (b[k] + d[k]);
            }
            let weight = Self::weight(&sum, input[width][0]);
            for c in 0..width {
                for k in 0..CHUNK {
                    gradient[c][k] = weight.mul_add(input[c][k], gradient[c][k]);
                }
            }
        }
        for c in 0..width {
            for k in 0..CHUNK {
                theta[c][k] = self.factor.mul_add(gradient[c][k], theta[c][k]);
            }
        }
    }

    /// The steps of `advance`, where `step` moves the replica of a lane among all rows and `ends` are those of all.
    #[inline(always)]
    fn steps(
        &self,
        block: &mut RowBlock<R>,
        steps: u64,
        samples: u32,
        step: impl Fn(&mut [[R; CHUNK]], &[Lane<u32>], usize, &mut [[R; CHUNK]]),
        ends: impl Fn(&[[R; CHUNK]], &[Vec<[R; CHUNK]>; 2]) -> (u32, u32),
    ) -> Advanced {
        let RowBlock { rows, clocks, bounds, drawn, gradient, .. } = block;
        let mut done = Masks::default();
        while done.steps < steps && !done.ended() {
            let mut j = 0;
            while j < drawn.len() {
                let pair = lane_index_pair(&clocks.normals.rng.words(), samples);
                drawn[j] = pair[0];
                if j + 1 < drawn.len() {
                    drawn[j + 1] = pair[1];
                }
                j += 2;
            }
            for lane in 0..LANES {
                step(rows, drawn, lane, gradient);
            }
            (done.escaped, done.diverged) = ends(rows, bounds);
            done.diverged &= clocks.occupied;
            done.escaped &= clocks.occupied & !done.diverged;
            done.steps += 1;
        }
        clocks.count_of(done.steps, self.learning_rate);
        done.tell(&mut clocks.ends)
    }
}

/// Masks of the lanes outside and of those that have diverged, where `row` gives the chunks of a lane. The bounds are those of
/// `exit`, padded like a row.
#[inline(always)]
fn ends<'r, R: Real>(
    row: impl Fn(usize) -> &'r [[R; CHUNK]],
    bounds: &[Vec<[R; CHUNK]>; 2],
    exit: &ExitTest,
) -> (u32, u32) {
    let width = row(0).len();
    let limit = R::DIVERGENCE_LIMIT;
    // Flags are whole numbers, since those of a chunk stay in a vector where truth values would not.
    let mut sane = [1; CHUNK];
    for lane in 0..LANES {
        for c in 0..width {
            for k in 0..CHUNK {
                // False for NaN too.
                sane[k] &= u32::from(row(lane)[c][k].abs() < limit);
            }
        }
    }
    let mut diverged = 0;
    if sane != [1; CHUNK] {
        for lane in 0..LANES {
            let sane = row(lane).as_flattened().iter().all(|x| x.abs() < limit);
            diverged |= u32::from(!sane) << lane;
        }
    }
    let (low, high) = (&bounds[0][..], &bounds[1][..]);
    let mut sums = [[R::ZERO; CHUNK]; LANES];
    let outside = match *exit {
        ExitTest::Never => 0,
        ExitTest::Box { .. } => {
            let (low, high) = (&low[..width], &high[..width]);
            for lane in 0..LANES {
                for c in 0..width {
                    for k in 0..CHUNK {
                        let x = row(lane)[c][k];
                        sums[lane][k] = larger(sums[lane][k], larger(low[c][k] - x, x - high[c][k]));
                    }
                }
            }
            lanes_where(&sums, |[a, b, c, d]| larger(larger(a, c), larger(b, d)) > R::ZERO)
        }
        ExitTest::Ball { radius_squared, .. } => {
            let centre = &low[..width];
            for lane in 0..LANES {
                for c in 0..width {
                    for k in 0..CHUNK {
                        let distance = row(lane)[c][k] - centre[c][k];
                        sums[lane][k] = distance.mul_add(distance, sums[lane][k]);
                    }
                }
            }
            let limit = R::from_f64(radius_squared);
            lanes_where(&sums, |[a, b, c, d]| (a + c) + (b + d) > limit)
        }
        ExitTest::Balls { radii_squared, .. } => {
            let mut mask = 0;
            for lane in 0..LANES {
                let centre = &low[lane * width..][..width];
                for c in 0..width {
                    for k in 0..CHUNK {
                        let distance = row(lane)[c][k] - centre[c][k];
                        sums[lane][k] = distance.mul_add(distance, sums[lane][k]);
                    }
                }
                let [a, b, c, d] = sums[lane];
                mask |= u32::from((a + c) + (b + d) > R::from_f64(radii_squared[lane])) << lane;
            }
            mask
        }
        ExitTest::HalfSpaces { offsets, .. } => {
            let mut mask = 0;
            for j in 0..offsets.len() {
                let normal = &low[j * width..][..width];
                let mut height = sums;
                for lane in 0..LANES {
                    for c in 0..width {
                        for k in 0..CHUNK {
                            height[lane][k] = normal[c][k].mul_add(row(lane)[c][k], height[lane][k]);
                        }
                    }
                }
                let offset = R::from_f64(offsets[j]);
                mask |= lanes_where(&height, |[a, b, c, d]| (a + c) + (b + d) > offset);
            }
            mask
        }
    };
    (outside, diverged)
}

/// The larger number; the second where one is none.
#[inline(always)]
fn larger<R: Real>(a: R, b: R) -> R {
    if a > b { a } else { b }
}

/// Mask of the lanes whose four partial results pass a test.
#[inline(always)]
fn lanes_where<R: Real>(partial: &[[R; CHUNK]; LANES], test: impl Fn([R; CHUNK]) -> bool) -> u32 {
    let mut mask = 0;
    for lane in 0..LANES {
        mask |= u32::from(test(partial[lane])) << lane;
    }
    mask
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
        let (width, samples, data) = (block.width(), self.model.samples() as u32, &self.data[..]);
        macro_rules! steps {
            ($(($narrow:literal, $stride:literal))*) => {
                match width {
                    $($narrow => {
                        let (data, _) = data.as_chunks::<$stride>();
                        self.steps(
                            block,
                            steps,
                            samples,
                            #[inline(always)]
                            |rows, drawn, lane, _| {
                                let (rows, _) = rows.as_chunks_mut::<$narrow>();
                                self.step::<$narrow, $stride>(data, &mut rows[lane], drawn.as_chunks::<4>(), lane);
                            },
                            #[inline(always)]
                            |rows, bounds| {
                                let rows: &[[_; $narrow]; LANES] = rows.as_chunks().0.try_into().expect("a block has all its rows");
                                ends(#[inline(always)] |lane| &rows[lane], bounds, exit)
                            },
                        )
                    })*
                    _ => self.steps(
                        block,
                        steps,
                        samples,
                        #[inline(always)]
                        |rows, drawn, lane, room| self.step_wide(data, rows, drawn, lane, room),
                        #[inline(always)]
                        |rows, bounds| ends(#[inline(always)] |lane| &rows[lane * width..][..width], bounds, exit),
                    ),
                }
            };
        }
        dispatch(
            #[inline(always)]
            || steps!((1, 2)(2, 3)(3, 4)(4, 5)),
        )
    }
}
