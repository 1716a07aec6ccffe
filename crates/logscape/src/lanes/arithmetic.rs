//! Arithmetic of lanes, entry by entry.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{LANES, Lane, Real};

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
