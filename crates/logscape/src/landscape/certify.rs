//! What makes a point a way out: index 1, and a gradient flow to two minima, one of them the given.

use super::flow::{FlowConfig, flow, resample};
use super::local::{LocalModel, ModelConfig, distance, is_same, polish};
use super::newton::NEGATIVE;
use super::saddle::{AttemptEnd, Certificate, Saddle, SaddleConfig};
use crate::Problem;
use crate::operator::dense::EigenError;
use crate::operator::{Hessian, LanczosConfig, Negated, axpy, leading_eigenpairs, norm, scale};

/// Share of the distance to the minimum by which the flows start beside the saddle, and that their longest step takes.
const ASIDE: f64 = 1e-3;
const LONGEST: f64 = 0.02;

/// The curvature at a saddle.
struct Curvature {
    eigenvalue: f64,
    direction: Vec<f64>,
    negative: usize,
    flat: usize,
    /// All eigenvalues, or none.
    eigenvalues: Vec<f64>,
}

/// The saddle at `top` on the edge of the basin of `bottom`, or what it is instead.
///
/// # Errors
/// If a Hessian is not finite, or on an interrupt.
pub(super) fn certify(
    problem: &dyn Problem,
    bottom: &LocalModel,
    top: &LocalModel,
    config: &SaddleConfig,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Result<Saddle, AttemptEnd>, EigenError> {
    let curvature = curvature(problem, &top.theta, config, interrupt)?;
    if curvature.negative != 1 {
        return Ok(Err(AttemptEnd::Index(curvature.negative)));
    }
    let apart = distance(&top.theta, &bottom.theta);
    let settings = FlowConfig {
        gradient_tolerance: config.gradient_tolerance,
        max_step: LONGEST * apart,
        error: 0.02,
        max_steps: config.flow_steps,
        model: config.model(),
    };
    let side = |sign: f64| {
        let mut start = top.theta.clone();
        axpy(sign * ASIDE * apart, &curvature.direction, &mut start);
        flow(problem, &start, &settings, interrupt)
    };
    let (mut inner, mut outer) = (side(-1.0)?, side(1.0)?);
    if !inner.converged || !outer.converged {
        return Ok(Err(AttemptEnd::FlowUnfinished));
    }
    let end = |points: &[Vec<f64>]| polish(problem, &points[points.len() - 1], 5, config.model(), interrupt);
    let (mut near, mut far) = (end(&inner.points)?, end(&outer.points)?);
    let is_home =
        |end: &LocalModel| is_same(problem, [&end.theta, &bottom.theta], config.distance, config.model(), interrupt);
    let mut direction = curvature.direction;
    // Where both sides end in one flat set, the nearer is the given minimum's.
    let (home_near, home_far) = (is_home(&near)?, is_home(&far)?);
    let nearer = distance(&far.theta, &bottom.theta) < distance(&near.theta, &bottom.theta);
    if home_far && (!home_near || nearer) {
        std::mem::swap(&mut inner, &mut outer);
        std::mem::swap(&mut near, &mut far);
        scale(-1.0, &mut direction);
    } else if !home_near {
        return Ok(Err(AttemptEnd::Elsewhere));
    }
    let line = |points: &[Vec<f64>], end: &LocalModel| {
        let mut whole = vec![top.theta.clone()];
        whole.extend_from_slice(points);
        whole.push(end.theta.clone());
        resample(&whole, config.nodes)
    };
    let mut path = line(&inner.points, &near);
    path.reverse();
    path.extend_from_slice(&line(&outer.points, &far)[1..]);
    Ok(Ok(Saddle {
        theta: top.theta.clone(),
        loss: top.loss,
        gradient_norm: norm(&top.gradient),
        eigenvalue: curvature.eigenvalue,
        direction,
        other_minimum: far.theta.clone(),
        other_loss: far.loss,
        path,
        certificate: Certificate {
            negative: curvature.negative,
            flat: curvature.flat,
            complete: !curvature.eigenvalues.is_empty(),
            distance: distance(&near.theta, &bottom.theta),
            gradient_norms: [inner.gradient_norm, outer.gradient_norm],
        },
        eigenvalues: curvature.eigenvalues,
    }))
}

/// All eigenvalues where the problem is small enough, the lowest three beyond.
fn curvature(
    problem: &dyn Problem,
    theta: &[f64],
    config: &SaddleConfig,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Curvature, EigenError> {
    if problem.dim() <= config.determinant_up_to {
        let whole = ModelConfig { dense_up_to: config.determinant_up_to, krylov: config.krylov };
        let model = LocalModel::at(problem, theta, &[], whole, interrupt)?;
        let flat = model.flat_below();
        return Ok(Curvature {
            eigenvalue: model.values[model.lowest()],
            direction: model.vector(model.lowest()),
            negative: model.negative(),
            flat: model.values.iter().filter(|h| h.abs() <= flat).count(),
            eigenvalues: model.values,
        });
    }
    let hessian = Hessian::new(problem, theta);
    let few = |count| LanczosConfig { count, block: 3, depth: 20, tolerance: 1e-6, ..LanczosConfig::default() };
    let top = leading_eigenpairs(&hessian, &few(1), interrupt)?.values.first().copied().unwrap_or(0.0);
    let mut low = leading_eigenpairs(&Negated(&hessian), &few(3), interrupt)?;
    let floor = NEGATIVE * top.abs();
    Ok(Curvature {
        eigenvalue: -low.values[0],
        direction: std::mem::take(&mut low.vectors[0]),
        negative: low.values.iter().filter(|&&h| h > floor).count(),
        flat: low.values.iter().filter(|h| h.abs() <= floor).count(),
        eigenvalues: Vec::new(),
    })
}
