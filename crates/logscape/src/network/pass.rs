//! The passes of a network over one block of samples, in the precision of `R`.

use std::mem;

use super::Network;
use super::graph::Block;
use super::sparse::Sparse;
use super::transform::{Float, inner};
use crate::lanes::dispatch;
use crate::problem::Samples;

/// A block of samples after the forward pass, and the cotangents of all values where the backward pass has been.
pub(super) struct Primal<'a, R> {
    pub(super) network: &'a Network,
    pub(super) samples: Samples<'a>,
    pub(super) block: Block<'a, R>,
    pub(super) cotangents: &'a [R],
}

impl<R: Float> Primal<'_, R> {
    /// The derivatives of all values along `along` (`P`) into `rates`; the weights of a layer that reads sparse inputs are taken from
    /// `turned`.
    pub(super) fn tangent(&self, along: &[R], turned: &[R], rates: &mut [R], work: &mut [R]) {
        let sparse = self.block.sparse.map(|sparse| Sparse { turned, ..sparse });
        self.network.graph.tangent(Block { sparse, ..self.block }, along, rates, work);
    }

    /// The losses `ℓ` of the samples (`m`).
    pub(super) fn losses(&self) -> Vec<f64> {
        let c = self.network.graph.outputs();
        let (mut losses, mut gradient) = (vec![0.0; self.block.samples], vec![R::ZERO; c]);
        let outputs = self.network.graph.output(self.block.values, self.block.samples).chunks_exact(c);
        for (k, (outputs, loss)) in outputs.zip(&mut losses).enumerate() {
            self.network.loss.add_loss(outputs, self.network.target(self.samples.get(k)), &mut gradient, loss);
        }
        losses
    }

    /// Multiplies outputs' `rates` (`m × c`) by `share ∇²_f ℓ`.
    pub(super) fn weigh(&self, share: f64, rates: &mut [R]) {
        let (c, scale) = (self.network.graph.outputs(), R::from_f64(share));
        let outputs = self.network.graph.output(self.block.values, self.block.samples);
        for (k, (outputs, rates)) in outputs.chunks_exact(c).zip(rates.chunks_exact_mut(c)).enumerate() {
            self.network.loss.weigh(outputs, self.network.target(self.samples.get(k)), rates);
            rates.iter_mut().for_each(|x| *x = scale * *x);
        }
    }

    /// Sets the outputs' part of `to` to `share ∇²_f ℓ` times that of `rates`.
    fn weighed(&self, share: f64, rates: &[R], to: &mut [R]) {
        let (graph, m) = (&self.network.graph, self.block.samples);
        let own = graph.output_mut(to, m);
        own.copy_from_slice(graph.output(rates, m));
        self.weigh(share, own);
    }

    /// Adds `share Σ_μ J_μᵀ ∇²_f ℓ J_μ v` to `out` (`P`), for `rates` along `v`. `room` is of the size of all values.
    pub(super) fn add_gauss_newton(&self, share: f64, rates: &[R], room: &mut [R], out: &mut [R], work: &mut [R]) {
        let graph = &self.network.graph;
        self.weighed(share, rates, room);
        graph.backward(self.block, room, work);
        graph.add_gradient(self.block, room, out, work);
    }

    /// Adds `share Σ_μ H_μ v` to `out` (`P`), for `rates` along `v` and cotangents that begin with `share ∇_f ℓ`: the derivative
    /// of the gradient along `v`. `room` is of the size of all values.
    pub(super) fn add_hessian(
        &self,
        (along, rates): (&[R], &[R]),
        share: f64,
        room: &mut [R],
        out: &mut [R],
        work: &mut [R],
    ) {
        let graph = &self.network.graph;
        self.weighed(share, rates, room);
        graph.backward_rate(self.block, along, rates, self.cotangents, room, work);
        graph.add_gradient(self.block, room, out, work);
        graph.add_gradient_rate(self.block, rates, self.cotangents, out, work);
    }

    /// Adds `Σ_μ g_μ (scale g_μ·v − mean)` to `out` (`P`), for `rates` along `v` and the gradients `g_μ` of the cotangents, and returns the
    /// sum of the factors. `room` is of the size of all values.
    pub(super) fn add_projected_gradients(
        &self,
        (scale, mean): (f64, f64),
        rates: &[R],
        room: &mut [R],
        out: &mut [R],
        work: &mut [R],
    ) -> f64 {
        let (graph, m) = (&self.network.graph, self.block.samples);
        // g_μ·v is what the outputs' cotangents make of the outputs' rates.
        let c = graph.outputs();
        let outputs = graph.output(self.cotangents, m).chunks_exact(c).zip(graph.output(rates, m).chunks_exact(c));
        let factors: Vec<R> = outputs.map(|(left, right)| R::from_f64(scale * inner(left, right) - mean)).collect();
        graph.scale_samples(&factors, self.cotangents, room);
        graph.add_gradient(self.block, room, out, work);
        factors.iter().map(|factor| factor.to_f64()).sum()
    }

    /// Fills `bends` (of the size of all values), half of the second derivative of `Σ_μ ȳ_μ·y_μ` along `v` as
    /// [`Graph::add_bends`](super::graph::Graph::add_bends) defines it, with `½ share ∇²_f ℓ` of the outputs' rates; for `rates` along
    /// `v` and cotangents that begin with `share ∇_f ℓ`.
    pub(super) fn bends(&self, (along, rates): (&[R], &[R]), share: f64, bends: &mut [R], work: &mut [R]) {
        bends.fill(R::ZERO);
        self.weighed(0.5 * share, rates, bends);
        self.network.graph.add_bends(self.block, along, rates, self.cotangents, bends, work);
    }
}

