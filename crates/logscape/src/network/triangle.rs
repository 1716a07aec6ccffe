//! Symmetric matrices that are made from their part below the diagonal.

use faer::{ColMut, MatMut};
use rayon::prelude::*;

use super::transform::Float;

/// Rows and columns that are turned at once, in the nearest cache.
const TURNED: usize = 48;

/// Adds `samples` times the sums of products of gradients, which have the share of their samples in them, to a part of a column; less
/// the product of the mean gradient's entries, if it is given: those of the rows, and that of the column.
#[inline(always)]
pub(super) fn add_sums<'a, R: Float>(
    column: ColMut<f64>,
    sums: impl Iterator<Item = &'a R>,
    samples: f64,
    mean: Option<(&[f64], f64)>,
) {
    match mean {
        None => column.iter_mut().zip(sums).for_each(|(entry, sum)| *entry += samples * sum.to_f64()),
        Some((rows, own)) => {
            for ((entry, sum), row) in column.iter_mut().zip(sums).zip(rows) {
                *entry += samples * sum.to_f64() - row * own;
            }
        }
    }
}

/// Copies what is below the diagonal to the other side.
pub(super) fn reflect(mut matrix: MatMut<f64>) {
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
