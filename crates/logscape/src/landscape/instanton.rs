//! The minibatch chain's own path over a saddle, and the curvature of its quasi-potential at both ends.

use super::minimum::Minimum;
use super::newton::NEGATIVE;
use super::saddle::{Saddle, SaddleConfig};
use crate::noise::cumulant::BatchCumulant;
use crate::operator::dense::{EigenError, eigen, to_dense};
use crate::operator::{Hessian, NoiseCovariance};
use crate::reference::minimum_action::{
    MinimumActionConfig, MinimumActionError, SgdHamiltonian, minimum_action, prefactor,
};
use crate::{Instanton, Problem, Sampling, SgdSettings};
use faer::Mat;

/// Segments of the path: prefactors change by some per cent from half as many.
const SEGMENTS: usize = 160;

/// The path from `minimum` to `saddle` of least action for batches of one, from the minimum-energy path; or why there is
/// none. None for a problem of more than `instanton_up_to`.
///
/// # Errors
/// If a Hessian is not finite, or on an interrupt.
pub(super) fn instanton(
    problem: &dyn Problem,
    minimum: &Minimum,
    saddle: &Saddle,
    config: &SaddleConfig,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Result<Instanton, String>>, EigenError> {
    let (samples, n) = (problem.samples(), problem.dim());
    if samples as f64 * (n as f64).powi(2) > config.instanton_up_to as f64 {
        return Ok(None);
    }
    let one = SgdSettings { learning_rate: 1.0, batch_size: 1, sampling: Sampling::WithReplacement };
    let law = match BatchCumulant::new(samples, &one) {
        Ok(law) => law,
        Err(error) => return Ok(Some(Err(error.to_string()))),
    };
    let ascent = &saddle.path[..=saddle.path.len() / 2];
    let hamiltonian = SgdHamiltonian::new(problem, law);
    let config = MinimumActionConfig { segments: SEGMENTS, ..MinimumActionConfig::default() };
    let found = minimum_action(&hamiltonian, ascent, &config, interrupt);
    Ok(Some(match found {
        Ok(found) => {
            let minimum = curvature_at_minimum(problem, &minimum.theta, interrupt)?;
            let saddle = curvature_at_saddle(problem, &saddle.theta, interrupt)?;
            let prefactor = match minimum.zip(saddle) {
                Some((minimum, saddle)) => match prefactor(&hamiltonian, &found, &minimum, &saddle, interrupt) {
                    Err(MinimumActionError::Interrupted(stop)) => return Err(stop.into()),
                    other => other.map_err(|error| error.to_string()),
                },
                None => Err("the loss is flat or the noise singular in some direction of the minimum".to_owned()),
            };
            Ok(Instanton {
                quasi_potential: found.action,
                error: found.error,
                prefactor,
                points: found.path.nodes,
                momenta: found.path.momenta,
            })
        }
        Err(MinimumActionError::Interrupted(stop)) => return Err(stop.into()),
        Err(error) => Err(error.to_string()),
    }))
}

/// `Q⁻¹` at a minimum, where `HQ + QH = C`: the second derivatives of the quasi-potential. None where `H` or `Q` is singular.
fn curvature_at_minimum(
    problem: &dyn Problem,
    theta: &[f64],
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Mat<f64>>, EigenError> {
    let (values, vectors) = eigen(to_dense(&Hessian::new(problem, theta), interrupt)?.as_ref())?;
    let noise = to_dense(&NoiseCovariance::new(problem, theta), interrupt)?;
    let noise = vectors.transpose() * noise * &vectors;
    let n = values.len();
    if values.iter().any(|&h| h <= NEGATIVE * values[0]) {
        return Ok(None);
    }
    let covariance = Mat::from_fn(n, n, |i, j| noise[(i, j)] / (values[i] + values[j]));
    let (spread, axes) = eigen(covariance.as_ref())?;
    if spread.iter().any(|&q| q <= f64::EPSILON * spread[0]) {
        return Ok(None);
    }
    let axes = vectors * axes;
    let scaled = Mat::from_fn(n, n, |i, j| axes[(i, j)] / spread[j]);
    Ok(Some(scaled * axes.transpose()))
}

/// Second derivatives, with the opposite sign, of the exponent of the probability to pass a saddle rather than to fall back:
/// `−(2|h|/C_e) e eᵀ` with the negative curvature `h` along `e`. None without noise there.
fn curvature_at_saddle(
    problem: &dyn Problem,
    theta: &[f64],
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Mat<f64>>, EigenError> {
    let (values, vectors) = eigen(to_dense(&Hessian::new(problem, theta), interrupt)?.as_ref())?;
    let n = values.len();
    let e: Vec<f64> = vectors.col(n - 1).iter().copied().collect();
    let pushed = to_dense(&NoiseCovariance::new(problem, theta), interrupt)? * vectors.col(n - 1);
    let noise: f64 = e.iter().zip(pushed.iter()).map(|(e, pushed)| e * pushed).sum();
    Ok((noise > 0.0).then(|| Mat::from_fn(n, n, |i, j| 2.0 * values[n - 1] / noise * e[i] * e[j])))
}
