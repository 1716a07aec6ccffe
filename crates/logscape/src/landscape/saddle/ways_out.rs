//! The barrier of a minimum in several dimensions, from its certified saddles.

use super::local::{LocalModel, ModelConfig, difference};
use super::{Saddle, SaddleConfig, SaddleError};
use crate::Interrupted;
use crate::Minimum;
use crate::Stop;
use crate::operator::dense::NEGATIVE;
use crate::operator::full::{loss, loss_and_gradient};
use crate::operator::{EigenError, Hessian, NoiseCovariance, apply, dot, norm, scale};
use crate::reference::instanton;
use crate::{Barrier, Instanton, Path, Problem, WayOut};
use rayon::prelude::*;

/// Share of the barrier after which the direction of the path counts as that in which it left the minimum.
const RISE: f64 = 0.1;

/// Escape from `minimum` over `saddles`: curvatures, determinants, noise and the landscape along each path, all measured.
///
/// The determinants cost a dense eigendecomposition at the minimum, where the problem has at most `determinant_up_to`
/// parameters; beyond that they are left out. So is the chain's own path over each saddle beyond `instanton_up_to`.
///
/// # Errors
/// If `minimum` does not fit the problem, a Hessian is not finite, or on an interrupt.
pub fn ways_out(
    problem: &dyn Problem,
    minimum: &Minimum,
    saddles: &[Saddle],
    config: &SaddleConfig,
    stop: &Stop,
) -> Result<Barrier, SaddleError> {
    config.validate()?;
    if minimum.theta.len() != problem.dim() {
        return Err(SaddleError::Length { expected: problem.dim(), found: minimum.theta.len() });
    }
    let spectrum = if problem.dim() <= config.determinant_up_to {
        let whole = ModelConfig { dense_up_to: config.determinant_up_to, krylov: config.krylov };
        LocalModel::at(problem, &minimum.theta, &[], whole, stop)?.values
    } else {
        Vec::new()
    };
    let ways_out = saddles
        .iter()
        .map(|saddle| way_out(problem, minimum, saddle, &spectrum, config, stop))
        .collect::<Result<_, _>>()?;
    Ok(Barrier::Saddles { ways_out, path: None })
}

/// One saddle with all that theories need to know of it; `spectrum` is that of the minimum, or empty.
fn way_out(
    problem: &dyn Problem,
    minimum: &Minimum,
    saddle: &Saddle,
    spectrum: &[f64],
    config: &SaddleConfig,
    stop: &Stop,
) -> Result<WayOut, EigenError> {
    let rise = RISE * (saddle.loss - minimum.loss);
    let left = saddle.path.iter().find(|point| loss(problem, point) >= minimum.loss + rise);
    let mut leaving = difference(left.unwrap_or(&saddle.theta), &minimum.theta);
    let length = norm(&leaving);
    scale(1.0 / length.max(f64::MIN_POSITIVE), &mut leaving);
    let curvature = curvature_along(problem, &minimum.theta, &leaving, stop)?;
    let (slopes_minimum, slopes_saddle) =
        (slopes(problem, &minimum.theta, &leaving), slopes(problem, &saddle.theta, &saddle.direction));
    Ok(WayOut {
        theta: saddle.theta.clone(),
        loss: saddle.loss,
        curvature_minimum: curvature,
        curvature_saddle: saddle.eigenvalue,
        ln_transverse_ratio: ln_transverse_ratio(spectrum, curvature, &saddle.eigenvalues),
        noise_minimum: variance(&slopes_minimum),
        noise_saddle: variance(&slopes_saddle),
        direction: saddle.direction.clone(),
        direction_minimum: leaving,
        other_minimum: saddle.other_minimum.clone(),
        path: Some(along(problem, &saddle.path, stop)?),
        points: saddle.path.clone(),
        instanton: own_path(problem, minimum, saddle, config, stop)?,
    })
}

