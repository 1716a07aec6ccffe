//! Problems whose products are computed by Python: a model of a library of automatic differentiation.

use crate::bytes::{Bytes, numbers_into, of_numbers};
use logscape::model::{Tensor, Weights, WeightsError};
use logscape::network::OutputLoss;
use logscape::problem::ProblemFailure;
use logscape::{Problem, Samples};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PySlice, PyTuple};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// What stays the same of a model.
#[derive(Debug, Clone, FromPyObject)]
pub(crate) struct Facts {
    dim: usize,
    samples: usize,
    outputs: usize,
    smooth: bool,
    samples_at_once: usize,
    replicas_at_once: usize,
    steps_at_once: usize,
    /// Classes of the samples, where the targets are classes.
    classes: Option<Vec<usize>>,
    /// The loss of the best prediction that does not look at the inputs.
    constant_loss: Option<f64>,
    /// Names and shapes of the parameters, in their order.
    parameters: Vec<(String, Vec<usize>)>,
}

/// A model whose methods, those of `logscape._calls.Wire`, are called for every product. One call is at work at a time: the library has threads
/// of its own.
pub(crate) struct Outside {
    facts: Facts,
    loss: Option<OutputLoss>,
    wire: Py<PyAny>,
    turn: Mutex<()>,
    failed: Mutex<Option<PyErr>>,
}

/// Why a call has no numbers.
enum Failed {
    /// Python ends.
    Ending,
    Raised(PyErr),
}

impl From<PyErr> for Failed {
    fn from(error: PyErr) -> Self {
        Self::Raised(error)
    }
}

impl Outside {
    /// The model behind `wire`.
    pub(crate) fn new(facts: Facts, loss: Option<OutputLoss>, wire: Py<PyAny>) -> Self {
        Self { facts, loss, wire, turn: Mutex::new(()), failed: Mutex::new(None) }
    }

    /// The same, that has not failed.
    pub(crate) fn afresh(&self, py: Python) -> Self {
        Self::new(self.facts.clone(), self.loss, self.wire.clone_ref(py))
    }

    /// What the model has raised first.
    pub(crate) fn raised(&self, py: Python) -> Option<PyErr> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().map(|error| error.clone_ref(py))
    }

    /// Calls a method, whose numbers go into the parts of `out` in their order; these are not numbers where it fails, and nothing is called
    /// any more after that.
    fn call<const K: usize>(&self, name: &str, arguments: &[Argument], mut out: [&mut [f64]; K]) {
        let failed = || self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let called = if failed().is_some() { Err(Failed::Ending) } else { self.try_call(name, arguments, &mut out) };
        drop(turn);
        if let Err(error) = called {
            out.iter_mut().for_each(|part| part.fill(f64::NAN));
            if let Failed::Raised(error) = error {
                failed().get_or_insert(error);
            }
        }
    }

    fn try_call<const K: usize>(
        &self,
        name: &str,
        arguments: &[Argument],
        out: &mut [&mut [f64]; K],
    ) -> Result<(), Failed> {
        let called = Python::try_attach(|py| {
            let arguments = arguments.iter().map(|argument| argument.in_python(py)).collect::<PyResult<Vec<_>>>()?;
            let made = self.wire.bind(py).call_method1(name, PyTuple::new(py, arguments)?)?;
            let made: Vec<Bytes> = made.extract()?;
            for (part, bytes) in out.iter_mut().zip(&made) {
                numbers_into(bytes, part)?;
            }
            Ok::<(), PyErr>(())
        });
        called.ok_or(Failed::Ending)?.map_err(Failed::Raised)
    }
}

/// What a method is called with.
enum Argument<'a> {
    Numbers(&'a [f64]),
    Indices(&'a [u32]),
    Range(Range<usize>),
    Number(f64),
    Count(usize),
}

impl<'a> Argument<'a> {
    fn of(samples: &'a Samples) -> Self {
        match samples {
            Samples::Range(range) => Self::Range(range.clone()),
            Samples::Indices(indices) => Self::Indices(indices),
        }
    }

    fn in_python<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self {
            Self::Numbers(numbers) => of_numbers(py, numbers)?.into_any(),
            Self::Indices(indices) => {
                let bytes: Vec<u8> = indices.iter().flat_map(|index| index.to_ne_bytes()).collect();
                PyBytes::new(py, &bytes).into_any()
            }
            Self::Range(range) => PySlice::new(py, range.start.cast_signed(), range.end.cast_signed(), 1).into_any(),
            Self::Number(number) => number.into_pyobject(py)?.into_any(),
            Self::Count(count) => count.into_pyobject(py)?.into_any(),
        })
    }
}

use Argument::{Count, Number, Numbers};

impl Problem for Outside {
    fn dim(&self) -> usize {
        self.facts.dim
    }

    fn samples(&self) -> usize {
        self.facts.samples
    }

    fn outputs(&self) -> usize {
        self.facts.outputs
    }

    fn scratch_len(&self, _m: usize) -> usize {
        0
    }

    fn samples_at_once(&self) -> usize {
        self.facts.samples_at_once
    }

