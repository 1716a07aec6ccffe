//! Constant factors `F` of a noise matrix `F Fᵀ`.

use super::{SdeError, not_negative, positive, same_length};
use crate::lanes::{Lane, Real};

/// `F` (`P × m`) of a covariance `F Fᵀ`.
#[derive(Debug, Clone, PartialEq)]
pub enum NoiseFactor<R> {
    /// A diagonal matrix, by its diagonal (`P`).
    Diagonal(Vec<R>),
    /// Any matrix, by its columns (`m` of length `P`).
    Columns {
        /// `P`.
        dim: usize,
        /// The columns.
        columns: Vec<Vec<R>>,
    },
}

impl<R: Real> NoiseFactor<R> {
    /// The covariance `variance · I` in `dim` dimensions.
    ///
    /// # Errors
    /// If `variance` is negative or not finite.
    pub fn isotropic(dim: usize, variance: f64) -> Result<Self, SdeError> {
        Self::diagonal(&vec![variance; dim])
    }

    /// The covariance with the diagonal `variances` (`P`) and zeros elsewhere.
    ///
    /// # Errors
    /// If a variance is negative or not finite.
    pub fn diagonal(variances: &[f64]) -> Result<Self, SdeError> {
        let root = |&v: &f64| Ok(R::from_f64(not_negative("variance", v)?.sqrt()));
        Ok(Self::Diagonal(variances.iter().map(root).collect::<Result<_, _>>()?))
    }

    /// The covariance `Σ_j λ_j v_j v_jᵀ` of eigenvalues `λ` (`m`) and orthonormal `vectors` (`m` of length `P`): the whole
    /// spectrum of `C`, or its outliers, or the leading one alone.
    ///
    /// # Errors
    /// If lengths differ, or an eigenvalue is negative or not finite.
    pub fn spectral(values: &[f64], vectors: &[Vec<f64>]) -> Result<Self, SdeError> {
        same_length("list of eigenvectors", vectors.len(), values.len())?;
        let dim = vectors.first().map_or(0, Vec::len);
        let column = |(&value, vector): (&f64, &Vec<f64>)| {
            same_length("eigenvector", vector.len(), dim)?;
            let root = not_negative("eigenvalue", value)?.sqrt();
            Ok(vector.iter().map(|x| R::from_f64(root * x)).collect())
        };
        let columns = values.iter().zip(vectors).map(column).collect::<Result<_, _>>()?;
        Ok(Self::Columns { dim, columns })
    }

    /// The covariance times `factor`.
    ///
    /// # Errors
    /// If `factor` is negative or not finite.
    pub fn scaled(mut self, factor: f64) -> Result<Self, SdeError> {
        let root = R::from_f64(not_negative("factor of the noise", factor)?.sqrt());
        let scale = |row: &mut Vec<R>| row.iter_mut().for_each(|x| *x = *x * root);
        match &mut self {
            Self::Diagonal(roots) => scale(roots),
            Self::Columns { columns, .. } => columns.iter_mut().for_each(scale),
        }
        Ok(self)
    }

    /// The covariance times what makes its trace `trace`: how Zhu et al. (2019) compare noises of different shape.
    ///
    /// # Errors
    /// If either trace is not positive and finite.
    pub fn with_trace(self, trace: f64) -> Result<Self, SdeError> {
        let own = positive("trace of the noise", self.trace())?;
        self.scaled(positive("trace", trace)? / own)
    }

    /// The factor in another precision.
    pub fn rounded<S: Real>(&self) -> NoiseFactor<S> {
        let round = |row: &Vec<R>| row.iter().map(|x| S::from_f64(x.to_f64())).collect();
        match self {
            Self::Diagonal(roots) => NoiseFactor::Diagonal(round(roots)),
            Self::Columns { dim, columns } => {
                NoiseFactor::Columns { dim: *dim, columns: columns.iter().map(round).collect() }
            }
        }
    }

    /// `tr F Fᵀ`.
    pub fn trace(&self) -> f64 {
        let square = |row: &Vec<R>| row.iter().map(|x| x.to_f64().powi(2)).sum::<f64>();
        match self {
            Self::Diagonal(roots) => square(roots),
            Self::Columns { columns, .. } => columns.iter().map(square).sum(),
        }
    }

    /// Number of rows `P`.
    pub fn dim(&self) -> usize {
        match self {
            Self::Diagonal(roots) => roots.len(),
            Self::Columns { dim, .. } => *dim,
        }
    }

    /// Number of columns `m`.
    pub fn noises(&self) -> usize {
        match self {
            Self::Diagonal(roots) => roots.len(),
            Self::Columns { columns, .. } => columns.len(),
        }
    }

    /// Adds `scale · F w` to `out` (`P` lanes), for `w` in `normals` (`m` lanes).
    #[inline(always)]
    pub fn add(&self, normals: &[Lane<R>], scale: Lane<R>, out: &mut [Lane<R>]) {
        match self {
            Self::Diagonal(roots) => {
                for ((out, &root), w) in out.iter_mut().zip(roots).zip(normals) {
                    *out = (scale * Lane::splat(root)).mul_add(*w, *out);
                }
            }
            Self::Columns { columns, .. } => {
                for (column, w) in columns.iter().zip(normals) {
                    let w = scale * *w;
                    for (out, &x) in out.iter_mut().zip(column) {
                        *out = Lane::splat(x).mul_add(w, *out);
                    }
                }
            }
        }
    }
}