/// The chain's own path over the saddle, or why there is none; None for a problem of more than `instanton_up_to`.
fn own_path(
    problem: &dyn Problem,
    minimum: &Minimum,
    saddle: &Saddle,
    config: &SaddleConfig,
    stop: &Stop,
) -> Result<Option<Result<Instanton, String>>, EigenError> {
    if problem.samples() as f64 * (problem.dim() as f64).powi(2) > config.instanton_up_to as f64 {
        return Ok(None);
    }
    let ascent = &saddle.path[..=saddle.path.len() / 2];
    instanton(problem, &minimum.theta, &saddle.theta, ascent, stop).map(Some)
}

/// `½ [ln det H* − ln h_e* − ln Π_⊥ h_i^s]` from both whole spectra, descending, without their flat directions. None
/// without a spectrum, or where a factor is not positive or the numbers of flat directions differ.
pub fn ln_transverse_ratio(minimum: &[f64], curvature: f64, saddle: &[f64]) -> Option<f64> {
    let curved = |values: &[f64]| -> Vec<f64> {
        let flat = NEGATIVE * values.iter().fold(0.0, |top: f64, h| top.max(h.abs()));
        values.iter().copied().filter(|h| h.abs() > flat).collect()
    };
    let (minimum, saddle) = (curved(minimum), curved(saddle));
    let (_, transverse) = saddle.split_last()?;
    let positive = curvature > 0.0 && minimum.iter().chain(transverse).all(|&h| h > 0.0);
    let ln = |values: &[f64]| values.iter().map(|h| h.ln()).sum::<f64>();
    (positive && minimum.len() == saddle.len()).then(|| 0.5 * (ln(&minimum) - curvature.ln() - ln(transverse)))
}

/// `eᵀH(θ)e`.
fn curvature_along(problem: &dyn Problem, theta: &[f64], direction: &[f64], stop: &Stop) -> Result<f64, Interrupted> {
    Ok(dot(&apply(&Hessian::new(problem, theta), direction, stop)?, direction))
}

/// Projections `g_μ·e` of all per-sample gradients.
fn slopes(problem: &dyn Problem, theta: &[f64], direction: &[f64]) -> Vec<f64> {
    NoiseCovariance::uncentred(problem, theta).projections(direction)
}

fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n
}

/// Loss, slope, curvature, noise and per-sample slopes along `points`, the first of which is the minimum.
fn along(problem: &dyn Problem, points: &[Vec<f64>], stop: &Stop) -> Result<Path, EigenError> {
    let last = points.len() - 1;
    let rows: Vec<(f64, f64, f64, Vec<f64>)> = (0..=last)
        .into_par_iter()
        .map(|k| {
            stop.check()?;
            let mut tangent = difference(&points[(k + 1).min(last)], &points[k.saturating_sub(1)]);
            let length = norm(&tangent);
            scale(1.0 / length.max(f64::MIN_POSITIVE), &mut tangent);
            let (loss, gradient) = loss_and_gradient(problem, &points[k]);
            let curvature = curvature_along(problem, &points[k], &tangent, stop)?;
            Ok((loss, dot(&gradient, &tangent), curvature, slopes(problem, &points[k], &tangent)))
        })
        .collect::<Result<_, Interrupted>>()?;
    let mut path = Path {
        position: vec![0.0],
        loss: Vec::new(),
        gradient: Vec::new(),
        curvature: Vec::new(),
        noise: Vec::new(),
        sample_slopes: Vec::new(),
        minimum: 0.0,
        quasi_potential: Vec::new(),
    };
    for (k, (loss, gradient, curvature, slopes)) in rows.into_iter().enumerate() {
        if k > 0 {
            path.position.push(path.position[k - 1] + norm(&difference(&points[k], &points[k - 1])));
        }
        path.loss.push(loss);
        path.gradient.push(gradient);
        path.curvature.push(curvature);
        path.noise.push(variance(&slopes));
        path.sample_slopes.push(slopes);
    }
    Ok(path)
}
