//! The span of the noise beside that of the curvature.

use super::decoupling::{along, directional_noise};
use super::leverage::Leverage;
use super::spectrum::{Spectrum, complete_spectrum, partial_spectrum};
use crate::model::NoiseSubspace;
use crate::operator::dense::{EigenError, eigen, product};
use crate::operator::{End, LanczosConfig, Linearisation, Matrix, dot};
use crate::{Estimate, Stop};
use faer::Mat;

/// Residual that an eigenpair of `C` may have, in units of the largest eigenvalue.
const TOLERANCE: f64 = 1e-4;

/// Parameters up to which all eigenpairs of `C` are computed, for each that is wanted, and beyond.
const DENSE: [usize; 2] = [4, 60];

/// The leading eigenvectors of `C`, as many as there are `outliers` (unit vectors), with the noise `outlier_noise` along these, beside
/// them. The intervals ask for the samples' `losses` and their `leverage`.
///
/// # Errors
/// If a product is not finite, or on an interrupt.
pub(super) fn noise_subspace(
    around: &dyn Linearisation,
    (losses, leverage): (&[f64], &Leverage),
    outliers: &[Vec<f64>],
    (outlier_noise, trace): (&[Vec<f64>], f64),
    lanczos: &LanczosConfig,
    (resamples, seed): (usize, u64),
    stop: &Stop,
) -> Result<NoiseSubspace, EigenError> {
    let noise = around.operator(Matrix::NoiseCovariance);
    // A covariance of so many samples has no more directions.
    let k = outliers.len().min(losses.len() - 1);
    let found = if noise.dim() <= DENSE[0] * k + DENSE[1] {
        complete_spectrum(&*noise, stop)?
    } else {
        let config = LanczosConfig { upper: End::new(k, TOLERANCE), lower: End::new(0, TOLERANCE), ..*lanczos };
        partial_spectrum(&*noise, &config, stop, &|_| {})?
    };
    if found.interrupted {
        stop.check()?;
    }
    let Spectrum { values, vectors, converged, .. } = found;
    let (values, vectors) = (&values[..k.min(values.len())], &vectors[..k.min(vectors.len())]);
    let between = Mat::from_fn(outliers.len(), vectors.len(), |i, j| dot(&outliers[i], &vectors[j]));
    let (squares, _) = eigen(product(between.transpose(), between.as_ref()).as_ref())?;
    let noises = directional_noise(losses, &along(around, vectors, stop)?, leverage, (resamples, seed), stop)?;
    let finite = |x: &Estimate| x.value.is_finite();
    Ok(NoiseSubspace {
        directions: noises
            .directions
            .into_iter()
            .filter(|along| finite(&along.noise) && finite(&along.ratio))
            .collect(),
        converged: converged.iter().take(k).all(|&converged| converged),
        cosines: squares.into_iter().map(|square| square.clamp(0.0, 1.0).sqrt()).collect(),
        share_of_outliers: outlier_noise.iter().enumerate().map(|(i, row)| row[i]).sum::<f64>() / trace,
        share_of_leading: values.iter().sum::<f64>() / trace,
    })
}
