//! Multilayer perceptrons of any depth, a batch at a time through matrix products.

mod activation;
mod hessians;
pub(crate) mod kernel;
mod registered;

use std::any::Any;
use std::mem;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rand_distr::{Distribution, StandardNormal};

use super::error::{require_finite, require_some};
use super::{NetworkModel, Problem, ProblemError, Samples, half_variance};

pub use activation::{Activation, Initialisation};

/// One affine map `z = W a + b`.
#[derive(Debug, Clone)]
struct Layer {
    inputs: usize,
    outputs: usize,
    /// Where `W` (`outputs × inputs`, row-major) starts in `θ`; `b` (`outputs`) follows it.
    start: usize,
    /// Units of the layers before this one; `m` times that is where its units start in a buffer of all units.
    units_before: usize,
}

impl Layer {
    fn weights<'a>(&self, theta: &'a [f64]) -> MatRef<'a, f64> {
        matrix(&theta[self.start..][..self.outputs * self.inputs], self.outputs, self.inputs)
    }

    fn biases<'a>(&self, theta: &'a [f64]) -> &'a [f64] {
        &theta[self.start + self.outputs * self.inputs..][..self.outputs]
    }

    /// This layer's `m × outputs` part of a buffer of all units.
    fn part<'a>(&self, units: &'a [f64], m: usize) -> &'a [f64] {
        &units[m * self.units_before..][..m * self.outputs]
    }

    /// Sets or adds to this layer's part of `out` (`P`): `δᵀ a` for the weights; returns the part for the biases.
    fn weight_products<'a>(
        &self,
        accum: Accum,
        delta: &[f64],
        input: &[f64],
        m: usize,
        out: &'a mut [f64],
    ) -> &'a mut [f64] {
        let count = self.outputs * self.inputs;
        let (weights, biases) = out[self.start..][..count + self.outputs].split_at_mut(count);
        let delta = matrix(delta, m, self.outputs).transpose();
        product(weights, self.outputs, accum, delta, matrix(input, m, self.inputs));
        biases
    }
}

/// A perceptron with its data: `a₀ = x`, `z_l = W_l a_{l−1} + b_l`, `a_l = σ(z_l)`, `f(θ, x) = z_L`.
///
/// `θ = [W₁, b₁, …, W_L, b_L]` with `W_l` of `n_l × n_{l−1}`, row-major.
#[derive(Debug, Clone)]
pub struct Mlp {
    layers: Vec<Layer>,
    activation: Activation,
    inputs: Vec<f64>,
    targets: Vec<f64>,
}

/// What the passes over `m` samples read and write, carved from the caller's scratch.
struct Buffers<'a> {
    /// Inputs (`m × n₀`).
    x: &'a [f64],
    /// Pre-activations of all units, the outputs last.
    z: &'a mut [f64],
    /// Activations `σ(z)`.
    a: &'a mut [f64],
    /// Slopes `σ'(z)`.
    slope: &'a mut [f64],
    /// Second derivatives `σ''(z)`.
    curvature: &'a mut [f64],
    /// Directional derivative of `z` along `v`.
    z_dot: &'a mut [f64],
    /// Directional derivative of `a` along `v`.
    a_dot: &'a mut [f64],
    /// Cotangents of the current layer and of the one below, and directional derivatives of both.
    delta: &'a mut [f64],
    delta_below: &'a mut [f64],
    delta_dot: &'a mut [f64],
    delta_dot_below: &'a mut [f64],
}

