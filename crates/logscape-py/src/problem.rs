//! Problems that a caller made, of a network or by calls.

use crate::bytes::{Bytes, numbers, owned};
use crate::error::{of_weights, words};
use crate::outside::{Facts, Outside};
use logscape::Problem;
use logscape::model::{Tensor, Weights, WeightsError, to_safetensors};
use logscape::network::{LayerWord, Network, OutputLoss};
use logscape::operator::full;
use logscape::problem::{Selected, check, load_safetensors, parameters_named};
use pyo3::exceptions::{PyKeyError, PyValueError};
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
    /// Some parameters of another.
    Selected(Arc<Selected>, Box<Kind>),
}

impl Kind {
    fn problem(&self) -> Arc<dyn Problem> {
        match self {
            Self::Native(network) => Arc::<Network>::clone(network),
            Self::Outside(outside) => Arc::<Outside>::clone(outside),
            Self::Selected(selected, _) => Arc::<Selected>::clone(selected),
        }
    }

    fn outside(&self) -> Option<&Arc<Outside>> {
        match self {
            Self::Native(_) => None,
            Self::Outside(outside) => Some(outside),
            Self::Selected(_, whole) => whole.outside(),
        }
    }

    fn afresh(&self, py: Python) -> Self {
        match self {
            Self::Native(_) => self.clone(),
            Self::Outside(outside) => Self::Outside(Arc::new(outside.afresh(py))),
            Self::Selected(selected, whole) => {
                let whole = whole.afresh(py);
                Self::Selected(Arc::new(selected.of(whole.problem())), Box::new(whole))
            }
        }
    }
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

/// The problem whose products the methods of `wire` compute, with a loss of that name, or one of its own.
#[pyfunction]
pub(crate) fn outside(facts: Facts, loss: Option<&str>, wire: Py<PyAny>, start: Bytes) -> PyResult<Model> {
    let start = numbers(&start)?;
    let loss = loss.map(named).transpose()?;
    Ok(Model { problem: Kind::Outside(Arc::new(Outside::new(facts, loss, wire))), start })
}

impl Model {
    /// The problem.
    pub(crate) fn problem(&self) -> Arc<dyn Problem> {
        self.problem.problem()
    }

    /// The same, if it computes by calls.
    pub(crate) fn outside(&self) -> Option<&Arc<Outside>> {
        self.problem.outside()
    }

    /// The same, that has not failed.
    pub(crate) fn afresh(&self, py: Python) -> Self {
        Self { problem: self.problem.afresh(py), start: self.start.clone() }
    }

    /// Parameters, or those of the whole of which some are selected: the others must be those that are fixed.
    pub(crate) fn theta(&self, bytes: &Bytes) -> PyResult<Vec<f64>> {
        let theta = numbers(bytes)?;
        let Kind::Selected(selected, whole) = &self.problem else { return Ok(theta) };
        if theta.len() == selected.dim() {
            return Ok(theta);
        }
        let theta = Self { problem: (**whole).clone(), start: Vec::new() }.theta(bytes)?;
        let found = selected.selected(&theta);
        if selected.whole(&found) != theta {
            return Err(refused("parameters that are not selected are others than those that are fixed"));
        }
        Ok(found)
    }

    /// What has all parameters, of which some may be selected.
    fn whole(&self) -> &Kind {
        let mut whole = &self.problem;
        while let Kind::Selected(_, inner) = whole {
            whole = inner;
        }
        whole
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
    /// Numbers of parameters, samples and outputs, and of the parameters of the whole where some are selected.
    fn sizes(&self) -> [usize; 4] {
        let problem = self.problem();
        [problem.dim(), problem.samples(), problem.outputs(), self.whole().problem().dim()]
    }

    /// The name of the loss, if it has one.
    fn loss_name(&self) -> Option<&'static str> {
        self.problem().output_loss().map(OutputLoss::name)
    }

    /// The same with another start.
    fn at(&self, start: Bytes) -> PyResult<Self> {
        Ok(Self { problem: self.problem.clone(), start: self.theta(&start)? })
    }

    /// The parameters of the whole in the bytes of a safetensors file: under the names that records give them, or those of what is `tied` to
    /// them. What else is there has to be what the problem has, or what is `fixed` in the model; tensors that are `ignored` may be anything.
    fn weights<'py>(
        &self,
        py: Python<'py>,
        file: &str,
        bytes: Bytes,
        fixed: Vec<NamedNumbers>,
        tied: Vec<(String, String)>,
        ignored: Vec<String>,
    ) -> PyResult<Bound<'py, PyByteArray>> {
        let refused = |error: WeightsError| of_weights(py, file, error, None);
        let others = |name: &str| {
            let message =
                format!("the tensor `{name}`, which is no parameter of the problem, has other numbers than in it");
            of_weights(py, file, message, Some("make a problem of this model instead"))
        };
        let mut weights = Weights::new(bytes.as_bytes()).map_err(refused)?;
        for (name, shape, numbers) in &fixed {
            if weights.has(name) && weights.take(name, shape).map_err(refused)? != self::numbers(numbers)? {
                return Err(others(name));
            }
        }
        ignored.iter().for_each(|name| weights.skip(name));
        let whole = self.whole().problem();
        let names: Vec<String> = whole.parameter_names().into_iter().map(|(name, _)| name).collect();
        let mut theta = Vec::with_capacity(whole.dim());
        for Tensor { name, shape, numbers } in whole.tensors(&vec![0.0; whole.dim()]) {
            let found = weights.take(&name, &shape).map_err(refused)?;
            for (other, _) in tied.iter().filter(|(_, first)| *first == name) {
                if weights.has(other) && weights.take(other, &shape).map_err(refused)? != found {
                    let message = format!("the tensors `{other}` and `{name}`, which are one, have two values");
                    return Err(of_weights(py, file, message, None));
                }
            }
            if names.contains(&name) {
                theta.extend(found);
            } else if found != numbers {
                return Err(others(&name));
            }
        }
        weights.finish().map_err(refused)?;
        Ok(owned(py, &theta))
    }

    /// The same in the parameters of these names, with the others as they are at the start.
    fn select(&self, names: Vec<String>) -> PyResult<Self> {
        let whole = self.problem();
        let mut parts = Vec::new();
        for name in &names {
            let found = parameters_named(&*whole, name);
            if found.is_empty() {
                let known: Vec<String> = whole.parameter_names().into_iter().map(|(name, _)| name).collect();
                return Err(PyKeyError::new_err(format!(
                    "no parameter is named {name}; there are {}",
                    known.join(", ")
                )));
            }
            parts.extend(found);
        }
        let selected = Selected::new(whole, self.start.clone(), &parts);
        let start = selected.selected(&self.start);
        Ok(Self { problem: Kind::Selected(Arc::new(selected), Box::new(self.problem.clone())), start })
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
        let theta = self.theta(&theta)?;
        let (loss, gradient) = self.compute(py, |problem| full::loss_and_gradient(problem, &theta))?;
        Ok((loss, owned(py, &gradient)))
    }

    /// What methods do not agree with each other, in words; see `logscape::problem::check`.
    fn check(&self, py: Python, theta: Bytes, seed: u64) -> PyResult<Vec<String>> {
        let theta = self.theta(&theta)?;
        let report = self.compute(py, |problem| check(problem, &theta, seed))?;
        Ok(report.failures().map(ToString::to_string).collect())
    }
}