/// A block of samples and room for all that is computed on it.
pub(super) struct Pass<'a, R> {
    network: &'a Network,
    samples: Samples<'a>,
    theta: &'a [R],
    /// Inputs (`m × n₀`).
    input: &'a [R],
    /// What the layers write and keep.
    values: &'a mut [R],
    kept: &'a mut [R],
    /// Cotangents of all values, their derivatives along a direction, and their change with it.
    pub(super) cotangents: &'a mut [R],
    pub(super) rates: &'a mut [R],
    cotangent_rates: &'a mut [R],
    work: &'a mut [R],
}

/// The block of a pass, for the graph. Not a method, so that other parts of the pass can be borrowed beside.
macro_rules! block {
    ($pass:expr) => {
        Block {
            samples: $pass.samples.len(),
            theta: $pass.theta,
            input: $pass.input,
            values: &*$pass.values,
            kept: &*$pass.kept,
            sparse: None,
        }
    };
}

/// What a pass has computed, borrowed as the block is.
macro_rules! primal {
    ($pass:expr) => {
        Primal {
            network: $pass.network,
            samples: $pass.samples.clone(),
            block: block!($pass),
            cotangents: &*$pass.cotangents,
        }
    };
}

impl<'a, R: Float> Pass<'a, R> {
    /// Numbers of room for `m` samples.
    pub(super) fn room(network: &Network, m: usize) -> usize {
        Self::gradient_room(network, m) + 2 * m * network.graph.units()
    }

    /// Numbers of room for a gradient over `m` samples.
    pub(super) fn gradient_room(network: &Network, m: usize) -> usize {
        m * network.graph.inputs + Self::cotangent_room(network, m)
    }

    /// Numbers of room for a gradient over `m` samples whose inputs are elsewhere.
    pub(super) fn cotangent_room(network: &Network, m: usize) -> usize {
        let graph = &network.graph;
        m * (2 * graph.units() + graph.kept()) + graph.work(m)
    }

