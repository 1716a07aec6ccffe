//! A network as a problem.

use std::any::Any;
use std::ops::Range;

use super::accuracy::{accuracy, classes};
use super::batch_gradient::NetworkGradient;
use super::descent::blocks;
use super::layer::{Layer, each_layer};
use super::pass::Pass;
use super::transform::Transform;
use super::{Linearised, Network, OutputLoss, weights};
use crate::Precision;
use crate::model::{Tensor, Weights, WeightsError};
use crate::operator::Linearisation;
use crate::problem::{BatchGradient, Problem, Samples, half_variance};

impl Network {
    /// Calls `f(pass, first)` for blocks of the samples, with the place of each block's first sample among them.
    pub(super) fn for_blocks(
        &self,
        theta: &[f64],
        samples: &Samples,
        scratch: &mut [f64],
        mut f: impl FnMut(Pass<f64>, usize),
    ) {
        for (first, block) in blocks(samples, self.block) {
            f(Pass::new(self, theta, block, scratch, true), first);
        }
    }
}

impl Problem for Network {
    fn dim(&self) -> usize {
        self.graph.parameters()
    }

    fn samples(&self) -> usize {
        self.inputs.len() / self.graph.inputs
    }

    fn outputs(&self) -> usize {
        self.graph.outputs()
    }

