//! One number for each replica of a block.

use std::array;
use std::ops::{Index, IndexMut};

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
