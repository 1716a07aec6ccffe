//! Networks: layers with skips, a loss of the outputs, and data.
//!
//! A layer is one file with its maps and derivatives (`transform.rs`), a line in `layer.rs`, a word in `words.rs`, which `written.rs` reads
//! and writes, and its place in a graph (`builder.rs`). Everything that a [`Problem`](crate::Problem) needs is made of these, in single and double precision: see
//! `pass.rs`.

mod accuracy;
pub(crate) mod activation;
mod batch_gradient;
mod batch_norm;
mod builder;
mod convolution;
mod dense;
mod descent;
mod graph;
mod initialisation;
mod layer;
mod leaky;
mod linearised;
mod normalisation;
mod norms;
mod outer;
mod output_loss;
mod pass;
mod perceptron;
mod pooling;
mod problem;
mod registered;
mod residual;
mod rows;
mod second_moment;
mod sparse;
mod squares;
#[cfg(test)]
pub(crate) mod tests;
mod transform;
mod triangle;
mod weights;
mod window;
mod words;
mod written;

use rand_distr::{Distribution, StandardNormal};

use crate::problem::ProblemError;
use crate::problem::{require_finite, require_some};
pub use activation::Activation;
pub(crate) use activation::each_activation;
pub use builder::LayerError;
pub use initialisation::Initialisation;
pub use linearised::{Linearised, MatrixOperator};
pub use output_loss::OutputLoss;
pub use squares::GradientSquares;
pub use transform::Float;
pub use words::{LayerWord, Normalised, Windows};

use graph::Graph;
use layer::{Layer, each_layer};
use transform::Transform;

/// A network with its data: `L(θ) = (1/N) Σ ℓ(f(θ, x_μ), y_μ)`.
///
/// `θ` has the parameters of the layers in their order, each as PyTorch has them: weights, then biases, row-major.
#[derive(Debug, Clone)]
pub struct Network {
    graph: Graph,
    loss: OutputLoss,
    /// `N × n₀`
    inputs: Vec<f64>,
    /// `N × c`
    targets: Vec<f64>,
    /// Samples of a block that the passes go over at once.
    block: usize,
    /// Samples of a block that a gradient's passes go over at once.
    gradient_block: usize,
}

/// Numbers of all values of a block, about: with what is kept and cotangents they stay in the caches. As many as there are parameters
/// where these are more, since a block's gradient is added to as many sums.
const BLOCK_NUMBERS: usize = 1 << 19;

/// Samples of a block, at most and at least.
const BLOCK_SAMPLES: [usize; 2] = [4, 512];

/// Numbers of all values of a block of a gradient, about, unless there are more parameters, which each block reads: what is
/// written on the way forward is still near on the way back.
const GRADIENT_NUMBERS: usize = 1 << 16;

impl Network {
    /// The problem of inputs of shape `[features]` or `[channels, height, width]`, `layers`, and data: `inputs` (`N` times the
    /// shape) and `targets` (`N × c`).
    ///
    /// # Errors
    /// If a layer does not fit what comes before it, there are no parameters or no samples, lengths do not fit, a value is not finite,
    /// or the loss has no such targets.
    pub fn new(
        shape: &[usize],
        layers: &[LayerWord],
        loss: OutputLoss,
        inputs: Vec<f64>,
        targets: Vec<f64>,
    ) -> Result<Self, LayerError> {
        let graph = builder::graph(shape, layers)?;
        Ok(Self::of(graph, loss, inputs, targets)?)
    }

    fn of(graph: Graph, loss: OutputLoss, inputs: Vec<f64>, targets: Vec<f64>) -> Result<Self, ProblemError> {
        require_some("layers with parameters", graph.parameters())?;
        let samples = inputs.len() / graph.inputs;
        require_some("inputs", samples)?;
        require_finite("inputs", &inputs, samples * graph.inputs)?;
        require_finite("targets", &targets, samples.saturating_mul(graph.outputs()))?;
        loss.require_targets(&targets, graph.outputs())?;
        let [least, most] = BLOCK_SAMPLES;
        let units = graph.units().max(1);
        let block = (BLOCK_NUMBERS.max(graph.parameters()) / units).clamp(least, most);
        let gradient_block = (GRADIENT_NUMBERS.max(graph.parameters()) / units).clamp(1, most);
        Ok(Self { graph, loss, inputs, targets, block, gradient_block })
    }

    /// Dense layers of so many units, the first the inputs, with `activation` between them and the mean-square loss.
    pub(crate) fn perceptron(
        sizes: &[usize],
        activation: Activation,
        inputs: Vec<f64>,
        targets: Vec<f64>,
    ) -> Result<Self, ProblemError> {
        Self::of(builder::perceptron(sizes, activation), OutputLoss::MeanSquare, inputs, targets)
    }

    /// Gives the layers that have tensors other names than those of an `nn.Sequential`, in the order of the layers. Tensors are named after
    /// them: `fc.weight`.
    ///
    /// # Errors
    /// If there are more or fewer names than such layers, or two are the same; returns the number of such layers.
    pub fn rename(&mut self, names: Vec<String>) -> Result<(), usize> {
        let with_tensors = |node: &&mut graph::Node| {
            matches!(node.layer, Layer::BatchNorm(_)) || each_layer!(&node.layer, layer => !layer.tensors().is_empty())
        };
        let nodes: Vec<_> = self.graph.nodes.iter_mut().filter(with_tensors).collect();
        let different: std::collections::HashSet<&String> = names.iter().collect();
        if names.len() != nodes.len() || different.len() != names.len() {
            return Err(nodes.len());
        }
        nodes.into_iter().zip(names).for_each(|(node, name)| node.name = name);
        Ok(())
    }

    /// Inputs (`N × n₀`) and targets (`N × c`).
    pub(crate) fn data(&self) -> [&[f64]; 2] {
        [&self.inputs, &self.targets]
    }

    /// The loss of the outputs.
    pub(crate) fn loss(&self) -> OutputLoss {
        self.loss
    }

    /// Targets of a sample (`c`).
    fn target(&self, sample: usize) -> &[f64] {
        self.targets(sample, 1)
    }

    /// Targets of so many samples from `first` on (`samples × c`).
    #[inline]
    fn targets(&self, first: usize, samples: usize) -> &[f64] {
        let c = self.graph.outputs();
        &self.targets[first * c..][..samples * c]
    }

    /// Random parameters (`P`): normal weights of the law's standard deviation, zero biases, and normalisations that change
    /// nothing.
    pub fn init(&self, initialisation: Initialisation, rng: &mut impl rand::Rng) -> Vec<f64> {
        let mut theta = vec![0.0; self.graph.parameters()];
        for node in &self.graph.nodes {
            let part = &mut theta[node.parameters()];
            if let Some([weights, inputs, outputs]) = each_layer!(&node.layer, layer => layer.fan()) {
                let deviation = initialisation.standard_deviation(inputs, outputs);
                for weight in &mut part[..weights] {
                    let normal: f64 = StandardNormal.sample(rng);
                    *weight = deviation * normal;
                }
            } else if let Some(gains) = each_layer!(&node.layer, layer => layer.gains()) {
                part[..gains].fill(1.0);
            }
        }
        theta
    }
}
