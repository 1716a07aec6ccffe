//! Inputs that are mostly zero, such as images on an empty ground, words or one-hot codes: a dense layer that reads them
//! multiplies what is there.

use crate::lanes::{LANES, Real, dispatch, each_lane};

/// Rows or columns of the inputs that stand together.
const TILE: usize = 4;

/// The share of tiles with something in them above which a product of all entries is about as fast.
const DENSE: f64 = 0.7;

/// The inputs of a block (`m × n`) without the tiles that are zero.
#[derive(Debug)]
pub(super) struct SparseInputs<R> {
    /// For each of [`TILE`] samples, the inputs at which one of them is not zero.
    samples: Tiles<R>,
    /// For each of [`TILE`] inputs, the samples.
    inputs: Tiles<R>,
}

/// Columns that stand together: what a product reads of the other matrix for them stays in the nearest cache.
const COLUMNS: usize = 128;

/// A matrix as groups of [`TILE`] rows, each as the columns that are not zero in all of them; first the columns of all groups among the
/// first [`COLUMNS`], then the next.
#[derive(Debug)]
struct Tiles<R> {
    rows: usize,
    /// The end of the entries of each group among so many columns.
    ends: Vec<usize>,
    /// The column of each entry.
    columns: Vec<u32>,
    /// Its numbers; zero beyond the last row.
    values: Vec<[R; TILE]>,
}

/// The inputs of a block for products with a layer's weights.
#[derive(Debug)]
pub(super) struct Sparse<'a, R> {
    pub(super) inputs: &'a SparseInputs<R>,
    /// The weights of the direction that is multiplied, as `n × outputs`.
    pub(super) turned: &'a [R],
}

impl<R> Clone for Sparse<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Sparse<'_, R> {}

impl<R: Real> SparseInputs<R> {
    /// The inputs `x` (`m × n`) if enough of them is zero for products to be faster.
    pub(super) fn of(x: &[R], n: usize) -> Option<Self> {
        let m = x.len() / n;
        let filled = |tiles: &Tiles<R>, all: usize| tiles.columns.len() as f64 <= DENSE * all as f64;
        let samples = Tiles::of(m, n, |sample, input| x[sample * n + input]);
        if !filled(&samples, m.div_ceil(TILE) * n) {
            return None;
        }
        let inputs = Tiles::of(n, m, |input, sample| x[sample * n + input]);
        filled(&inputs, n.div_ceil(TILE) * m).then_some(Self { samples, inputs })
    }

    /// Adds `x w` to `out` (`m × width`) for `w` (`n × width`).
    pub(super) fn add_image(&self, w: &[R], width: usize, out: &mut [R]) {
        self.samples.add_product(w, width, out);
    }

    /// Adds `ȳᵀ x` to `out` (`width × n`) for `ȳ` (`m × width`). `work` has as many entries as `out`, of any content.
    pub(super) fn add_outer(&self, cotangent: &[R], width: usize, out: &mut [R], work: &mut [R]) {
        let n = self.inputs.rows;
        let turned = &mut work[..n * width];
        turned.fill(R::ZERO);
        self.inputs.add_product(cotangent, width, turned);
        // Some rows at once, so that a line of a cache is used whole on either side.
        for first in (0..n).step_by(LANES) {
            let count = LANES.min(n - first);
            let turned = &turned[first * width..][..count * width];
            for (k, out) in out.chunks_exact_mut(n).enumerate() {
                for (out, row) in out[first..][..count].iter_mut().zip(turned.chunks_exact(width)) {
                    *out += row[k];
                }
            }
        }
    }
}

impl<R: Real> Tiles<R> {
    /// The matrix (`rows × columns`) of these entries.
    fn of(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> R) -> Self {
        let mut tiles = Self { rows, ends: Vec::new(), columns: Vec::new(), values: Vec::new() };
        let indices: Vec<u32> = (0..).take(columns).collect();
        for together in indices.chunks(COLUMNS) {
            for first in (0..rows).step_by(TILE) {
                for &index in together {
                    let mut values = [R::ZERO; TILE];
                    for (value, row) in values.iter_mut().zip(first..rows) {
                        *value = entry(row, index as usize);
                    }
                    if values.iter().any(|&value| value != R::ZERO) {
                        tiles.columns.push(index);
                        tiles.values.push(values);
                    }
                }
                tiles.ends.push(tiles.columns.len());
            }
        }
        tiles
    }

    /// Adds the product with `right` (`columns × width`) to `out` (`rows × width`). Each sum runs in the order of its index, in parts of
    /// [`COLUMNS`].
    fn add_product(&self, right: &[R], width: usize, out: &mut [R]) {
        let groups = self.rows.div_ceil(TILE);
        let mut begin = 0;
        for ends in self.ends.chunks_exact(groups) {
            dispatch(
                #[inline(always)]
                || self.add_strips(begin, ends, right, width, out),
            );
            begin = ends[groups - 1];
        }
    }

