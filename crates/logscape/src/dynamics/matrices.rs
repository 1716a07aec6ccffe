//! The minimum that named dynamics are built around, and its noise matrices, each computed once when first asked for.

use crate::Stop;
use std::sync::OnceLock;

use faer::Mat;

use super::{BuildError, MATRIX_LIMIT};
use crate::engine::sde::NoiseFactor;
use crate::model::memory;
use crate::operator::dense::{EigenError, eigen, to_dense};
use crate::operator::{Matrix, linearise};
use crate::{Geometry, Precision, Problem};

/// A minimum with its geometry.
pub struct AtMinimum<'a> {
    /// The problem.
    pub problem: &'a dyn Problem,
    /// Parameters `θ*` (`P`).
    pub theta: &'a [f64],
    /// What was measured there.
    pub geometry: &'a Geometry,
    /// Precision of SGD.
    pub precision: Precision,
    /// Whether to stop; asked for while a matrix is assembled.
    pub stop: Stop,
    covariance: OnceLock<Result<Spectral, EigenError>>,
    hessian: OnceLock<Result<Spectral, EigenError>>,
}

/// Eigenvalues, none negative, and eigenvectors of a symmetric matrix.
struct Spectral {
    values: Vec<f64>,
    vectors: Vec<Vec<f64>>,
}

impl Spectral {
    fn new(matrix: &Mat<f64>) -> Result<Self, EigenError> {
        let (values, vectors) = eigen(matrix.as_ref())?;
        let p = values.len();
        let vectors = (0..p).map(|j| (0..p).map(|i| vectors[(i, j)]).collect());
        Ok(Self { values: values.iter().map(|x| x.max(0.0)).collect(), vectors: vectors.collect() })
    }

    fn factor(&self) -> Result<NoiseFactor<f64>, BuildError> {
        let kept = self.values.iter().take_while(|x| **x > 0.0).count();
        Ok(NoiseFactor::spectral(&self.values[..kept], &self.vectors[..kept])?)
    }
}

impl<'a> AtMinimum<'a> {
    /// The minimum `theta` of `problem`.
    pub fn new(
        problem: &'a dyn Problem,
        theta: &'a [f64],
        geometry: &'a Geometry,
        precision: Precision,
        stop: &Stop,
    ) -> Self {
        let (covariance, hessian) = (OnceLock::new(), OnceLock::new());
        Self { problem, theta, geometry, precision, stop: stop.clone(), covariance, hessian }
    }

    /// A matrix of the problem here, whole.
    fn spectral(&self, which: Matrix) -> Result<Spectral, EigenError> {
        let around = linearise(self.problem, self.theta, Precision::Float64, memory::limit() / 4);
        Spectral::new(&to_dense(&*around.operator(which), &self.stop)?)
    }

    fn covariance(&self) -> Result<&Spectral, BuildError> {
        if self.theta.len() > MATRIX_LIMIT {
            return Err(BuildError::TooManyParameters(self.theta.len()));
        }
        let compute = || self.spectral(Matrix::NoiseCovariance);
        Ok(self.covariance.get_or_init(compute).as_ref().map_err(|error| *error)?)
    }

    /// `C` of one sample at the minimum.
    ///
    /// # Errors
    /// If there are more than [`MATRIX_LIMIT`] parameters, or on an interrupt.
    pub fn noise_factor(&self) -> Result<NoiseFactor<f64>, BuildError> {
        self.covariance()?.factor()
    }

    /// The leading eigenvalue of `C` with its direction.
    ///
    /// # Errors
    /// As for [`noise_factor`](Self::noise_factor).
    pub fn leading_factor(&self) -> Result<NoiseFactor<f64>, BuildError> {
        let spectral = self.covariance()?;
        Ok(NoiseFactor::spectral(&spectral.values[..1], &spectral.vectors[..1])?)
    }

    /// The diagonal of `C`.
    ///
    /// # Errors
    /// As for [`noise_factor`](Self::noise_factor).
    pub fn diagonal_factor(&self) -> Result<NoiseFactor<f64>, BuildError> {
        let Spectral { values, vectors } = self.covariance()?;
        let mut diagonal = vec![0.0; self.theta.len()];
        for (value, vector) in values.iter().zip(vectors) {
            diagonal.iter_mut().zip(vector).for_each(|(sum, x)| *sum += value * x * x);
        }
        Ok(NoiseFactor::diagonal(&diagonal)?)
    }

    /// `H*`: of the whole spectrum up to [`MATRIX_LIMIT`] parameters, negative eigenvalues as 0, beyond that of the outliers.
    ///
    /// # Errors
    /// If the Hessian cannot be decomposed, or on an interrupt.
    pub fn hessian_factor(&self) -> Result<NoiseFactor<f64>, BuildError> {
        if self.theta.len() > MATRIX_LIMIT {
            let outliers = self.geometry.vectors.len();
            return Ok(NoiseFactor::spectral(&self.geometry.eigenvalues[..outliers], &self.geometry.vectors)?);
        }
        let compute = || self.spectral(Matrix::Hessian);
        self.hessian.get_or_init(compute).as_ref().map_err(|error| *error)?.factor()
    }
}
