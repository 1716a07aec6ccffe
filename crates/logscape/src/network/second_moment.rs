//! The matrix of the samples' gradients.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::ops::Range;

use super::transform::Float;
use crate::{Interrupted, Stop};

/// Samples whose products are summed in the precision of the network.
const SAMPLES: usize = 1024;

/// Rows and columns of the matrix that are made at once.
const TILE: usize = 192;

/// Rows and columns that are turned at once, in the nearest cache.
const TURNED: usize = 48;

/// `(1/N) Σ g_μ g_μᵀ − m mᵀ` (`P × P`) over all samples of `blocks`, of which all but the last have as many, for the mean gradient `m`
/// if it is given; `gradients(block, rows)` writes `g_μ/N` to the rows of a block (`m × P`). From the gradients of some samples at a
/// time: half of the flops of their product with themselves, since the matrix is symmetric.
///
/// # Errors
/// On an interrupt.
pub(super) fn second_moment<R: Float>(
    (p, mean): (usize, Option<&[f64]>),
    blocks: &[Range<usize>],
    gradients: impl Fn(usize, &mut [R]) + Sync,
    stop: &Stop,
) -> Result<Mat<f64>, Interrupted> {
    let samples = blocks.iter().map(Range::len).sum::<usize>() as f64;
    let largest = blocks.iter().map(Range::len).max().unwrap_or(1);
    let together = (SAMPLES / largest).max(1);
    let (mut whole, mut rows) = (Mat::<f64>::zeros(p, p), Vec::new());
    for (group, blocks) in blocks.chunks(together).enumerate() {
        stop.check()?;
        let count: usize = blocks.iter().map(Range::len).sum();
        rows.resize(count * p, R::ZERO);
        let of_block = |(place, rows): (usize, &mut [R])| gradients(group * together + place, rows);
        rows.par_chunks_mut(largest * p).enumerate().for_each(of_block);
        let rows = MatRef::from_row_major_slice(&rows, count, p);
        whole.par_col_chunks_mut(TILE).enumerate().for_each(|(place, columns)| {
            let start = place * TILE;
            // Products are up to a quarter faster where the numbers of each column of the right stand together.
            let mut right = Mat::zeros(count, columns.ncols());
            right.copy_from(rows.subcols(start, columns.ncols()));
            // The tile on the diagonal and those below it.
            columns.subrows_mut(start, p - start).par_row_chunks_mut(TILE).enumerate().for_each(|(place, mut tile)| {
                let above = start + place * TILE;
                let mut sums = Mat::<R>::zeros(tile.nrows(), tile.ncols());
                let left = rows.subcols(above, tile.nrows()).transpose();
                matmul(&mut sums, Accum::Replace, left, &right, R::ONE, Par::Seq);
                for j in 0..tile.ncols() {
                    let column = tile.as_mut().col_mut(j).iter_mut().zip(sums.col_as_slice(j));
                    for (i, (entry, sum)) in column.enumerate() {
                        let before =
                            if group > 0 { *entry } else { -mean.map_or(0.0, |m| m[above + i] * m[start + j]) };
                        // The gradients have the share of their samples in them.
                        *entry = before + samples * sum.to_f64();
                    }
                }
            });
        });
    }
    reflect(whole.as_mut());
    Ok(whole)
}

/// Copies what is below the diagonal to the other side.
fn reflect(mut matrix: MatMut<f64>) {
    let size = matrix.nrows();
    if size <= TURNED {
        for j in 0..size {
            (0..j).for_each(|i| matrix[(i, j)] = matrix[(j, i)]);
        }
        return;
    }
    let (first, across, below, second) = matrix.split_at_mut(size / 2, size / 2);
    let turn = || {
        across.par_col_chunks_mut(TURNED).enumerate().for_each(|(place, mut columns)| {
            let below = below.as_ref().subrows(place * TURNED, columns.ncols());
            for start in (0..columns.nrows()).step_by(TURNED) {
                let size = TURNED.min(columns.nrows() - start);
                columns.as_mut().subrows_mut(start, size).copy_from(below.subcols(start, size).transpose());
            }
        });
    };
    rayon::join(turn, || rayon::join(|| reflect(first), || reflect(second)));
}
