//! Symmetric linear operators that are known by their products, and what products tell of them.
//!
//! | wanted of `A` (`P × P`) | by | products with a vector |
//! |---|---|---|
//! | all eigenpairs | [`dense`] | `P`, and `P²` numbers in memory |
//! | the largest and the lowest eigenpairs | [`extreme_eigenpairs`] | about two for each outlier, more within a bulk |
//! | the density of eigenvalues, `tr f(A)` | [`lanczos_quadrature`] | probes times steps |
//! | the trace and the Frobenius norm | [`trace_and_norm`] | as many as are given |
//!
//! The matrices of a problem have names ([`Matrix`]), and operators at a point ([`linearise`]).

mod basis;
mod counted;
pub mod dense;
mod error;
pub mod full;
mod interval;
mod krylov;
pub mod lanczos;
mod linearise;
mod matrix;
mod probe;
pub mod quadrature;
mod restricted;
mod samples;
mod sphere;
#[cfg(test)]
pub(crate) mod testing;
pub mod trace;

pub use counted::Counted;
pub use dense::EigenError;
pub use error::ProbeError;
pub use full::{GaussNewton, Hessian, NoiseCovariance};
pub(crate) use krylov::krylov_pairs;
pub use lanczos::{Eigenpairs, End, ExtremeEigenpairs, LanczosConfig, LanczosProgress, RitzValue, extreme_eigenpairs};
pub use linearise::{linearise, recomputed};
pub use matrix::{Linearisation, Matrix};
pub use probe::{probe_hessian, probe_symmetry};
pub use quadrature::{LanczosCoefficients, Quadrature, QuadratureConfig, SpectralMeasure, lanczos_quadrature};
pub use restricted::Restricted;
pub use samples::{Gradients, SamplesAlong};
pub use trace::{TraceAndNorm, TraceConfig, trace_and_norm};

use crate::{Interrupted, Stop};
use faer::{Mat, MatMut, MatRef};

/// A real symmetric operator that is known by its products with blocks of vectors.
pub trait LinearOperator: Sync {
    /// Number of rows and columns `P`.
    fn dim(&self) -> usize;

    /// Writes `A · block` into `out`; both are `P × k`. Shapes that do not fit are programmer errors and panic.
    ///
    /// # Errors
    /// On an interrupt, which is asked for before every piece of work of about a second; `out` has then no meaning.
    fn apply_into(&self, block: MatRef<f64>, out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted>;

    /// The matrix itself, where there is a way that costs less than `P` products; it takes `P²` numbers.
    ///
    /// # Errors
    /// On an interrupt.
    fn matrix(&self, _stop: &Stop) -> Option<Result<Mat<f64>, Interrupted>> {
        None
    }
}

/// Inner product `a·b`, summed in index order.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Euclidean norm `‖a‖`.
pub(crate) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// `y ← y + a x`.
pub(crate) fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// `x ← a x`.
pub(crate) fn scale(a: f64, x: &mut [f64]) {
    for x in x {
        *x *= a;
    }
}

/// The product of `operator` with a vector.
///
/// # Errors
/// On an interrupt.
pub(crate) fn apply(operator: &dyn LinearOperator, vector: &[f64], stop: &Stop) -> Result<Vec<f64>, Interrupted> {
    let mut out = vec![0.0; vector.len()];
    let image = MatMut::from_column_major_slice_mut(&mut out, vector.len(), 1);
    operator.apply_into(MatRef::from_column_major_slice(vector, vector.len(), 1), image, stop)?;
    Ok(out)
}
