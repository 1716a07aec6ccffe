//! Squared norms of short rows, by instructions that compilers do not find: they take sums apart again that end in one number.

#[cfg(target_arch = "x86_64")]
use pulp::x86::V3;

use crate::lanes::Real;
#[cfg(target_arch = "x86_64")]
use wide::norms_squared;

/// Squares that are summed side by side.
const SIDE: usize = 8;

/// Numbers of a row that are summed in its own precision: eight squares, none of which takes anything away, one after the other.
const SHORT: usize = 8 * SIDE;

/// Rows that are summed at once.
const ROWS: usize = 4;

/// Adds `(‖x‖² + bias) ‖ȳ‖²` to `out` (`m`) for the rows of `inputs` (`m × n`) and `cotangents` (`m × c`). A norm is within `10 · 2⁻²⁴` of
/// itself in single precision, and its bits are the same on every processor.
pub(super) fn add_products<R: Real + Squares>(
    (inputs, n): (&[R], usize),
    bias: f64,
    (cotangents, c): (&[R], usize),
    out: &mut [f64],
) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = V3::try_new() {
        simd.vectorize(
            #[inline(always)]
            || {
                let blocks = inputs.chunks(ROWS * n).zip(cotangents.chunks(ROWS * c));
                for ((inputs, cotangents), out) in blocks.zip(out.chunks_mut(ROWS)) {
                    let inputs = norms_squared(simd, inputs, n);
                    let cotangents = norms_squared(simd, cotangents, c);
                    for ((out, input), cotangent) in out.iter_mut().zip(inputs).zip(cotangents) {
                        *out += (input + bias) * cotangent;
                    }
                }
            },
        );
        return;
    }
    for ((input, cotangent), out) in inputs.chunks_exact(n).zip(cotangents.chunks_exact(c)).zip(out) {
        *out += (norm_squared(input) + bias) * norm_squared(cotangent);
    }
}

/// `‖row‖²`.
fn norm_squared<R: Real>(row: &[R]) -> f64 {
    let (mut four, mut rest) = ([0.0; SIDE / 2], R::ZERO);
    for part in row.chunks(SHORT) {
        let (eights, last) = part.as_chunks::<SIDE>();
        let mut sums = [R::ZERO; SIDE];
        for eight in eights {
            for k in 0..SIDE {
                sums[k] = eight[k].mul_add(eight[k], sums[k]);
            }
        }
        for k in 0..SIDE / 2 {
            four[k] += sums[k].to_f64() + sums[k + SIDE / 2].to_f64();
        }
        for &x in last {
            rest = x.mul_add(x, rest);
        }
    }
    ((four[0] + four[1]) + (four[2] + four[3])) + rest.to_f64()
}

