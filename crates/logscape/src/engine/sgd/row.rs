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
    /// From `start` on, where a line of the cache begins: inputs, padded with zeros, and in a chunk of its own the target, of
    /// each sample (`N × (⌈P/CHUNK⌉ + 1)` chunks).
    data: Vec<R>,
    start: usize,
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
        let mut data = vec![R::ZERO; model.samples() * stride * CHUNK + LANES];
        let start = data.as_ptr().align_offset(align_of::<Lane<R>>()).min(LANES);
        for (sample, row) in data[start..].chunks_exact_mut(stride * CHUNK).take(model.samples()).enumerate() {
            row.iter_mut().zip(model.input(sample)).for_each(|(entry, &x)| *entry = R::from_f64(x));
            row[(stride - 1) * CHUNK] = R::from_f64(model.target(sample));
        }
        Ok(Self {
            model,
            learning_rate,
            factor: R::from_f64(-learning_rate / batch_size as f64),
            batch_size,
            data,
            start,
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

/// Masks of the lanes outside and of those that have diverged, where `row` gives the chunks of a lane of `rows`. The bounds are
/// those of `exit`, padded like a row.
#[inline(always)]
fn ends<'r, R: Real>(
    rows: &[[R; CHUNK]],
    row: impl Fn(usize) -> &'r [[R; CHUNK]],
    bounds: &[Vec<[R; CHUNK]>; 2],
    exit: &ExitTest,
) -> (u32, u32) {
    let width = row(0).len();
    let limit = R::DIVERGENCE_LIMIT;
    // Flags are whole numbers, since those of a chunk stay in a vector where truth values would not; and those of four lanes
    // stand apart, so that none has to wait for all others.
    let mut sane = [[1; CHUNK]; 4];
    for lane in 0..LANES {
        for c in 0..width {
            for k in 0..CHUNK {
                // False for NaN too.
                sane[lane % 4][k] &= u32::from(row(lane)[c][k].abs() < limit);
            }
        }
    }
    let mut diverged = 0;
    if sane != [[1; CHUNK]; 4] {
        for lane in 0..LANES {
            let sane = row(lane).as_flattened().iter().all(|x| x.abs() < limit);
            diverged |= u32::from(!sane) << lane;
        }
    }
    let (low, high) = (&bounds[0][..], &bounds[1][..]);
    let outside = match *exit {
        ExitTest::Never => 0,
        ExitTest::Box { .. } => {
            let (low, high) = (&low[..width], &high[..width]);
            let mut inside = [[1; CHUNK]; 4];
            for lane in 0..LANES {
                for c in 0..width {
                    for k in 0..CHUNK {
                        let x = row(lane)[c][k];
                        inside[lane % 4][k] &= u32::from((x >= low[c][k]) & (x <= high[c][k]));
                    }
                }
            }
            if inside == [[1; CHUNK]; 4] { 0 } else { outside_of_box(rows, low, high) }
        }
        ExitTest::Ball { radius_squared, .. } => {
            let (centre, limit) = (&low[..width], R::from_f64(radius_squared));
            outside_of_balls(
                row,
                #[inline(always)]
                |_| centre,
                #[inline(always)]
                |_| limit,
            )
        }
        ExitTest::Balls { .. } | ExitTest::HalfSpaces { .. } => outside_of_others(rows, width, low, exit),
    };
    (outside, diverged)
}

/// Mask of the lanes outside of a box.
#[cold]
#[inline(never)]
fn outside_of_box<R: Real>(rows: &[[R; CHUNK]], low: &[[R; CHUNK]], high: &[[R; CHUNK]]) -> u32 {
    let mut mask = 0;
    dispatch(
        #[inline(always)]
        || {
            for (lane, row) in rows.chunks_exact(low.len()).enumerate() {
                let mut inside = [1; CHUNK];
                for c in 0..row.len() {
                    for k in 0..CHUNK {
                        let x = row[c][k];
                        inside[k] &= u32::from((x >= low[c][k]) & (x <= high[c][k]));
                    }
                }
                mask |= u32::from(inside != [1; CHUNK]) << lane;
            }
        },
    );
    mask
}

/// Mask of the lanes outside of their balls, of centres `centre` and squares of radii `limit`.
#[inline(always)]
fn outside_of_balls<'r, 'c, R: Real>(
    row: impl Fn(usize) -> &'r [[R; CHUNK]],
    centre: impl Fn(usize) -> &'c [[R; CHUNK]],
    limit: impl Fn(usize) -> R,
) -> u32 {
    let mut squares = [R::ZERO; LANES];
    for lane in 0..LANES {
        let (row, centre) = (row(lane), centre(lane));
        let mut sum = [R::ZERO; CHUNK];
        for c in 0..row.len() {
            for k in 0..CHUNK {
                let distance = row[c][k] - centre[c][k];
                sum[k] = distance.mul_add(distance, sum[k]);
            }
        }
        squares[lane] = (sum[0] + sum[2]) + (sum[1] + sum[3]);
    }
    above(&squares, limit)
}

/// Mask of the lanes outside of a region that is neither a box nor one ball.
// Apart, since the code for those would be slower beside it.
#[inline(never)]
fn outside_of_others<R: Real>(rows: &[[R; CHUNK]], width: usize, low: &[[R; CHUNK]], exit: &ExitTest) -> u32 {
    let row = |lane: usize| &rows[lane * width..][..width];
    dispatch(
        #[inline(always)]
        || match *exit {
            ExitTest::Balls { radii_squared, .. } => outside_of_balls(
                row,
                #[inline(always)]
                |lane| &low[lane * width..][..width],
                #[inline(always)]
                |lane| R::from_f64(radii_squared[lane]),
            ),
            ExitTest::HalfSpaces { offsets, .. } => {
                let mut mask = 0;
                for j in 0..offsets.len() {
                    let (normal, offset) = (&low[j * width..][..width], R::from_f64(offsets[j]));
                    let mut heights = [R::ZERO; LANES];
                    for lane in 0..LANES {
                        let row = row(lane);
                        let mut sum = [R::ZERO; CHUNK];
                        for c in 0..width {
                            for k in 0..CHUNK {
                                sum[k] = normal[c][k].mul_add(row[c][k], sum[k]);
                            }
                        }
                        heights[lane] = (sum[0] + sum[2]) + (sum[1] + sum[3]);
                    }
                    mask |= above(
                        &heights,
                        #[inline(always)]
                        |_| offset,
                    );
                }
                mask
            }
            ExitTest::Never | ExitTest::Box { .. } | ExitTest::Ball { .. } => unreachable!("tested with the step"),
        },
    )
}

/// Mask of the lanes whose value is above its limit. Most often there are none, and one question is asked of all.
#[inline(always)]
fn above<R: Real>(values: &[R; LANES], limit: impl Fn(usize) -> R) -> u32 {
    let mut any = 0;
    for lane in 0..LANES {
        any |= u32::from(values[lane] > limit(lane));
    }
    let mut mask = 0;
    if any != 0 {
        for lane in 0..LANES {
            mask |= u32::from(values[lane] > limit(lane)) << lane;
        }
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
        let (width, samples) = (block.width(), self.model.samples() as u32);
        let used = self.model.samples() * (width + 1) * CHUNK;
        let data = self.data[self.start..][..used].as_chunks().0;
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
                                let all: &[[_; $narrow]; LANES] = rows.as_chunks().0.try_into().expect("a block has all its rows");
                                ends(rows, #[inline(always)] |lane| &all[lane], bounds, exit)
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
                        |rows, bounds| ends(rows, #[inline(always)] |lane| &rows[lane * width..][..width], bounds, exit),
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
