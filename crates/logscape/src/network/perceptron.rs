//! Networks that are perceptrons: dense layers, all with biases, with one activation function between them.

use super::layer::Layer;
use super::{Activation, Network};

impl Network {
    /// Inputs and outputs of every layer, and the function of the units between them, of a network that is a perceptron; the identity
    /// where there is one layer.
    pub(crate) fn as_perceptron(&self) -> Option<(Vec<[usize; 2]>, Activation)> {
        let (mut shapes, mut activation) = (Vec::new(), None);
        for (index, node) in self.graph.nodes.iter().enumerate() {
            if node.from != index || node.skip.is_some() {
                return None;
            }
            match &node.layer {
                Layer::Dense(dense) if index % 2 == 0 && dense.bias => shapes.push([dense.inputs, dense.outputs]),
                Layer::Units(units) if index % 2 == 1 => {
                    if *activation.get_or_insert(units.activation) != units.activation {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        // The outputs have no function.
        (self.graph.nodes.len() % 2 == 1).then(|| (shapes, activation.unwrap_or(Activation::Identity)))
    }
}
