//! The sum of a block's output and of what went into it.

use super::transform::{At, Float, Transform};

/// `y = x + s`, where the graph adds `s`, the value that the layer skips to, and its cotangent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sum;

impl Transform for Sum {
    fn forward<R: Float>(&self, at: At<R>, _second: bool, _kept: &mut [R], out: &mut [R], _work: &mut [R]) {
        out.copy_from_slice(at.input);
    }

    fn tangent<R: Float>(&self, _at: At<R>, _along: &[R], rate: Option<&[R]>, out: &mut [R], _work: &mut [R]) {
        match rate {
            Some(rate) => out.copy_from_slice(rate),
            None => out.fill(R::ZERO),
        }
    }

    fn pull_back<R: Float>(&self, _at: At<R>, cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        out.copy_from_slice(cotangent);
    }
}
