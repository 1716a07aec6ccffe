//! Short loops written out.

/// `f(0), …, f(N − 1)` written out, `N ≤ 8`. The compiler does not unroll nests of loops as large as a tile, and sums
/// that are indexed in a loop stay in memory.
#[inline(always)]
pub(crate) fn unrolled<const N: usize>(mut f: impl FnMut(usize)) {
    const { assert!(N <= 8) };
    if N > 0 {
        f(0);
    }
    if N > 1 {
        f(1);
    }
    if N > 2 {
        f(2);
    }
    if N > 3 {
        f(3);
    }
    if N > 4 {
        f(4);
    }
    if N > 5 {
        f(5);
    }
    if N > 6 {
        f(6);
    }
    if N > 7 {
        f(7);
    }
}

/// `f(v, t)` for all `v < V` and `t < T`, written out.
#[inline(always)]
pub(crate) fn each_lane<const V: usize, const T: usize>(mut f: impl FnMut(usize, usize)) {
    unrolled::<V>(
        #[inline(always)]
        |v| {
            unrolled::<T>(
                #[inline(always)]
                |t| f(v, t),
            );
        },
    );
}
