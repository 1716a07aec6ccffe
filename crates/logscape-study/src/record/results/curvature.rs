//! What was measured of one matrix.

use crate::matrices::{Eigenvalue, MatrixCurvature, uncertainties};
use logscape::operator::Matrix;
use logscape::{Estimate, Precision};
use serde::{Deserialize, Serialize};

/// Eigenvalues of the ends that the results hold; all known ones are in the table `eigenvalues`.
const LEADING: usize = 50;

/// One matrix at the minimum, or its block of some of the parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CurvatureRecord {
    /// Which one: the Hessian `H`, the Gauss–Newton matrix `G` and the residual `H − G` are in units of loss per squared parameter,
    /// the noise covariance `C` and the empirical Fisher matrix in units of the squared gradient.
    pub matrix: Matrix,
    /// The study's name of the parameters whose block it is; null where it is the matrix of all.
    pub block: Option<String>,
    /// Number of these parameters.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub parameters: usize,
    /// Largest eigenvalues, descending, at most 50.
    pub largest: Vec<f64>,
    /// Lowest eigenvalues, ascending, at most 50; not looked for where no eigenvalue can be negative.
    pub lowest: Vec<f64>,
    /// About how far each of `largest` is from the eigenvalue of its rank: its residual, and where others are so near that they cannot
    /// be told apart, the largest of theirs.
    #[serde(default)]
    pub largest_uncertainty: Vec<f64>,
    /// The same of `lowest`.
    #[serde(default)]
    pub lowest_uncertainty: Vec<f64>,
    /// Whether the table `eigenvalues` holds all of its eigenvalues.
    pub complete: bool,
    /// Eigenpairs whose residual is above the study's tolerance.
    pub unconverged: usize,
    /// Numbers in which the eigenvectors were kept while they were looked for: single precision where the study asks for it, or the
    /// memory allows no double. Null where all eigenvalues are known.
    #[serde(default)]
    pub basis: Option<Precision>,
    /// Trace; without an interval where all eigenvalues are known, null where it was not asked for.
    pub trace: Option<Estimate>,
    /// Frobenius norm, likewise.
    pub frobenius: Option<Estimate>,
    /// Products with a vector that all of this took; as many as parameters for a matrix that was decomposed.
    pub products: usize,
}

impl From<&MatrixCurvature> for CurvatureRecord {
    fn from(found: &MatrixCurvature) -> Self {
        let eigenvalues = &found.eigenvalues;
        let all = || eigenvalues.largest.iter().map(|pair| pair.value);
        let (trace, frobenius) = match &found.sums {
            Some(sums) => (Some(sums.trace), Some(sums.frobenius)),
            None if eigenvalues.complete => {
                let norm = all().map(|x| x * x).sum::<f64>().sqrt();
                (Some(Estimate::exact(all().sum())), Some(Estimate::exact(norm)))
            }
            None => (None, None),
        };
        let values = |pairs: &[Eigenvalue]| pairs.iter().take(LEADING).map(|pair| pair.value).collect();
        let uncertain = |pairs: &[Eigenvalue]| uncertainties(pairs).into_iter().take(LEADING).collect();
        let lowest: Vec<Eigenvalue> = if eigenvalues.complete && !found.matrix.is_positive() {
            eigenvalues.largest.iter().rev().copied().collect()
        } else {
            eigenvalues.lowest.clone()
        };
        let random =
            found.density.iter().flat_map(|density| &density.probes).map(|probe| probe.alpha.len()).sum::<usize>();
        Self {
            matrix: found.matrix,
            block: found.block.clone(),
            parameters: found.parameters,
            largest: values(&eigenvalues.largest),
            lowest: values(&lowest),
            largest_uncertainty: uncertain(&eigenvalues.largest),
            lowest_uncertainty: uncertain(&lowest),
            complete: eigenvalues.complete,
            unconverged: eigenvalues.largest.iter().chain(&eigenvalues.lowest).filter(|pair| !pair.converged).count(),
            basis: (!eigenvalues.complete).then_some(eigenvalues.basis),
            trace,
            frobenius,
            products: eigenvalues.products + found.sums.map_or(0, |sums| sums.products) + random,
        }
    }
}
