//! Orthonormal vectors of great length, in double or single precision, and the block Gram–Schmidt process with them.

use super::{axpy, dot, norm, scale};
use crate::Precision;
use crate::lanes::{dispatch, each_lane};
use faer::linalg::matmul::matmul;
use faer::prelude::ReborrowMut;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;
use std::array;

/// Rows that are loaded at once: a hundred vectors of them stay in a cache.
const PANEL: usize = 1024;

/// Rows whose inner products are summed one after the other; fixed, so that sums have the same order everywhere.
const TASK: usize = 16 * PANEL;

/// Overlap with the basis after a pass of Gram–Schmidt, in units of the norm of what is left and of the rounding of stored numbers, that
/// no second pass would improve on.
const ORTHOGONAL: f64 = 0.125;

/// Share of its norm that a vector keeps in a pass of Gram–Schmidt, below which what is left may not be orthogonal.
const CANCELLED: f64 = 1e-3;

/// Vectors of length `P`.
pub(super) enum Basis {
    Double(Vec<Vec<f64>>),
    Single(Vec<Vec<f32>>),
}

/// `W = V C + Q R`, where `Q` has taken the place of `W`.
pub(super) struct Split {
    /// `Vᵀ W`.
    pub(super) along: Mat<f64>,
    /// `R`, with as many rows as `Q` has columns.
    pub(super) beyond: Mat<f64>,
}

impl Basis {
    pub(super) fn new(precision: Precision) -> Self {
        match precision {
            Precision::Float64 => Self::Double(Vec::new()),
            Precision::Float32 => Self::Single(Vec::new()),
        }
    }

    pub(super) fn precision(&self) -> Precision {
        match self {
            Self::Double(_) => Precision::Float64,
            Self::Single(_) => Precision::Float32,
        }
    }

    /// Drops all but the first so many vectors.
    pub(super) fn truncate(&mut self, count: usize) {
        match self {
            Self::Double(columns) => columns.truncate(count),
            Self::Single(columns) => columns.truncate(count),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Double(columns) => columns.len(),
            Self::Single(columns) => columns.len(),
        }
    }

    /// Adds the columns of `block`, which afterwards holds what is stored of them.
    pub(super) fn push(&mut self, block: &mut Mat<f64>) {
        for k in 0..block.ncols() {
            let column = block.col_as_slice_mut(k);
            match self {
                Self::Double(columns) => columns.push(column.to_vec()),
                Self::Single(columns) => {
                    let rounded: Vec<f32> = column.iter().map(|x| *x as f32).collect();
                    column.iter_mut().zip(&rounded).for_each(|(x, r)| *x = f64::from(*r));
                    columns.push(rounded);
                }
            }
        }
    }

    /// The vectors, each in double precision; the memory of each is free as soon as it is converted.
    pub(super) fn into_vectors(self) -> Vec<Vec<f64>> {
        match self {
            Self::Double(columns) => columns,
            Self::Single(columns) => {
                columns.into_iter().map(|column| column.into_iter().map(f64::from).collect()).collect()
            }
        }
    }

    /// `V ← V Y` (`Y` is `len × k`, `k ≤ len`), in place.
    pub(super) fn rotate(&mut self, rotation: MatRef<f64>) {
        match self {
            Self::Double(columns) => rotate(columns, rotation, |x| x, |x| x),
            Self::Single(columns) => rotate(columns, rotation, f64::from, |x| x as f32),
        }
    }

    /// Makes the columns of `block` orthonormal and orthogonal to the basis `V`, `W = V C + Q R`, in two passes of block
    /// Gram–Schmidt, and in a third where much has cancelled. Columns of which no more than `negligible` is left are dropped, and
    /// those beyond `P` vectors.
    ///
    pub(super) fn orthonormalise(&self, block: &mut Mat<f64>, negligible: f64) -> Split {
        let room = block.nrows() - self.len();
        let (mut along, before) = self.project_out(block);
        let (mut beyond, kept) = gram_schmidt(block, room, negligible);
        if kept.iter().enumerate().any(|(row, &k)| beyond[(row, k)] < CANCELLED * before[k]) {
            let third = self.overlaps(block);
            self.sweep(Some(third.as_ref()), block.as_mut(), false);
            matmul(&mut along, Accum::Add, &third, &beyond, 1.0, Par::Seq);
            let (again, _) = gram_schmidt(block, room, 0.0);
            let mut product = Mat::zeros(again.nrows(), beyond.ncols());
            matmul(&mut product, Accum::Replace, &again, &beyond, 1.0, Par::Seq);
            beyond = product;
        }
        Split { along, beyond }
    }