    /// The pass at `theta` (`P`) over `samples`, with room for directions or not.
    pub(super) fn new(
        network: &'a Network,
        theta: &'a [R],
        samples: Samples<'a>,
        room: &'a mut [R],
        directions: bool,
    ) -> Self {
        let (input, room) = room.split_at_mut(samples.len() * network.graph.inputs);
        let input = inputs(network, &samples, input);
        Self::over(network, theta, (samples, input), room, directions)
    }

    /// The pass over `samples` whose inputs are `input` (`m × n₀`), for which there need be no room.
    pub(super) fn over(
        network: &'a Network,
        theta: &'a [R],
        (samples, input): (Samples<'a>, &'a [R]),
        mut room: &'a mut [R],
        directions: bool,
    ) -> Self {
        let (m, graph) = (samples.len(), &network.graph);
        let units = m * graph.units();
        let mut take = |count: usize| {
            let (taken, rest) = mem::take(&mut room).split_at_mut(count);
            room = rest;
            taken
        };
        Self {
            network,
            theta,
            input,
            samples,
            values: take(units),
            kept: take(m * graph.kept()),
            cotangents: take(units),
            work: take(graph.work(m)),
            rates: take(if directions { units } else { 0 }),
            cotangent_rates: take(if directions { units } else { 0 }),
        }
    }

    /// The forward pass, with what second derivatives need if `second`.
    pub(super) fn forward(&mut self, second: bool) {
        let block = Block {
            samples: self.samples.len(),
            theta: self.theta,
            input: self.input,
            values: &[],
            kept: &[],
            sparse: None,
        };
        self.network.graph.forward(block, second, self.values, self.kept, self.work);
    }

    /// The outputs (`m × c`).
    pub(super) fn outputs(&self) -> &[R] {
        self.network.graph.output(self.values, self.samples.len())
    }

    /// The derivatives of the outputs along the direction (`m × c`).
    pub(super) fn output_rates(&self) -> &[R] {
        self.network.graph.output(self.rates, self.samples.len())
    }

    /// Cotangents of the outputs (`m × c`), which [`backward`](Self::backward) begins with.
    pub(super) fn output_cotangents(&mut self) -> &mut [R] {
        self.network.graph.output_mut(self.cotangents, self.samples.len())
    }

    /// Sets the outputs' cotangents to `share ∇_f ℓ`; returns `Σ ℓ`.
    pub(super) fn losses(&mut self, share: f64) -> f64 {
        let (loss, mut sum) = (self.network.loss, 0.0);
        self.each_loss(
            share,
            self.alike(),
            #[inline(always)]
            |_, outputs, targets, cotangents| loss.add_loss(outputs, targets, cotangents, &mut sum),
        );
        sum
    }

    /// Sets the outputs' cotangents to `∇_f ℓ`.
    pub(super) fn output_gradients(&mut self) {
        let loss = self.network.loss;
        self.each_loss(
            1.0,
            self.alike(),
            #[inline(always)]
            |_, outputs, targets, cotangents| loss.add_loss(outputs, targets, cotangents, &mut 0.0),
        );
    }

    /// Sets the outputs' cotangents to `∇_f ℓ`, and `out` (`m`) to the losses.
    pub(super) fn losses_into(&mut self, out: &mut [f64]) {
        let loss = self.network.loss;
        self.each_loss(
            1.0,
            1,
            #[inline(always)]
            |k, outputs, targets, cotangents| {
                out[k] = 0.0;
                loss.add_loss(outputs, targets, cotangents, &mut out[k]);
            },
        );
    }

    /// Samples whose outputs may be taken for those of one.
    fn alike(&self) -> usize {
        let (m, loss) = (self.samples.len(), self.network.loss);
        if loss.is_by_output() && matches!(self.samples, Samples::Range(_)) { m } else { 1 }
    }

