//! The two floating-point types that an ensemble can run in.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

use super::{LANES, Lane, ROW, Shuffles, columns, math};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` or `f64`. The elementary functions have no branch, so that loops over them become vector code.
pub trait Real:
    sealed::Sealed
    + Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Beyond this in absolute value a coordinate has diverged: its square is still a number.
    const DIVERGENCE_LIMIT: Self;
    /// Largest `|x|` for which [`sin_cos`](Self::sin_cos) holds.
    const SIN_COS_LIMIT: Self;

    /// The nearest number of this type.
    fn from_f64(x: f64) -> Self;
    /// The same number in double precision.
    fn to_f64(self) -> f64;
    /// `|x|`.
    fn abs(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// `self · factor + term`, rounded once.
    fn mul_add(self, factor: Self, term: Self) -> Self;

    /// `eˣ` within 2 ulp where the result is a normal number.
    fn exp(self) -> Self;
    /// `ln x` within 2 ulp; `−∞` at zero and not a number below.
    fn ln(self) -> Self;
    /// `tanh x` within 3 ulp.
    fn tanh(self) -> Self;
    /// `(Φ(x), φ(x))`, distribution function and density of the standard normal law, within 8 ulp where they are normal
    /// numbers: `erf z = 2Φ(√2 z) − 1`.
    fn normal(self) -> (Self, Self);
    /// `(sin x, cos x)` within 2 ulp for `|x| ≤ SIN_COS_LIMIT`, meaningless beyond: see [`Lane::sin_cos`](super::Lane::sin_cos).
    fn sin_cos(self) -> (Self, Self);

    /// The columns of a matrix of which each lane has one row.
    fn columns(shuffles: Shuffles, rows: &[[Self; ROW]; LANES]) -> [Lane<Self>; ROW];
}

macro_rules! real {
    ($($float:ident, $divergence_limit:expr, $sin_cos_limit:expr;)*) => {$(
        impl Real for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const DIVERGENCE_LIMIT: Self = $divergence_limit;
            const SIN_COS_LIMIT: Self = $sin_cos_limit;

            #[inline(always)]
            #[allow(clippy::cast_lossless, reason = "one body for both types")]
            fn from_f64(x: f64) -> Self {
                x as Self
            }
            #[inline(always)]
            #[allow(clippy::cast_lossless, reason = "one body for both types")]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, term: Self) -> Self {
                self.mul_add(factor, term)
            }
            #[inline(always)]
            fn exp(self) -> Self {
                math::$float::exp(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                math::$float::ln(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                math::$float::tanh(self)
            }
            #[inline(always)]
            fn normal(self) -> (Self, Self) {
                math::$float::normal(self)
            }
            #[inline(always)]
            fn sin_cos(self) -> (Self, Self) {
                math::$float::sin_cos(self)
            }
            #[inline(always)]
            fn columns(shuffles: Shuffles, rows: &[[Self; ROW]; LANES]) -> [Lane<Self>; ROW] {
                columns::$float(shuffles, rows)
            }
        }
    )*};
}

real! {
    f32, 1e15, 1e6;
    f64, 1e60, 1e9;
}