    /// `W ← W − V VᵀW` in two passes, of which the second is left out where it would remove no more than rounding. It takes its inner
    /// products in the sweep in which the first is subtracted: two or three sweeps over the basis in all. Returns `VᵀW`, and the norms of
    /// the columns after the first pass.
    pub(super) fn project_out(&self, block: &mut Mat<f64>) -> (Mat<f64>, Vec<f64>) {
        let mut along = self.overlaps(block);
        let second = self.sweep(Some(along.as_ref()), block.as_mut(), true);
        let norms: Vec<f64> = (0..block.ncols()).map(|k| norm(block.col_as_slice(k))).collect();
        let unit = match self {
            Self::Double(_) => f64::EPSILON,
            Self::Single(_) => f64::from(f32::EPSILON),
        };
        let is_orthogonal = |(k, norm): (usize, &f64)| second.col(k).norm_max() <= ORTHOGONAL * unit * norm;
        if !norms.iter().enumerate().all(is_orthogonal) {
            self.sweep(Some(second.as_ref()), block.as_mut(), false);
            along += &second;
        }
        (along, norms)
    }

    /// `VᵀW`.
    pub(super) fn overlaps(&self, block: &mut Mat<f64>) -> Mat<f64> {
        self.sweep(None, block.as_mut(), true)
    }

    /// So many vectors from `first` on, as columns.
    pub(super) fn block(&self, first: usize, count: usize) -> Mat<f64> {
        match self {
            Self::Double(columns) => block(&columns[first..first + count], |x| x),
            Self::Single(columns) => block(&columns[first..first + count], f64::from),
        }
    }

    /// Subtracts `V C` from `W` (`P × k`), and returns `Vᵀ W` of what is left if it is asked for; `W` and the basis are read once.
    fn sweep(&self, coefficients: Option<MatRef<f64>>, block: MatMut<f64>, overlaps: bool) -> Mat<f64> {
        let (size, width) = (self.len(), block.ncols());
        let mut total = Mat::<f64>::zeros(size, width);
        if size == 0 || width == 0 {
            return total;
        }
        if width == 1 {
            let column = block.col_mut(0).try_as_col_major_mut();
            let column = column.expect("a column of a matrix of our own is contiguous").as_slice_mut();
            let coefficients: Option<Vec<f64>> =
                coefficients.map(|coefficients| coefficients.col(0).iter().copied().collect());
            let sums = match self {
                Self::Double(columns) => sweep_one(columns, coefficients.as_deref(), column, overlaps),
                Self::Single(columns) => sweep_one(columns, coefficients.as_deref(), column, overlaps),
            };
            total.col_mut(0).iter_mut().zip(sums).for_each(|(total, sum)| *total = sum);
            return total;
        }
        let sums: Vec<Mat<f64>> = block
            .par_row_chunks_mut(TASK)
            .enumerate()
            .map(|(task, mut rows)| {
                let mut sum = Mat::<f64>::zeros(size, width);
                let mut panel = Mat::<f64>::zeros(PANEL.min(rows.nrows()), size);
                for first in (0..rows.nrows()).step_by(PANEL) {
                    let count = PANEL.min(rows.nrows() - first);
                    self.load(task * TASK + first, panel.as_mut().subrows_mut(0, count));
                    let panel = panel.subrows(0, count);
                    let mut rows = rows.rb_mut().subrows_mut(first, count);
                    if let Some(coefficients) = coefficients {
                        matmul(rows.rb_mut(), Accum::Add, panel, coefficients, -1.0, Par::Seq);
                    }
                    if overlaps {
                        matmul(&mut sum, Accum::Add, panel.transpose(), rows.rb_mut(), 1.0, Par::Seq);
                    }
                }
                sum
            })
            .collect();
        sums.iter().for_each(|sum| total += sum);
        total
    }

    /// Copies the rows from `first` on.
    fn load(&self, first: usize, panel: MatMut<f64>) {
        match self {
            Self::Double(columns) => load(columns, first, panel, |x| x),
            Self::Single(columns) => load(columns, first, panel, f64::from),
        }
    }
}