    fn replicas_at_once(&self) -> usize {
        self.facts.replicas_at_once
    }

    fn steps_at_once(&self) -> usize {
        self.facts.steps_at_once
    }

    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        self.call("residuals", &[Numbers(theta), Argument::of(&samples)], [out]);
    }

    fn losses_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        self.call("losses", &[Numbers(theta), Argument::of(&samples)], [out]);
    }

    fn weigh_outputs(&self, theta: &[f64], samples: Samples, rates: &mut [f64], _scratch: &mut [f64]) {
        if self.loss != Some(OutputLoss::MeanSquare) {
            let given = rates.to_vec();
            self.call("weigh", &[Numbers(theta), Numbers(&given), Argument::of(&samples)], [rates]);
        }
    }

    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        self.call("jvp", &[Numbers(theta), Numbers(v), Argument::of(&samples)], [out]);
    }

    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        self.call("vjp", &[Numbers(theta), Numbers(u), Argument::of(&samples)], [out]);
    }

    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.hvp_block_into(theta, v, samples, out, scratch);
    }

    fn hvp_block_into(&self, theta: &[f64], vectors: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        self.call("hessian", &[Numbers(theta), Numbers(vectors), Argument::of(&samples)], [out]);
    }

    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        self.call("gauss_newton", &[Numbers(theta), Numbers(v), Argument::of(&samples)], [out]);
    }

    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) -> f64 {
        let mut loss = [f64::NAN];
        self.call("gradient", &[Numbers(theta), Argument::of(&samples)], [out, &mut loss]);
        loss[0]
    }

    fn batch_gradients_into(
        &self,
        thetas: &[f64],
        batches: &[u32],
        out: &mut [f64],
        losses: &mut [f64],
        _scratch: &mut [f64],
    ) {
        self.call("gradients", &[Numbers(thetas), Argument::Indices(batches)], [out, losses]);
    }

    fn sgd_steps(
        &self,
        thetas: &mut [f64],
        batches: &[u32],
        steps: usize,
        learning_rate: f64,
        _scratch: &mut [f64],
    ) -> f64 {
        let (given, mut bound) = (thetas.to_vec(), [f64::NAN]);
        let arguments = [Numbers(&given), Argument::Indices(batches), Count(steps), Number(learning_rate)];
        self.call("steps", &arguments, [thetas, &mut bound]);
        bound[0]
    }

    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        self.call("sample_gradients", &[Numbers(theta), Argument::of(&samples)], [out]);
    }

    fn gradient_squares_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        self.call("gradient_squares", &[Numbers(theta), Argument::of(&samples)], [out]);
    }

    fn sample_curvatures_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.sample_hessians_into(theta, v, samples, out, scratch);
    }

    fn sample_hessians_into(
        &self,
        theta: &[f64],
        vectors: &[f64],
        samples: Samples,
        out: &mut [f64],
        _scratch: &mut [f64],
    ) {
        self.call("sample_hessians", &[Numbers(theta), Numbers(vectors), Argument::of(&samples)], [out]);
    }

    fn jacobian_grams_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        self.call("jacobian_grams", &[Numbers(theta), Argument::of(&samples)], [out]);
    }

    fn jacobian_moments_into(&self, theta: &[f64], samples: Samples, out: [&mut [f64]; 2], _scratch: &mut [f64]) {
        self.call("jacobian_moments", &[Numbers(theta), Argument::of(&samples)], out);
    }

    fn output_loss(&self) -> Option<OutputLoss> {
        self.loss
    }

    fn constant_loss(&self) -> Option<f64> {
        self.facts.constant_loss
    }

    fn classes(&self) -> Option<Vec<usize>> {
        self.facts.classes.clone()
    }

    fn accuracy(&self, theta: &[f64]) -> Option<f64> {
        self.facts.classes.as_ref()?;
        let mut share = [f64::NAN];
        self.call("accuracy", &[Numbers(theta)], [&mut share]);
        Some(share[0]).filter(|share| share.is_finite())
    }

    fn is_smooth(&self) -> bool {
        self.facts.smooth
    }

    fn parameter_names(&self) -> Vec<(String, Range<usize>)> {
        let mut start = 0;
        let named = self.facts.parameters.iter().map(|(name, shape)| {
            let end = start + shape.iter().product::<usize>();
            (name.clone(), std::mem::replace(&mut start, end)..end)
        });
        named.collect()
    }

    fn tensors(&self, theta: &[f64]) -> Vec<Tensor> {
        let places = self.parameter_names().into_iter().zip(&self.facts.parameters);
        places
            .map(|((name, place), (_, shape))| Tensor { name, shape: shape.clone(), numbers: theta[place].to_vec() })
            .collect()
    }

    fn take_tensors(&mut self, mut weights: Weights) -> Result<Vec<f64>, WeightsError> {
        let mut theta = Vec::with_capacity(self.dim());
        for (name, shape) in &self.facts.parameters {
            theta.extend(weights.take(name, shape)?);
        }
        weights.finish().map(|()| theta)
    }

    fn failure(&self) -> Option<ProblemFailure> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().map(|error| ProblemFailure { message: error.to_string() })
    }
}
