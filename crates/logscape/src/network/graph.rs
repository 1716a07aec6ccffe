//! Layers one after the other, with skips, and the passes through all of them.

use faer::Accum;

use super::layer::{Layer, each_layer};
use super::outer::OuterProducts;
use super::sparse::Sparse;
use super::transform::{At, Direction, Float, Transform, inner};
use crate::lanes::dispatch;

/// A layer in its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) layer: Layer,
    /// Its name, as PyTorch names the modules of an `nn.Sequential`: `0`, or `2.0` in a residual block.
    pub(super) name: String,
    /// The value that it reads: zero for the network's input, else one more than the node that computes it.
    pub(super) from: usize,
    /// The value that a sum adds.
    pub(super) skip: Option<usize>,
    /// Whether a later node reads the value `from`, and the value `skip`.
    shared: [bool; 2],
    /// Where its parameters start.
    start: usize,
    /// Its number of parameters.
    count: usize,
    /// Numbers of a sample that it writes, and those that nodes before it write.
    width: usize,
    before: usize,
    /// Numbers of a sample that it keeps, and those that nodes before it keep.
    kept: usize,
    kept_before: usize,
}

/// The nodes in an order in which each comes after what it reads. The last is the output.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) inputs: usize,
}

/// A block of `m` samples, and, after the forward pass, what all nodes have written for it and kept: [`Graph::units`] and
/// [`Graph::kept`] numbers for each sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a, R> {
    pub(super) samples: usize,
    /// `θ` (`P`)
    pub(super) theta: &'a [R],
    /// The network's inputs (`m × n₀`).
    pub(super) input: &'a [R],
    pub(super) values: &'a [R],
    pub(super) kept: &'a [R],
    /// The inputs without most of their zeros, for [the layer](Graph::reads_sparse) that can use it.
    pub(super) sparse: Option<Sparse<'a, R>>,
}

impl Node {
    pub(super) fn parameters(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.count
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Its part of a buffer of all nodes' numbers for `m` samples.
    pub(super) fn part<'a, R>(&self, values: &'a [R], m: usize) -> &'a [R] {
        &values[m * self.before..][..m * self.width]
    }

    pub(super) fn part_mut<'a, R>(&self, values: &'a mut [R], m: usize) -> &'a mut [R] {
        &mut values[m * self.before..][..m * self.width]
    }
}

impl Graph {
    pub(super) fn new(inputs: usize) -> Self {
        Self { nodes: Vec::new(), inputs }
    }

    /// Adds a layer that reads the value `from`, and whose outputs are `width` numbers; returns its value.
    pub(super) fn push(&mut self, layer: Layer, name: String, from: usize, skip: Option<usize>, width: usize) -> usize {
        let (count, kept) = each_layer!(&layer, layer => (layer.parameters(), layer.kept()));
        let (start, before, kept_before) = (self.parameters(), self.units(), self.kept());
        for node in &mut self.nodes {
            let reads = |value: usize| value == from || Some(value) == skip;
            node.shared[0] |= reads(node.from);
            node.shared[1] |= node.skip.is_some_and(reads);
        }
        let shared = [false, skip == Some(from)];
        self.nodes.push(Node { layer, name, from, skip, shared, start, count, width, before, kept, kept_before });
        self.nodes.len()
    }

    /// Number of parameters `P`.
    pub(super) fn parameters(&self) -> usize {
        self.nodes.last().map_or(0, |node| node.start + node.count)
    }

    /// Products of two numbers that the parameters take part in for each sample.
    pub(super) fn products(&self) -> usize {
        self.nodes.iter().map(|node| each_layer!(&node.layer, layer => layer.products())).sum()
    }

    /// Numbers of a sample that the nodes write.
    pub(super) fn units(&self) -> usize {
        self.nodes.last().map_or(0, |node| node.before + node.width)
    }

    /// Numbers of a sample that the nodes keep.
    pub(super) fn kept(&self) -> usize {
        self.nodes.last().map_or(0, |node| node.kept_before + node.kept)
    }

    /// Numbers of a sample that the last node writes.
    pub(super) fn outputs(&self) -> usize {
        self.nodes.last().map_or(self.inputs, Node::width)
    }

