//! What is measured of matrices at the minimum, as plain data.

use logscape::geometry::Spectrum;
use logscape::operator::{Matrix, Quadrature, TraceAndNorm};
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

/// About how far each eigenvalue of an end is from that of its rank: its residual, and where others are so near that they cannot be told
/// apart, the largest of theirs, since one may have been missed between them.
pub(crate) fn uncertainties(end: &[Eigenvalue]) -> Vec<f64> {
    let of = |one: &Eigenvalue| {
        let near = end.iter().filter(|other| (other.value - one.value).abs() <= other.residual + one.residual);
        near.map(|other| other.residual).fold(one.residual, f64::max)
    };
    end.iter().map(of).collect()
}

/// Trace and Frobenius norm.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) trace: Estimate,
    pub(crate) frobenius: Estimate,
    pub(crate) products: usize,
}

impl From<TraceAndNorm> for Sums {
    fn from(found: TraceAndNorm) -> Self {
        Self { trace: found.trace, frobenius: found.frobenius, products: found.products }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use faer::{MatMut, MatRef};
    use logscape::operator::{End, LanczosConfig, LinearOperator, extreme_eigenpairs};
    use logscape::{Interrupted, Stop};

    /// A diagonal matrix, which is all that an iteration sees of any from a random start.
    struct Diagonal(Vec<f64>);

    impl LinearOperator for Diagonal {
        fn dim(&self) -> usize {
            self.0.len()
        }

        fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, _: &Stop) -> Result<(), Interrupted> {
            for j in 0..block.ncols() {
                self.0.iter().enumerate().for_each(|(i, x)| out[(i, j)] = x * block[(i, j)]);
            }
            Ok(())
        }
    }

    /// Ten outliers, a bulk that falls to 0, and negative eigenvalues a two thousandth as large as the outliers, as networks have them.
    #[test]
    fn values_are_as_near_to_those_of_their_ranks_as_is_said() {
        let mut spectrum: Vec<f64> = (0..10).map(|k| 36.0 - f64::from(k)).collect();
        spectrum.extend((0..1500).map(|k| 5.0 / f64::from(1 + k)));
        spectrum.extend((0..500).map(|k| -0.016 * (-0.04 * f64::from(k)).exp()));
        let operator = Diagonal(spectrum.clone());
        spectrum.sort_by(f64::total_cmp);
        let (mut held, mut all, mut beyond_residual) = (0, 0, 0);
        for (tolerance, seed) in
            [1e-3, 3e-4, 1e-4].into_iter().flat_map(|tolerance| (0..20).map(move |k| (tolerance, k)))
        {
            let [upper, lower] = [End::new(20, tolerance), End::new(4, tolerance)];
            let config = LanczosConfig { upper, lower, seed, ..LanczosConfig::default() };
            let found = extreme_eigenpairs(&operator, &config, &Stop::new(), |_| {}).unwrap();
            for (pairs, truth) in
                [(found.upper, spectrum.iter().rev().collect::<Vec<_>>()), (found.lower, spectrum.iter().collect())]
            {
                let pair = |(&value, &residual)| Eigenvalue { value, residual, converged: true };
                let end: Vec<Eigenvalue> = pairs.values.iter().zip(&pairs.residuals).map(pair).collect();
                for ((pair, uncertainty), truth) in end.iter().zip(uncertainties(&end)).zip(truth) {
                    // But for rounding.
                    let off = (pair.value - truth).abs() - 1e-12 * spectrum[spectrum.len() - 1];
                    all += 1;
                    held += usize::from(off <= uncertainty);
                    beyond_residual += usize::from(off > pair.residual);
                }
            }
        }
        // "About" is nineteen times of twenty at least; their own residuals alone are left more often.
        assert!(
            held * 20 >= all * 19 && all - held < beyond_residual,
            "{held} of {all}, {beyond_residual} beyond residuals"
        );
    }

    /// The lowest eigenvalues of a network's Hessian, with residuals, at a tolerance of 0.036, and what they are.
    #[test]
    fn what_cannot_be_told_apart_shares_its_uncertainty() {
        let pair = |(value, residual)| Eigenvalue { value, residual, converged: true };
        let found = [(-0.0099, 0.0155), (2.6e-5, 0.0029), (2.2e-4, 0.0047), (0.0074, 0.0232)].map(pair);
        assert_eq!(uncertainties(&found), [0.0232; 4]);
        let truth = [-0.015_834, -0.015_115, -0.014_434, -0.013_692];
        for (pair, truth) in found.iter().zip(truth) {
            assert!((pair.value - truth).abs() < 0.0232 && (pair.value - truth).abs() > 0.005);
        }
        let apart = [(5.0, 1e-3), (4.0, 1e-6), (3.99, 0.02)].map(pair);
        assert_eq!(uncertainties(&apart), [1e-3, 0.02, 0.02]);
        assert_eq!(uncertainties(&[]), [0.0; 0]);
    }
}
