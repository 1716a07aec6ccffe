//! Dense symmetric matrices: assembling one from an operator, and its eigendecomposition.

use super::LinearOperator;
use super::error::ProbeError;
use crate::{Interrupted, Stop};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, diag::Diag};
use thiserror::Error;

/// Why there are no eigenpairs.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum EigenError {
    /// The matrix has an entry that is not finite.
    #[error("the matrix has an entry that is not finite")]
    NotFinite,
    /// The iteration did not converge.
    #[error("the symmetric eigendecomposition did not converge")]
    NoConvergence,
    /// The memory does not hold the shortest basis that is of use.
    #[error("a basis of eigenvectors takes at least {needed} bytes of memory, and may take {limit}")]
    Memory {
        /// Bytes that the shortest one takes.
        needed: u64,
        /// Bytes that it may take.
        limit: u64,
    },
    /// The operator is not what it must be.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The work was stopped on request.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Share of the largest eigenvalue below which a negative one counts as curving down.
pub(crate) const NEGATIVE: f64 = 1e-6;

/// Columns that are applied at once while a matrix is assembled.
const BLOCK: usize = 64;

/// The matrix of `operator`, from its products with the unit vectors, symmetrised as `(A + Aᵀ)/2`, unless it knows a better way.
///
/// # Errors
/// On an interrupt, which is asked for before every block of products.
pub fn to_dense(operator: &dyn LinearOperator, stop: &Stop) -> Result<Mat<f64>, Interrupted> {
    if let Some(matrix) = operator.matrix(stop) {
        return matrix;
    }
    let p = operator.dim();
    let mut matrix = Mat::zeros(p, p);
    for start in (0..p).step_by(BLOCK) {
        stop.check()?;
        let width = BLOCK.min(p - start);
        let unit = Mat::from_fn(p, width, |i, j| f64::from(u8::from(i == start + j)));
        operator.apply_into(unit.as_ref(), matrix.as_mut().subcols_mut(start, width), stop)?;
    }
    Ok(Mat::from_fn(p, p, |i, j| 0.5 * (matrix[(i, j)] + matrix[(j, i)])))
}

/// The product of two matrices.
///
/// Sequential: the `*` of `faer` takes as many threads as there are, and its last bits depend on how many.
pub(crate) fn product(left: MatRef<f64>, right: MatRef<f64>) -> Mat<f64> {
    let mut out = Mat::zeros(left.nrows(), right.ncols());
    matmul(out.as_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
    out
}

/// The product of a matrix and a vector; sequential, as [`product`].
pub(crate) fn image(matrix: MatRef<f64>, vector: &[f64]) -> Vec<f64> {
    product(matrix, MatRef::from_column_major_slice(vector, vector.len(), 1)).col(0).iter().copied().collect()
}

/// Eigenvalues (descending) and eigenvectors, as columns in the same order, of a symmetric matrix.
///
/// Sequential, so that the result does not depend on the number of threads.
///
/// # Errors
/// If an entry is not finite or the iteration does not converge.
pub fn eigen(matrix: MatRef<f64>) -> Result<(Vec<f64>, Mat<f64>), EigenError> {
    let n = matrix.nrows();
    if (0..n).any(|j| matrix.col(j).iter().any(|x| !x.is_finite())) {
        return Err(EigenError::NotFinite);
    }
    if n == 0 {
        return Ok((Vec::new(), Mat::zeros(0, 0)));
    }
    let mut values = Diag::<f64>::zeros(n);
    let mut vectors = Mat::<f64>::zeros(n, n);
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, faer::prelude::default());
    self_adjoint_evd(
        matrix,
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        faer::prelude::default(),
    )
    .map_err(|_| EigenError::NoConvergence)?;
    let descending: Vec<f64> = (0..n).rev().map(|i| values.column_vector()[i]).collect();
    Ok((descending, Mat::from_fn(n, n, |i, j| vectors[(i, n - 1 - j)])))
}
