//! Sixteen replicas side by side: the numbers of a block that one vector instruction works on.
//!
//! Loops over the entries of a [`Lane`] have no branches, so the compiler makes vector instructions of them when they
//! are inlined into a closure given to [`dispatch`]. All arithmetic is IEEE's, with fused `mul_add` where a formula says
//! so, and no sum is reordered: results have the same bits on every instruction set.

mod columns;
pub(crate) mod math;
mod real;
#[cfg(test)]
mod tests;

pub use columns::{ROW, Shuffles};
pub use real::Real;

use std::array;
use std::ops::{Add, Div, Index, IndexMut, Mul, Neg, Sub};

/// Replicas of a block.
pub const LANES: usize = 16;

/// One number for each of [`LANES`] replicas.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Lane<T>(pub [T; LANES]);

impl<T: Copy> Lane<T> {
    /// The same number in every lane.
    #[inline(always)]
    pub fn splat(value: T) -> Self {
        Self([value; LANES])
    }

    /// The number `f(k)` in lane `k`.
    #[inline(always)]
    pub fn from_fn(f: impl FnMut(usize) -> T) -> Self {
        Self(array::from_fn(f))
    }

    /// The entry of `table` at each lane's index; the last one where an index is beyond the end.
    ///
    /// # Panics
    /// If the table is empty.
    #[inline(always)]
    pub fn gather(table: &[T], index: &Lane<u32>) -> Self {
        // The minimum spares a test in every lane, and with it the branches that would keep this from being one instruction.
        let last = table.len().checked_sub(1).expect("a table to gather from has entries");
        let mut out = Lane::splat(table[last]);
        for k in 0..LANES {
            out.0[k] = table[(index.0[k] as usize).min(last)];
        }
        out
    }

    /// `f` of every lane.
    #[inline(always)]
    pub fn map<U: Copy>(self, f: impl Fn(T) -> U) -> Lane<U> {
        // A loop, since the standard library's constructor of arrays is not always inlined. What it starts from is not used.
        let mut out = Lane::splat(f(self.0[0]));
        for k in 0..LANES {
            out.0[k] = f(self.0[k]);
        }
        out
    }

    /// `f` of the lanes of two, in pairs.
    #[inline(always)]
    pub fn zip<U: Copy, V: Copy>(self, other: Lane<U>, f: impl Fn(T, U) -> V) -> Lane<V> {
        let mut out = Lane::splat(f(self.0[0], other.0[0]));
        for k in 0..LANES {
            out.0[k] = f(self.0[k], other.0[k]);
        }
        out
    }
}

impl<T: Copy> Index<usize> for Lane<T> {
    type Output = T;
    #[inline(always)]
    fn index(&self, lane: usize) -> &T {
        &self.0[lane]
    }
}

impl<T: Copy> IndexMut<usize> for Lane<T> {
    #[inline(always)]
    fn index_mut(&mut self, lane: usize) -> &mut T {
        &mut self.0[lane]
    }
}

impl<R: Real> Lane<R> {
    /// `self · factor + term`, rounded once.
    #[inline(always)]
    pub fn mul_add(self, factor: Self, term: Self) -> Self {
        let mut out = self;
        for k in 0..LANES {
            out.0[k] = self.0[k].mul_add(factor.0[k], term.0[k]);
        }
        out
    }

    /// Square root.
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        self.map(R::sqrt)
    }

    /// `eˣ`, see [`Real::exp`].
    #[inline(always)]
    pub fn exp(self) -> Self {
        self.map(R::exp)
    }

    /// `ln x`, see [`Real::ln`].
    #[inline(always)]
    pub fn ln(self) -> Self {
        self.map(R::ln)
    }

    /// `tanh x`, see [`Real::tanh`].
    #[inline(always)]
    pub fn tanh(self) -> Self {
        self.map(R::tanh)
    }

    /// `(sin x, cos x)` for every `x`: [`Real::sin_cos`] in its range, the standard library's beyond.
    #[inline(always)]
    pub fn sin_cos(self) -> (Self, Self) {
        let (mut sine, mut cosine) = (self, self);
        let mut far = false;
        for k in 0..LANES {
            (sine.0[k], cosine.0[k]) = self.0[k].sin_cos();
            far |= self.0[k].abs() > R::SIN_COS_LIMIT;
        }
        if far {
            self.sin_cos_far(&mut sine, &mut cosine);
        }
        (sine, cosine)
    }

    /// Only replicas about to diverge come here.
    #[cold]
    #[inline(never)]
    fn sin_cos_far(&self, sine: &mut Self, cosine: &mut Self) {
        for k in (0..LANES).filter(|&k| self.0[k].abs() > R::SIN_COS_LIMIT) {
            let (s, c) = self.0[k].to_f64().sin_cos();
            (sine.0[k], cosine.0[k]) = (R::from_f64(s), R::from_f64(c));
        }
    }
}

macro_rules! elementwise {
    ($($operator:ident, $method:ident;)*) => {$(
        impl<R: Real> $operator for Lane<R> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let mut out = self;
                for k in 0..LANES {
                    out.0[k] = self.0[k].$method(other.0[k]);
                }
                out
            }
        }
    )*};
}

elementwise! { Add, add; Sub, sub; Mul, mul; Div, div; }

impl<R: Real> Neg for Lane<R> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|x| -x)
    }
}

/// Runs `f` compiled for the widest vector instructions of this processor (AVX-512, or AVX2 with FMA, or the baseline).
/// What `f` calls must be inlined to profit.
#[inline(always)]
pub fn dispatch<T>(f: impl FnOnce() -> T) -> T {
    pulp::Arch::new().dispatch(f)
}
