//! Parameters as named tensors, in the safetensors format that PyTorch's users save theirs in.

use std::collections::BTreeSet;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use thiserror::Error;

/// Why a file has no parameters for a problem.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum WeightsError {
    /// The file is no safetensors file, or a part of one.
    #[error("this is no whole safetensors file: {0}")]
    Format(String),
    /// A tensor is missing.
    #[error("there is no tensor `{name}`; the file has {present}{}", names_of(.name))]
    Missing {
        /// Its name.
        name: String,
        /// The names that are there.
        present: String,
    },
    /// A tensor is of nothing that the problem has.
    #[error("the tensor `{name}` is of no parameter of the problem")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A tensor has another shape.
    #[error("the tensor `{name}` has the shape {found:?}, the problem's {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape that the problem has.
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

/// How tensors of layers are named.
fn names_of(name: &str) -> &'static str {
    if name.contains('.') {
        ". Names are those of PyTorch's `nn.Sequential`: a layer's place from 0, then `weight` or `bias`"
    } else {
        ""
    }
}

/// A named tensor of parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub numbers: Vec<f64>,
}

/// A safetensors file of `tensors`, in double precision.
///
/// # Errors
/// If two have the same name, or one has another number of numbers than its shape says.
pub fn to_safetensors(tensors: &[Tensor]) -> Result<Vec<u8>, WeightsError> {
    let format = |error: safetensors::SafeTensorError| WeightsError::Format(error.to_string());
    let data: Vec<Vec<u8>> =
        tensors.iter().map(|tensor| tensor.numbers.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let views: Vec<(&str, TensorView)> = tensors
        .iter()
        .zip(&data)
        .map(|(tensor, data)| {
            let view = TensorView::new(Dtype::F64, tensor.shape.clone(), data).map_err(format)?;
            Ok((tensor.name.as_str(), view))
        })
        .collect::<Result<_, WeightsError>>()?;
    serialize(views, None).map_err(format)
}

/// The tensors of a safetensors file, in the order of their names.
///
/// # Errors
/// If it is none, or not whole, or a tensor holds no real numbers or one that is not finite.
pub fn from_safetensors(file: &[u8]) -> Result<Vec<Tensor>, WeightsError> {
    let mut weights = Weights::new(file)?;
    let names = weights.unread.clone().into_iter();
    let tensor = |name: String| {
        let shape = weights.file.tensor(&name).map_or_else(|_| Vec::new(), |tensor| tensor.shape().to_vec());
        let numbers = weights.take(&name, &shape)?;
        Ok(Tensor { name, shape, numbers })
    };
    names.map(tensor).collect()
}

/// A safetensors file whose tensors are taken one after the other.
pub struct Weights<'a> {
    file: SafeTensors<'a>,
    unread: BTreeSet<String>,
}

impl<'a> Weights<'a> {
    /// The file.
    ///
    /// # Errors
    /// If it is none, or not whole.
    pub fn new(file: &'a [u8]) -> Result<Self, WeightsError> {
        let file = SafeTensors::deserialize(file).map_err(|error| WeightsError::Format(error.to_string()))?;
        let unread = file.names().into_iter().map(str::to_owned).collect();
        Ok(Self { file, unread })
    }

    /// The numbers of the tensor `name`, of that shape.
    ///
    /// # Errors
    /// If it is missing, of another shape, holds no real numbers, or has one that is not finite.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f64>, WeightsError> {
        self.skip(name);
        let own = || name.to_owned();
        let Ok(tensor) = self.file.tensor(name) else {
            let mut present: Vec<&str> = self.file.names().into_iter().collect();
            present.sort_unstable();
            let present = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
            return Err(WeightsError::Missing { name: own(), present });
        };
        if tensor.shape() != shape {
            let found = tensor.shape().to_vec();
            return Err(WeightsError::Shape { name: own(), found, expected: shape.to_vec() });
        }
        let data = tensor.data();
        let values: Vec<f64> = match tensor.dtype() {
            Dtype::F64 => data.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect(),
            Dtype::F32 => data.as_chunks().0.iter().map(|x| f64::from(f32::from_le_bytes(*x))).collect(),
            Dtype::F16 => data.as_chunks().0.iter().map(|x| f16::from_le_bytes(*x).to_f64()).collect(),
            Dtype::BF16 => data.as_chunks().0.iter().map(|x| bf16::from_le_bytes(*x).to_f64()).collect(),
            other => return Err(WeightsError::Dtype { name: own(), found: format!("{other:?}") }),
        };
        match values.iter().position(|x| !x.is_finite()) {
            Some(index) => Err(WeightsError::Number { name: own(), index, value: values[index] }),
            None => Ok(values),
        }
    }

    /// Whether there is a tensor of that name.
    pub fn has(&self, name: &str) -> bool {
        self.file.tensor(name).is_ok()
    }

    /// Passes over a tensor that nothing needs, if it is there.
    pub fn skip(&mut self, name: &str) {
        self.unread.remove(name);
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If a tensor is left.
    pub fn finish(self) -> Result<(), WeightsError> {
        match self.unread.into_iter().next() {
            Some(name) => Err(WeightsError::Unknown { name }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_come_back_as_they_were_written() {
        let tensor = |name: &str, shape: &[usize], numbers: &[f64]| Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            numbers: numbers.to_vec(),
        };
        let tensors = [tensor("0.weight", &[2, 2], &[1.0, -2.5, 1e-300, 0.1]), tensor("b", &[1], &[3.0])];
        let file = to_safetensors(&tensors).expect("a file");
        assert_eq!(from_safetensors(&file).expect("tensors"), tensors);
        assert!(from_safetensors(&file[..file.len() - 1]).is_err());
    }
}