impl Mlp {
    /// The problem of layer sizes `sizes = [n₀, …, n_L]`, `inputs` (`N × n₀`) and `targets` (`N × n_L`), row-major.
    ///
    /// # Errors
    /// If there are fewer than two sizes, a size or `N` is zero, lengths do not fit, or a value is not finite.
    pub fn new(
        sizes: &[usize],
        activation: Activation,
        inputs: Vec<f64>,
        targets: Vec<f64>,
    ) -> Result<Self, ProblemError> {
        require_some("layers", sizes.len().saturating_sub(1))?;
        for &size in sizes {
            require_some("units of each layer", size)?;
        }
        let (dim, outputs) = (sizes[0], sizes[sizes.len() - 1]);
        let samples = inputs.len() / dim;
        require_some("inputs", samples)?;
        require_finite("inputs", &inputs, samples * dim)?;
        require_finite("targets", &targets, samples.saturating_mul(outputs))?;
        let (mut start, mut units_before) = (0, 0);
        let layer = |pair: &[usize]| {
            let layer = Layer { inputs: pair[0], outputs: pair[1], start, units_before };
            start += (pair[0] + 1) * pair[1];
            units_before += pair[1];
            layer
        };
        let layers = sizes.windows(2).map(layer).collect();
        Ok(Self { layers, activation, inputs, targets })
    }

    /// Random parameters (`P`): normal weights of the law's standard deviation, zero biases.
    pub fn init(&self, initialisation: Initialisation, rng: &mut impl rand::Rng) -> Vec<f64> {
        let mut theta = vec![0.0; self.dim()];
        for layer in &self.layers {
            let deviation = initialisation.standard_deviation(layer.inputs, layer.outputs);
            for weight in &mut theta[layer.start..][..layer.outputs * layer.inputs] {
                let normal: f64 = StandardNormal.sample(rng);
                *weight = deviation * normal;
            }
        }
        theta
    }

    fn last(&self) -> &Layer {
        &self.layers[self.layers.len() - 1]
    }

    /// Units of all layers but the input.
    fn units(&self) -> usize {
        self.last().units_before + self.last().outputs
    }

    fn widest(&self) -> usize {
        self.layers.iter().map(|layer| layer.outputs).max().unwrap_or(0)
    }

    fn buffers<'a>(&'a self, samples: &Samples, mut scratch: &'a mut [f64]) -> Buffers<'a> {
        let m = samples.len();
        let dim = self.layers[0].inputs;
        let mut take = |count: usize| {
            let (taken, rest) = mem::take(&mut scratch).split_at_mut(m * count);
            scratch = rest;
            taken
        };
        let x = match samples {
            Samples::Range(range) => &self.inputs[range.start * dim..][..m * dim],
            Samples::Indices(indices) => {
                let x = take(dim);
                for (row, &sample) in x.chunks_exact_mut(dim).zip(*indices) {
                    row.copy_from_slice(&self.inputs[sample as usize * dim..][..dim]);
                }
                x
            }
        };
        let (units, widest) = (self.units(), self.widest());
        Buffers {
            x,
            z: take(units),
            a: take(units),
            slope: take(units),
            curvature: take(units),
            z_dot: take(units),
            a_dot: take(units),
            delta: take(widest),
            delta_below: take(widest),
            delta_dot: take(widest),
            delta_dot_below: take(widest),
        }
    }

    /// The input of layer `l`, given the network's input and the activations of the layers below.
    fn input_of<'a>(&self, l: usize, x: &'a [f64], a: &'a [f64], m: usize) -> &'a [f64] {
        if l == 0 { x } else { self.layers[l - 1].part(a, m) }
    }

    /// Fills `z`, `a` and `slope`.
    fn forward(&self, theta: &[f64], m: usize, buffers: &mut Buffers) {
        for (l, layer) in self.layers.iter().enumerate() {
            let span = m * layer.units_before..m * (layer.units_before + layer.outputs);
            let z = &mut buffers.z[span.clone()];
            fill_rows(z, layer.biases(theta));
            let input = matrix(self.input_of(l, buffers.x, buffers.a, m), m, layer.inputs);
            product(z, m, Accum::Add, input, layer.weights(theta).transpose());
            if l + 1 < self.layers.len() {
                let (a, slope) = (&mut buffers.a[span.clone()], &mut buffers.slope[span]);
                kernel::activate_into(self.activation, z, a, slope);
            }
        }
    }

    /// Fills `curvature`, after [`forward`](Self::forward).
    fn second_slopes(&self, m: usize, buffers: &mut Buffers) {
        let hidden = m * self.last().units_before;
        let known = buffers.z[..hidden].iter().zip(&*buffers.a).zip(&*buffers.slope);
        for (curvature, ((z, a), slope)) in buffers.curvature.iter_mut().zip(known) {
            *curvature = self.activation.curvature_at(*z, *a, *slope);
        }
    }

