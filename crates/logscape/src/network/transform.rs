//! What a layer must compute.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::norms::Squares;
use super::rows;
use super::sparse::Sparse;
use crate::lanes::{Real, dispatch};

/// A number in which a network computes: `f32` or `f64`.
pub trait Float: Real + faer::traits::RealField + Squares {
    /// These numbers, if they are of this type.
    fn borrow(values: &[f64]) -> Option<&[Self]>;
}

impl Float for f32 {
    fn borrow(_values: &[f64]) -> Option<&[Self]> {
        None
    }
}

impl Float for f64 {
    fn borrow(values: &[f64]) -> Option<&[Self]> {
        Some(values)
    }
}

/// A block of samples before a layer, after its [`forward`](Transform::forward). Blocks are row-major: the numbers of one
/// sample stand together.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a, R> {
    /// Number of samples `m`.
    pub(super) samples: usize,
    /// The layer's parameters.
    pub(super) weights: &'a [R],
    /// The block (`m × inputs`).
    pub(super) input: &'a [R],
    /// What the forward pass kept (`m × kept`).
    pub(super) kept: &'a [R],
    /// The block without most of its zeros, where it has many and is the network's input; for `tangent` and `add_gradient`.
    pub(super) sparse: Option<Sparse<'a, R>>,
}

/// A direction of the parameters and the inputs of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Direction<'a, R> {
    /// `v`
    pub(super) weights: &'a [R],
    /// `ẋ` (`m × inputs`)
    pub(super) input: &'a [R],
}

/// A map `y = f(x, w)` of each sample's `x` with parameters `w`, in which it is linear.
///
/// With `x̄`, `ȳ` for cotangents and dots for derivatives along a direction `(ẋ, v)` of inputs and parameters. `work` has
/// [`work`](Self::work) entries of any content. Only `forward`, `tangent` and `pull_back` are for every layer: the rest has
/// something to do in layers with parameters or curvature.
pub(super) trait Transform {
    /// Number of parameters.
    fn parameters(&self) -> usize {
        0
    }

    /// Products of two numbers that its parameters take part in for each sample.
    fn products(&self) -> usize {
        self.parameters()
    }

    /// Numbers that the forward pass keeps for each sample.
    fn kept(&self) -> usize {
        0
    }

    /// Numbers that any pass needs beside, for whatever block.
    fn work(&self) -> usize {
        0
    }

    /// The names and shapes of its parameters, one after the other, as PyTorch has them.
    fn tensors(&self) -> Vec<(&'static str, Vec<usize>)> {
        Vec::new()
    }

    /// For a layer of weights and biases: weights, and the inputs and outputs that each of them joins.
    fn fan(&self) -> Option<[usize; 3]> {
        None
    }

    /// For a normalisation: its gains, which come first.
    fn gains(&self) -> Option<usize> {
        None
    }

    /// Whether its derivative is continuous.
    fn is_smooth(&self) -> bool {
        true
    }

    /// `y = f(x, w)` into `out`, from `at` without `kept`; what only second derivatives need is kept if `second`.
    fn forward<R: Float>(&self, at: At<R>, second: bool, kept: &mut [R], out: &mut [R], work: &mut [R]);

    /// `ẏ = ∂_x f ẋ + ∂_w f v` into `out`; an input that does not move is `None`.
    fn tangent<R: Float>(&self, at: At<R>, along: &[R], rate: Option<&[R]>, out: &mut [R], work: &mut [R]);

