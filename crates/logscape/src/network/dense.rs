//! The affine map of all units.

use faer::Accum;

use crate::lanes::dispatch;

use super::norms::add_products;
use super::sparse::Sparse;
use super::transform::{At, Direction, Float, Transform, add_symmetric, fill_rows, inner, matrix, product};

/// `y = W x + b`; the parameters are `W` (`outputs × inputs`, row-major), then `b` (`outputs`), which is zero and no parameter of a
/// layer without biases.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dense {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Whether there is `b`.
    pub(super) bias: bool,
}

impl Dense {
    fn split<'a, R>(&self, weights: &'a [R]) -> (&'a [R], &'a [R]) {
        weights.split_at(self.outputs * self.inputs)
    }

    fn split_mut<'a, R>(&self, weights: &'a mut [R]) -> (&'a mut [R], &'a mut [R]) {
        weights.split_at_mut(self.outputs * self.inputs)
    }

    /// Fills `out` with the biases of `weights`, the layer's parameters.
    fn fill_biases<R: Float>(&self, weights: &[R], out: &mut [R]) {
        if self.bias {
            fill_rows(out, self.split(weights).1);
        } else {
            out.fill(R::ZERO);
        }
    }

    /// Adds `W x` to `out`.
    fn add_image<R: Float>(&self, m: usize, weights: &[R], input: &[R], out: &mut [R]) {
        let weights = matrix(self.split(weights).0, self.outputs, self.inputs);
        product(out, Accum::Add, matrix(input, m, self.inputs), weights.transpose());
    }

    /// Sets or adds to `out` the rows `ȳ W`.
    fn pull<R: Float>(&self, m: usize, weights: &[R], cotangent: &[R], accum: Accum, out: &mut [R]) {
        let weights = matrix(self.split(weights).0, self.outputs, self.inputs);
        product(out, accum, matrix(cotangent, m, self.outputs), weights);
    }

    /// Adds `Σ ȳ xᵀ` to the weights of `out`.
    fn add_outer<R: Float>(&self, m: usize, input: &[R], cotangent: &[R], out: &mut [R]) {
        let cotangent = matrix(cotangent, m, self.outputs);
        product(self.split_mut(out).0, Accum::Add, cotangent.transpose(), matrix(input, m, self.inputs));
    }
}

impl Transform for Dense {
    fn parameters(&self) -> usize {
        (self.inputs + usize::from(self.bias)) * self.outputs
    }

    fn tensors(&self) -> Vec<(&'static str, Vec<usize>)> {
        let bias = self.bias.then(|| ("bias", vec![self.outputs]));
        [("weight", vec![self.outputs, self.inputs])].into_iter().chain(bias).collect()
    }

    fn fan(&self) -> Option<[usize; 3]> {
        Some([self.outputs * self.inputs, self.inputs, self.outputs])
    }

    fn forward<R: Float>(&self, at: At<R>, _second: bool, _kept: &mut [R], out: &mut [R], _work: &mut [R]) {
        self.fill_biases(at.weights, out);
        self.add_image(at.samples, at.weights, at.input, out);
    }

    fn tangent<R: Float>(&self, at: At<R>, along: &[R], rate: Option<&[R]>, out: &mut [R], _work: &mut [R]) {
        self.fill_biases(along, out);
        match at.sparse {
            Some(Sparse { inputs, turned }) => inputs.add_image(turned, self.outputs, out),
            None => self.add_image(at.samples, along, at.input, out),
        }
        if let Some(rate) = rate {
            self.add_image(at.samples, at.weights, rate, out);
        }
    }

    fn pull_back<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        self.pull(at.samples, at.weights, cotangent, Accum::Replace, out);
    }

    fn bend<R: Float>(
        &self,
        at: At<R>,
        along: Direction<R>,
        cotangent: &[R],
        _share: R,
        out: &mut [R],
        _work: &mut [R],
    ) {
        self.pull(at.samples, along.weights, cotangent, Accum::Add, out);
    }

    fn sample_gradient<R: Float>(
        &self,
        at: At<R>,
        k: usize,
        cotangent: &[R],
        accum: Accum,
        out: &mut [R],
        _work: &mut [R],
    ) {
        let input = &at.input[k * self.inputs..][..self.inputs];
        if accum == Accum::Replace {
            out.fill(R::ZERO);
        }
        let (weights, biases) = self.split_mut(out);
        for (bias, &cotangent) in biases.iter_mut().zip(cotangent) {
            *bias += cotangent;
        }
        for (row, &cotangent) in weights.chunks_exact_mut(self.inputs).zip(cotangent) {
            for (weight, &input) in row.iter_mut().zip(input) {
                *weight += cotangent * input;
            }
        }
    }

    fn add_gradient<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        match at.sparse {
            Some(Sparse { inputs, .. }) => {
                inputs.add_outer(cotangent, self.outputs, self.split_mut(out).0);
            }
            None => self.add_outer(at.samples, at.input, cotangent, out),
        }
        let biases = self.split_mut(out).1;
        dispatch(
            #[inline(always)]
            || {
                for row in cotangent.chunks_exact(self.outputs) {
                    for (bias, &cotangent) in biases.iter_mut().zip(row) {
                        *bias += cotangent;
                    }
                }
            },
        );
    }

    fn add_gradient_rate<R: Float>(&self, at: At<R>, rate: &[R], cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        self.add_outer(at.samples, rate, cotangent, out);
    }

    /// `(ȳ·ȳ') (‖x‖² + 1)`: a gradient is the outer product of `ȳ` and `(x, 1)`, or `x` without biases.
    fn add_gradient_grams<R: Float>(&self, at: At<R>, cotangents: &[&[R]], out: &mut [f64], _work: &mut [R]) {
        let bias = f64::from(self.bias);
        if let [cotangents] = cotangents {
            add_products((at.input, self.inputs), bias, (cotangents, self.outputs), out);
            return;
        }
        let (c, inputs) = (cotangents.len(), at.input.chunks_exact(self.inputs));
        dispatch(
            #[inline(always)]
            || {
                for (k, (input, out)) in inputs.zip(out.chunks_exact_mut(c * c)).enumerate() {
                    let square = inner(input, input) + bias;
                    let row = |i: usize| &cotangents[i][k * self.outputs..][..self.outputs];
                    add_symmetric(
                        c,
                        out,
                        #[inline(always)]
                        |i, j| square * inner(row(i), row(j)),
                    );
                }
            },
        );
    }
}