    /// Fills `z_dot` and `a_dot`, after [`forward`](Self::forward): `ż_l = Ẇ_l a_{l−1} + W_l ȧ_{l−1} + ḃ_l`, with the
    /// parts of `v` as `Ẇ` and `ḃ`.
    fn tangent(&self, theta: &[f64], v: &[f64], m: usize, buffers: &mut Buffers) {
        for (l, layer) in self.layers.iter().enumerate() {
            let span = m * layer.units_before..m * (layer.units_before + layer.outputs);
            let z_dot = &mut buffers.z_dot[span.clone()];
            fill_rows(z_dot, layer.biases(v));
            let input = matrix(self.input_of(l, buffers.x, buffers.a, m), m, layer.inputs);
            product(z_dot, m, Accum::Add, input, layer.weights(v).transpose());
            if l > 0 {
                let input_dot = matrix(self.layers[l - 1].part(buffers.a_dot, m), m, layer.inputs);
                product(z_dot, m, Accum::Add, input_dot, layer.weights(theta).transpose());
            }
            if l + 1 < self.layers.len() {
                let (a_dot, slope) = (&mut buffers.a_dot[span.clone()], &buffers.slope[span]);
                for ((a_dot, z_dot), slope) in a_dot.iter_mut().zip(z_dot).zip(slope) {
                    *a_dot = slope * *z_dot;
                }
            }
        }
    }

    /// From the outputs' cotangents in `delta`, calls `emit(layer, δ, a)` for every layer, from the last to the first:
    /// `δ_l = (δ_{l+1} W_{l+1}) ⊙ σ'(z_l)`.
    fn backward(&self, theta: &[f64], m: usize, buffers: &mut Buffers, mut emit: impl FnMut(&Layer, &[f64], &[f64])) {
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let delta = &buffers.delta[..m * layer.outputs];
            emit(layer, delta, self.input_of(l, buffers.x, buffers.a, m));
            if l > 0 {
                let below = &mut buffers.delta_below[..m * layer.inputs];
                product(below, m, Accum::Replace, matrix(delta, m, layer.outputs), layer.weights(theta));
                for (below, slope) in below.iter_mut().zip(self.layers[l - 1].part(buffers.slope, m)) {
                    *below *= slope;
                }
                mem::swap(&mut buffers.delta, &mut buffers.delta_below);
            }
        }
    }

    /// [`backward`](Self::backward) into `out = Σ_μ J_μᵀ δ_μ` (`P`).
    fn backward_sum(&self, theta: &[f64], m: usize, buffers: &mut Buffers, out: &mut [f64]) {
        assert_eq!(out.len(), self.dim());
        self.backward(theta, m, buffers, |layer, delta, input| {
            let biases = layer.weight_products(Accum::Replace, delta, input, m, out);
            sum_rows(delta, biases);
        });
    }

    /// Forward over reverse: with dots for derivatives along `v`, the gradient `δᵀ a` has the derivative `δ̇ᵀ a + δᵀ ȧ`,
    /// and `δ̇_l = (δ̇_{l+1} W_{l+1} + δ_{l+1} Ẇ_{l+1}) ⊙ σ'(z_l) + (δ_{l+1} W_{l+1}) ⊙ σ''(z_l) ⊙ ż_l`.
    ///
    /// Writes the mean Hessian product along `v`, after [`forward`](Self::forward) and
    /// [`second_slopes`](Self::second_slopes).
    fn hessian_product(&self, theta: &[f64], v: &[f64], samples: &Samples, buffers: &mut Buffers, out: &mut [f64]) {
        let m = samples.len();
        let share = 1.0 / m as f64;
        self.tangent(theta, v, m, buffers);
        self.errors(buffers.z, samples, share, buffers.delta);
        self.output_tangents(buffers.z_dot, m, share, buffers.delta_dot);
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let delta = &buffers.delta[..m * layer.outputs];
            let delta_dot = &buffers.delta_dot[..m * layer.outputs];
            let input = self.input_of(l, buffers.x, buffers.a, m);
            let biases = layer.weight_products(Accum::Replace, delta_dot, input, m, out);
            sum_rows(delta_dot, biases);
            if l == 0 {
                break;
            }
            let lower = &self.layers[l - 1];
            layer.weight_products(Accum::Add, delta, lower.part(buffers.a_dot, m), m, out);
            let below = &mut buffers.delta_below[..m * layer.inputs];
            let below_dot = &mut buffers.delta_dot_below[..m * layer.inputs];
            let delta = matrix(delta, m, layer.outputs);
            product(below, m, Accum::Replace, delta, layer.weights(theta));
            product(below_dot, m, Accum::Replace, delta, layer.weights(v));
            product(below_dot, m, Accum::Add, matrix(delta_dot, m, layer.outputs), layer.weights(theta));
            let (curvatures, z_dot) = (lower.part(buffers.curvature, m), lower.part(buffers.z_dot, m));
            let slopes = lower.part(buffers.slope, m);
            for k in 0..below.len() {
                below_dot[k] = below_dot[k] * slopes[k] + below[k] * curvatures[k] * z_dot[k];
                below[k] *= slopes[k];
            }
            mem::swap(&mut buffers.delta, &mut buffers.delta_below);
            mem::swap(&mut buffers.delta_dot, &mut buffers.delta_dot_below);
        }
    }

    /// Writes `scale (z_L − y)` (`m × c`) to `out`; returns the sum of `½‖z_L − y‖²`.
    fn errors(&self, z: &[f64], samples: &Samples, scale: f64, out: &mut [f64]) -> f64 {
        let c = self.last().outputs;
        let mut loss = 0.0;
        let rows = self.last().part(z, samples.len()).chunks_exact(c).zip(out.chunks_exact_mut(c));
        for (k, (values, errors)) in rows.enumerate() {
            let targets = &self.targets[samples.get(k) * c..][..c];
            for ((value, target), error) in values.iter().zip(targets).zip(errors) {
                let residual = value - target;
                loss += 0.5 * residual * residual;
                *error = scale * residual;
            }
        }
        loss
    }

    /// Writes `scale ż_L` (`m × c`) to `out`.
    fn output_tangents(&self, z_dot: &[f64], m: usize, scale: f64, out: &mut [f64]) {
        for (out, z_dot) in out.iter_mut().zip(self.last().part(z_dot, m)) {
            *out = scale * z_dot;
        }
    }
}

