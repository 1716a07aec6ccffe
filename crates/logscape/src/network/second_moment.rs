//! The matrix of the samples' gradients.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rayon::prelude::*;
use std::ops::Range;

use super::transform::Float;
use crate::{Interrupted, Stop};

/// Samples whose products are summed in the precision of the network.
const SAMPLES: usize = 2048;

/// Rows and columns of a tile that stays in the nearest cache.
const TILE: usize = 48;

/// Columns of the matrix that are made at once.
const COLUMNS: usize = 128;

/// `(1/N) Σ g_μ g_μᵀ` (`P × P`) over all samples of `blocks`, of which all but the last have as many; `gradients(block, rows)` writes
/// `g_μ/N` to the rows of a block (`m × P`). From the gradients of some samples at a time: half of the flops of their product with
/// themselves, since the matrix is symmetric.
///
/// # Errors
/// On an interrupt.
pub(super) fn second_moment<R: Float>(
    p: usize,
    blocks: &[Range<usize>],
    gradients: impl Fn(usize, &mut [R]) + Sync,
    stop: &Stop,
) -> Result<Mat<f64>, Interrupted> {
    let samples: usize = blocks.iter().map(Range::len).sum();
    let largest = blocks.iter().map(Range::len).max().unwrap_or(1);
    let together = (SAMPLES / largest).max(1);
    let mut lower = Mat::<f64>::zeros(p, p);
    let mut all = Vec::new();
    for first in (0..blocks.len()).step_by(together) {
        stop.check()?;
        let blocks = &blocks[first..blocks.len().min(first + together)];
        let count: usize = blocks.iter().map(Range::len).sum();
        all.resize(count * p, R::ZERO);
        all.par_chunks_mut(largest * p).enumerate().for_each(|(place, rows)| gradients(first + place, rows));
        let rows = MatRef::from_row_major_slice(&all, count, p);
        lower.par_col_chunks_mut(COLUMNS).enumerate().for_each(|(place, mut columns)| {
            let (start, width) = (place * COLUMNS, columns.ncols());
            let mut sums = Mat::<R>::zeros(p - start, width);
            let (left, right) = (rows.subcols(start, p - start).transpose(), rows.subcols(start, width));
            matmul(&mut sums, Accum::Replace, left, right, R::ONE, Par::Seq);
            for j in 0..width {
                let column = columns.as_mut().subrows_mut(start, p - start).col_mut(j);
                column.iter_mut().zip(sums.col_as_slice(j)).for_each(|(total, sum)| *total += sum.to_f64());
            }
        });
    }
    // The gradients have the share of their samples in them. Tile by tile, since half of the entries stand across.
    let mut whole = Mat::<f64>::zeros(p, p);
    whole.par_col_chunks_mut(TILE).enumerate().for_each(|(place, mut columns)| {
        let start = place * TILE;
        for first in (0..p).step_by(TILE) {
            for j in start..start + columns.ncols() {
                for i in first..(first + TILE).min(p) {
                    columns[(i, j - start)] = samples as f64 * lower[(i.max(j), i.min(j))];
                }
            }
        }
    });
    Ok(whole)
}