/// Numbers that are summed side by side, in so many registers of so many.
const WIDTH: usize = 8;
const SIDE: usize = 4;

/// Columns that are read side by side, so that the vector is read once for all of them.
const COLUMNS: usize = 4;

/// [`Basis::sweep`] of one vector, without a copy of the basis.
fn sweep_one<T: Copy + Into<f64> + Sync>(
    columns: &[Vec<T>],
    coefficients: Option<&[f64]>,
    vector: &mut [f64],
    overlaps: bool,
) -> Vec<f64> {
    let sums: Vec<Vec<[f64; WIDTH]>> = vector
        .par_chunks_mut(TASK)
        .enumerate()
        .map(|(task, rows)| {
            let mut sums = vec![[0.0; WIDTH]; columns.len()];
            dispatch(
                #[inline(always)]
                || {
                    for (panel, rows) in rows.chunks_mut(PANEL).enumerate() {
                        let first = task * TASK + panel * PANEL;
                        if let Some(coefficients) = coefficients {
                            let (groups, rest) = columns.as_chunks();
                            let (factors, rest_factors) = coefficients.as_chunks();
                            for (group, factors) in groups.iter().zip(factors) {
                                subtract(group, first, factors, rows);
                            }
                            for (column, &factor) in rest.iter().zip(rest_factors) {
                                for (x, &v) in rows.iter_mut().zip(&column[first..]) {
                                    *x -= factor * v.into();
                                }
                            }
                        }
                        if overlaps {
                            let (groups, rest) = columns.as_chunks::<COLUMNS>();
                            let (group_sums, rest_sums) = sums.as_chunks_mut::<COLUMNS>();
                            for (group, sums) in groups.iter().zip(group_sums) {
                                add_overlaps(group, first, rows, sums);
                            }
                            for (column, sum) in rest.iter().zip(rest_sums) {
                                add_overlaps(array::from_ref(column), first, rows, array::from_mut(sum));
                            }
                        }
                    }
                },
            );
            sums
        })
        .collect();
    let mut total = vec![0.0; columns.len()];
    for sums in &sums {
        total.iter_mut().zip(sums).for_each(|(total, parts)| *total += parts.iter().sum::<f64>());
    }
    total
}

/// Subtracts multiples of columns, from their number `first` on, from a vector, one column after the other.
#[inline(always)]
fn subtract<T: Copy + Into<f64>>(
    columns: &[Vec<T>; COLUMNS],
    first: usize,
    [p, q, r, s]: &[f64; COLUMNS],
    vector: &mut [f64],
) {
    let [a, b, c, d] = pieces(columns, first, vector.len());
    for ((((x, &a), &b), &c), &d) in vector.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let some = (-p).mul_add(a.into(), (-q).mul_add(b.into(), *x));
        *x = (-r).mul_add(c.into(), (-s).mul_add(d.into(), some));
    }
}

/// Adds the inner products of columns, from their number `first` on, with a vector, each as the sum of [`WIDTH`] parts, in an order that
/// vectors of numbers allow.
#[inline(always)]
fn add_overlaps<T: Copy + Into<f64>, const N: usize>(
    columns: &[Vec<T>; N],
    first: usize,
    vector: &[f64],
    totals: &mut [[f64; WIDTH]; N],
) {
    let columns = pieces(columns, first, vector.len());
    let mut sums = [[[0.0; WIDTH]; SIDE]; N];
    let whole = vector.len() / (SIDE * WIDTH) * (SIDE * WIDTH);
    for at in (0..whole).step_by(SIDE * WIDTH) {
        let right = vector[at..][..SIDE * WIDTH].as_chunks::<WIDTH>().0;
        each_lane::<N, SIDE>(
            #[inline(always)]
            |c, s| {
                let (left, right) = (&columns[c][at + s * WIDTH..][..WIDTH], &right[s]);
                for k in 0..WIDTH {
                    sums[c][s][k] = left[k].into().mul_add(right[k], sums[c][s][k]);
                }
            },
        );
    }
    each_lane::<N, SIDE>(
        #[inline(always)]
        |c, s| {
            for k in 0..WIDTH {
                totals[c][k] += sums[c][s][k];
            }
        },
    );
    for (column, total) in columns.iter().zip(totals) {
        for (&left, right) in column[whole..].iter().zip(&vector[whole..]) {
            total[0] += left.into() * right;
        }
    }
}

