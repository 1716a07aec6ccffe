//! Convolutions (cross-correlations, as networks mean them), as products of matrices.

use faer::{Accum, MatRef};

use super::rows::{copy, sum};
use super::transform::{At, Direction, Float, Transform, matrix, product};
use super::window::Window;
use crate::lanes::dispatch;

/// `y_o = b_o + Σ_i W_{oi} ⋆ x_i` over the channels `i` of the group of `o`; the parameters are `W`
/// (`outputs × inputs/groups × height × width`, row-major), then `b` (`outputs`), which is zero and no parameter of a layer without
/// biases.
///
/// A sample's windows are the columns of a matrix of `inputs × height × width` rows, which `W` multiplies.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Convolution {
    /// Channels.
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) groups: usize,
    pub(super) window: Window,
    /// Whether there is `b`.
    pub(super) bias: bool,
}

impl Convolution {
    /// Rows of the matrix of windows.
    fn rows(&self) -> usize {
        self.inputs * self.window.size()
    }

    fn weight_count(&self) -> usize {
        self.outputs * self.rows() / self.groups
    }

    fn sample_inputs(&self) -> usize {
        self.inputs * self.window.inputs()
    }

    fn sample_outputs(&self) -> usize {
        self.outputs * self.window.outputs()
    }

    /// The matrix of windows of one sample, in `work` unless it is the image itself.
    fn windows<'a, R: Float>(&self, image: &'a [R], work: &'a mut [R]) -> &'a [R] {
        if self.window.is_identity() {
            return image;
        }
        let (plane, outputs) = (self.window.inputs(), self.window.outputs());
        let out = &mut work[..self.rows() * outputs];
        if self.window.padding != [0, 0] {
            out.fill(R::ZERO);
        }
        let size = self.window.size() * outputs;
        dispatch(
            #[inline(always)]
            || {
                for (image, out) in image.chunks_exact(plane).zip(out.chunks_exact_mut(size)) {
                    self.window.for_each_run(
                        #[inline(always)]
                        |entry, first, start, count, stride| {
                            let out = &mut out[entry * outputs + first..][..count];
                            if stride == 1 {
                                copy(&image[start..], out);
                            } else {
                                for (out, x) in out.iter_mut().zip(image[start..].iter().step_by(stride)) {
                                    *out = *x;
                                }
                            }
                        },
                    );
                }
            },
        );
        out
    }

    /// Adds a matrix like that of [`windows`](Self::windows) to the image.
    fn add_windows<R: Float>(&self, windows: &[R], image: &mut [R]) {
        let (plane, outputs) = (self.window.inputs(), self.window.outputs());
        let size = self.window.size() * outputs;
        dispatch(
            #[inline(always)]
            || {
                for (image, windows) in image.chunks_exact_mut(plane).zip(windows.chunks_exact(size)) {
                    self.window.for_each_run(
                        #[inline(always)]
                        |entry, first, start, count, stride| {
                            let windows = &windows[entry * outputs + first..][..count];
                            if stride == 1 {
                                for (x, w) in image[start..][..count].iter_mut().zip(windows) {
                                    *x += *w;
                                }
                            } else {
                                for (x, w) in image[start..].iter_mut().step_by(stride).zip(windows) {
                                    *x += *w;
                                }
                            }
                        },
                    );
                }
            },
        );
    }

    /// The weights of a group (`outputs × rows of the group`).
    fn group<'a, R: Float>(&self, weights: &'a [R], group: usize) -> MatRef<'a, R> {
        let count = self.weight_count() / self.groups;
        matrix(&weights[group * count..][..count], self.outputs / self.groups, self.rows() / self.groups)
    }

    /// Adds `W ⋆ x` to `out`, for one sample.
    fn add_image<R: Float>(&self, weights: &[R], image: &[R], out: &mut [R], work: &mut [R]) {
        let (size, rows) = (self.window.outputs(), self.rows() / self.groups);
        let windows = self.windows(image, work);
        for (g, out) in out.chunks_exact_mut(self.outputs / self.groups * size).enumerate() {
            let windows = matrix(&windows[g * rows * size..][..rows * size], rows, size);
            product(out, Accum::Add, self.group(weights, g), windows);
        }
    }

    /// Adds `Wᵀ ȳ` to `out`, for one sample.
    fn add_pull<R: Float>(&self, weights: &[R], cotangent: &[R], out: &mut [R], work: &mut [R]) {
        let (size, rows) = (self.window.outputs(), self.rows() / self.groups);
        let identity = self.window.is_identity();
        let windows = if identity { &mut *out } else { &mut work[..self.rows() * size] };
        let accum = if identity { Accum::Add } else { Accum::Replace };
        for (g, windows) in windows.chunks_exact_mut(rows * size).enumerate() {
            let count = self.outputs / self.groups;
            let cotangent = matrix(&cotangent[g * count * size..][..count * size], count, size);
            product(windows, accum, self.group(weights, g).transpose(), cotangent);
        }
        if !identity {
            self.add_windows(&work[..self.rows() * size], out);
        }
    }

    /// Sets or adds to the weights of `out` the product of a sample's cotangents and windows.
    fn outer<R: Float>(&self, image: &[R], cotangent: &[R], accum: Accum, out: &mut [R], work: &mut [R]) {
        let (size, rows) = (self.window.outputs(), self.rows() / self.groups);
        let windows = self.windows(image, work);
        let count = self.outputs / self.groups;
        for (g, out) in out[..self.weight_count()].chunks_exact_mut(count * rows).enumerate() {
            let windows = matrix(&windows[g * rows * size..][..rows * size], rows, size);
            let cotangent = matrix(&cotangent[g * count * size..][..count * size], count, size);
            product(out, accum, cotangent, windows.transpose());
        }
    }

    /// Sets each plane of a sample's `out` to its bias in `weights`, the layer's parameters.
    fn fill_planes<R: Float>(&self, weights: &[R], out: &mut [R]) {
        if !self.bias {
            out.fill(R::ZERO);
        }
        let biases = &weights[self.weight_count()..];
        for (plane, bias) in out.chunks_exact_mut(self.window.outputs()).zip(biases) {
            plane.fill(*bias);
        }
    }
}

