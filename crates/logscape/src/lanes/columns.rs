//! Transposition of small matrices, one row of which belongs to each lane.

#[cfg(target_arch = "x86_64")]
use pulp::x86::V4;

use super::{LANES, Lane};

/// Numbers in a row.
pub const ROW: usize = 8;

/// What the processor offers for [`Real::columns`](super::Real::columns), found once before a loop. Without
/// AVX-512 the compiler's own transposition has to do.
#[derive(Debug, Clone, Copy)]
pub struct Shuffles {
    #[cfg(target_arch = "x86_64")]
    wide: Option<V4>,
}

impl Shuffles {
    /// Asks the processor.
    pub fn detect() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            wide: V4::try_new(),
        }
    }
}

/// Column by column, number by number.
#[inline(always)]
pub(super) fn plain<R: Copy>(rows: &[[R; ROW]; LANES]) -> [Lane<R>; ROW] {
    let mut columns = [Lane::splat(rows[0][0]); ROW];
    for j in 0..ROW {
        for k in 0..LANES {
            columns[j].0[k] = rows[k][j];
        }
    }
    columns
}

macro_rules! columns {
    ($($float:ident)*) => {$(
        /// See [`Real::columns`](super::Real::columns).
        #[inline(always)]
        pub(super) fn $float(shuffles: Shuffles, rows: &[[$float; ROW]; LANES]) -> [Lane<$float>; ROW] {
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = shuffles.wide {
                return wide::$float(simd, rows);
            }
            let Shuffles { .. } = shuffles;
            plain(rows)
        }
    )*};
}

columns! { f32 f64 }

/// By shuffles of whole registers. All are inlined to where the instructions are known to exist.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{__m512, __m512d};

    use super::{LANES, Lane, ROW, V4};
    use pulp::cast;

    /// The first and third quarters of both.
    #[inline(always)]
    fn even(simd: V4, a: __m512d, b: __m512d) -> __m512d {
        simd.avx512f._mm512_shuffle_f64x2::<0b10_00_10_00>(a, b)
    }

    /// The second and last quarters of both.
    #[inline(always)]
    fn odd(simd: V4, a: __m512d, b: __m512d) -> __m512d {
        simd.avx512f._mm512_shuffle_f64x2::<0b11_01_11_01>(a, b)
    }

    /// The numbers of even and of odd columns of two rows, in turns.
    #[inline(always)]
    fn turns(simd: V4, a: [f64; ROW], b: [f64; ROW]) -> [__m512d; 2] {
        let (a, b) = (cast(a), cast(b));
        [simd.avx512f._mm512_unpacklo_pd(a, b), simd.avx512f._mm512_unpackhi_pd(a, b)]
    }

    /// Columns of eight rows.
    #[inline(always)]
    fn eight(simd: V4, rows: &[[f64; ROW]; 8]) -> [__m512d; ROW] {
        let [a, b] = turns(simd, rows[0], rows[1]);
        let [c, d] = turns(simd, rows[2], rows[3]);
        let [e, f] = turns(simd, rows[4], rows[5]);
        let [g, h] = turns(simd, rows[6], rows[7]);
        // Columns 0 and 4, 1 and 5, 2 and 6, 3 and 7 of the first four rows, and of the last four.
        let first = [even(simd, a, c), even(simd, b, d), odd(simd, a, c), odd(simd, b, d)];
        let last = [even(simd, e, g), even(simd, f, h), odd(simd, e, g), odd(simd, f, h)];
        [
            even(simd, first[0], last[0]),
            even(simd, first[1], last[1]),
            even(simd, first[2], last[2]),
            even(simd, first[3], last[3]),
            odd(simd, first[0], last[0]),
            odd(simd, first[1], last[1]),
            odd(simd, first[2], last[2]),
            odd(simd, first[3], last[3]),
        ]
    }

    #[inline(always)]
    pub(super) fn f64(simd: V4, rows: &[[f64; ROW]; LANES]) -> [Lane<f64>; ROW] {
        let (halves, _) = rows.as_chunks();
        let (low, high) = (eight(simd, &halves[0]), eight(simd, &halves[1]));
        let mut columns = [Lane::splat(0.0); ROW];
        for j in 0..ROW {
            columns[j] = Lane(cast([low[j], high[j]]));
        }
        columns
    }

    /// Two rows in one register.
    #[inline(always)]
    fn both(a: [f32; ROW], b: [f32; ROW]) -> __m512 {
        cast([a, b])
    }

    /// Of rows 0 to 3 and, beside them, 4 to 7: columns 0 and 4, 1 and 5, 2 and 6, 3 and 7.
    #[inline(always)]
    fn quarters(simd: V4, rows: &[[f32; ROW]; 8]) -> [__m512d; 4] {
        let simd = simd.avx512f;
        let (a, b) = (both(rows[0], rows[4]), both(rows[1], rows[5]));
        let (c, d) = (both(rows[2], rows[6]), both(rows[3], rows[7]));
        let (low, high) = (cast(simd._mm512_unpacklo_ps(a, b)), cast(simd._mm512_unpackhi_ps(a, b)));
        let (other_low, other_high) = (cast(simd._mm512_unpacklo_ps(c, d)), cast(simd._mm512_unpackhi_ps(c, d)));
        [
            simd._mm512_unpacklo_pd(low, other_low),
            simd._mm512_unpackhi_pd(low, other_low),
            simd._mm512_unpacklo_pd(high, other_high),
            simd._mm512_unpackhi_pd(high, other_high),
        ]
    }

    #[inline(always)]
    pub(super) fn f32(simd: V4, rows: &[[f32; ROW]; LANES]) -> [Lane<f32>; ROW] {
        let (halves, _) = rows.as_chunks();
        let (low, high) = (quarters(simd, &halves[0]), quarters(simd, &halves[1]));
        let mut columns = [Lane::splat(0.0); ROW];
        for j in 0..4 {
            columns[j] = Lane(cast(even(simd, low[j], high[j])));
            columns[j + 4] = Lane(cast(odd(simd, low[j], high[j])));
        }
        columns
    }
}
