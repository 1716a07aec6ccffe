//! Products with the matrices of a problem.

use crate::bytes::{Bytes, numbers, owned};
use crate::error::other;
use crate::outside::Outside;
use crate::problem::{Model, named};
use faer::{Mat, MatRef};
use logscape::Precision;
use logscape::model::memory;
use logscape::operator::{LinearOperator, Matrix, linearise};
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use rayon::ThreadPoolBuilder;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Blocks of vectors that are asked for, and their images, column by column.
type Served = (Sender<Vec<f64>>, Receiver<Vec<f64>>);

/// A matrix of a problem at a point. A thread of its own keeps the passes over the data from product to product, as long as this is there.
#[pyclass(frozen, module = "logscape._lib")]
pub(crate) struct Operator {
    served: Mutex<Served>,
    /// The problem, if it computes by calls.
    outside: Option<Arc<Outside>>,
}

/// The matrix of that name at `theta`, in that precision.
#[pyfunction]
pub(crate) fn operator(py: Python, problem: &Model, theta: Bytes, matrix: &str, precision: &str) -> PyResult<Operator> {
    let (which, precision): (Matrix, Precision) = (named(matrix)?, named(precision)?);
    let (model, theta) = (problem.afresh(py), problem.theta(&theta)?);
    let outside = model.outside().cloned();
    let (asks, asked) = channel::<Vec<f64>>();
    let (answers, answered) = channel();
    let failed = |error: String| other(py, format!("cannot start threads: {error}"));
    let pool = ThreadPoolBuilder::new().build().map_err(|error| failed(error.to_string()))?;
    let serve = move || {
        let problem = model.problem();
        let around = linearise(&*problem, &theta, precision, memory::limit() / 4);
        let operator = around.operator(which);
        while let Ok(block) = asked.recv() {
            // Nobody waits for an answer any more where this fails.
            if answers.send(product(&*operator, &block)).is_err() {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("logscape-operator".to_owned());
    thread.spawn(move || pool.install(serve)).map_err(|error| failed(error.to_string()))?;
    Ok(Operator { served: Mutex::new((asks, answered)), outside })
}

fn product(operator: &dyn LinearOperator, block: &[f64]) -> Vec<f64> {
    let p = operator.dim();
    let columns = block.len() / p;
    let mut image = Mat::zeros(p, columns);
    // Nothing asks it to stop.
    let _ =
        operator.apply_into(MatRef::from_column_major_slice(block, p, columns), image.as_mut(), &logscape::Stop::new());
    (0..columns).flat_map(|j| image.col_as_slice(j)).copied().collect()
}

#[pymethods]
impl Operator {
    /// Products with a block of vectors, one after the other.
    fn products<'py>(&self, py: Python<'py>, block: Bytes) -> PyResult<Bound<'py, PyByteArray>> {
        let block = numbers(&block)?;
        let image = py.detach(|| {
            let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
            served.0.send(block).ok()?;
            served.1.recv().ok()
        });
        if let Some(raised) = self.outside.as_ref().and_then(|outside| outside.raised(py)) {
            return Err(raised);
        }
        let image = image.ok_or_else(|| other(py, "the thread of the products has ended".to_owned()))?;
        Ok(owned(py, &image))
    }
}