impl Transform for Convolution {
    fn parameters(&self) -> usize {
        self.weight_count() + if self.bias { self.outputs } else { 0 }
    }

    fn products(&self) -> usize {
        self.weight_count() * self.window.outputs()
    }

    /// A sample's windows.
    fn work(&self) -> usize {
        self.rows() * self.window.outputs()
    }

    fn tensors(&self) -> Vec<(&'static str, Vec<usize>)> {
        let [height, width] = self.window.kernel;
        let bias = self.bias.then(|| ("bias", vec![self.outputs]));
        let weight = ("weight", vec![self.outputs, self.inputs / self.groups, height, width]);
        [weight].into_iter().chain(bias).collect()
    }

    fn fan(&self) -> Option<[usize; 3]> {
        let each = self.window.size();
        Some([self.weight_count(), self.inputs / self.groups * each, self.outputs / self.groups * each])
    }

    fn forward<R: Float>(&self, at: At<R>, _second: bool, _kept: &mut [R], out: &mut [R], work: &mut [R]) {
        let samples = at.input.chunks_exact(self.sample_inputs()).zip(out.chunks_exact_mut(self.sample_outputs()));
        for (image, out) in samples {
            self.fill_planes(at.weights, out);
            self.add_image(at.weights, image, out, work);
        }
    }

    fn tangent<R: Float>(&self, at: At<R>, along: &[R], rate: Option<&[R]>, out: &mut [R], work: &mut [R]) {
        let (inputs, outputs) = (self.sample_inputs(), self.sample_outputs());
        for (k, out) in out.chunks_exact_mut(outputs).enumerate() {
            self.fill_planes(along, out);
            self.add_image(along, &at.input[k * inputs..][..inputs], out, work);
            if let Some(rate) = rate {
                self.add_image(at.weights, &rate[k * inputs..][..inputs], out, work);
            }
        }
    }

    fn pull_back<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], work: &mut [R]) {
        out.fill(R::ZERO);
        let samples = cotangent.chunks_exact(self.sample_outputs()).zip(out.chunks_exact_mut(self.sample_inputs()));
        for (cotangent, out) in samples {
            self.add_pull(at.weights, cotangent, out, work);
        }
    }

    fn bend<R: Float>(
        &self,
        _at: At<R>,
        along: Direction<R>,
        cotangent: &[R],
        _share: R,
        out: &mut [R],
        work: &mut [R],
    ) {
        let samples = cotangent.chunks_exact(self.sample_outputs()).zip(out.chunks_exact_mut(self.sample_inputs()));
        for (cotangent, out) in samples {
            self.add_pull(along.weights, cotangent, out, work);
        }
    }

    fn sample_gradient<R: Float>(
        &self,
        at: At<R>,
        k: usize,
        cotangent: &[R],
        accum: Accum,
        out: &mut [R],
        work: &mut [R],
    ) {
        let inputs = self.sample_inputs();
        self.outer(&at.input[k * inputs..][..inputs], cotangent, accum, out, work);
        let (biases, size) = (&mut out[self.weight_count()..], self.window.outputs());
        if accum == Accum::Replace {
            biases.fill(R::ZERO);
        }
        dispatch(
            #[inline(always)]
            || {
                for (bias, plane) in biases.iter_mut().zip(cotangent.chunks_exact(size)) {
                    *bias += sum(plane);
                }
            },
        );
    }

    fn add_gradient_rate<R: Float>(&self, _at: At<R>, rate: &[R], cotangent: &[R], out: &mut [R], work: &mut [R]) {
        let samples = rate.chunks_exact(self.sample_inputs()).zip(cotangent.chunks_exact(self.sample_outputs()));
        for (rate, cotangent) in samples {
            self.outer(rate, cotangent, Accum::Add, out, work);
        }
    }
}
