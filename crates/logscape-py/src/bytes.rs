//! Numbers as bytes of the machine's order, which is how they cross between Rust and Python.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};

/// Bytes that Python made.
pub(crate) type Bytes<'py> = Bound<'py, PyBytes>;

/// Numbers for Python to read.
pub(crate) fn of_numbers<'py>(py: Python<'py>, numbers: &[f64]) -> PyResult<Bytes<'py>> {
    PyBytes::new_with(py, size_of_val(numbers), |bytes| {
        write(numbers, bytes);
        Ok(())
    })
}

/// Numbers for Python to own.
pub(crate) fn owned<'py>(py: Python<'py>, numbers: &[f64]) -> Bound<'py, PyByteArray> {
    let mut bytes = vec![0; size_of_val(numbers)];
    write(numbers, &mut bytes);
    PyByteArray::new(py, &bytes)
}

fn write(numbers: &[f64], bytes: &mut [u8]) {
    for (bytes, number) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
        *bytes = number.to_ne_bytes();
    }
}

/// The numbers of `bytes`.
///
/// # Errors
/// If there are not as many as go into `out`.
pub(crate) fn numbers_into(bytes: &Bytes, out: &mut [f64]) -> PyResult<()> {
    let (numbers, rest) = bytes.as_bytes().as_chunks();
    if numbers.len() != out.len() || !rest.is_empty() {
        let (found, wanted) = (numbers.len(), out.len());
        return Err(PyValueError::new_err(format!("{found} numbers where {wanted} are wanted")));
    }
    out.iter_mut().zip(numbers).for_each(|(out, number)| *out = f64::from_ne_bytes(*number));
    Ok(())
}

/// The numbers of `bytes`.
///
/// # Errors
/// If they are no whole number of numbers.
pub(crate) fn numbers(bytes: &Bytes) -> PyResult<Vec<f64>> {
    let mut out = vec![0.0; bytes.as_bytes().len() / size_of::<f64>()];
    numbers_into(bytes, &mut out)?;
    Ok(out)
}
