//! Telling a fit that interpolates from a minimum whose loss is resolved.

use crate::network::OutputLoss;
use crate::operator::full::{loss_and_gradient, map_chunks};
use crate::operator::{GaussNewton, apply, axpy, dot, norm, scale};
use crate::{Minimum, Problem, Samples, Stop};

/// Share of the loss of the best constant prediction below which a loss counts as none.
const NONE: f64 = 1e-12;
/// The share at which rounding ends the steps.
const ROUNDING: f64 = 1e-28;
/// Most Gauss–Newton steps, and most products of each.
const STEPS: [usize; 2] = [30, 500];
/// Products after which a step that would lower the loss by less than this share is given up.
const HOPELESS: (usize, f64) = (20, 0.01);

/// The minimum with the reason why it interpolates, or none where its loss is resolved.
///
/// A loss is none at all where it is below `10⁻¹²` of a loss that scales with the targets: that of the best constant prediction
/// or, for a problem without targets, `(1/2N) Σ ‖J_μ θ‖²`. A loss above that may still be what the search left over:
/// near a point where every residual vanishes `e_μ = J_μ δ`, and the Gauss–Newton decrement `½ gᵀG⁻¹g` is the loss itself. So steps
/// `G s = −g` by conjugate gradients, which stay in the range of `G`, follow while each halves the loss, and the point where they
/// end is the minimum if its loss is none. Where the decrement is a small share of the loss, as at every other minimum, that
/// takes 20 products at most.
pub(super) fn interpolating(problem: &dyn Problem, minimum: &Minimum, stop: &Stop) -> Option<Minimum> {
    if !problem.output_loss().is_some_and(OutputLoss::reaches_zero) {
        return None;
    }
    let (unit, name) = loss_unit(problem, &minimum.theta)?;
    let mut at = minimum.clone();
    while at.loss > ROUNDING * unit && at.iterations < minimum.iterations + STEPS[0] {
        let (loss, gradient) = loss_and_gradient(problem, &at.theta);
        let Some(step) = gauss_newton_step(problem, &at.theta, loss, &gradient, stop) else { break };
        let Some((theta, loss)) = lowered(problem, &at, &step) else { break };
        let gradient_norm = norm(&loss_and_gradient(problem, &theta).1);
        at.step_to(theta, loss, gradient_norm);
    }
    if at.loss > NONE * unit {
        return None;
    }
    if at.iterations > minimum.iterations {
        at.method.push_str(", gauss-newton");
    }
    at.converged = true;
    let left = match at.loss {
        0.0 => "0".to_owned(),
        loss => format!("{loss:.1e}, {:.0e} of {name}, which is what rounding and the search left over", loss / unit),
    };
    at.interpolating = Some(format!("every sample is fitted: the loss is {left}"));
    Some(at)
}

