//! Parameters in safetensors files, under the names and in the shapes that PyTorch gives those of the same `nn.Sequential`.

use std::collections::BTreeSet;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use thiserror::Error;

use super::Network;
use super::layer::{Layer, each_layer};
use super::transform::Transform;

/// Why a file has no parameters for a network.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum WeightsError {
    /// The file is no safetensors file, or a part of one.
    #[error("this is no whole safetensors file: {0}")]
    Format(String),
    /// A tensor is missing.
    #[error(
        "there is no tensor `{name}`; the file has {present}. Names are those of PyTorch's `nn.Sequential`: a layer's place from 0, \
         then `weight` or `bias`"
    )]
    Missing {
        /// Its name.
        name: String,
        /// The names that are there.
        present: String,
    },
    /// A tensor is of no layer.
    #[error("the tensor `{name}` is of no layer of the network")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A tensor has another shape.
    #[error("the tensor `{name}` has the shape {found:?}, the network's {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape that the network has.
        expected: Vec<usize>,
    },
    /// A tensor holds no real numbers.
    #[error("the tensor `{name}` holds {found}; save F64, F32, F16 or BF16")]
    Dtype {
        /// Its name.
        name: String,
        /// What it holds.
        found: String,
    },
    /// A number is infinite, not a number, or a variance below zero.
    #[error("the tensor `{name}`: number {index} is {value}")]
    Number {
        /// Its name.
        name: String,
        /// Its place in the flat tensor.
        index: usize,
        /// The number.
        value: f64,
    },
}

/// What PyTorch counts batches with, which nothing needs.
const BATCHES: &str = "num_batches_tracked";

impl Network {
    /// A safetensors file of the parameters `theta` (`P`) in double precision, with the means and variances of batch normalisations.
    ///
    /// # Errors
    /// If the header cannot be written.
    ///
    /// # Panics
    /// If `theta` has another length than `P`.
    pub fn to_safetensors(&self, theta: &[f64]) -> Result<Vec<u8>, WeightsError> {
        assert_eq!(theta.len(), self.graph.parameters());
        let bytes = |numbers: &[f64]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        for node in &self.graph.nodes {
            let mut rest = &theta[node.parameters()];
            for (what, shape) in each_layer!(&node.layer, layer => layer.tensors()) {
                let (numbers, after) = rest.split_at(shape.iter().product());
                rest = after;
                tensors.push((format!("{}.{what}", node.name), shape, bytes(numbers)));
            }
            if let Layer::BatchNorm(layer) = &node.layer {
                for (what, numbers) in ["running_mean", "running_var"].into_iter().zip(layer.statistics()) {
                    tensors.push((format!("{}.{what}", node.name), vec![numbers.len()], bytes(numbers)));
                }
            }
        }
        let format = |error: safetensors::SafeTensorError| WeightsError::Format(error.to_string());
        let views: Vec<(&str, TensorView)> = tensors
            .iter()
            .map(|(name, shape, data)| {
                Ok((name.as_str(), TensorView::new(Dtype::F64, shape.clone(), data).map_err(format)?))
            })
            .collect::<Result<_, WeightsError>>()?;
        serialize(views, None).map_err(format)
    }

    /// The parameters (`P`) of a safetensors file; means and variances of batch normalisations are set to those of the file.
    ///
    /// # Errors
    /// If a tensor is missing, of no layer, of another shape or dtype, or has a number that is not finite; then nothing is set.
    pub fn load_safetensors(&mut self, file: &[u8]) -> Result<Vec<f64>, WeightsError> {
        let file = SafeTensors::deserialize(file).map_err(|error| WeightsError::Format(error.to_string()))?;
        let mut unread: BTreeSet<&str> = file.names().into_iter().collect();
        let mut theta = Vec::with_capacity(self.graph.parameters());
        let mut statistics = Vec::new();
        for (index, node) in self.graph.nodes.iter().enumerate() {
            let mut next = |what: &str, shape: &[usize]| {
                let name = format!("{}.{what}", node.name);
                unread.remove(name.as_str());
                numbers(&file, name, shape)
            };
            for (what, shape) in each_layer!(&node.layer, layer => layer.tensors()) {
                theta.extend(next(what, &shape)?);
            }
            if let Layer::BatchNorm(layer) = &node.layer {
                let channels = layer.statistics()[0].len();
                let (means, variances) = (next("running_mean", &[channels])?, next("running_var", &[channels])?);
                if let Some(index) = variances.iter().position(|&v| v < 0.0) {
                    let name = format!("{}.running_var", node.name);
                    return Err(WeightsError::Number { name, index, value: variances[index] });
                }
                unread.remove(format!("{}.{BATCHES}", node.name).as_str());
                statistics.push((index, layer.with(means, variances)));
            }
        }
        if let Some(name) = unread.first() {
            return Err(WeightsError::Unknown { name: (*name).to_owned() });
        }
        for (index, layer) in statistics {
            self.graph.nodes[index].layer = Layer::BatchNorm(layer);
        }
        Ok(theta)
    }
}

/// The numbers of the tensor `name`, of that shape.
fn numbers(file: &SafeTensors, name: String, shape: &[usize]) -> Result<Vec<f64>, WeightsError> {
    let Ok(tensor) = file.tensor(&name) else {
        let mut present: Vec<&str> = file.names().into_iter().collect();
        present.sort_unstable();
        let present = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
        return Err(WeightsError::Missing { name, present });
    };
    if tensor.shape() != shape {
        return Err(WeightsError::Shape { name, found: tensor.shape().to_vec(), expected: shape.to_vec() });
    }
    let data = tensor.data();
    let values: Vec<f64> = match tensor.dtype() {
        Dtype::F64 => data.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect(),
        Dtype::F32 => data.as_chunks().0.iter().map(|x| f64::from(f32::from_le_bytes(*x))).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|x| f16::from_le_bytes(*x).to_f64()).collect(),
        Dtype::BF16 => data.as_chunks().0.iter().map(|x| bf16::from_le_bytes(*x).to_f64()).collect(),
        other => return Err(WeightsError::Dtype { name, found: format!("{other:?}") }),
    };
    match values.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(WeightsError::Number { name, index, value: values[index] }),
        None => Ok(values),
    }
}
