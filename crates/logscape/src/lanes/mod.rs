//! Sixteen replicas side by side: the numbers of a block that one vector instruction works on.
//!
//! Loops over the entries of a [`Lane`] have no branches, so the compiler makes vector instructions of them when they
//! are inlined into a closure given to [`dispatch`]. All arithmetic is IEEE's, with fused `mul_add` where a formula says
//! so, and no sum is reordered: results have the same bits on every instruction set.

mod arithmetic;
mod columns;
mod lane;
pub(crate) mod math;
mod real;
#[cfg(test)]
mod tests;
mod unrolled;

pub use columns::{ROW, Shuffles};
pub use lane::{LANES, Lane};
pub use real::Real;
pub(crate) use unrolled::{each_lane, unrolled};

/// Runs `f` compiled for the widest vector instructions of this processor (AVX-512, or AVX2 with FMA, or the baseline).
/// What `f` calls must be inlined to profit: `#[inline(always)]` on functions and closures, and `for` loops, since a `for_each`
/// may become a function of its own, which is compiled for the baseline and calls a function for every fused product.
#[inline(always)]
pub fn dispatch<T>(f: impl FnOnce() -> T) -> T {
    pulp::Arch::new().dispatch(f)
}