    fn scratch_len(&self, m: usize) -> usize {
        Pass::<f64>::room(self, m.min(self.block.max(self.gradient_block)))
    }

    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let c = self.outputs();
        assert_eq!(out.len(), samples.len() * c);
        self.for_blocks(theta, &samples, scratch, |mut pass, first| {
            pass.forward(false);
            pass.output_gradients();
            let cotangents = pass.output_cotangents();
            out[first * c..][..cotangents.len()].copy_from_slice(cotangents);
        });
    }

    fn losses_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        assert_eq!(out.len(), samples.len());
        self.for_blocks(theta, &samples, scratch, |mut pass, first| {
            pass.forward(false);
            pass.losses_into(&mut out[first..]);
        });
    }

    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let c = self.outputs();
        assert_eq!(out.len(), samples.len() * c);
        self.for_blocks(theta, &samples, scratch, |mut pass, first| {
            pass.forward(false);
            pass.tangent(v);
            let rates = pass.output_rates();
            out[first * c..][..rates.len()].copy_from_slice(rates);
        });
    }

    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let c = self.outputs();
        out.fill(0.0);
        self.for_blocks(theta, &samples, scratch, |mut pass, first| {
            pass.forward(false);
            let cotangents = pass.output_cotangents();
            cotangents.copy_from_slice(&u[first * c..][..cotangents.len()]);
            pass.backward();
            pass.add_gradient(out);
        });
    }

    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) -> f64 {
        let share = 1.0 / samples.len() as f64;
        let mut loss = 0.0;
        out.fill(0.0);
        for (_, block) in blocks(&samples, self.gradient_block) {
            loss += Pass::new(self, theta, block, scratch, true).descent(share, out);
        }
        loss * share
    }

    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let p = self.dim();
        assert_eq!(out.len(), samples.len() * p);
        self.for_blocks(theta, &samples, scratch, |mut pass, first| {
            pass.forward(false);
            pass.output_gradients();
            pass.backward();
            pass.sample_gradients(&mut out[first * p..]);
        });
    }

    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.hvp_block_into(theta, v, samples, out, scratch);
    }

    /// One gradient pass for all vectors.
    fn hvp_block_into(&self, theta: &[f64], vectors: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let p = self.dim();
        assert_eq!(out.len(), vectors.len());
        let share = 1.0 / samples.len() as f64;
        out.fill(0.0);
        self.for_blocks(theta, &samples, scratch, |mut pass, _| {
            pass.forward(true);
            pass.losses(share);
            pass.backward();
            for (v, out) in vectors.chunks_exact(p).zip(out.chunks_exact_mut(p)) {
                pass.tangent(v);
                pass.add_hessian(v, share, out);
            }
        });
    }

    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let share = 1.0 / samples.len() as f64;
        out.fill(0.0);
        self.for_blocks(theta, &samples, scratch, |mut pass, _| {
            pass.forward(false);
            pass.tangent(v);
            pass.add_gauss_newton(share, out);
        });
    }

    /// Allocates as much as all values of a block.
    fn sample_curvatures_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.sample_hessians_into(theta, v, samples, out, scratch);
    }

    /// Two passes for each vector. Allocates `2 k` times all values of a block.
    fn sample_hessians_into(
        &self,
        theta: &[f64],
        vectors: &[f64],
        samples: Samples,
        out: &mut [f64],
        scratch: &mut [f64],
    ) {
        let k = vectors.len() / self.dim();
        let size = self.block.min(samples.len()) * self.graph.units();
        assert_eq!(out.len(), samples.len() * k * k);
        let (mut all_rates, mut all_bends) = (vec![0.0; k * size], vec![0.0; k * size]);
        out.fill(0.0);
        self.for_blocks(theta, &samples, scratch, |mut pass, first| {
            pass.forward(true);
            pass.output_gradients();
            pass.backward();
            let (m, size) = (pass.rates.len() / self.graph.units(), pass.rates.len());
            let room = all_rates.chunks_exact_mut(size).zip(all_bends.chunks_exact_mut(size));
            for (v, (rates, bends)) in vectors.chunks_exact(self.dim()).zip(room) {
                pass.tangent(v);
                pass.bends(v, bends);
                rates.copy_from_slice(pass.rates);
            }
            let (rates, bends) = (|i: usize| &all_rates[i * size..][..size], |i: usize| &all_bends[i * size..][..size]);
            for i in 0..k {
                for j in 0..=i {
                    let mut add = |sample: usize, sum: f64| {
                        let out = &mut out[(first + sample) * k * k..][..k * k];
                        out[i * k + j] += sum;
                        if i != j {
                            out[j * k + i] += sum;
                        }
                    };
                    self.graph.add_inner(m, bends(i), rates(j), &mut add);
                    self.graph.add_inner(m, bends(j), rates(i), &mut add);
                }
            }
        });
    }

    fn gradient_squares_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        out.fill(0.0);
        self.for_blocks(theta, &samples, scratch, |mut pass, first| {
            pass.forward(false);
            pass.output_gradients();
            pass.backward();
            let cotangents = std::mem::take(&mut pass.cotangents);
            let end = out.len().min(first + self.block);
            pass.add_gradient_grams(&[cotangents], &mut out[first..end]);
        });
    }

    /// Allocates `c` times all values of a block.
    fn jacobian_grams_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        let c = self.outputs();
        let size = self.block.min(samples.len()) * self.graph.units();
        let mut all = vec![0.0; c * size];
        out.fill(0.0);
        self.for_blocks(theta, &samples, scratch, |mut pass, first| {
            pass.forward(false);
            let size = pass.rates.len();
            let m = size / self.graph.units();
            for (i, cotangents) in all.chunks_exact_mut(size).take(c).enumerate() {
                let own = pass.output_cotangents();
                own.fill(0.0);
                own.iter_mut().skip(i).step_by(c).for_each(|x| *x = 1.0);
                pass.backward();
                cotangents.copy_from_slice(pass.cotangents);
            }
            let all: Vec<&[f64]> = all.chunks_exact(size).take(c).collect();
            pass.add_gradient_grams(&all, &mut out[first * c * c..][..m * c * c]);
        });
    }

    fn weigh_outputs(&self, theta: &[f64], samples: Samples, rates: &mut [f64], scratch: &mut [f64]) {
        let c = self.outputs();
        self.for_blocks(theta, &samples, scratch, |mut pass, first| {
            pass.forward(false);
            let count = pass.outputs().len();
            pass.weigh(1.0, &mut rates[first * c..][..count]);
        });
    }

    fn output_loss(&self) -> Option<OutputLoss> {
        Some(self.loss)
    }

    fn constant_loss(&self) -> Option<f64> {
        (self.loss == OutputLoss::MeanSquare).then(|| half_variance(&self.targets, self.outputs()))
    }

    fn accuracy(&self, theta: &[f64]) -> Option<f64> {
        accuracy(self, theta)
    }

    fn classes(&self) -> Option<Vec<usize>> {
        classes(self)
    }

    fn is_smooth(&self) -> bool {
        self.graph.nodes.iter().all(|node| each_layer!(&node.layer, layer => layer.is_smooth()))
    }

    /// Those of the tensors, as PyTorch has them.
    fn parameter_names(&self) -> Vec<(String, Range<usize>)> {
        let mut names = Vec::new();
        for node in &self.graph.nodes {
            let mut start = node.parameters().start;
            for (what, shape) in each_layer!(&node.layer, layer => layer.tensors()) {
                let end = start + shape.iter().product::<usize>();
                names.push((format!("{}.{what}", node.name), start..end));
                start = end;
            }
        }
        names
    }

    fn tensors(&self, theta: &[f64]) -> Vec<Tensor> {
        weights::tensors(self, theta)
    }

    fn take_tensors(&mut self, weights: Weights) -> Result<Vec<f64>, WeightsError> {
        weights::take(self, weights)
    }

    fn linearised(&self, theta: &[f64], precision: Precision, memory: u64) -> Option<Box<dyn Linearisation + '_>> {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        Some(match precision {
            Precision::Float64 => Box::new(Linearised::<f64>::new(self, theta, memory)),
            Precision::Float32 => Box::new(Linearised::<f32>::new(self, theta, memory)),
        })
    }

    fn batch_gradient(&self, batch_size: usize, precision: Precision) -> Option<Box<dyn BatchGradient + '_>> {
        Some(match precision {
            Precision::Float64 => Box::new(NetworkGradient::<f64>::new(self, batch_size)),
            Precision::Float32 => Box::new(NetworkGradient::<f32>::new(self, batch_size)),
        })
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}