/// The same for four rows at once.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::__m256d;

    use pulp::x86::V3;
    use pulp::{cast, f32x4, f32x8, f64x4};

    use super::{ROWS, Real, SHORT, SIDE};

    /// A number of which squares are summed.
    pub trait Squares: Sized {
        /// Eight sums.
        type Sums: Copy;

        /// Eight zeros.
        fn zeros(simd: V3) -> Self::Sums;

        /// Adds the squares of eight numbers to as many sums.
        fn add_squares(simd: V3, eight: &[Self; SIDE], sums: Self::Sums) -> Self::Sums;

        /// Sums of the first four and the last four, in double precision.
        fn halves(simd: V3, sums: Self::Sums) -> f64x4;
    }

    impl Squares for f32 {
        type Sums = f32x8;

        #[inline(always)]
        fn zeros(simd: V3) -> f32x8 {
            simd.splat_f32x8(0.0)
        }

        #[inline(always)]
        fn add_squares(simd: V3, eight: &[f32; SIDE], sums: f32x8) -> f32x8 {
            let eight: f32x8 = cast(*eight);
            simd.mul_add_f32x8(eight, eight, sums)
        }

        #[inline(always)]
        fn halves(simd: V3, sums: f32x8) -> f64x4 {
            let [low, high]: [f32x4; 2] = cast(sums);
            simd.add_f64x4(simd.convert_f32x4_to_f64x4(low), simd.convert_f32x4_to_f64x4(high))
        }
    }

    impl Squares for f64 {
        type Sums = [f64x4; 2];

        #[inline(always)]
        fn zeros(simd: V3) -> [f64x4; 2] {
            [simd.splat_f64x4(0.0); 2]
        }

        #[inline(always)]
        fn add_squares(simd: V3, eight: &[f64; SIDE], sums: [f64x4; 2]) -> [f64x4; 2] {
            let [low, high]: [f64x4; 2] = cast(*eight);
            [simd.mul_add_f64x4(low, low, sums[0]), simd.mul_add_f64x4(high, high, sums[1])]
        }

        #[inline(always)]
        fn halves(simd: V3, sums: [f64x4; 2]) -> f64x4 {
            simd.add_f64x4(sums[0], sums[1])
        }
    }

    /// `‖row‖²` of the rows, up to four.
    #[inline(always)]
    pub(super) fn norms_squared<R: Real + Squares>(simd: V3, rows: &[R], width: usize) -> [f64; ROWS] {
        // Not a closure over places: it would not be inlined to where the instructions are known to exist.
        let (a, rows) = first(rows, width);
        let (b, rows) = first(rows, width);
        let (c, d) = first(rows, width);
        let [(a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)] =
            [sums(simd, a), sums(simd, b), sums(simd, c), sums(simd, d)];
        let pairs = [simd.avx._mm256_hadd_pd(cast(a), cast(b)), simd.avx._mm256_hadd_pd(cast(c), cast(d))];
        let low: __m256d = simd.avx._mm256_permute2f128_pd::<0x20>(pairs[0], pairs[1]);
        let high: __m256d = simd.avx._mm256_permute2f128_pd::<0x31>(pairs[0], pairs[1]);
        let rest: f64x4 = cast([a_rest, b_rest, c_rest, d_rest]);
        cast(simd.add_f64x4(simd.add_f64x4(cast(low), cast(high)), rest))
    }

    /// The first row, or none, and the rest.
    #[inline(always)]
    fn first<R>(rows: &[R], width: usize) -> (&[R], &[R]) {
        rows.split_at(width.min(rows.len()))
    }

    /// Four sums of a row's squares, and that of what is left of it.
    #[inline(always)]
    fn sums<R: Real + Squares>(simd: V3, row: &[R]) -> (f64x4, f64) {
        let (mut four, mut rest) = (simd.splat_f64x4(0.0), R::ZERO);
        for part in row.chunks(SHORT) {
            let (eights, last) = part.as_chunks::<SIDE>();
            let mut sums = R::zeros(simd);
            for eight in eights {
                sums = R::add_squares(simd, eight, sums);
            }
            four = simd.add_f64x4(four, R::halves(simd, sums));
            for &x in last {
                rest = x.mul_add(x, rest);
            }
        }
        (four, rest.to_f64())
    }
}
#[cfg(target_arch = "x86_64")]
pub(super) use wide::Squares;

/// Nothing beyond.
#[cfg(not(target_arch = "x86_64"))]
pub trait Squares {}
#[cfg(not(target_arch = "x86_64"))]
impl Squares for f32 {}
#[cfg(not(target_arch = "x86_64"))]
impl Squares for f64 {}

#[cfg(test)]
mod tests {
    use super::*;

    /// By formula, of both signs and several sizes.
    fn numbers<R: Real>(a: f64, count: usize) -> Vec<R> {
        (0..count).map(|k| R::from_f64((a * (k * k) as f64).sin() * 10.0_f64.powf((k % 5) as f64))).collect()
    }

    /// Against exact sums, and row by row against what processors without the instructions do.
    fn check<R: Real + Squares>(rounding: f64) {
        for width in (1..140).chain([1000, 1003]) {
            for rows in 1..6 {
                let (inputs, cotangents) =
                    (numbers::<R>(0.37, rows * width), numbers::<R>(0.61, rows * (width / 3 + 1)));
                let mut found = vec![1.0; rows];
                add_products((&inputs, width), 1.0, (&cotangents, width / 3 + 1), &mut found);
                let pairs = inputs.chunks_exact(width).zip(cotangents.chunks_exact(width / 3 + 1));
                for (found, (input, cotangent)) in found.iter().zip(pairs) {
                    let alone = 1.0 + (norm_squared(input) + 1.0) * norm_squared(cotangent);
                    assert_eq!(found.to_bits(), alone.to_bits(), "{rows} rows of {width}");
                    let exact = |row: &[R]| row.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>();
                    let expected = 1.0 + (exact(input) + 1.0) * exact(cotangent);
                    assert!((found / expected - 1.0).abs() < rounding, "{rows} rows of {width}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn norms_of_rows_of_every_length_are_exact_and_have_the_same_bits_by_any_instructions() {
        // Two norms, each of ten roundings.
        check::<f32>(20.0 * 2.0_f64.powi(-24));
        check::<f64>(1e-13);
    }
}
