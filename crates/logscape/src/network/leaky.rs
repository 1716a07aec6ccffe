//! The leaky rectifier of any slope.

use super::activation::multiply;
use super::transform::{At, Float, Transform};

/// `y = x` above zero and `slope x` from there down, where the derivative is `slope`; it keeps the derivatives of its units.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaky {
    pub(super) slope: f64,
    pub(super) units: usize,
}

impl Transform for Leaky {
    fn is_smooth(&self) -> bool {
        false
    }

    fn kept(&self) -> usize {
        self.units
    }

    fn forward<R: Float>(&self, at: At<R>, _second: bool, kept: &mut [R], out: &mut [R], _work: &mut [R]) {
        let slope = R::from_f64(self.slope);
        for (derivative, &x) in kept.iter_mut().zip(at.input) {
            *derivative = if x > R::ZERO { R::ONE } else { slope };
        }
        multiply(kept, at.input, out);
    }

    fn tangent<R: Float>(&self, at: At<R>, _along: &[R], rate: Option<&[R]>, out: &mut [R], _work: &mut [R]) {
        match rate {
            Some(rate) => multiply(at.kept, rate, out),
            None => out.fill(R::ZERO),
        }
    }

    fn pull_back<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        multiply(at.kept, cotangent, out);
    }
}
