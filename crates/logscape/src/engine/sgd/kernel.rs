//! Products of small dense matrices, for batches and layers that stay in the first-level cache.
//!
//! A matrix of `m` rows is kept in panels of sixteen columns: [`Lane`] `p m + r` holds the columns `16 p…` of row `r`, and
//! columns beyond the last are zero. A product is a sum of entries of one matrix times lanes of another; a tile of its
//! lanes stays in registers while the sum runs, and within a panel all addresses are contiguous. Every sum runs in the
//! order of its index, in four interleaved parts where a tile has a single row.

use crate::lanes::{LANES, Lane, Real, each_lane, unrolled};
use crate::network::{Activation, each_activation};

/// Rows of a full tile. Weights have rows of zeros up to a multiple of it.
pub(crate) const TILE: usize = 8;

/// Panels of so many columns.
pub(crate) const fn panels(columns: usize) -> usize {
    columns.div_ceil(LANES)
}

/// Rows of weights with so many inputs.
pub(crate) const fn padded(rows: usize) -> usize {
    rows.next_multiple_of(TILE)
}

/// `out = input · weights + start` for `input` (`m × k`), `weights` (`padded(k)` rows) and `out` (`m` rows), in panels;
/// `start` has one lane for each panel of `out`, and no lanes at all for zero.
#[inline(always)]
pub(crate) fn product<R: Real>(
    input: &[Lane<R>],
    [m, k]: [usize; 2],
    weights: &[Lane<R>],
    start: &[Lane<R>],
    out: &mut [Lane<R>],
) {
    let rows = padded(k);
    let count = out.len() / m;
    let mut panel = 0;
    // Two lanes of f32, or one of f64, are two of the widest registers.
    while size_of::<R>() == 4 && panel + 2 <= count {
        let weights = [&weights[panel * rows..][..k], &weights[(panel + 1) * rows..][..k]];
        let start = [lane_or_zero(start, panel), lane_or_zero(start, panel + 1)];
        product_panels(input, m, weights, start, &mut out[panel * m..(panel + 2) * m]);
        panel += 2;
    }
    while panel < count {
        let (weights, start) = ([&weights[panel * rows..][..k]], [lane_or_zero(start, panel)]);
        product_panels(input, m, weights, start, &mut out[panel * m..(panel + 1) * m]);
        panel += 1;
    }
}

#[inline(always)]
fn lane_or_zero<R: Real>(lanes: &[Lane<R>], index: usize) -> Lane<R> {
    lanes.get(index).copied().unwrap_or(Lane::splat(R::ZERO))
}

/// `V` panels of a product.
#[inline(always)]
fn product_panels<R: Real, const V: usize>(
    input: &[Lane<R>],
    m: usize,
    weights: [&[Lane<R>]; V],
    start: [Lane<R>; V],
    out: &mut [Lane<R>],
) {
    let mut row = 0;
    while row + TILE <= m {
        product_tile::<R, TILE, V, 1>(input, m, row, weights, start, out);
        row += TILE;
    }
    if row + 4 <= m {
        product_tile::<R, 4, V, 1>(input, m, row, weights, start, out);
        row += 4;
    }
    if row + 2 <= m {
        product_tile::<R, 2, V, 2>(input, m, row, weights, start, out);
        row += 2;
    }
    if row < m {
        product_tile::<R, 1, V, 4>(input, m, row, weights, start, out);
    }
}

/// `T` rows of `V` panels, from `row` on, summed in `S` interleaved parts so that as many additions are under way.
#[inline(always)]
fn product_tile<R: Real, const T: usize, const V: usize, const S: usize>(
    input: &[Lane<R>],
    m: usize,
    row: usize,
    weights: [&[Lane<R>]; V],
    start: [Lane<R>; V],
    out: &mut [Lane<R>],
) {
    let k = weights[0].len();
    let mut sums = [[[[R::ZERO; LANES]; T]; V]; S];
    each_lane::<V, T>(
        #[inline(always)]
        |v, t| sums[0][v][t] = start[v].0,
    );
    for (c, first) in (0..k).step_by(LANES).enumerate() {
        let (input, width) = (&input[c * m + row..][..T], (k - first).min(LANES));
        let weights = weights.map(|weights| &weights[first..][..width]);
        let whole = width / S * S;
        for j in (0..whole).step_by(S) {
            unrolled::<S>(
                #[inline(always)]
                |s| fma_tile(&mut sums[s], input, weights, j + s),
            );
        }
        for j in whole..width {
            fma_tile(&mut sums[0], input, weights, j);
        }
    }
    each_lane::<V, T>(
        #[inline(always)]
        |v, t| {
            let mut sum = sums[0][v][t];
            for part in &sums[1..] {
                for l in 0..LANES {
                    sum[l] += part[v][t][l];
                }
            }
            out[v * m + row + t] = Lane(sum);
        },
    );
}

