//! The matrix of the samples' gradients.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::ops::Range;

use super::outer::{Factors, OuterProducts};
use super::transform::Float;
use super::triangle::{add_sums, reflect};
use crate::{Interrupted, Stop};

/// Samples whose products are summed in the precision of the network.
const SAMPLES: usize = 1024;

/// Rows and columns of the matrix that are made at once.
const TILE: usize = 192;

/// `(1/N) Σ g_μ g_μᵀ − m mᵀ` (`P × P`) over all samples of `blocks`, of which all but the last have as many, for the mean gradient `m`
/// if it is given. `write(block, first, [rows, factors])` writes `g_μ/N` in the parameters from the `first` on to the rows of a block
/// (`m × (P − first)`), and what those in the weights of `layers` are made of (`m × F`). From the gradients of some samples at a time:
/// half of the flops of their product with themselves, since the matrix is symmetric, and half of those within the weights of each of the
/// `layers`.
///
/// # Errors
/// On an interrupt.
pub(super) fn second_moment<R: Float>(
    (p, mean): (usize, Option<&[f64]>),
    blocks: &[Range<usize>],
    layers: &[OuterProducts],
    write: impl Fn(usize, usize, [&mut [R]; 2]) + Sync,
    stop: &Stop,
) -> Result<Mat<f64>, Interrupted> {
    let samples = blocks.iter().map(Range::len).sum::<usize>() as f64;
    let largest = blocks.iter().map(Range::len).max().unwrap_or(1);
    let together = (SAMPLES / largest).max(1);
    // The gradients in the first weights are needed as factors alone.
    let skipped = layers.first().filter(|layer| layer.weights.start == 0).map_or(0, |layer| layer.weights.end);
    let [row, factors]: [usize; 2] = [p - skipped, layers.iter().map(OuterProducts::factors).sum()];
    let fill = |group: usize, out: &mut [Vec<R>; 2]| {
        let first = group * together;
        let blocks = &blocks[first..blocks.len().min(first + together)];
        let count: usize = blocks.iter().map(Range::len).sum();
        out[0].resize(count * row, R::ZERO);
        out[1].resize(count * factors, R::ZERO);
        let parts = blocks.iter().scan(out.each_mut().map(Vec::as_mut_slice), |[rows, rest], block| {
            let rows = rows.split_off_mut(..block.len() * row)?;
            Some([rows, rest.split_off_mut(..block.len() * factors)?])
        });
        let parts: Vec<_> = parts.collect();
        parts.into_par_iter().enumerate().for_each(|(place, out)| write(first + place, skipped, out));
        count
    };
    stop.check()?;
    let mut room = [Vec::new(), Vec::new()];
    let (mut whole, mut count) = rayon::join(|| Mat::<f64>::zeros(p, p), || fill(0, &mut room));
    for group in 0..blocks.len().div_ceil(together) {
        if group > 0 {
            stop.check()?;
            count = fill(group, &mut room);
        }
        let mut rest = MatRef::from_row_major_slice(&room[1], count, factors);
        let of_layer = |layer: &OuterProducts| {
            let (own, after) = rest.split_at_col(layer.factors());
            rest = after;
            Factors::of(layer, own)
        };
        let factors: Vec<Factors<R>> = layers.iter().map(of_layer).collect();
        let rows = MatRef::from_row_major_slice(&room[0], count, row);
        // With the first samples, since the matrix is zero before.
        let mean = mean.filter(|_| group == 0);

        let (mut panels, mut squares) = (Vec::new(), Vec::new());
        let (mut rest, mut column) = (whole.as_mut(), 0);
        for (layer, factors) in layers.iter().zip(&factors) {
            let Range { start, end } = layer.weights;
            let (before, after) = rest.split_at_col_mut(start - column);
            let (weights, after) = after.split_at_col_mut(end - start);
            let (square, below) = weights.split_at_row_mut(end);
            panels.push((before, [0, column], None));
            panels.push((below, [end, start], Some(factors)));
            let square = layer.squares(square.subrows_mut(start, end - start));
            squares.extend(square.into_iter().map(|part| (part, factors)));
            (rest, column) = (after, end);
        }
        panels.push((rest, [0, column], None));
        rayon::join(
            || squares.into_par_iter().for_each(|(part, factors)| part.add(factors, samples)),
            || {
                panels
                    .into_par_iter()
                    .for_each(|(part, start, factors)| add(part, start, (skipped, rows, factors), mean, samples));
            },
        );
    }
    for layer in layers {
        let Range { start, end } = layer.weights;
        layer.complete(whole.submatrix_mut(start, start, end - start, end - start), mean);
    }
    reflect(whole.as_mut());
    Ok(whole)
}

/// Adds what the gradients of some samples contribute to the part of the matrix that begins at this row and column; of what is above
/// the diagonal, no more than what shares a tile with it. From the gradients in the parameters after those that are skipped
/// (`samples × (P − skipped)`), and the factors of those in the columns, if there are some.
fn add<R: Float>(
    part: MatMut<f64>,
    [row, column]: [usize; 2],
    (skipped, gradients, factors): (usize, MatRef<R>, Option<&Factors<R>>),
    mean: Option<&[f64]>,
    samples: f64,
) {
    part.par_col_chunks_mut(TILE).enumerate().for_each(|(place, columns)| {
        let start = column + place * TILE;
        // Products are up to a quarter faster where the numbers of each column of the right stand together.
        let right = if let Some(factors) = factors {
            factors.gradients(start - column..start - column + columns.ncols())
        } else {
            gradients.subcols(start - skipped, columns.ncols()).to_owned()
        };
        let first = start.max(row);
        let height = columns.nrows() + row - first;
        columns.subrows_mut(first - row, height).par_row_chunks_mut(TILE).enumerate().for_each(|(place, tile)| {
            let above = first + place * TILE;
            let mut sums = Mat::<R>::zeros(tile.nrows(), tile.ncols());
            let left = gradients.subcols(above - skipped, tile.nrows()).transpose();
            matmul(&mut sums, Accum::Replace, left, &right, R::ONE, Par::Seq);
            for (j, (column, sums)) in tile.col_iter_mut().zip(sums.col_iter()).enumerate() {
                add_sums(column, sums.iter(), samples, mean.map(|m| (&m[above..], m[start + j])));
            }
        });
    });
}
