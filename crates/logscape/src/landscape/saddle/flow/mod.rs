//! Gradient flow `dθ/dt = −∇L`, to the minimum in which it ends.

use super::local::{LocalModel, ModelConfig, difference, distance, sum};
use crate::Minimum;
use crate::Problem;
use crate::Stop;
use crate::landscape::minimum::{Metric, Scales, Steps, trust_region};
use crate::operator::dense::EigenError;
use crate::operator::full::{loss, loss_and_gradient};
use crate::operator::{axpy, norm};

/// Steps before the first attempt to go to the end by Newton's; each further one waits twice as long. And its Hessian products.
const PATIENCE: usize = 20;
const PRODUCTS: usize = 2000;
/// Hessian products of a descent between looks at its distance, and looks.
const BETWEEN_LOOKS: usize = 1000;
const DESCENT: usize = 20;
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

impl Flow {
    /// The line that begins at `start`, not followed yet.
    pub(super) fn from(start: Vec<f64>) -> Self {
        Self { points: vec![start], gradient_norm: f64::NAN, converged: false }
    }

    /// The last point.
    pub(super) fn end(&self) -> &[f64] {
        &self.points[self.points.len() - 1]
    }
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

/// Follows the gradient flow on from the last point of `line`, until it arrives or the line has `points` points.
///
/// A step of duration `h` is exact in the local quadratic model, `s = −Σ_j v_j g_j (1 − e^{−hλ_j})/λ_j` (exponential
/// Rosenbrock–Euler; Hochbruck, Ostermann, Schweitzer 2009), so that stiff directions limit nothing. The gradient that the
/// model misses, propagated over the step, is its error; `h` follows from it. Of what is missed beyond the Krylov space, where
/// no curvature is known, half acts for the whole duration. As `h` grows near the end the steps become Newton's. In a Krylov
/// space they cannot: there the flow ends at the minimum to which [`trust_region`] leads, if that is near and the loss falls
/// all along the straight way.
///
/// # Errors
/// As [`LocalModel::at`].
pub(super) fn follow(
    problem: &dyn Problem,
    line: &mut Flow,
    points: usize,
    config: &FlowConfig,
    stop: &Stop,
) -> Result<(), EigenError> {
    let mut model = LocalModel::at(problem, line.end(), &[], config.model, stop)?;
    let mut duration = 1.0 / model.scale().max(f64::MIN_POSITIVE);
    let partial = model.values.len() < problem.dim();
    let mut attempt = PATIENCE;
    while line.points.len() < points {
        if norm(&model.gradient) < config.gradient_tolerance && model.negative() == 0 {
            break;
        }
        let h = bounded(&model, duration);
        let gain = |value: f64| gain(value, h);
        let step = model.combine(|value, g, _| -gain(value) * g);
        let trial = sum(&model.theta, &step);
        let (loss, gradient) = loss_and_gradient(problem, &trial);
        let surprise = difference(&gradient, &model.predict(&step).1);
        let known = model.components(&surprise);
        let missed = model.combine(|value, _, j| 0.5 * gain(value) * known[j]);
        let beyond =
            if partial { 0.5 * h * norm(&difference(&surprise, &model.combine(|_, _, j| known[j]))) } else { 0.0 };
        let error = norm(&missed).hypot(beyond) / (config.error * norm(&step));
        let arrived = norm(&gradient) < config.gradient_tolerance;
        let long = norm(&step) / config.max_step;
        // Rounding keeps the last steps from being exact.
        let accepted =
            loss.is_finite() && long <= 1.0 && (error <= 1.0 || arrived) && loss <= model.loss * (1.0 + 1e-13);
        // The error of a step is of third order, its share of the length of second.
        let factor = if error.is_finite() { (0.8 / error.sqrt().max(1e-3)).min(0.8 / long.max(1e-3)) } else { 0.2 };
        duration = h * factor.clamp(0.2, if accepted { 5.0 } else { 0.5 });
        if accepted {
            model = LocalModel::at(problem, &trial, &[], config.model, stop)?;
            line.points.push(trial);
            if partial && line.points.len() >= attempt && model.negative() == 0 {
                attempt = 2 * line.points.len();
                if let Some(end) = newton_end(problem, &model, config, stop) {
                    model = LocalModel::at(problem, &end, &[], config.model, stop)?;
                    line.points.push(end);
                    break;
                }
            }
        } else if h < 1e-12 / model.scale() {
            break;
        }
    }
    line.gradient_norm = norm(&model.gradient);
    line.converged = line.gradient_norm < config.gradient_tolerance && model.negative() == 0;
    Ok(())
}

/// The point to which [`trust_region`] leads from `theta`, until it is a minimum, farther than `range` from `home`, or a fixed
/// number of products is spent.
pub(super) fn descend(
    problem: &dyn Problem,
    theta: &[f64],
    gradient_tolerance: f64,
    (home, range): (&[f64], f64),
    stop: &Stop,
) -> Minimum {
    let mut end = standing(problem, theta);
    for _ in 0..DESCENT {
        let before = end.iterations;
        let plain = Metric::at(problem, &end.theta, Scales::Plain);
        trust_region(problem, &mut end, gradient_tolerance, Steps::Conjugate(BETWEEN_LOOKS), plain, stop);
        end.converged = end.gradient_norm < gradient_tolerance;
        if end.converged || end.iterations == before || distance(&end.theta, home) > range {
            break;
        }
    }
    end
}

/// The point `theta`, from which no step was taken.
pub(super) fn standing(problem: &dyn Problem, theta: &[f64]) -> Minimum {
    let (loss, gradient) = loss_and_gradient(problem, theta);
    let method = "trust region".to_owned();
    Minimum {
        theta: theta.to_vec(),
        loss,
        gradient_norm: norm(&gradient),
        converged: false,
        iterations: 0,
        method,
        interpolating: None,
        running_away: None,
    }
}

/// The minimum near the point of `model` to which Newton steps and the straight way downhill lead, if there is one.
fn newton_end(problem: &dyn Problem, model: &LocalModel, config: &FlowConfig, stop: &Stop) -> Option<Vec<f64>> {
    let mut end = standing(problem, &model.theta);
    let plain = Metric::at(problem, &end.theta, Scales::Plain);
    trust_region(problem, &mut end, config.gradient_tolerance, Steps::Conjugate(PRODUCTS), plain, stop);
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

#[cfg(test)]
mod tests;
