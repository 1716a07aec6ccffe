//! Problems that a caller made, of a network or by calls.

use crate::bytes::{Bytes, numbers, owned};
use crate::error::words;
use crate::outside::{Facts, Outside};
use logscape::Problem;
use logscape::model::{Tensor, to_safetensors};
use logscape::network::{LayerWord, Network};
use logscape::operator::full;
use logscape::problem::{check, load_safetensors};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use rayon::ThreadPoolBuilder;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::sync::Arc;

/// A problem, and where the search for its minimum starts.
#[pyclass(frozen, name = "Problem", module = "logscape._lib")]
pub(crate) struct Model {
    problem: Kind,
    /// Parameters (`P`).
    pub(crate) start: Vec<f64>,
}

/// Who computes its products.
#[derive(Clone)]
enum Kind {
    Native(Arc<Network>),
    Outside(Arc<Outside>),
}

/// Name, shape and numbers.
type NamedNumbers<'py> = (String, Vec<usize>, Bytes<'py>);

fn refused(error: impl Display) -> PyErr {
    PyValueError::new_err(words(&error))
}

/// A value from its name, which the package has checked.
pub(crate) fn named<T: DeserializeOwned>(name: &str) -> PyResult<T> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).map_err(refused)
}

/// The network of these layers (JSON) on data, with the names of those that have tensors; `weights` has its parameters, under these names.
#[pyfunction]
#[pyo3(signature = (layers, shape, *, names, loss, inputs, targets, weights))]
#[allow(clippy::too_many_arguments, reason = "they are named where it is called")]
pub(crate) fn network(
    layers: &str,
    shape: Vec<usize>,
    names: Vec<String>,
    loss: &str,
    inputs: Bytes,
    targets: Bytes,
    weights: Vec<NamedNumbers>,
) -> PyResult<Model> {
    let layers: Vec<LayerWord> = serde_json::from_str(layers).map_err(refused)?;
    let (inputs, targets) = (numbers(&inputs)?, numbers(&targets)?);
    let mut network = Network::new(&shape, &layers, named(loss)?, inputs, targets).map_err(refused)?;
    let wrong = |layers| refused(format!("{layers} layers have tensors, each of which needs a name of its own"));
    network.rename(names).map_err(wrong)?;
    let tensor = |(name, shape, bytes): &NamedNumbers| {
        Ok::<_, PyErr>(Tensor { name: name.clone(), shape: shape.clone(), numbers: numbers(bytes)? })
    };
    let tensors: Vec<Tensor> = weights.iter().map(tensor).collect::<PyResult<_>>()?;
    let file = to_safetensors(&tensors).map_err(refused)?;
    let start = load_safetensors(&mut network, &file).map_err(refused)?;
    Ok(Model { problem: Kind::Native(Arc::new(network)), start })
}

/// The problem whose products the methods of `wire` compute.
#[pyfunction]
pub(crate) fn outside(facts: Facts, loss: &str, wire: Py<PyAny>, start: Bytes) -> PyResult<Model> {
    let start = numbers(&start)?;
    Ok(Model { problem: Kind::Outside(Arc::new(Outside::new(facts, named(loss)?, wire))), start })
}

impl Model {
    /// The problem.
    pub(crate) fn problem(&self) -> Arc<dyn Problem> {
        match &self.problem {
            Kind::Native(network) => Arc::<Network>::clone(network),
            Kind::Outside(outside) => Arc::<Outside>::clone(outside),
        }
    }

    /// The same, if it computes by calls.
    pub(crate) fn outside(&self) -> Option<&Arc<Outside>> {
        match &self.problem {
            Kind::Native(_) => None,
            Kind::Outside(outside) => Some(outside),
        }
    }

    /// The same, that has not failed.
    pub(crate) fn afresh(&self, py: Python) -> Self {
        let problem = match &self.problem {
            Kind::Native(network) => Kind::Native(Arc::clone(network)),
            Kind::Outside(outside) => Kind::Outside(Arc::new(outside.afresh(py))),
        };
        Self { problem, start: self.start.clone() }
    }

    /// What `work` makes of the problem on other threads than Python's; what the model raises meanwhile is raised.
    fn compute<T: Send>(&self, py: Python, work: impl FnOnce(&dyn Problem) -> T + Send) -> PyResult<T> {
        let model = self.afresh(py);
        let problem = model.problem();
        let made = py.detach(|| {
            let pool = ThreadPoolBuilder::new().build()?;
            Ok::<T, rayon::ThreadPoolBuildError>(pool.install(|| work(&*problem)))
        });
        if let Some(raised) = model.outside().and_then(|outside| outside.raised(py)) {
            return Err(raised);
        }
        made.map_err(|error| refused(format!("cannot start threads: {error}")))
    }
}

#[pymethods]
impl Model {
    /// Numbers of parameters, samples and outputs.
    fn sizes(&self) -> [usize; 3] {
        let problem = self.problem();
        [problem.dim(), problem.samples(), problem.outputs()]
    }

    /// The name of the loss.
    fn loss_name(&self) -> &'static str {
        self.problem().output_loss().name()
    }

    /// The same with another start.
    fn at(&self, start: Bytes) -> PyResult<Self> {
        Ok(Self { problem: self.problem.clone(), start: numbers(&start)? })
    }

    /// Where the search for a minimum starts.
    fn start<'py>(&self, py: Python<'py>) -> Bound<'py, PyByteArray> {
        owned(py, &self.start)
    }

    /// Names, and sizes, of the parameters.
    fn names(&self) -> Vec<(String, usize)> {
        self.problem().parameter_names().into_iter().map(|(name, range)| (name, range.len())).collect()
    }

    /// Loss and gradient.
    fn loss_and_gradient<'py>(&self, py: Python<'py>, theta: Bytes) -> PyResult<(f64, Bound<'py, PyByteArray>)> {
        let theta = numbers(&theta)?;
        let (loss, gradient) = self.compute(py, |problem| full::loss_and_gradient(problem, &theta))?;
        Ok((loss, owned(py, &gradient)))
    }

    /// What methods do not agree with each other, in words; see `logscape::problem::check`.
    fn check(&self, py: Python, theta: Bytes, seed: u64) -> PyResult<Vec<String>> {
        let theta = numbers(&theta)?;
        let report = self.compute(py, |problem| check(problem, &theta, seed))?;
        Ok(report.failures().map(ToString::to_string).collect())
    }
}