/// The `count` numbers of each column from its number `first` on.
#[inline(always)]
fn pieces<T, const N: usize>(columns: &[Vec<T>; N], first: usize, count: usize) -> [&[T]; N] {
    let mut pieces: [&[T]; N] = [&[]; N];
    for k in 0..N {
        pieces[k] = &columns[k][first..][..count];
    }
    pieces
}

fn load<T: Copy>(columns: &[Vec<T>], first: usize, mut panel: MatMut<f64>, widen: impl Fn(T) -> f64) {
    for (j, column) in columns.iter().enumerate() {
        let part = &column[first..first + panel.nrows()];
        panel.rb_mut().col_mut(j).iter_mut().zip(part).for_each(|(out, x)| *out = widen(*x));
    }
}

fn block<T: Copy>(columns: &[Vec<T>], widen: impl Fn(T) -> f64) -> Mat<f64> {
    Mat::from_fn(columns.first().map_or(0, Vec::len), columns.len(), |i, j| widen(columns[j][i]))
}

fn rotate<T: Copy + Send + Sync>(
    columns: &mut Vec<Vec<T>>,
    rotation: MatRef<f64>,
    widen: impl Fn(T) -> f64 + Sync,
    round: impl Fn(f64) -> T + Sync,
) {
    let (size, kept) = (columns.len(), rotation.ncols());
    let rows = columns.first().map_or(0, Vec::len);
    // The same rows of all columns, so that each thread has its own.
    let mut parts: Vec<Vec<&mut [T]>> = (0..rows.div_ceil(PANEL)).map(|_| Vec::with_capacity(size)).collect();
    for column in columns.iter_mut() {
        parts.iter_mut().zip(column.chunks_mut(PANEL)).for_each(|(part, chunk)| part.push(chunk));
    }
    parts.par_iter_mut().for_each(|part| {
        let panel = Mat::from_fn(part[0].len(), size, |i, j| widen(part[j][i]));
        let mut rotated = Mat::<f64>::zeros(panel.nrows(), kept);
        matmul(&mut rotated, Accum::Replace, &panel, rotation, 1.0, Par::Seq);
        for (j, out) in part.iter_mut().take(kept).enumerate() {
            out.iter_mut().zip(rotated.col_as_slice(j)).for_each(|(x, r)| *x = round(*r));
        }
    });
    columns.truncate(kept);
}