/// Adds the products of column `j` of `T` input lanes with row `j` of each panel.
#[inline(always)]
fn fma_tile<R: Real, const T: usize, const V: usize>(
    sums: &mut [[[R; LANES]; T]; V],
    input: &[Lane<R>],
    weights: [&[Lane<R>]; V],
    j: usize,
) {
    each_lane::<V, T>(
        #[inline(always)]
        |v, t| {
            let (factor, lane) = (input[t].0[j], weights[v][j].0);
            for l in 0..LANES {
                sums[v][t][l] = factor.mul_add(lane[l], sums[v][t][l]);
            }
        },
    );
}

/// `weights += inputᵀ · delta` for `input` (`m × k`), `delta` (`m` rows) and `weights` (`padded(k)` rows), in panels.
#[inline(always)]
pub(crate) fn add_product<R: Real>(input: &[Lane<R>], [m, k]: [usize; 2], delta: &[Lane<R>], weights: &mut [Lane<R>]) {
    let rows = padded(k);
    let count = delta.len() / m;
    let mut panel = 0;
    while size_of::<R>() == 4 && panel + 2 <= count {
        let delta = [&delta[panel * m..][..m], &delta[(panel + 1) * m..][..m]];
        add_panels(input, k, delta, &mut weights[panel * rows..(panel + 2) * rows]);
        panel += 2;
    }
    while panel < count {
        add_panels(input, k, [&delta[panel * m..][..m]], &mut weights[panel * rows..(panel + 1) * rows]);
        panel += 1;
    }
}

/// [`add_product`] for `V` panels.
#[inline(always)]
fn add_panels<R: Real, const V: usize>(input: &[Lane<R>], k: usize, delta: [&[Lane<R>]; V], weights: &mut [Lane<R>]) {
    let m = delta[0].len();
    let rows = weights.len() / V;
    for first in (0..k).step_by(TILE) {
        let input = &input[first / LANES * m..][..m];
        // Two copies with constant offsets within a lane.
        let sums =
            if first % LANES == 0 { add_tile::<R, V, 0>(input, delta) } else { add_tile::<R, V, TILE>(input, delta) };
        each_lane::<V, TILE>(
            #[inline(always)]
            |v, t| {
                let weights = &mut weights[v * rows + first + t].0;
                for l in 0..LANES {
                    weights[l] += sums[v][t][l];
                }
            },
        );
    }
}

/// The sums of `TILE` rows of [`add_product`], for the columns of an input lane from `FIRST` on.
#[inline(always)]
fn add_tile<R: Real, const V: usize, const FIRST: usize>(
    input: &[Lane<R>],
    delta: [&[Lane<R>]; V],
) -> [[[R; LANES]; TILE]; V] {
    let mut sums = [[[R::ZERO; LANES]; TILE]; V];
    for b in 0..input.len() {
        each_lane::<V, TILE>(
            #[inline(always)]
            |v, t| {
                let (factor, lane) = (input[b].0[FIRST + t], delta[v][b].0);
                for l in 0..LANES {
                    sums[v][t][l] = factor.mul_add(lane[l], sums[v][t][l]);
                }
            },
        );
    }
    sums
}

/// Adds the sum of the `m` rows of `delta` to `biases`, a lane for each panel.
#[inline(always)]
pub(crate) fn add_rows<R: Real>(delta: &[Lane<R>], m: usize, biases: &mut [Lane<R>]) {
    for (delta, bias) in delta.chunks_exact(m).zip(biases) {
        let mut sum = [R::ZERO; LANES];
        for lane in delta {
            for l in 0..LANES {
                sum[l] += lane.0[l];
            }
        }
        for l in 0..LANES {
            bias.0[l] += sum[l];
        }
    }
}

/// `weights` (`padded(inputs)` rows, panels of `outputs`) with rows and columns exchanged into `out` (`padded(outputs)`
/// rows, panels of `inputs`), whose padding stays.
#[inline(always)]
pub(crate) fn transpose<R: Real>(weights: &[Lane<R>], [inputs, outputs]: [usize; 2], out: &mut [Lane<R>]) {
    let (rows, out_rows) = (padded(inputs), padded(outputs));
    for (p, weights) in weights.chunks_exact(rows).enumerate() {
        let count = (outputs - p * LANES).min(LANES);
        for (i, lane) in weights[..inputs].iter().enumerate() {
            let column = &mut out[i / LANES * out_rows + p * LANES..][..count];
            for (out, &x) in column.iter_mut().zip(&lane.0) {
                out.0[i % LANES] = x;
            }
        }
    }
}

/// Replaces `z` by `σ(z)` and writes `σ'(z)` to `slopes`.
#[inline(always)]
pub(crate) fn activate<R: Real>(activation: Activation, z: &mut [Lane<R>], slopes: &mut [Lane<R>]) {
    each_activation!(activation, function => each(z, slopes, function));
}

#[inline(always)]
fn each<R: Real>(z: &mut [Lane<R>], slopes: &mut [Lane<R>], f: impl Fn(R) -> [R; 3]) {
    for (z, slope) in z.iter_mut().zip(slopes) {
        for l in 0..LANES {
            [z.0[l], slope.0[l], _] = f(z.0[l]);
        }
    }
}

