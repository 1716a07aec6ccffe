//! The growth of mean squares as an eigenvalue, where second moments of displacements fit into memory.

use super::InterpolationError;
use super::products::{Coordinates, Products};
use crate::operator::{End, LanczosConfig, LinearOperator, extreme_eigenpairs};
use crate::{Interrupted, Sampling, Stop};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};

/// Directions up to which there is a matrix of second moments, and the most multiplications that one map of it may take.
const SMALL: (usize, f64) = (256, 4e7);

/// Residual of the eigenvalue, relative to it.
const TOLERANCE: f64 = 1e-10;

/// How it is said to be computed.
pub(super) const METHOD: &str = "the growth of mean squares is the leading eigenvalue of the map of second moments";

/// `e^{Λ(2)}`, the spectral radius of `M ↦ E[(I − ηH_B) M (I − ηH_B)]`, where batches are independent and second moments small
/// enough.
///
/// The map of `M` is `M − η(GM + MG) + η²(E[H_μMH_μ]/B_eff + (1 − 1/B_eff) GMG)` with `B_eff = B` with replacement and `B(N − 1)/(N − B)`
/// without. It is symmetric and maps positive matrices to positive ones, so that its largest eigenvalue is its radius (Perron and
/// Frobenius for cones: Krein & Rutman 1948).
pub(super) fn exact(products: &Products, stop: &Stop) -> Result<Option<f64>, InterpolationError> {
    let Some(coordinates) = &products.coordinates else { return Ok(None) };
    let (n, b) = (products.samples() as f64, products.sgd.batch_size as f64);
    let effective = match products.sgd.sampling {
        Sampling::WithReplacement => b,
        Sampling::WithoutReplacement => b * (n - 1.0) / (n - b),
        Sampling::EpochShuffle => return Ok(None),
    };
    // Of the full batch, which is one matrix, nothing is left of the second term: 1/B_eff = 0; and that of a single sample is 0/0.
    let share = if b >= n && products.sgd.sampling == Sampling::WithoutReplacement { 0.0 } else { effective.recip() };
    let r = coordinates.curvatures.len();
    if r > SMALL.0 || (coordinates.rows.len() * r) as f64 > SMALL.1 {
        return Ok(None);
    }
    let map =
        SecondMoments { coordinates, eta: products.sgd.learning_rate, share, samples: n, outputs: products.outputs() };
    let config = LanczosConfig { upper: End::new(1, TOLERANCE), ..LanczosConfig::default() };
    let found = extreme_eigenpairs(&map, &config, stop, |_| {})?.uninterrupted()?.upper;
    Ok(found.values.first().copied().filter(|_| found.converged == [true]))
}

/// The map of second moments in the range of the Jacobians, whose matrices stand column by column.
struct SecondMoments<'a> {
    coordinates: &'a Coordinates,
    eta: f64,
    /// `1/B_eff`.
    share: f64,
    samples: f64,
    outputs: usize,
}

impl LinearOperator for SecondMoments<'_> {
    fn dim(&self) -> usize {
        self.coordinates.curvatures.len().pow(2)
    }

    fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        let (h, c, r) = (&self.coordinates.curvatures, self.outputs, self.coordinates.curvatures.len());
        let rows = MatRef::from_row_major_slice(&self.coordinates.rows, self.coordinates.rows.len() / r, r);
        let mut images = Mat::<f64>::zeros(rows.nrows(), r);
        let mut mean = Mat::<f64>::zeros(r, r);
        for column in 0..block.ncols() {
            stop.check()?;
            let moments = Mat::from_fn(r, r, |i, j| block[(j * r + i, column)]);
            matmul(&mut images, Accum::Replace, rows, &moments, 1.0, Par::Seq);
            // J_μ M J_μᵀ of each sample, and with it J_μᵀ (J_μ M J_μᵀ) J_μ.
            for sample in (0..rows.nrows()).step_by(c) {
                let jacobian = rows.subrows(sample, c);
                let inner = images.subrows(sample, c) * jacobian.transpose();
                matmul(images.subrows_mut(sample, c), Accum::Replace, &inner, jacobian, 1.0, Par::Seq);
            }
            matmul(&mut mean, Accum::Replace, rows.transpose(), &images, self.share / self.samples, Par::Seq);
            for j in 0..r {
                for i in 0..r {
                    let alone = 1.0 - self.eta * (h[i] + h[j]);
                    let together = (1.0 - self.share) * h[i] * h[j];
                    out[(j * r + i, column)] =
                        (alone + self.eta * self.eta * together) * moments[(i, j)] + self.eta * self.eta * mean[(i, j)];
                }
            }
        }
        Ok(())
    }
}
