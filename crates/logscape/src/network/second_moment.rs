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
    // Of so many columns each, the rows from their own on.
    let mut parts: Vec<Mat<f64>> = Vec::new();
    let mut all = Vec::new();
    for first in (0..blocks.len()).step_by(together) {
        stop.check()?;
        let blocks = &blocks[first..blocks.len().min(first + together)];
        let count: usize = blocks.iter().map(Range::len).sum();
        all.resize(count * p, R::ZERO);
        all.par_chunks_mut(largest * p).enumerate().for_each(|(place, rows)| gradients(first + place, rows));
        let rows = MatRef::from_row_major_slice(&all, count, p);
        let product = |start: usize| {
            let width = COLUMNS.min(p - start);
            let mut sums = Mat::<R>::zeros(p - start, width);
            let (left, right) = (rows.subcols(start, p - start).transpose(), rows.subcols(start, width));
            matmul(&mut sums, Accum::Replace, left, right, R::ONE, Par::Seq);
            sums
        };
        let starts = (0..p).into_par_iter().step_by(COLUMNS);
        if first == 0 {
            let wide = |sums: Mat<R>| Mat::from_fn(sums.nrows(), sums.ncols(), |i, j| sums[(i, j)].to_f64());
            parts = starts.map(|start| wide(product(start))).collect();
        } else {
            starts.zip(&mut parts).for_each(|(start, part)| {
                let sums = product(start);
                for j in 0..sums.ncols() {
                    let column = part.col_as_slice_mut(j).iter_mut();
                    column.zip(sums.col_as_slice(j)).for_each(|(total, sum)| *total += sum.to_f64());
                }
            });
        }
    }
    // The gradients have the share of their samples in them. Tile by tile, since half of the entries stand across.
    let share = samples as f64;
    let mut whole = Mat::<f64>::zeros(p, p);
    whole.par_col_chunks_mut(TILE).enumerate().for_each(|(place, mut columns)| {
        let start = place * TILE;
        for first in (0..p).step_by(TILE) {
            for j in start..start + columns.ncols() {
                for i in first..(first + TILE).min(p) {
                    let (row, column) = (i.max(j), i.min(j));
                    let begin = column / COLUMNS * COLUMNS;
                    columns[(i, j - start)] = share * parts[column / COLUMNS][(row - begin, column - begin)];
                }
            }
        }
    });
    Ok(whole)
}