#[cfg(test)]
mod tests {
    //! Kernels against sums written out, over shapes around the tile.

    use super::*;
    use crate::lanes::dispatch;

    /// Numbers of either sign, none of them special.
    fn matrix(rows: usize, columns: usize, seed: f64) -> Vec<Vec<f64>> {
        (0..rows).map(|r| (0..columns).map(|c| (seed + 1.7 * r as f64 + 0.9 * c as f64).sin()).collect()).collect()
    }

    fn pack<R: Real>(matrix: &[Vec<f64>], rows: usize) -> Vec<Lane<R>> {
        let mut packed = vec![Lane::splat(R::ZERO); panels(matrix[0].len()) * rows];
        for (r, row) in matrix.iter().enumerate() {
            for (c, &x) in row.iter().enumerate() {
                packed[c / LANES * rows + r].0[c % LANES] = R::from_f64(x);
            }
        }
        packed
    }

    /// The largest difference between packed lanes and a matrix, whose padding must be zero.
    fn difference<R: Real>(found: &[Lane<R>], rows: usize, want: &[Vec<f64>]) -> f64 {
        let mut worst = 0.0_f64;
        for (i, lane) in found.iter().enumerate() {
            for (l, x) in lane.0.iter().enumerate() {
                let want = want.get(i % rows).and_then(|row| row.get(i / rows * LANES + l));
                match want {
                    Some(want) => worst = worst.max((x.to_f64() - want).abs()),
                    None => assert_eq!(x.to_f64(), 0.0),
                }
            }
        }
        worst
    }

    fn check<R: Real>(tolerance: f64) {
        for m in (1..=20).chain([31, 32, 40]) {
            for (k, n) in [(1, 1), (3, 17), (8, 10), (16, 16), (19, 33), (32, 5), (50, 64)] {
                let (a, w, d) = (matrix(m, k, 0.1), matrix(k, n, 0.5), matrix(m, n, 0.3));
                let bias = matrix(1, n, 0.8);
                let [input, delta, start] = [pack::<R>(&a, m), pack(&d, m), pack(&bias, 1)];
                let mut weights = pack(&w, padded(k));
                let mut out = delta.clone();
                let sum = |o: usize, b: usize| (0..k).map(|i| a[b][i] * w[i][o]).sum::<f64>();
                let want = |scale: f64| -> Vec<Vec<f64>> {
                    (0..m).map(|b| (0..n).map(|o| scale * bias[0][o] + sum(o, b)).collect()).collect()
                };
                dispatch(|| product(&input, [m, k], &weights, &start, &mut out));
                assert!(difference(&out, m, &want(1.0)) < tolerance, "product {m} {k} {n}");
                product(&input, [m, k], &weights, &[], &mut out);
                assert!(difference(&out, m, &want(0.0)) < tolerance, "product {m} {k} {n}");

                let mut exchanged = vec![Lane::splat(R::ZERO); panels(k) * padded(n)];
                transpose(&weights, [k, n], &mut exchanged);
                let turned: Vec<Vec<f64>> = (0..n).map(|o| (0..k).map(|i| w[i][o]).collect()).collect();
                assert!(difference(&exchanged, padded(n), &turned) < tolerance, "transpose {k} {n}");

                let add = |i: usize, o: usize| w[i][o] + (0..m).map(|b| a[b][i] * d[b][o]).sum::<f64>();
                let want: Vec<Vec<f64>> = (0..k).map(|i| (0..n).map(|o| add(i, o)).collect()).collect();
                dispatch(|| add_product(&input, [m, k], &delta, &mut weights));
                assert!(difference(&weights, padded(k), &want) < tolerance, "add_product {m} {k} {n}");
                // The other way round, the same sums have the same bits.
                dispatch(|| add_product(&delta, [m, n], &input, &mut exchanged));
                let mut again = exchanged.clone();
                transpose(&weights, [k, n], &mut again);
                assert_eq!(again, exchanged, "{m} {k} {n}");

                let mut biases = start.clone();
                add_rows(&delta, m, &mut biases);
                let want = vec![(0..n).map(|o| bias[0][o] + (0..m).map(|b| d[b][o]).sum::<f64>()).collect()];
                assert!(difference(&biases, 1, &want) < tolerance, "add_rows {m} {n}");
            }
        }
    }

    #[test]
    fn kernels_are_the_sums() {
        check::<f64>(1e-13);
        check::<f32>(2e-5);
    }

    #[test]
    fn activations_are_those_of_single_numbers() {
        for activation in Activation::ALL {
            let z: Vec<Lane<f64>> =
                (0..4).map(|i| Lane::from_fn(|l| 0.1 * (f64::from(i) * 16.0 + l as f64) - 3.0)).collect();
            let (mut values, mut slopes) = (z.clone(), z.clone());
            dispatch(|| activate(activation, &mut values, &mut slopes));
            for (i, z) in z.iter().enumerate() {
                for l in 0..LANES {
                    let [value, slope, _] = activation.derivatives(z[l]);
                    assert_eq!((values[i][l], slopes[i][l]), (value, slope));
                }
            }
        }
    }
}