/// `W = Q R` by Gram–Schmidt, column by column, and the columns of `W` that `Q` goes on with: those of which more
/// than `negligible` is new, at most `room` of them. `Q` takes the place of `W`.
fn gram_schmidt(block: &mut Mat<f64>, room: usize, negligible: f64) -> (Mat<f64>, Vec<usize>) {
    let width = block.ncols();
    let mut factor = Mat::<f64>::zeros(width, width);
    let mut kept = Vec::new();
    for k in 0..width {
        let mut column = block.col_as_slice(k).to_vec();
        for j in 0..kept.len() {
            let overlap = dot(block.col_as_slice(j), &column);
            axpy(-overlap, block.col_as_slice(j), &mut column);
            factor[(j, k)] = overlap;
        }
        let length = norm(&column);
        if length > negligible && kept.len() < room {
            scale(1.0 / length, &mut column);
            factor[(kept.len(), k)] = length;
            block.col_as_slice_mut(kept.len()).copy_from_slice(&column);
            kept.push(k);
        }
    }
    block.truncate(block.nrows(), kept.len());
    factor.truncate(kept.len(), width);
    (factor, kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::dense::product;
    use crate::random::{Purpose, stream};
    use rand_distr::{Distribution, StandardNormal};

    fn random(rows: usize, columns: usize, index: u64) -> Mat<f64> {
        let mut rng = stream(1, Purpose::Check, index);
        Mat::from_fn(rows, columns, |_, _| StandardNormal.sample(&mut rng))
    }

    /// Largest entry of `AᵀB − unit`.
    fn off(a: &Mat<f64>, b: &Mat<f64>, unit: f64) -> f64 {
        let overlaps = product(a.transpose(), b.as_ref());
        let entry = |(i, j): (usize, usize)| (overlaps[(i, j)] - if i == j { unit } else { 0.0 }).abs();
        (0..overlaps.nrows()).flat_map(|i| (0..overlaps.ncols()).map(move |j| (i, j))).map(entry).fold(0.0, f64::max)
    }

    #[test]
    fn nearly_dependent_columns_come_out_orthonormal() {
        // Across the edges of panels and of tasks.
        for rows in [40, 3 * PANEL + 7, TASK + 5] {
            let mut basis = Basis::new(Precision::Float64);
            let mut first = random(rows, 12, 0);
            basis.orthonormalise(&mut first, 0.0);
            basis.push(&mut first);
            // Almost within the basis; almost equal to each other; within the basis; of no length.
            let (mix, small) = (product(first.as_ref(), random(12, 5, 1).as_ref()), random(rows, 5, 2));
            let block = Mat::from_fn(rows, 5, |i, j| match j {
                0 => mix[(i, 0)] + 1e-9 * small[(i, 0)],
                1 => small[(i, 1)],
                2 => small[(i, 1)] + 1e-9 * small[(i, 2)],
                3 => mix[(i, 3)],
                _ => 0.0,
            });
            let mut made = block.clone();
            let split = basis.orthonormalise(&mut made, 1e-12);
            assert_eq!(made.ncols(), 3);
            assert!(off(&made, &made, 1.0) < 1e-13 && off(&first, &made, 0.0) < 1e-13);
            let sum = product(first.as_ref(), split.along.as_ref()) + product(made.as_ref(), split.beyond.as_ref());
            assert!((&sum - &block).norm_max() < 1e-12);
        }
    }

    #[test]
    fn no_more_columns_than_rows_are_orthonormal() {
        let mut basis = Basis::new(Precision::Float64);
        let mut first = random(6, 4, 0);
        basis.orthonormalise(&mut first, 0.0);
        basis.push(&mut first);
        let mut rest = random(6, 4, 1);
        let split = basis.orthonormalise(&mut rest, 0.0);
        assert_eq!((rest.ncols(), split.beyond.nrows(), split.beyond.ncols()), (2, 2, 4));
        assert!(off(&rest, &rest, 1.0) < 1e-14 && off(&first, &rest, 0.0) < 1e-14);
    }

    /// One vector has a sweep of its own.
    #[test]
    fn one_vector_is_swept_as_one_of_several() {
        for rows in [3 * PANEL + 37, TASK + 5] {
            for precision in [Precision::Float64, Precision::Float32] {
                let mut basis = Basis::new(precision);
                let mut first = random(rows, 6, 0);
                basis.orthonormalise(&mut first, 0.0);
                basis.push(&mut first);
                let mut both = random(rows, 2, 1);
                let mut one = both.subcols(0, 1).to_owned();
                let (of_both, of_one) = (basis.project_out(&mut both), basis.project_out(&mut one));
                assert!((of_both.0.subcols(0, 1) - &of_one.0).norm_max() < 1e-12);
                assert!(
                    (both.subcols(0, 1) - &one).norm_max() < 1e-12 && (of_both.1[0] / of_one.1[0] - 1.0).abs() < 1e-12
                );
                assert!(off(&first, &one, 0.0) < if precision == Precision::Float64 { 1e-12 } else { 1e-4 });
            }
        }
    }

    #[test]
    fn a_rotation_is_a_product_in_either_precision() {
        let (vectors, rotation) = (random(PANEL + 100, 7, 0), random(7, 3, 1));
        let expected = product(vectors.as_ref(), rotation.as_ref());
        for (precision, slack) in [(Precision::Float64, 1e-14), (Precision::Float32, 3e-6)] {
            let mut basis = Basis::new(precision);
            let mut stored = vectors.clone();
            basis.push(&mut stored);
            // What is stored is handed back.
            assert_eq!(stored == vectors, precision == Precision::Float64);
            assert_eq!(basis.block(2, 3), stored.subcols(2, 3).to_owned());
            basis.rotate(rotation.as_ref());
            assert_eq!(basis.len(), 3);
            assert!((basis.block(0, 3) - &expected).norm_max() < slack);
            assert_eq!(basis.into_vectors()[2].len(), PANEL + 100);
        }
    }
}
