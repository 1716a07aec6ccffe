//! The minibatch chain's own path over a saddle, and the curvature of its quasi-potential at both ends.

use super::minimum::Minimum;
use super::newton::NEGATIVE;
use super::saddle::{Saddle, SaddleConfig};
use crate::noise::cumulant::BatchCumulant;
use crate::operator::dense::{EigenError, eigen, to_dense};
use crate::operator::{Hessian, NoiseCovariance};
use crate::reference::minimum_action::{MinimumActionConfig, MinimumActionError, SgdHamiltonian, minimum_action};
use crate::{Instanton, Problem, Sampling, SgdSettings};
use faer::Mat;

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
    let found = minimum_action(&SgdHamiltonian::new(problem, law), ascent, &MinimumActionConfig::default(), interrupt);
    Ok(Some(match found {
        Ok(found) => {
            let low = ln_covariance(problem, &minimum.theta, interrupt)?;
            let high = ln_covariance(problem, &saddle.theta, interrupt)?;
            let ratio = low.zip(high).filter(|(low, high)| low.0 == high.0).map(|(low, high)| 0.5 * (high.1 - low.1));
            Ok(Instanton {
                quasi_potential: found.action,
                error: found.error,
                ln_covariance_ratio: ratio,
                points: found.path.nodes,
                momenta: found.path.momenta,
            })
        }
        Err(MinimumActionError::Interrupted(stop)) => return Err(stop.into()),
        Err(error) => Err(error.to_string()),
    }))
}

/// Number of directions that are not flat at a stationary point, and `ln|det Q|` of the root of `HQ + QH = C` in their span.
/// None where that is singular.
fn ln_covariance(
    problem: &dyn Problem,
    theta: &[f64],
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Option<(usize, f64)>, EigenError> {
    let (values, vectors) = eigen(to_dense(&Hessian::new(problem, theta), interrupt)?.as_ref())?;
    let noise = to_dense(&NoiseCovariance::new(problem, theta), interrupt)?;
    let noise = vectors.transpose() * noise * &vectors;
    let flat = NEGATIVE * values.iter().fold(0.0, |top: f64, h| top.max(h.abs()));
    let curved: Vec<usize> = (0..values.len()).filter(|&i| values[i].abs() > flat).collect();
    let covariance = Mat::from_fn(curved.len(), curved.len(), |i, j| {
        noise[(curved[i], curved[j])] / (values[curved[i]] + values[curved[j]])
    });
    if (0..curved.len()).any(|j| covariance.col(j).iter().any(|q| !q.is_finite())) {
        return Ok(None);
    }
    let (spread, _) = eigen(covariance.as_ref())?;
    let largest = spread.iter().fold(0.0, |top: f64, q| top.max(q.abs()));
    let regular = spread.iter().all(|q| q.abs() > f64::EPSILON * largest);
    Ok(regular.then(|| (spread.len(), spread.iter().map(|q| q.abs().ln()).sum())))
}
