//! SGD on models of two parameters whose gradient depends on a batch by a few sums, sixteen replicas in a block.

use super::{SgdError, check};
use crate::engine::block::{Masks, ends, is_bounded};
use crate::engine::{Advanced, Dynamics, ExitTest, LaneBlock, TimeUnit};
use crate::lanes::{LANES, Lane, ROW, Real, Shuffles, dispatch};
use crate::problem::SumModel;
use crate::random::{Gaussian, LaneRng, lane_index_words};
use crate::{Sampling, SgdSettings};

/// Parameters of the problem of a [`SumSgd`].
pub const SUM_DIM: usize = 2;

/// Samples of the problem of a [`SumSgd`] at most: their rows begin at entries below `2¹⁶`.
pub const SUM_SAMPLES: usize = (1 << 16) / ROW;

/// Entries of a table in which a row may begin at any number of 16 bits, so that no index needs a test. What is not used
/// is never touched, and costs no memory.
const ENTRIES: usize = (1 << 16) + ROW;

/// The chain of [`Sgd`](super::Sgd) with batches drawn with replacement, from the same indices, in the precision of `R`.
/// Its results differ from that chain's by rounding only.
///
/// A sample costs one addition of a row of numbers, and only a step costs arithmetic in `θ`. While the rows of a step are
/// added, which is loads and additions, the batch of the next one is drawn, which is arithmetic on whole numbers.
#[derive(Debug)]
pub struct SumSgd<'a, R, M> {
    model: &'a M,
    learning_rate: f64,
    batch_size: usize,
    /// [`ENTRIES`] from `start` on, where a line of the cache begins: the numbers of each sample, times `−η/B`.
    data: Vec<R>,
    start: usize,
}

impl<'a, R: Gaussian, M: SumModel> SumSgd<'a, R, M> {
    /// SGD on `model` with learning rate `η` and batches of `batch_size`.
    ///
    /// # Errors
    /// If no run can have these settings.
    ///
    /// # Panics
    /// If the model has other than [`SUM_DIM`] parameters, or more than [`SUM_SAMPLES`] samples.
    pub fn new(model: &'a M, learning_rate: f64, batch_size: usize) -> Result<Self, SgdError> {
        assert!(model.dim() == SUM_DIM && model.samples() <= SUM_SAMPLES, "the problem does not fit");
        let settings = SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement };
        check(model.samples(), &settings)?;
        let factor = -learning_rate / batch_size as f64;
        let mut data = vec![R::ZERO; ENTRIES + LANES];
        let start = data.as_ptr().align_offset(align_of::<Lane<R>>()).min(LANES);
        for (sample, row) in data[start..].chunks_exact_mut(ROW).take(model.samples()).enumerate() {
            row.copy_from_slice(&model.summands(sample).map(|x| R::from_f64(factor * x)));
        }
        Ok(Self { model, learning_rate, batch_size, data, start })
    }

    /// The steps of `advance`.
    // Calls of iterators' methods would not all be inlined here, and cost more than the arithmetic.
    #[inline(always)]
    fn steps(
        &self,
        block: &mut LaneBlock<R>,
        (steps, samples): (u64, u32),
        exit: &ExitTest,
        shuffles: Shuffles,
    ) -> Advanced {
        let LaneBlock { theta: kept, clocks, drawn, .. } = block;
        let mut theta = [kept[0], kept[1]];
        let data = self.data[self.start..].first_chunk().expect("the table has all its entries");
        let pairs = drawn.len() / 2;
        // What is drawn ahead beside each quarter of the lanes.
        let share = pairs.div_ceil(LANES / 4);
        let bounded = is_bounded::<R>(exit);
        let (mut now, mut next) = drawn.split_at_mut(pairs);
        // A copy, which stays in registers; and another, from before the batch of a step that may not be taken.
        let mut rng = clocks.normals.rng.clone();
        let mut taken = rng.clone();
        for pair in &mut *now {
            *pair = draw_pair(&mut rng, samples);
        }
        let mut done = Masks::default();
        let mut sums = [[R::ZERO; ROW]; LANES];
        while done.steps < steps && !done.ended() {
            taken = rng.clone();
            let batch = &now.as_flattened()[..self.batch_size];
            let next_batch = &mut next[..pairs];
            let mut ahead = 0;
            for lane in 0..LANES / 4 {
                let end = pairs.min(ahead + share);
                while ahead < end {
                    next_batch[ahead] = draw_pair(&mut rng, samples);
                    ahead += 1;
                }
                [sums[lane], sums[lane + 4], sums[lane + 8], sums[lane + 12]] = add_rows(data, batch, lane);
            }
            let columns = R::columns(shuffles, &sums);
            for k in 0..LANES {
                let mut sum = [R::ZERO; ROW];
                for j in 0..ROW {
                    sum[j] = columns[j].0[k];
                }
                let stepped = M::add_gradient_of_sums([theta[0].0[k], theta[1].0[k]], sum);
                for i in 0..SUM_DIM {
                    theta[i].0[k] = stepped[i];
                }
            }
            (done.escaped, done.diverged) = ends(&theta, clocks.occupied, exit, bounded);
            done.steps += 1;
            (now, next) = (next, now);
        }
        clocks.normals.rng = taken;
        clocks.count_of(done.steps, self.learning_rate);
        kept.copy_from_slice(&theta);
        done.tell(&mut clocks.ends)
    }
}

