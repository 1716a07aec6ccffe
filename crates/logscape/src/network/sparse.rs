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

    /// Adds `xᵀ ȳ` to `out` (`n × width`) for `ȳ` (`m × width`).
    pub(super) fn add_outer(&self, cotangent: &[R], width: usize, out: &mut [R]) {
        self.inputs.add_product(cotangent, width, out);
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
        if size_of::<R>() == 4 && width >= 16 {
            self.add_registers::<16>(begin, ends, right, width, out);
        } else if width >= 8 {
            self.add_registers::<8>(begin, ends, right, width, out);
        } else if width >= 4 {
            self.add_registers::<4>(begin, ends, right, width, out);
        } else {
            self.add_registers::<1>(begin, ends, right, width, out);
        }
    }

    /// The same in registers of `L` numbers, of which a row has one at least: sixteen or twenty sums at once. The last strip begins among columns that
    /// were summed before, so that its registers are full.
    #[inline(always)]
    fn add_registers<const L: usize>(&self, begin: usize, ends: &[usize], right: &[R], width: usize, out: &mut [R]) {
        let mut at = 0;
        while at < width {
            let registers = (width - at).div_ceil(L);
            // Five are faster than four and one.
            let take = if registers == 5 { 5 } else { registers.min(4) }.min(width / L);
            let start = at.min(width - take * L);
            let place = [width, start, at];
            match take {
                1 => self.add_strip::<1, L>(begin, ends, right, place, out),
                2 => self.add_strip::<2, L>(begin, ends, right, place, out),
                3 => self.add_strip::<3, L>(begin, ends, right, place, out),
                4 => self.add_strip::<4, L>(begin, ends, right, place, out),
                _ => self.add_strip::<5, L>(begin, ends, right, place, out),
            }
            at = start + take * L;
        }
    }

    /// The columns of `right` from `start` on, `V L` of them, of which those before `at` are not added.
    #[inline(always)]
    fn add_strip<const V: usize, const L: usize>(
        &self,
        mut begin: usize,
        ends: &[usize],
        right: &[R],
        [width, start, at]: [usize; 3],
        out: &mut [R],
    ) {
        for (rows, &end) in out.chunks_mut(TILE * width).zip(ends) {
            let mut sums = [[[R::ZERO; L]; V]; TILE];
            for (&column, values) in self.columns[begin..end].iter().zip(&self.values[begin..end]) {
                let lanes = right[column as usize * width + start..][..V * L].as_chunks::<L>().0;
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
                    let first = start + v * L;
                    // The last group may have fewer rows.
                    if let Some(out) = rows.get_mut(t * width + first..).and_then(<[R]>::first_chunk_mut::<L>) {
                        for l in 0..L {
                            out[l] += if first + l < at { R::ZERO } else { sums[t][v][l] };
                        }
                    }
                },
            );
            begin = end;
        }
    }
}

/// The matrix `from` (`rows × columns`) as `columns × rows`.
pub(super) fn turn<R: Copy>(from: &[R], columns: usize, to: &mut [R]) {
    let rows = from.len() / columns;
    // Some columns at once, so that a line of a cache is used whole on either side.
    for first in (0..columns).step_by(LANES) {
        let count = LANES.min(columns - first);
        let to = &mut to[first * rows..][..count * rows];
        for (k, from) in from.chunks_exact(columns).enumerate() {
            for (to, from) in to.chunks_exact_mut(rows).zip(&from[first..]) {
                to[k] = *from;
            }
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

            let mut outer = vec![R::ONE; n * width];
            inputs.add_outer(&cotangent, width, &mut outer);
            for (k, found) in outer.iter().enumerate() {
                let (i, o) = (k / width, k % width);
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
