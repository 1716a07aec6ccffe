//! What makes a point a way out: index 1, a gradient flow to the given minimum on one side, and a way down elsewhere on the
//! other.

use super::flow::{Flow, FlowConfig, descend, follow, resample, standing};
use super::local::{LocalModel, ModelConfig, distance, is_same, polish};
use super::{AttemptEnd, Certificate, FarSide, Saddle, SaddleConfig};
use crate::Problem;
use crate::Stop;
use crate::operator::dense::EigenError;
use crate::operator::dense::NEGATIVE;
use crate::operator::{End, Hessian, LanczosConfig, axpy, extreme_eigenpairs, norm, scale};

/// Share of the distance to the minimum by which the flows start beside the saddle, and that their longest step takes.
const ASIDE: f64 = 1e-3;
const LONGEST: f64 = 0.02;
/// Points of a flow after which, and after twice as many each time, it is not followed further if the other side's has reached
/// the given minimum.
const ENOUGH: usize = 300;

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
    stop: &Stop,
) -> Result<Result<Saddle, AttemptEnd>, EigenError> {
    let curvature = curvature(problem, &top.theta, config, stop)?;
    if curvature.negative != 1 {
        return Ok(Err(AttemptEnd::Index(curvature.negative)));
    }
    let apart = distance(&top.theta, &bottom.theta);
    let settings = FlowConfig {
        gradient_tolerance: config.gradient_tolerance,
        max_step: LONGEST * apart,
        error: 0.02,
        model: config.model(),
    };
    let is_home = |end: &[f64]| is_same(problem, [end, &bottom.theta], config.distance, config.model(), stop);
    let side = |sign: f64| {
        let mut start = top.theta.clone();
        axpy(sign * ASIDE * apart, &curvature.direction, &mut start);
        Flow::from(start)
    };
    let mut sides = [side(-1.0), side(1.0)];
    let mut home = [None; 2];
    let doubled = std::iter::successors(Some(ENOUGH), |points| points.checked_mul(2));
    for points in doubled.take_while(|&points| points < config.flow_steps).chain([config.flow_steps]) {
        for (line, home) in sides.iter_mut().zip(&mut home).filter(|(_, home)| home.is_none()) {
            follow(problem, line, points, &settings, stop)?;
            if line.converged {
                let end = polish(problem, line.end(), 5, config.model(), stop)?.theta;
                *home = Some(is_home(&end)?);
                line.points.push(end);
            }
        }
        if home.contains(&Some(true)) || !home.contains(&None) {
            break;
        }
    }
    // Where both sides end in one flat set, the nearer is the given minimum's.
    let nearer = distance(sides[1].end(), &bottom.theta) < distance(sides[0].end(), &bottom.theta);
    let inward = match home {
        [Some(true), Some(true)] => usize::from(nearer),
        [Some(true), _] => 0,
        [_, Some(true)] => 1,
        [Some(false), Some(false)] => return Ok(Err(AttemptEnd::Elsewhere)),
        _ => return Ok(Err(AttemptEnd::FlowUnfinished)),
    };
    let mut direction = curvature.direction;
    if inward == 1 {
        scale(-1.0, &mut direction);
    }
    let (inner, outer) = (&sides[inward], &sides[1 - inward]);
    let (far_side, far) = if home[1 - inward].is_some() {
        (FarSide::Minimum, standing(problem, outer.end()))
    } else {
        let end = descend(problem, outer.end(), config.gradient_tolerance, (&bottom.theta, config.range), stop);
        if distance(&end.theta, &bottom.theta) > config.range {
            (FarSide::OutOfRange, end)
        } else if end.converged && !is_home(&end.theta)? {
            (FarSide::Descent, end)
        } else {
            return Ok(Err(AttemptEnd::FlowUnfinished));
        }
    };
    let line = |points: &[Vec<f64>]| {
        let mut whole = vec![top.theta.clone()];
        whole.extend_from_slice(points);
        resample(&whole, config.nodes)
    };
    let mut path = line(&inner.points);
    path.reverse();
    path.extend_from_slice(&line(&outer.points)[1..]);
    Ok(Ok(Saddle {
        theta: top.theta.clone(),
        loss: top.loss,
        gradient_norm: norm(&top.gradient),
        eigenvalue: curvature.eigenvalue,
        direction,
        other_minimum: far.theta,
        other_loss: far.loss,
        path,
        certificate: Certificate {
            negative: curvature.negative,
            flat: curvature.flat,
            complete: !curvature.eigenvalues.is_empty(),
            distance: distance(inner.end(), &bottom.theta),
            gradient_norms: [inner.gradient_norm, far.gradient_norm],
            far_side,
        },
        eigenvalues: curvature.eigenvalues,
    }))
}

/// All eigenvalues where the problem is small enough, the lowest three beyond.
fn curvature(
    problem: &dyn Problem,
    theta: &[f64],
    config: &SaddleConfig,
    stop: &Stop,
) -> Result<Curvature, EigenError> {
    if problem.dim() <= config.determinant_up_to {
        let whole = ModelConfig { dense_up_to: config.determinant_up_to, krylov: config.krylov };
        let model = LocalModel::at(problem, theta, &[], whole, stop)?;
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
    let few =
        LanczosConfig { upper: End::new(1, 1e-6), lower: End::new(3, 1e-8), block: 3, ..LanczosConfig::default() };
    let ends = extreme_eigenpairs(&hessian, &few, stop, |_| {})?.uninterrupted()?;
    let (top, mut low) = (ends.upper.values.first().copied().unwrap_or(0.0), ends.lower);
    let floor = NEGATIVE * top.abs();
    Ok(Curvature {
        eigenvalue: low.values[0],
        direction: std::mem::take(&mut low.vectors[0]),
        negative: low.values.iter().filter(|&&h| h < -floor).count(),
        flat: low.values.iter().filter(|h| h.abs() <= floor).count(),
        eigenvalues: Vec::new(),
    })
}