/// A positive loss that scales with the targets, and its name.
fn loss_unit(problem: &dyn Problem, theta: &[f64]) -> Option<(f64, &'static str)> {
    let constant = problem.constant_loss().map(|loss| (loss, "that of the best constant prediction"));
    let usable = |unit: &(f64, &'static str)| unit.0.is_finite() && unit.0 > 0.0;
    constant.filter(usable).or_else(|| {
        let images = map_chunks(problem, problem.outputs(), |range, out, scratch| {
            problem.jvp_into(theta, theta, Samples::Range(range), out, scratch);
        });
        let square = 0.5 * dot(&images, &images) / problem.samples() as f64;
        Some((square, "half the mean square of J θ*")).filter(usable)
    })
}

/// The step `s` of `G s = −g`, or none where it would not halve the loss.
fn gauss_newton_step(
    problem: &dyn Problem,
    theta: &[f64],
    loss: f64,
    gradient: &[f64],
    stop: &Stop,
) -> Option<Vec<f64>> {
    let matrix = GaussNewton::new(problem, theta);
    let mut step = vec![0.0; gradient.len()];
    let mut residual: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut direction = residual.clone();
    let mut square = dot(&residual, &residual);
    let (first, mut decrement) = (square, 0.0);
    for product in 0..(2 * gradient.len()).min(STEPS[1]) {
        // A thousandth of the loss, or of the gradient's rounding, is left: the next step does better than further products.
        if decrement > (1.0 - 1e-3) * loss || square <= 1e-24 * first {
            break;
        }
        if stop.is_requested() || (product >= HOPELESS.0 && decrement < HOPELESS.1 * loss) {
            return None;
        }
        let image = apply(&matrix, &direction, stop).ok()?;
        let curvature = dot(&direction, &image);
        if curvature.is_nan() || curvature <= 0.0 {
            break;
        }
        let length = square / curvature;
        axpy(length, &direction, &mut step);
        axpy(-length, &image, &mut residual);
        decrement += 0.5 * length * square;
        let next = dot(&residual, &residual);
        scale(next / square, &mut direction);
        axpy(1.0, &residual, &mut direction);
        square = next;
    }
    (decrement >= 0.5 * loss).then_some(step)
}

/// The first point along the step, halved twice at most, with at most half of the loss, and that loss.
fn lowered(problem: &dyn Problem, at: &Minimum, step: &[f64]) -> Option<(Vec<f64>, f64)> {
    [1.0, 0.5, 0.25].into_iter().find_map(|share| {
        let mut theta = at.theta.clone();
        axpy(share, step, &mut theta);
        let loss = crate::operator::full::loss(problem, &theta);
        (loss <= 0.5 * at.loss).then_some((theta, loss))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::landscape::{MinimumConfig, find_minimum};
    use crate::network::{Activation, Initialisation};
    use crate::operator::testing::Linear;
    use crate::problem::{LinearRegression, MatrixFactorisation, Mlp};
    use crate::random::{Purpose, stream};

    fn found(problem: &dyn Problem, start: &[f64]) -> Minimum {
        find_minimum(problem, start, &MinimumConfig::default(), &Stop::new()).unwrap()
    }

    /// `f = θ·x` with targets `θ = (1, −2, 0.5)` and noise of this deviation, inputs and targets in these units.
    fn line(rows: usize, noise: f64, [input, target]: [f64; 2]) -> LinearRegression {
        let Linear { x, y } = Linear::gaussian(3, rows, noise, 5);
        let targets = x.iter().zip(&y).map(|(x, e)| target * (dot(x, &[1.0, -2.0, 0.5]) + e)).collect();
        LinearRegression::new(x.iter().flatten().map(|x| input * x).collect(), targets, 3).unwrap()
    }

    #[test]
    fn a_fit_of_every_sample_interpolates_in_any_unit_and_one_with_noise_does_not() {
        for rows in [2, 3, 20] {
            for unit in [[1.0, 1.0], [1.0, 1e-9], [1.0, 1e9], [1e6, 1.0], [1e-3, 1e3]] {
                let minimum = found(&line(rows, 0.0, unit), &[0.0; 3]);
                assert!(
                    minimum.interpolating.is_some() && minimum.converged,
                    "{rows} rows, units {unit:?}: {minimum:?}"
                );
                assert!(minimum.loss < 1e-24 * unit[1] * unit[1], "{rows} rows, units {unit:?}: {minimum:?}");
            }
        }
        // The noise's share of the loss is about 10⁻¹⁰, a hundred times what counts as none.
        for noise in [1e-5, 0.1] {
            for unit in [[1.0, 1.0], [1.0, 1e3], [1e3, 1.0]] {
                let minimum = found(&line(20, noise, unit), &[0.0; 3]);
                assert!(minimum.interpolating.is_none(), "noise {noise}, units {unit:?}: {minimum:?}");
            }
        }
    }

    #[test]
    fn networks_and_factors_with_more_parameters_than_samples_interpolate() {
        let inputs: Vec<f64> = (0..6).map(|k| 0.4 * f64::from(k) - 1.0).collect();
        let targets = inputs.iter().map(|x| (3.0 * x).sin()).collect();
        let network = Mlp::new(&[1, 8, 1], Activation::Tanh, inputs, targets).unwrap();
        let start = network.init(Initialisation::Lecun, &mut stream(3, Purpose::Start, 0));
        let minimum = found(&network, &start);
        assert!(minimum.interpolating.is_some(), "{minimum:?}");
        let entries = [(0, 0, 1.0), (0, 1, 2.0), (1, 0, -1.0)];
        let minimum =
            found(&MatrixFactorisation::new(2, 2, 2, &entries).unwrap(), &[0.3, 0.1, 0.2, 0.5, 0.7, 0.4, 0.2, 0.6]);
        assert!(minimum.interpolating.is_some(), "{minimum:?}");
    }

    #[test]
    fn equal_targets_are_compared_with_what_the_parameters_make() {
        // An intercept fits them; no constant prediction is worse. Without any target but 0 there is nothing to compare with.
        let of = |target: f64| LinearRegression::new(vec![1.0, 0.3, 1.0, -0.8, 1.0, 0.1], vec![target; 3], 2).unwrap();
        assert!(found(&of(0.1), &[0.0; 2]).interpolating.is_some());
        assert!(found(&of(0.0), &[0.0; 2]).interpolating.is_none());
    }
}