    /// Numbers beside that the passes over `m` samples need: what a layer needs, and room to pull back to a value that several
    /// read.
    pub(super) fn work(&self, m: usize) -> usize {
        let layers = self.nodes.iter().map(|node| each_layer!(&node.layer, layer => layer.work())).max().unwrap_or(0);
        let shared = self.nodes.iter().filter(|node| node.shared[0]);
        layers + m * shared.map(|node| self.width_of(node.from)).max().unwrap_or(0)
    }

    /// The width of a value.
    fn width_of(&self, value: usize) -> usize {
        value.checked_sub(1).map_or(self.inputs, |node| self.nodes[node].width)
    }

    /// The value of that number: the network's input, or what a node wrote to `values`.
    fn value<'a, R>(&self, value: usize, input: &'a [R], values: &'a [R], m: usize) -> &'a [R] {
        value.checked_sub(1).map_or(input, |node| self.nodes[node].part(values, m))
    }

    /// The last node's part of a buffer.
    pub(super) fn output<'a, R>(&self, values: &'a [R], m: usize) -> &'a [R] {
        self.nodes.last().map_or(&[], |node| node.part(values, m))
    }

    pub(super) fn output_mut<'a, R>(&self, values: &'a mut [R], m: usize) -> &'a mut [R] {
        match self.nodes.last() {
            Some(node) => node.part_mut(values, m),
            None => &mut [],
        }
    }

    fn at<'a, R: Float>(&self, node: &Node, block: Block<'a, R>) -> At<'a, R> {
        let m = block.samples;
        At {
            samples: m,
            weights: &block.theta[node.parameters()],
            input: self.value(node.from, block.input, block.values, m),
            kept: &block.kept[m * node.kept_before..][..m * node.kept],
            sparse: block.sparse.filter(|_| node.from == 0),
        }
    }

    /// The weights of the layer that can leave out zeros of the network's input: a dense one that is the first and the only one to read
    /// it.
    pub(super) fn reads_sparse(&self) -> Option<std::ops::Range<usize>> {
        let (first, rest) = self.nodes.split_first()?;
        let alone = rest.iter().all(|node| node.from > 0 && node.skip != Some(0));
        match &first.layer {
            Layer::Dense(dense) if alone => Some(first.start..first.start + dense.inputs * dense.outputs),
            _ => None,
        }
    }

    /// The dense layers whose weights' gradients are worth taking apart.
    pub(super) fn outer_products(&self) -> Vec<OuterProducts> {
        let of = |(place, node): (usize, &Node)| match &node.layer {
            Layer::Dense(dense) => Some(OuterProducts {
                node: place,
                weights: node.start..node.start + dense.inputs * dense.outputs,
                inputs: dense.inputs,
                outputs: dense.outputs,
            }),
            _ => None,
        };
        self.nodes.iter().enumerate().filter_map(of).filter(OuterProducts::is_worth).collect()
    }

    /// Writes what the gradients of the samples are made of in the weights of these layers to the rows of `out` (`m × F`).
    pub(super) fn factors<R: Float>(&self, block: Block<R>, cotangents: &[R], layers: &[OuterProducts], out: &mut [R]) {
        let m = block.samples;
        let width: usize = layers.iter().map(OuterProducts::factors).sum();
        for (sample, mut out) in out.chunks_exact_mut(width.max(1)).enumerate() {
            for layer in layers {
                let node = &self.nodes[layer.node];
                let input =
                    &self.value(node.from, block.input, block.values, m)[sample * layer.inputs..][..layer.inputs];
                let cotangent = &node.part(cotangents, m)[sample * layer.outputs..][..layer.outputs];
                let (own, rest) = out.split_at_mut(layer.factors());
                layer.write_factors(input, cotangent, own);
                out = rest;
            }
        }
    }

    /// Fills `values` and `kept`, of a block without; what only second derivatives need if `second`.
    pub(super) fn forward<R: Float>(
        &self,
        block: Block<R>,
        second: bool,
        values: &mut [R],
        kept: &mut [R],
        work: &mut [R],
    ) {
        let m = block.samples;
        for node in &self.nodes {
            let (below, own) = values.split_at_mut(m * node.before);
            let own = &mut own[..m * node.width];
            let input = self.value(node.from, block.input, below, m);
            let at = At { samples: m, weights: &block.theta[node.parameters()], input, kept: &[], sparse: None };
            let kept = &mut kept[m * node.kept_before..][..m * node.kept];
            each_layer!(&node.layer, layer => layer.forward(at, second, kept, own, work));
            if let Some(skip) = node.skip {
                add(self.value(skip, block.input, below, m), own);
            }
        }
    }

    /// Fills `rates`, the derivatives of all values along `along` (`P`).
    pub(super) fn tangent<R: Float>(&self, block: Block<R>, along: &[R], rates: &mut [R], work: &mut [R]) {
        let m = block.samples;
        for node in &self.nodes {
            let (below, own) = rates.split_at_mut(m * node.before);
            let own = &mut own[..m * node.width];
            let rate = (node.from > 0).then(|| self.value(node.from, block.input, below, m));
            let (at, along) = (self.at(node, block), &along[node.parameters()]);
            each_layer!(&node.layer, layer => layer.tangent(at, along, rate, own, work));
            if let Some(skip) = node.skip.filter(|&skip| skip > 0) {
                add(self.value(skip, block.input, below, m), own);
            }
        }
    }

    /// From the outputs' part of `cotangents`, fills the rest.
    pub(super) fn backward<R: Float>(&self, block: Block<R>, cotangents: &mut [R], work: &mut [R]) {
        self.pull(block.samples, cotangents, work, |node, own, below, work| {
            let at = self.at(node, block);
            each_layer!(&node.layer, layer => layer.pull_back(at, own, below, work));
        });
    }

    /// From the outputs' part of `cotangent_rates`, fills the rest: how all `cotangents` change along `along`, along which the
    /// values change by `rates`.
    pub(super) fn backward_rate<R: Float>(
        &self,
        block: Block<R>,
        along: &[R],
        rates: &[R],
        cotangents: &[R],
        cotangent_rates: &mut [R],
        work: &mut [R],
    ) {
        let m = block.samples;
        self.pull(m, cotangent_rates, work, |node, own, below, work| {
            let (at, along) = (self.at(node, block), &along[node.parameters()]);
            let (rate, cotangent) = (self.value(node.from, &[], rates, m), node.part(cotangents, m));
            each_layer!(&node.layer, layer => {
                layer.pull_back(at, own, below, work);
                layer.bend(at, Direction { weights: along, input: rate }, cotangent, R::ONE, below, work);
            });
        });
    }

    /// From the last node to the first, writes to the value that each reads what `pull(node, its cotangent, out, work)` makes
    /// of its own, or adds it where a later node has written before.
    fn pull<R: Float>(
        &self,
        m: usize,
        cotangents: &mut [R],
        work: &mut [R],
        mut pull: impl FnMut(&Node, &[R], &mut [R], &mut [R]),
    ) {
        for node in self.nodes.iter().rev() {
            let (below, own) = cotangents.split_at_mut(m * node.before);
            let own = &own[..m * node.width];
            if let Some(from) = node.from.checked_sub(1) {
                let out = self.nodes[from].part_mut(below, m);
                if node.shared[0] {
                    let (room, work) = work.split_at_mut(out.len());
                    pull(node, own, room, work);
                    add(room, out);
                } else {
                    pull(node, own, out, work);
                }
            }
            if let Some(skip) = node.skip.and_then(|skip| skip.checked_sub(1)) {
                let out = self.nodes[skip].part_mut(below, m);
                if node.shared[1] {
                    add(own, out);
                } else {
                    out.copy_from_slice(own);
                }
            }
        }
    }

    /// Adds to `out` (`P`) the sum over the block of the gradients for these `cotangents`; in the weights of a layer that reads sparse
    /// inputs as `inputs × outputs`.
    pub(super) fn add_gradient<R: Float>(&self, block: Block<R>, cotangents: &[R], out: &mut [R], work: &mut [R]) {
        for node in &self.nodes {
            let (at, own) = (self.at(node, block), node.part(cotangents, block.samples));
            let out = &mut out[node.parameters()];
            each_layer!(&node.layer, layer => layer.add_gradient(at, own, out, work));
        }
    }

    /// Adds to `out` (`P`) how that sum changes with the inputs of the layers.
    pub(super) fn add_gradient_rate<R: Float>(
        &self,
        block: Block<R>,
        rates: &[R],
        cotangents: &[R],
        out: &mut [R],
        work: &mut [R],
    ) {
        let m = block.samples;
        for node in self.nodes.iter().filter(|node| node.from > 0) {
            let (at, own) = (self.at(node, block), node.part(cotangents, m));
            let (rate, out) = (self.value(node.from, &[], rates, m), &mut out[node.parameters()]);
            each_layer!(&node.layer, layer => layer.add_gradient_rate(at, rate, own, out, work));
        }
    }

    /// Writes the gradients of the samples in all parameters from `first` on to the rows of `out` (`m × (P − first)`): from the first
    /// of all, or from the biases of a dense layer.
    pub(super) fn sample_gradients<R: Float>(
        &self,
        block: Block<R>,
        cotangents: &[R],
        first: usize,
        out: &mut [R],
        work: &mut [R],
    ) {
        for node in self.nodes.iter().filter(|node| node.count > 0 && node.parameters().end > first) {
            let at = self.at(node, block);
            let rows = node.part(cotangents, block.samples).chunks_exact(node.width);
            for (k, (own, out)) in rows.zip(out.chunks_exact_mut(self.parameters() - first)).enumerate() {
                if node.start < first {
                    out[..own.len()].copy_from_slice(own);
                } else {
                    let out = &mut out[node.start - first..][..node.count];
                    each_layer!(&node.layer, layer => layer.sample_gradient(at, k, own, Accum::Replace, out, work));
                }
            }
        }
    }

    /// Adds to `out` (`m × c × c`) the inner products of each sample's gradients for all pairs of `cotangents` (`c` buffers).
    pub(super) fn add_gradient_grams<R: Float>(
        &self,
        block: Block<R>,
        cotangents: &[&[R]],
        out: &mut [f64],
        work: &mut [R],
    ) {
        for node in self.nodes.iter().rev().filter(|node| node.count > 0) {
            let (at, m) = (self.at(node, block), block.samples);
            let own: Vec<&[R]> = cotangents.iter().map(|cotangents| node.part(cotangents, m)).collect();
            each_layer!(&node.layer, layer => layer.add_gradient_grams(at, &own, out, work));
        }
    }

    /// Adds to `bends` what the layers' second derivatives along `along` contribute to every value's: the sample's Hessian of
    /// `Σ ȳ·y` between directions `v` and `w` is the sum over all values of `bend^v·rate^w + bend^w·rate^v`.
    pub(super) fn add_bends<R: Float>(
        &self,
        block: Block<R>,
        along: &[R],
        rates: &[R],
        cotangents: &[R],
        bends: &mut [R],
        work: &mut [R],
    ) {
        let m = block.samples;
        for node in &self.nodes {
            let Some(from) = node.from.checked_sub(1) else { continue };
            let (at, along) = (self.at(node, block), &along[node.parameters()]);
            let (own, rate) = (node.part(cotangents, m), self.nodes[from].part(rates, m));
            let (half, out) = (R::from_f64(0.5), self.nodes[from].part_mut(bends, m));
            each_layer!(&node.layer, layer => layer.bend(at, Direction { weights: along, input: rate }, own, half, out, work));
        }
    }

    /// Sets `out` to `values`, of all nodes, those of each sample multiplied by its factor (`m`).
    pub(super) fn scale_samples<R: Float>(&self, factors: &[R], values: &[R], out: &mut [R]) {
        let m = factors.len();
        for node in &self.nodes {
            let rows =
                node.part(values, m).chunks_exact(node.width).zip(node.part_mut(out, m).chunks_exact_mut(node.width));
            for (&factor, (values, out)) in factors.iter().zip(rows) {
                out.iter_mut().zip(values).for_each(|(out, &x)| *out = factor * x);
            }
        }
    }

    /// For each sample, adds the inner product of its numbers in two buffers of all nodes to `out` (`m`).
    pub(super) fn add_inner<R: Float>(&self, m: usize, left: &[R], right: &[R], mut out: impl FnMut(usize, f64)) {
        for node in &self.nodes {
            let rows = node.part(left, m).chunks_exact(node.width).zip(node.part(right, m).chunks_exact(node.width));
            for (k, (left, right)) in rows.enumerate() {
                out(k, inner(left, right));
            }
        }
    }
}

fn add<R: Float>(from: &[R], to: &mut [R]) {
    dispatch(
        #[inline(always)]
        || {
            for (to, from) in to.iter_mut().zip(from) {
                *to += *from;
            }
        },
    );
}