    /// `x̄ = (∂_x f)ᵀ ȳ` into `out`.
    fn pull_back<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], work: &mut [R]);

    /// Adds `(∂_x∂_w f v)ᵀ ȳ + share (∂_x² f ẋ)ᵀ ȳ` to `out`, how [`pull_back`](Self::pull_back) of a given cotangent changes
    /// along the direction if `share` is one. Never called where the input does not move.
    fn bend<R: Float>(
        &self,
        _at: At<R>,
        _along: Direction<R>,
        _cotangent: &[R],
        _share: R,
        _out: &mut [R],
        _work: &mut [R],
    ) {
    }

    /// Sets or adds to `out` the gradient `(∂_w f)ᵀ ȳ` of the sample `k` of the block alone, for its `cotangent`.
    fn sample_gradient<R: Float>(
        &self,
        _at: At<R>,
        _k: usize,
        _cotangent: &[R],
        _accum: Accum,
        _out: &mut [R],
        _work: &mut [R],
    ) {
    }

    /// Adds the sum over the block of the gradients `(∂_w f)ᵀ ȳ` to `out`; of a dense layer that reads sparse inputs, those in its weights
    /// as `inputs × outputs`.
    fn add_gradient<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], work: &mut [R]) {
        if self.parameters() > 0 {
            for (k, cotangent) in cotangent.chunks_exact(cotangent.len() / at.samples).enumerate() {
                self.sample_gradient(at, k, cotangent, Accum::Add, out, work);
            }
        }
    }

    /// Adds the sum over the block of `(∂_x∂_w f ẋ)ᵀ ȳ`, how the gradient of a given cotangent changes with the input, to `out`.
    fn add_gradient_rate<R: Float>(&self, _at: At<R>, _rate: &[R], _cotangent: &[R], _out: &mut [R], _work: &mut [R]) {}

    /// Adds the inner products of each sample's gradients for all pairs of `cotangents` (`c` of them) to `out` (`m × c × c`).
    /// Allocates `c` gradients unless overridden.
    fn add_gradient_grams<R: Float>(&self, at: At<R>, cotangents: &[&[R]], out: &mut [f64], work: &mut [R]) {
        let (count, c) = (self.parameters(), cotangents.len());
        if count == 0 {
            return;
        }
        let mut gradients = vec![R::ZERO; c * count];
        for (k, out) in out.chunks_exact_mut(c * c).enumerate() {
            for (cotangent, gradient) in cotangents.iter().zip(gradients.chunks_exact_mut(count)) {
                let width = cotangent.len() / at.samples;
                self.sample_gradient(at, k, &cotangent[k * width..][..width], Accum::Replace, gradient, work);
            }
            let gradient = |i: usize| &gradients[i * count..][..count];
            add_symmetric(c, out, |i, j| inner(gradient(i), gradient(j)));
        }
    }
}

/// Adds `entry(i, j)`, which is symmetric, to a matrix (`c × c`).
#[inline(always)]
pub(super) fn add_symmetric(c: usize, out: &mut [f64], entry: impl Fn(usize, usize) -> f64) {
    for i in 0..c {
        for j in 0..=i {
            let entry = entry(i, j);
            out[i * c + j] += entry;
            if i != j {
                out[j * c + i] += entry;
            }
        }
    }
}

/// `values` as `rows × columns`, row-major.
pub(super) fn matrix<R: Float>(values: &[R], rows: usize, columns: usize) -> MatRef<'_, R> {
    MatRef::from_row_major_slice(values, rows, columns)
}

/// Sets or adds to `out` (`rows × columns of right`, row-major) the product `left right`.
pub(super) fn product<R: Float>(out: &mut [R], accum: Accum, left: MatRef<R>, right: MatRef<R>) {
    let out = MatMut::from_row_major_slice_mut(out, left.nrows(), right.ncols());
    matmul(out, accum, left, right, R::ONE, Par::Seq);
}

/// Products that are summed side by side.
const SIDE: usize = 8;

/// `left · right`, summed in double precision.
#[inline(always)]
pub(super) fn inner<R: Float>(left: &[R], right: &[R]) -> f64 {
    let (left, right) = (left.as_chunks::<SIDE>(), right.as_chunks::<SIDE>());
    let mut sums = [0.0; SIDE];
    for (left, right) in left.0.iter().zip(right.0) {
        for k in 0..SIDE {
            sums[k] += left[k].to_f64() * right[k].to_f64();
        }
    }
    let rest: f64 = left.1.iter().zip(right.1).map(|(a, b)| a.to_f64() * b.to_f64()).sum();
    sums.iter().sum::<f64>() + rest
}

/// Copies `row` to every row of `out`.
pub(super) fn fill_rows<R: Float>(out: &mut [R], row: &[R]) {
    dispatch(
        #[inline(always)]
        || {
            for out in out.chunks_exact_mut(row.len()) {
                rows::copy(row, out);
            }
        },
    );
}
