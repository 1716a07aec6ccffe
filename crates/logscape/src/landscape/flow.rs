//! Gradient flow `dθ/dt = −∇L`, to the minimum in which it ends.

use super::local::{LocalModel, ModelConfig, difference, distance, sum};
use super::minimum::Minimum;
use super::trust_region::trust_region;
use crate::Problem;
use crate::operator::dense::EigenError;
use crate::operator::full::{loss, loss_and_gradient};
use crate::operator::{axpy, norm};

/// Steps before the first attempt to go to the end by Newton's; each further one waits twice as long. And its Hessian products.
const PATIENCE: usize = 20;
const PRODUCTS: usize = 2000;
/// Longest way of an attempt, in longest steps of the flow, and the points at which the loss along it is looked at.
const NEAR: f64 = 10.0;
const LOOKS: usize = 20;

/// Settings of [`flow`].
#[derive(Debug, Clone, Copy)]
pub(super) struct FlowConfig {
    /// Gradient norm at which the flow has arrived.
    pub(super) gradient_tolerance: f64,
    /// Longest step (parameter units).
    pub(super) max_step: f64,
    /// Error of a step, as a share of its length.
    pub(super) error: f64,
    /// Most steps.
    pub(super) max_steps: usize,
    /// The quadratic models.
    pub(super) model: ModelConfig,
}

/// A flow line.
pub(super) struct Flow {
    /// Points on it, the start first (`P` each).
    pub(super) points: Vec<Vec<f64>>,
    /// Gradient norm at the last point.
    pub(super) gradient_norm: f64,
    /// Whether it arrived.
    pub(super) converged: bool,
}

/// `duration`, or as much as two e-foldings take where the loss curves down.
pub(super) fn bounded(model: &LocalModel, duration: f64) -> f64 {
    let curving = -model.values[model.lowest()];
    if curving > 0.0 { duration.min(2.0 / curving) } else { duration }
}

/// `(1 − e^{−hλ})/λ`, the displacement that a constant force gives in the time `h` at curvature `λ`.
pub(super) fn gain(curvature: f64, h: f64) -> f64 {
    if curvature == 0.0 { h } else { -(-h * curvature).exp_m1() / curvature }
}

/// Follows the gradient flow from `start`.
///
/// A step of duration `h` is exact in the local quadratic model, `s = −Σ_j v_j g_j (1 − e^{−hλ_j})/λ_j` (exponential
/// Rosenbrock–Euler; Hochbruck, Ostermann, Schweitzer 2009), so that stiff directions limit nothing. The gradient that the
/// model misses, propagated over the step, is its error; `h` follows from it. As `h` grows near the end the steps become
/// Newton's. In a Krylov space they are too short for soft directions: there the flow ends at the minimum to which
/// [`trust_region`] leads, if that is near and the loss falls all along the straight way.
///
/// # Errors
/// As [`LocalModel::at`].
pub(super) fn flow(
    problem: &dyn Problem,
    start: &[f64],
    config: &FlowConfig,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Flow, EigenError> {
    let mut model = LocalModel::at(problem, start, &[], config.model, interrupt)?;
    let mut points = vec![start.to_vec()];
    let mut duration = 1.0 / model.scale().max(f64::MIN_POSITIVE);
    let partial = model.values.len() < problem.dim();
    let mut attempt = PATIENCE;
    for _ in 0..config.max_steps {
        if norm(&model.gradient) < config.gradient_tolerance && model.negative() == 0 {
            break;
        }
        let h = bounded(&model, duration);
        let gain = |value: f64| gain(value, h);
        let step = model.combine(|value, g, _| -gain(value) * g);
        let trial = sum(&model.theta, &step);
        let (loss, gradient) = loss_and_gradient(problem, &trial);
        let missed = model.components(&difference(&gradient, &model.predict(&step).1));
        let missed = model.combine(|value, _, j| 0.5 * gain(value) * missed[j]);
        let error = norm(&missed) / (config.error * norm(&step));
        let arrived = norm(&gradient) < config.gradient_tolerance;
        let long = norm(&step) / config.max_step;
        // Rounding keeps the last steps from being exact.
        let accepted =
            loss.is_finite() && long <= 1.0 && (error <= 1.0 || arrived) && loss <= model.loss * (1.0 + 1e-13);
        // The error of a step is of third order, its share of the length of second.
        let factor = if error.is_finite() { (0.8 / error.sqrt().max(1e-3)).min(0.8 / long.max(1e-3)) } else { 0.2 };
        duration = h * factor.clamp(0.2, if accepted { 5.0 } else { 0.5 });
        if accepted {
            model = LocalModel::at(problem, &trial, &[], config.model, interrupt)?;
            points.push(trial);
            if partial && points.len() >= attempt && model.negative() == 0 {
                attempt *= 2;
                if let Some(end) = newton_end(problem, &model, config, interrupt) {
                    model = LocalModel::at(problem, &end, &[], config.model, interrupt)?;
                    points.push(end);
                    break;
                }
            }
        } else if h < 1e-12 / model.scale() {
            break;
        }
    }
    let gradient_norm = norm(&model.gradient);
    Ok(Flow { points, gradient_norm, converged: gradient_norm < config.gradient_tolerance && model.negative() == 0 })
}

/// The minimum near the point of `model` to which Newton steps and the straight way downhill lead, if there is one.
fn newton_end(
    problem: &dyn Problem,
    model: &LocalModel,
    config: &FlowConfig,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Option<Vec<f64>> {
    let mut end = Minimum {
        theta: model.theta.clone(),
        loss: model.loss,
        gradient_norm: norm(&model.gradient),
        converged: false,
        iterations: 0,
        method: String::new(),
    };
    trust_region(problem, &mut end, config.gradient_tolerance, PRODUCTS, interrupt);
    let way = difference(&end.theta, &model.theta);
    if end.gradient_norm >= config.gradient_tolerance || norm(&way) > NEAR * config.max_step {
        return None;
    }
    let mut last = model.loss;
    for k in 1..=LOOKS {
        let mut theta = model.theta.clone();
        axpy(k as f64 / LOOKS as f64, &way, &mut theta);
        let here = loss(problem, &theta);
        if here > last * (1.0 + 1e-13) {
            return None;
        }
        last = here;
    }
    Some(end.theta)
}

/// `count` points at equal distances along the broken line through `points`, both ends included.
pub(super) fn resample(points: &[Vec<f64>], count: usize) -> Vec<Vec<f64>> {
    let mut lengths = vec![0.0];
    for pair in points.windows(2) {
        lengths.push(lengths[lengths.len() - 1] + distance(&pair[0], &pair[1]));
    }
    let whole = lengths[lengths.len() - 1];
    let mut segment = 0;
    let at = |k: usize| {
        let goal = whole * k as f64 / (count - 1) as f64;
        while segment + 2 < lengths.len() && lengths[segment + 1] < goal {
            segment += 1;
        }
        let Some(next) = points.get(segment + 1) else { return points[segment].clone() };
        let share =
            ((goal - lengths[segment]) / (lengths[segment + 1] - lengths[segment]).max(f64::MIN_POSITIVE)).min(1.0);
        points[segment].iter().zip(next).map(|(a, b)| a + share * (b - a)).collect()
    };
    (0..count).map(at).collect()
}