    /// Sets the outputs' cotangents to `share` times what `f(place, outputs, targets, cotangents)` writes for so many samples of the block
    /// at a time.
    fn each_loss(&mut self, share: f64, samples: usize, mut f: impl FnMut(usize, &[R], &[f64], &mut [R])) {
        let (graph, m) = (&self.network.graph, self.samples.len());
        let (c, scale) = (samples * graph.outputs(), R::from_f64(share));
        let outputs = graph.output(self.values, m).chunks_exact(c);
        let cotangents = graph.output_mut(self.cotangents, m).chunks_exact_mut(c);
        dispatch(
            #[inline(always)]
            || {
                for (k, (outputs, cotangents)) in outputs.zip(cotangents).enumerate() {
                    f(k, outputs, self.network.targets(self.samples.get(k), samples), cotangents);
                    for x in cotangents {
                        *x = scale * *x;
                    }
                }
            },
        );
    }

    /// The derivatives of all values along `along` (`P`), after [`forward`](Self::forward).
    pub(super) fn tangent(&mut self, along: &[R]) {
        primal!(self).tangent(along, &[], self.rates, self.work);
    }

    /// Multiplies outputs' `rates` (`m × c`) by `share ∇²_f ℓ`.
    pub(super) fn weigh(&self, share: f64, rates: &mut [R]) {
        primal!(self).weigh(share, rates);
    }

    /// The cotangents of all values from those of the outputs.
    pub(super) fn backward(&mut self) {
        self.network.graph.backward(block!(self), self.cotangents, self.work);
    }

    /// Adds `Σ_μ J_μᵀ ȳ_μ` to `out` (`P`), after [`backward`](Self::backward).
    pub(super) fn add_gradient(&mut self, out: &mut [R]) {
        self.network.graph.add_gradient(block!(self), self.cotangents, out, self.work);
    }

    /// Writes `J_μᵀ ȳ_μ` to the rows of `out` (`m × P`), after [`backward`](Self::backward).
    pub(super) fn sample_gradients(&mut self, out: &mut [R]) {
        self.network.graph.sample_gradients(block!(self), self.cotangents, 0, out, self.work);
    }

    /// Adds `(J_μᵀ ȳ_μ)·(J_μᵀ ȳ'_μ)` to `out` (`m × c × c`) for all pairs of `c` buffers of cotangents, each filled by
    /// [`backward`](Self::backward).
    pub(super) fn add_gradient_grams(&mut self, cotangents: &[&[R]], out: &mut [f64]) {
        self.network.graph.add_gradient_grams(block!(self), cotangents, out, self.work);
    }

    /// [`Primal::add_gauss_newton`] after [`tangent`](Self::tangent).
    pub(super) fn add_gauss_newton(&mut self, share: f64, out: &mut [R]) {
        primal!(self).add_gauss_newton(share, self.rates, self.cotangent_rates, out, self.work);
    }

    /// [`Primal::add_hessian`] after [`tangent`](Self::tangent) and [`backward`](Self::backward).
    pub(super) fn add_hessian(&mut self, along: &[R], share: f64, out: &mut [R]) {
        primal!(self).add_hessian((along, self.rates), share, self.cotangent_rates, out, self.work);
    }

    /// [`Primal::bends`] after [`tangent`](Self::tangent) and [`backward`](Self::backward).
    pub(super) fn bends(&mut self, along: &[R], bends: &mut [R]) {
        primal!(self).bends((along, self.rates), 1.0, bends, self.work);
    }
}

/// The inputs of `samples` (`m × n₀`): where they are, if they lie together in the precision of `R`, or in `room`.
fn inputs<'a, R: Float>(network: &'a Network, samples: &Samples, room: &'a mut [R]) -> &'a [R] {
    let (n, all) = (network.graph.inputs, &network.inputs);
    if let (Samples::Range(range), Some(all)) = (samples, R::borrow(all)) {
        return &all[range.start * n..range.end * n];
    }
    dispatch(
        #[inline(always)]
        || {
            for (k, row) in room.chunks_exact_mut(n).enumerate() {
                for (to, from) in row.iter_mut().zip(&all[samples.get(k) * n..][..n]) {
                    *to = R::from_f64(*from);
                }
            }
        },
    );
    room
}