    /// What some columns of all groups add, whose entries begin and end so.
    #[inline(always)]
    fn add_strips(&self, begin: usize, ends: &[usize], right: &[R], width: usize, out: &mut [R]) {
        let mut at = 0;
        // Sums of 16 of the widest registers, then what is left.
        while size_of::<R>() == 4 && at + 4 * LANES <= width {
            at += self.add_strip::<4, LANES>(begin, ends, right, [width, at], out);
        }
        while at + 2 * LANES <= width {
            at += self.add_strip::<2, LANES>(begin, ends, right, [width, at], out);
        }
        if at + LANES <= width {
            at += self.add_strip::<1, LANES>(begin, ends, right, [width, at], out);
        }
        if at + 8 <= width {
            at += self.add_strip::<1, 8>(begin, ends, right, [width, at], out);
        }
        if at + 4 <= width {
            at += self.add_strip::<1, 4>(begin, ends, right, [width, at], out);
        }
        while at < width {
            at += self.add_strip::<1, 1>(begin, ends, right, [width, at], out);
        }
    }

    /// The columns of `right` from `at` on, `V L` of them; returns their number.
    #[inline(always)]
    fn add_strip<const V: usize, const L: usize>(
        &self,
        mut begin: usize,
        ends: &[usize],
        right: &[R],
        [width, at]: [usize; 2],
        out: &mut [R],
    ) -> usize {
        for (rows, &end) in out.chunks_mut(TILE * width).zip(ends) {
            let mut sums = [[[R::ZERO; L]; V]; TILE];
            for (&column, values) in self.columns[begin..end].iter().zip(&self.values[begin..end]) {
                let lanes = right[column as usize * width + at..][..V * L].as_chunks::<L>().0;
                each_lane::<TILE, V>(
                    #[inline(always)]
                    |t, v| {
                        let (factor, lane) = (values[t], &lanes[v]);
                        for l in 0..L {
                            sums[t][v][l] = factor.mul_add(lane[l], sums[t][v][l]);
                        }
                    },
                );
            }
            each_lane::<TILE, V>(
                #[inline(always)]
                |t, v| {
                    // The last group may have fewer rows.
                    if let Some(out) = rows.get_mut(t * width + at + v * L..).and_then(<[R]>::first_chunk_mut::<L>) {
                        for l in 0..L {
                            out[l] += sums[t][v][l];
                        }
                    }
                },
            );
            begin = end;
        }
        V * L
    }
}

/// The weights `w` (`outputs × n`) as `n × outputs`.
pub(super) fn turn<R: Copy>(w: &[R], n: usize, out: &mut [R]) {
    let outputs = w.len() / n;
    for (input, out) in out.chunks_exact_mut(outputs).enumerate() {
        for (out, row) in out.iter_mut().zip(w.chunks_exact(n)) {
            *out = row[input];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix most of whose entries are zero, and one without.
    fn entry(row: usize, column: usize, every: usize) -> f64 {
        let k = row * 31 + column * 17 + row * column;
        if k.is_multiple_of(every) { (k as f64).sin() + 1.5 } else { 0.0 }
    }

    fn check<R: Real>(tolerance: f64) {
        for (m, n, width) in [(3, 5, 1), (4, 9, 3), (7, 13, 20), (18, 22, 39), (9, 31, 64), (5, 26, 101), (150, 270, 5)]
        {
            let matrix = |rows: usize, columns: usize, every: usize| -> Vec<R> {
                (0..rows * columns).map(|k| R::from_f64(entry(k / columns, k % columns, every))).collect()
            };
            let (x, w, cotangent) = (matrix(m, n, 13), matrix(n, width, 1), matrix(m, width, 1));
            let inputs = SparseInputs::of(&x, n).expect("it is sparse");
            let at = |values: &[R], columns: usize, row: usize, column: usize| values[row * columns + column].to_f64();

            let mut image = vec![R::ONE; m * width];
            inputs.add_image(&w, width, &mut image);
            for (k, found) in image.iter().enumerate() {
                let (s, o) = (k / width, k % width);
                let want = 1.0 + (0..n).map(|i| at(&x, n, s, i) * at(&w, width, i, o)).sum::<f64>();
                assert!((found.to_f64() - want).abs() < tolerance, "image {m} {n} {width}: {found:?} {want}");
            }

            let mut outer = vec![R::ONE; width * n];
            inputs.add_outer(&cotangent, width, &mut outer, &mut vec![R::ONE; width * n]);
            for (k, found) in outer.iter().enumerate() {
                let (o, i) = (k / n, k % n);
                let want = 1.0 + (0..m).map(|s| at(&x, n, s, i) * at(&cotangent, width, s, o)).sum::<f64>();
                assert!((found.to_f64() - want).abs() < tolerance, "outer {m} {n} {width}: {found:?} {want}");
            }

            let mut turned = vec![R::ZERO; n * width];
            turn(&matrix(width, n, 1), n, &mut turned);
            for (k, found) in turned.iter().enumerate() {
                assert_eq!(*found, R::from_f64(entry(k % width, k / width, 1)), "{n} {width}");
            }
        }
    }

    #[test]
    fn products_are_those_of_all_entries() {
        check::<f64>(1e-12);
        check::<f32>(1e-4);
    }

    #[test]
    fn inputs_that_are_full_are_not_sparse() {
        let full: Vec<f64> = (0..40).map(|k| f64::from(k) + 1.0).collect();
        assert!(SparseInputs::of(&full, 10).is_none());
        // One sample in four has something: every tile of samples, no tile of inputs of the others.
        let rows: Vec<f64> = (0..40).map(|k| if k < 10 { 1.0 } else { 0.0 }).collect();
        assert!(SparseInputs::of(&rows, 10).is_none());
    }
}