/// Two samples of every lane, in words whose high halves are entries of the table.
#[inline(always)]
fn draw_pair(rng: &mut LaneRng, samples: u32) -> [Lane<u64>; 2] {
    lane_index_words(&rng.words(), samples, ROW.ilog2())
}

/// The row of a sample that is drawn in a word.
#[inline(always)]
fn row<R>(data: &[R; ENTRIES], word: u64) -> &[R; ROW] {
    let first = usize::from((word >> 32) as u16);
    data[first..].first_chunk().expect("every entry has a row behind it")
}

#[inline(always)]
fn add<R: Real>(sums: &mut [R; ROW], row: &[R; ROW]) {
    for j in 0..ROW {
        sums[j] += row[j];
    }
}

/// Sums over the batch of the rows of every fourth lane from `lane` on.
// Neighbouring lanes would have their words loaded together, and then taken apart again.
#[inline(always)]
fn add_rows<R: Real>(data: &[R; ENTRIES], batch: &[Lane<u64>], lane: usize) -> [[R; ROW]; 4] {
    let lanes = [lane, lane + 4, lane + 8, lane + 12];
    let (first, others) = batch.split_first().expect("a batch has a sample");
    let [mut a, mut b, mut c, mut d] = lanes.map(|lane| *row(data, first.0[lane]));
    macro_rules! add_sample {
        ($words:expr) => {
            add(&mut a, row(data, $words.0[lanes[0]]));
            add(&mut b, row(data, $words.0[lanes[1]]));
            add(&mut c, row(data, $words.0[lanes[2]]));
            add(&mut d, row(data, $words.0[lanes[3]]));
        };
    }
    // A loop of few rounds costs as much as some samples: seven more in each make eight a whole batch.
    let (sevens, rest) = others.as_chunks::<7>();
    for seven in sevens {
        for q in 0..7 {
            add_sample!(seven[q]);
        }
    }
    for words in rest {
        add_sample!(words);
    }
    [a, b, c, d]
}

impl<R: Gaussian, M: SumModel> Dynamics for SumSgd<'_, R, M> {
    type Block = LaneBlock<R>;

    fn time_unit(&self) -> TimeUnit {
        TimeUnit::Steps
    }

    fn dim(&self) -> usize {
        self.model.dim()
    }

    fn block(&self) -> LaneBlock<R> {
        LaneBlock { drawn: vec![[Lane::splat(0); 2]; 2 * self.batch_size.div_ceil(2)], ..LaneBlock::new(SUM_DIM, 0) }
    }

    fn advance(&self, block: &mut LaneBlock<R>, steps: u64, exit: &ExitTest) -> Advanced {
        let (run, shuffles) = ((steps, self.model.samples() as u32), Shuffles::detect());
        dispatch(
            #[inline(always)]
            || self.steps(block, run, exit, shuffles),
        )
    }
}
