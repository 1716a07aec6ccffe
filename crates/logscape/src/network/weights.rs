//! Parameters of a network as tensors, under the names and in the shapes that PyTorch gives those of the same `nn.Sequential`.

use super::Network;
use super::layer::{Layer, each_layer};
use super::transform::Transform;
use crate::model::{Tensor, Weights, WeightsError};

/// What PyTorch counts batches with, which nothing needs.
const BATCHES: &str = "num_batches_tracked";

/// What a batch normalisation has beside its parameters.
const STATISTICS: [&str; 2] = ["running_mean", "running_var"];

/// The tensors of the parameters `theta` (`P`), with the means and variances of batch normalisations.
pub(super) fn tensors(network: &Network, theta: &[f64]) -> Vec<Tensor> {
    assert_eq!(theta.len(), network.graph.parameters());
    let mut tensors = Vec::new();
    for node in &network.graph.nodes {
        let mut rest = &theta[node.parameters()];
        let mut add = |what: &str, shape: Vec<usize>, numbers: &[f64]| {
            tensors.push(Tensor { name: format!("{}.{what}", node.name), shape, numbers: numbers.to_vec() });
        };
        for (what, shape) in each_layer!(&node.layer, layer => layer.tensors()) {
            let (numbers, after) = rest.split_at(shape.iter().product());
            rest = after;
            add(what, shape, numbers);
        }
        if let Layer::BatchNorm(layer) = &node.layer {
            for (what, numbers) in STATISTICS.into_iter().zip(layer.statistics()) {
                add(what, vec![numbers.len()], numbers);
            }
        }
    }
    tensors
}

/// Takes the parameters (`P`), and means and variances of batch normalisations, which are set.
///
/// # Errors
/// If a tensor is missing, of no layer, of another shape or dtype, or has a number that cannot be; then nothing is set.
pub(super) fn take(network: &mut Network, mut weights: Weights) -> Result<Vec<f64>, WeightsError> {
    let mut theta = Vec::with_capacity(network.graph.parameters());
    let mut statistics = Vec::new();
    for (index, node) in network.graph.nodes.iter().enumerate() {
        let name = |what: &str| format!("{}.{what}", node.name);
        for (what, shape) in each_layer!(&node.layer, layer => layer.tensors()) {
            theta.extend(weights.take(&name(what), &shape)?);
        }
        if let Layer::BatchNorm(layer) = &node.layer {
            let channels = layer.statistics()[0].len();
            let [mean, variance] = STATISTICS;
            let (means, variances) =
                (weights.take(&name(mean), &[channels])?, weights.take(&name(variance), &[channels])?);
            if let Some(index) = variances.iter().position(|&v| v < 0.0) {
                return Err(WeightsError::Number { name: name(variance), index, value: variances[index] });
            }
            weights.skip(&name(BATCHES));
            statistics.push((index, layer.with(means, variances)));
        }
    }
    weights.finish()?;
    for (index, layer) in statistics {
        network.graph.nodes[index].layer = Layer::BatchNorm(layer);
    }
    Ok(theta)
}
