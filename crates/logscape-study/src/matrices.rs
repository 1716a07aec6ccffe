//! What is measured of matrices at the minimum, as plain data.

use logscape::geometry::Spectrum;
use logscape::operator::{Matrix, Quadrature};
use logscape::{Estimate, Precision};
use serde::{Deserialize, Serialize};

/// What is known of one matrix, or of its block of some parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MatrixCurvature {
    pub(crate) matrix: Matrix,
    /// The name of the parameters; none where it is the matrix of all.
    pub(crate) block: Option<String>,
    /// Number of parameters of the block.
    pub(crate) parameters: usize,
    pub(crate) eigenvalues: Eigenvalues,
    /// Trace and Frobenius norm; none where they are not asked for, or not known yet.
    pub(crate) sums: Option<Sums>,
    /// The same of the density; none of a complete spectrum too.
    pub(crate) density: Option<Quadrature>,
}

/// Eigenvalues of a matrix.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Eigenvalues {
    /// The largest, descending; all where it is complete.
    pub(crate) largest: Vec<Eigenvalue>,
    /// The lowest, ascending, of a spectrum that is not complete.
    pub(crate) lowest: Vec<Eigenvalue>,
    pub(crate) complete: bool,
    /// Products with single vectors.
    pub(crate) products: usize,
    /// Numbers in which eigenvectors were kept meanwhile.
    pub(crate) basis: Precision,
    /// Whether it was stopped before all that is wanted had converged.
    pub(crate) interrupted: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Eigenvalue {
    pub(crate) value: f64,
    /// Norm of the residual.
    pub(crate) residual: f64,
    pub(crate) converged: bool,
}

/// Trace and Frobenius norm.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) trace: Estimate,
    pub(crate) frobenius: Estimate,
    pub(crate) products: usize,
}

impl From<Spectrum> for Eigenvalues {
    fn from(found: Spectrum) -> Self {
        let rows = |values: &[f64], residuals: &[f64], converged: &[bool]| {
            let rows = values.iter().zip(residuals).zip(converged);
            rows.map(|((&value, &residual), &converged)| Eigenvalue { value, residual, converged }).collect()
        };
        let lowest = &found.lowest;
        Self {
            largest: rows(&found.values, &found.residuals, &found.converged),
            lowest: rows(&lowest.values, &lowest.residuals, &lowest.converged),
            complete: found.complete,
            products: found.products,
            basis: found.precision,
            interrupted: found.interrupted,
        }
    }
}

/// What the products of a study take, as far as it is known before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ProductCost {
    /// Seconds of one product of the Hessian with a vector, here and now.
    pub seconds: f64,
    /// Share of the data whose passes are kept from product to product.
    pub kept_share: f64,
    /// Products for traces and densities.
    pub products: usize,
    /// Matrices and blocks whose eigenvalues take more products.
    pub spectra: usize,
}