impl Problem for Mlp {
    fn dim(&self) -> usize {
        self.last().start + (self.last().inputs + 1) * self.last().outputs
    }

    fn samples(&self) -> usize {
        self.inputs.len() / self.layers[0].inputs
    }

    fn outputs(&self) -> usize {
        self.last().outputs
    }

    fn scratch_len(&self, m: usize) -> usize {
        m * (self.layers[0].inputs + 6 * self.units() + 4 * self.widest())
    }

    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        assert_eq!(out.len(), samples.len() * self.outputs());
        let mut buffers = self.buffers(&samples, scratch);
        self.forward(theta, samples.len(), &mut buffers);
        self.errors(buffers.z, &samples, 1.0, out);
    }

    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let m = samples.len();
        assert_eq!(out.len(), m * self.outputs());
        let mut buffers = self.buffers(&samples, scratch);
        self.forward(theta, m, &mut buffers);
        self.tangent(theta, v, m, &mut buffers);
        self.output_tangents(buffers.z_dot, m, 1.0, out);
    }

    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let m = samples.len();
        let mut buffers = self.buffers(&samples, scratch);
        self.forward(theta, m, &mut buffers);
        buffers.delta[..m * self.outputs()].copy_from_slice(u);
        self.backward_sum(theta, m, &mut buffers, out);
    }

    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) -> f64 {
        let m = samples.len();
        let share = 1.0 / m as f64;
        let mut buffers = self.buffers(&samples, scratch);
        self.forward(theta, m, &mut buffers);
        let loss = self.errors(buffers.z, &samples, share, buffers.delta);
        self.backward_sum(theta, m, &mut buffers, out);
        loss * share
    }

    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let (m, dim) = (samples.len(), self.dim());
        assert_eq!(out.len(), m * dim);
        let mut buffers = self.buffers(&samples, scratch);
        self.forward(theta, m, &mut buffers);
        self.errors(buffers.z, &samples, 1.0, buffers.delta);
        self.backward(theta, m, &mut buffers, |layer, delta, input| {
            let rows = delta.chunks_exact(layer.outputs).zip(input.chunks_exact(layer.inputs));
            for ((delta, input), gradient) in rows.zip(out.chunks_exact_mut(dim)) {
                let count = layer.outputs * layer.inputs;
                let (weights, biases) = gradient[layer.start..][..count + layer.outputs].split_at_mut(count);
                biases.copy_from_slice(delta);
                for (row, delta) in weights.chunks_exact_mut(layer.inputs).zip(delta) {
                    for (weight, input) in row.iter_mut().zip(input) {
                        *weight = delta * input;
                    }
                }
            }
        });
    }

    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        assert_eq!(out.len(), self.dim());
        self.hvp_block_into(theta, v, samples, out, scratch);
    }

    /// One forward pass for all vectors.
    fn hvp_block_into(&self, theta: &[f64], vectors: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let (m, p) = (samples.len(), self.dim());
        assert_eq!(out.len(), vectors.len());
        let mut buffers = self.buffers(&samples, scratch);
        self.forward(theta, m, &mut buffers);
        self.second_slopes(m, &mut buffers);
        for (v, out) in vectors.chunks_exact(p).zip(out.chunks_exact_mut(p)) {
            self.hessian_product(theta, v, &samples, &mut buffers, out);
        }
    }

    /// `‖ż_L‖² + e·z̈_L` with the second derivatives along `v`, `z̈_l = W_l ä_{l−1} + 2 Ẇ_l ȧ_{l−1}` and
    /// `ä_l = σ'(z_l) ⊙ z̈_l + σ''(z_l) ⊙ ż_l²`.
    fn sample_curvatures_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let (m, c) = (samples.len(), self.outputs());
        let mut buffers = self.buffers(&samples, scratch);
        self.forward(theta, m, &mut buffers);
        self.second_slopes(m, &mut buffers);
        self.tangent(theta, v, m, &mut buffers);
        buffers.delta[..m * self.layers[0].outputs].fill(0.0);
        for (l, layer) in self.layers.iter().enumerate() {
            if l > 0 {
                let second = &mut buffers.delta_below[..m * layer.outputs];
                let input_dot = matrix(self.layers[l - 1].part(buffers.a_dot, m), m, layer.inputs);
                product(second, m, Accum::Replace, input_dot, layer.weights(v).transpose());
                second.iter_mut().for_each(|x| *x *= 2.0);
                let input = matrix(&buffers.delta[..m * layer.inputs], m, layer.inputs);
                product(second, m, Accum::Add, input, layer.weights(theta).transpose());
                mem::swap(&mut buffers.delta, &mut buffers.delta_below);
            }
            if l + 1 < self.layers.len() {
                let (slopes, curvatures) = (layer.part(buffers.slope, m), layer.part(buffers.curvature, m));
                let z_dot = layer.part(buffers.z_dot, m);
                for (k, second) in buffers.delta[..m * layer.outputs].iter_mut().enumerate() {
                    *second = slopes[k] * *second + curvatures[k] * z_dot[k] * z_dot[k];
                }
            }
        }
        self.errors(buffers.z, &samples, 1.0, buffers.delta_dot);
        let z_dot = self.last().part(buffers.z_dot, m);
        for (k, out) in out.iter_mut().enumerate() {
            *out = (k * c..(k + 1) * c).map(|i| z_dot[i] * z_dot[i] + buffers.delta_dot[i] * buffers.delta[i]).sum();
        }
    }

    fn sample_hessians_into(
        &self,
        theta: &[f64],
        vectors: &[f64],
        samples: Samples,
        out: &mut [f64],
        scratch: &mut [f64],
    ) {
        self.sample_hessians(theta, vectors, &samples, out, scratch);
    }

    /// `Σ_l ‖δ_l‖² (‖a_{l−1}‖² + 1)`, since the gradient of a layer is the outer product of `δ_l` and `(a_{l−1}, 1)`.
    fn gradient_squares_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let m = samples.len();
        let mut buffers = self.buffers(&samples, scratch);
        self.forward(theta, m, &mut buffers);
        self.errors(buffers.z, &samples, 1.0, buffers.delta);
        out.fill(0.0);
        self.backward(theta, m, &mut buffers, |layer, delta, input| {
            let rows = delta.chunks_exact(layer.outputs).zip(input.chunks_exact(layer.inputs));
            for ((delta, input), out) in rows.zip(out.iter_mut()) {
                *out += inner(delta, delta) * (inner(input, input) + 1.0);
            }
        });
    }

    /// `Σ_l (δ_l^i·δ_l^j) (‖a_{l−1}‖² + 1)` with `δ^i` the cotangents of output `i`. Allocates `m c` times the units.
    fn jacobian_grams_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let (m, c, units) = (samples.len(), self.outputs(), self.units());
        let mut buffers = self.buffers(&samples, scratch);
        self.forward(theta, m, &mut buffers);
        let mut cotangents = vec![0.0; c * m * units];
        let mut weights = vec![0.0; self.layers.len() * m];
        for (i, cotangents) in cotangents.chunks_exact_mut(m * units).enumerate() {
            buffers.delta[..m * c].fill(0.0);
            buffers.delta[..m * c].iter_mut().skip(i).step_by(c).for_each(|x| *x = 1.0);
            self.backward(theta, m, &mut buffers, |layer, delta, input| {
                cotangents[m * layer.units_before..][..delta.len()].copy_from_slice(delta);
                let position = self.layers.iter().position(|other| other.start == layer.start).unwrap_or(0);
                for (weight, input) in weights[position * m..].iter_mut().zip(input.chunks_exact(layer.inputs)) {
                    *weight = inner(input, input) + 1.0;
                }
            });
        }
        for (k, gram) in out.chunks_exact_mut(c * c).enumerate() {
            for i in 0..c {
                for j in 0..c {
                    gram[i * c + j] = (self.layers.iter().enumerate())
                        .map(|(l, layer)| {
                            let row = |i: usize| {
                                &cotangents[m * (i * units + layer.units_before) + k * layer.outputs..][..layer.outputs]
                            };
                            inner(row(i), row(j)) * weights[l * m + k]
                        })
                        .sum();
                }
            }
        }
    }

    fn constant_loss(&self) -> Option<f64> {
        Some(half_variance(&self.targets, self.outputs()))
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let m = samples.len();
        let mut buffers = self.buffers(&samples, scratch);
        self.forward(theta, m, &mut buffers);
        self.tangent(theta, v, m, &mut buffers);
        self.output_tangents(buffers.z_dot, m, 1.0 / m as f64, buffers.delta);
        self.backward_sum(theta, m, &mut buffers, out);
    }
}

impl NetworkModel for Mlp {
    fn shapes(&self) -> Vec<[usize; 2]> {
        self.layers.iter().map(|layer| [layer.inputs, layer.outputs]).collect()
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn data(&self) -> [&[f64]; 2] {
        [&self.inputs, &self.targets]
    }
}

fn matrix(values: &[f64], rows: usize, columns: usize) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(values, rows, columns)
}

/// Sets or adds to `out` (`rows × columns of right`, row-major) the product `left right`.
fn product(out: &mut [f64], rows: usize, accum: Accum, left: MatRef<f64>, right: MatRef<f64>) {
    matmul(MatMut::from_row_major_slice_mut(out, rows, right.ncols()), accum, left, right, 1.0, Par::Seq);
}

fn inner(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

fn fill_rows(out: &mut [f64], row: &[f64]) {
    for out in out.chunks_exact_mut(row.len()) {
        out.copy_from_slice(row);
    }
}

/// The sum of the rows of `values` into `out`.
fn sum_rows(values: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for row in values.chunks_exact(out.len()) {
        for (out, value) in out.iter_mut().zip(row) {
            *out += value;
        }
    }
}
