//! The minibatch chain's own path over a saddle, and the curvature of its quasi-potential at both ends.

use crate::Stop;
use crate::operator::dense::{EigenError, NEGATIVE, eigen, product, to_dense};
use crate::operator::{Hessian, NoiseCovariance, apply, dot};
use crate::reference::cumulant::BatchCumulant;
use crate::reference::minimum_action::{
    MinimumActionConfig, MinimumActionError, SgdHamiltonian, minimum_action, prefactor,
};
use crate::{Instanton, Problem, Sampling, SgdSettings};
use faer::Mat;

/// Segments of the path: prefactors change by some per cent from half as many.
const SEGMENTS: usize = 160;

/// The path from `minimum` to `saddle` (`P` each) of least action for batches of one, from the minimum-energy path `ascent`
/// (nodes of length `P`); or why there is none. Costs some thousand times `N P²` operations.
///
/// # Errors
/// If a Hessian is not finite, or on an interrupt.
pub fn instanton(
    problem: &dyn Problem,
    minimum: &[f64],
    saddle: &[f64],
    ascent: &[Vec<f64>],
    stop: &Stop,
) -> Result<Result<Instanton, String>, EigenError> {
    let one = SgdSettings { learning_rate: 1.0, batch_size: 1, sampling: Sampling::WithReplacement };
    let law = match BatchCumulant::new(problem.samples(), &one) {
        Ok(law) => law,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let hamiltonian = SgdHamiltonian::new(problem, law);
    let config = MinimumActionConfig { segments: SEGMENTS, ..MinimumActionConfig::default() };
    let found = minimum_action(&hamiltonian, ascent, &config, stop);
    Ok(match found {
        Ok(found) => {
            let minimum = curvature_at_minimum(problem, minimum, stop)?;
            let saddle = curvature_at_saddle(problem, saddle, stop)?;
            let prefactor = match minimum.zip(saddle) {
                Some((minimum, saddle)) => match prefactor(&hamiltonian, &found, &minimum, &saddle, stop) {
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
    })
}

/// `Q⁻¹` at a minimum, where `HQ + QH = C`: the second derivatives of the quasi-potential. None where `H` or `Q` is singular.
fn curvature_at_minimum(problem: &dyn Problem, theta: &[f64], stop: &Stop) -> Result<Option<Mat<f64>>, EigenError> {
    let (values, vectors) = eigen(to_dense(&Hessian::new(problem, theta), stop)?.as_ref())?;
    let noise = to_dense(&NoiseCovariance::new(problem, theta), stop)?;
    let noise = product(product(vectors.transpose(), noise.as_ref()).as_ref(), vectors.as_ref());
    let n = values.len();
    if values.iter().any(|&h| h <= NEGATIVE * values[0]) {
        return Ok(None);
    }
    let covariance = Mat::from_fn(n, n, |i, j| noise[(i, j)] / (values[i] + values[j]));
    let (spread, axes) = eigen(covariance.as_ref())?;
    if spread.iter().any(|&q| q <= f64::EPSILON * spread[0]) {
        return Ok(None);
    }
    let axes = product(vectors.as_ref(), axes.as_ref());
    let scaled = Mat::from_fn(n, n, |i, j| axes[(i, j)] / spread[j]);
    Ok(Some(product(scaled.as_ref(), axes.transpose())))
}

/// Second derivatives, with the opposite sign, of the exponent of the probability to pass a saddle rather than to fall back:
/// `−(2|h|/C_e) e eᵀ` with the negative curvature `h` along `e`. None without noise there.
fn curvature_at_saddle(problem: &dyn Problem, theta: &[f64], stop: &Stop) -> Result<Option<Mat<f64>>, EigenError> {
    let (values, vectors) = eigen(to_dense(&Hessian::new(problem, theta), stop)?.as_ref())?;
    let n = values.len();
    let e: Vec<f64> = vectors.col(n - 1).iter().copied().collect();
    let noise = dot(&e, &apply(&NoiseCovariance::new(problem, theta), &e, stop)?);
    Ok((noise > 0.0).then(|| Mat::from_fn(n, n, |i, j| 2.0 * values[n - 1] / noise * e[i] * e[j])))
}
