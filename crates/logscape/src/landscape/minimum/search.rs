//! The search for a minimum: L-BFGS, and Newton steps after it.

use super::newton::newton;
use super::trust_region::trust_region;
use super::{MinimumConfig, MinimumError};
use crate::Stop;
use crate::operator::full::loss_and_gradient;
use crate::operator::norm;
use crate::problem::unless_failed;
use crate::{Minimum, Problem};
use argmin::core::{CostFunction, Error as ArgminError, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use std::sync::Mutex;

/// Relative difference below which two losses count as equal and the smaller gradient decides.
const ROUNDING: f64 = 1e-15;

/// The point of lowest loss so far, with the cache of the last evaluation.
struct Seen {
    theta: Vec<f64>,
    loss: f64,
    gradient: Vec<f64>,
    last: (Vec<f64>, f64, Vec<f64>),
    evaluations: usize,
    stale: usize,
}

/// Calls without a lower loss after which a line search counts as stalled; rounding can make it cycle for ever.
const STALLED: usize = 100;

struct Objective<'a> {
    problem: &'a dyn Problem,
    stop: &'a Stop,
    seen: &'a Mutex<Seen>,
}

impl Objective<'_> {
    fn evaluate(&self, theta: &[f64]) -> Result<(f64, Vec<f64>), ArgminError> {
        let Ok(mut seen) = self.seen.lock() else { return Err(ArgminError::msg("poisoned")) };
        seen.stale += 1;
        if seen.stale > STALLED {
            return Err(ArgminError::msg("stalled"));
        }
        if seen.last.0 != theta {
            if self.stop.is_requested() {
                return Err(ArgminError::msg("interrupted"));
            }
            let (loss, gradient) = loss_and_gradient(self.problem, theta);
            seen.evaluations += 1;
            let flatter = norm(&gradient) < norm(&seen.gradient);
            if loss < seen.loss * (1.0 - ROUNDING) || (loss <= seen.loss * (1.0 + ROUNDING) && flatter) {
                seen.stale = 0;
                seen.theta = theta.to_vec();
                seen.loss = loss;
                seen.gradient.clone_from(&gradient);
            }
            seen.last = (theta.to_vec(), loss, gradient);
        }
        Ok((seen.last.1, seen.last.2.clone()))
    }
}

impl CostFunction for Objective<'_> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, theta: &Vec<f64>) -> Result<f64, ArgminError> {
        Ok(self.evaluate(theta)?.0)
    }
}

impl Gradient for Objective<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, theta: &Vec<f64>) -> Result<Vec<f64>, ArgminError> {
        Ok(self.evaluate(theta)?.1)
    }
}

/// Refines `start` to a minimum of the full loss by L-BFGS with the Moré–Thuente line search; where that does not converge, or the
/// problem is large, by Newton steps in a trust region; and by damped Newton steps in the whole eigenbasis where it is small. Both
/// leave saddles. `interrupt` is asked before every evaluation.
///
/// A line search that can make no further progress ends the search; the lowest point seen is what is returned.
///
/// # Errors
/// If the start does not fit the problem or has no finite loss, or the problem fails.
pub fn find_minimum(
    problem: &dyn Problem,
    start: &[f64],
    config: &MinimumConfig,
    stop: &Stop,
) -> Result<Minimum, MinimumError> {
    unless_failed(problem, refined(problem, start, config, stop))
}

fn refined(problem: &dyn Problem, start: &[f64], config: &MinimumConfig, stop: &Stop) -> Result<Minimum, MinimumError> {
    if start.len() != problem.dim() {
        return Err(MinimumError::Length { expected: problem.dim(), found: start.len() });
    }
    let (loss, gradient) = loss_and_gradient(problem, start);
    if !loss.is_finite() || !norm(&gradient).is_finite() {
        return Err(MinimumError::NotFinite);
    }
    let last = (start.to_vec(), loss, gradient.clone());
    let seen = Mutex::new(Seen { theta: start.to_vec(), loss, gradient, last, evaluations: 1, stale: 0 });
    if norm(&seen.lock().map_err(|_| MinimumError::NotFinite)?.gradient) >= config.gradient_tolerance {
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), config.memory.max(1))
            .with_tolerance_grad(config.gradient_tolerance)
            .and_then(|solver| solver.with_tolerance_cost(0.0))
            .map_err(|_| MinimumError::Setting("the gradient tolerance must not be negative"))?;
        let objective = Objective { problem, stop, seen: &seen };
        // An error here is a stalled line search or an interrupt; the best point seen stands either way.
        let _stopped = Executor::new(objective, solver)
            .configure(|state| state.param(start.to_vec()).max_iters(config.max_iterations as u64))
            .timer(false)
            .run()
            .map(|result| result.state.get_iter());
    }
    let seen = seen.into_inner().map_err(|_| MinimumError::NotFinite)?;
    let mut minimum = Minimum {
        gradient_norm: norm(&seen.gradient),
        theta: seen.theta,
        loss: seen.loss,
        converged: false,
        iterations: seen.evaluations,
        method: "l-bfgs".to_owned(),
    };
    let small = problem.dim() <= config.newton_up_to;
    let mut before = minimum.iterations;
    if !small || minimum.gradient_norm >= config.gradient_tolerance {
        trust_region(problem, &mut minimum, config.gradient_tolerance, config.max_iterations, stop);
    }
    if minimum.iterations > before {
        minimum.method.push_str(", trust region");
        before = minimum.iterations;
    }
    if small {
        newton(problem, &mut minimum, config.gradient_tolerance, config.newton_steps, stop)?;
    }
    if minimum.iterations > before {
        minimum.method.push_str(", newton");
    }
    minimum.converged = minimum.gradient_norm < config.gradient_tolerance;
    Ok(minimum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::{dot, testing::Linear};

    #[test]
    fn minimum_solves_the_normal_equations() {
        let problem = Linear::gaussian(5, 300, 1.0, 4);
        for newton_up_to in [0, 50] {
            let config = MinimumConfig { newton_up_to, ..MinimumConfig::default() };
            let minimum = find_minimum(&problem, &[3.0; 5], &config, &Stop::new()).unwrap();
            assert!(minimum.converged, "{minimum:?}");
            for i in 0..5 {
                let moment: f64 = problem.x.iter().zip(&problem.y).map(|(x, y)| x[i] * y).sum();
                let fitted: f64 = problem.x.iter().map(|x| x[i] * dot(x, &minimum.theta)).sum();
                assert!((moment - fitted).abs() < 300.0 * 1e-8);
            }
        }
    }

    #[test]
    fn an_interrupt_is_data_and_a_bad_start_an_error() {
        let problem = Linear::gaussian(2, 50, 1.0, 4);
        let config = MinimumConfig::default();
        assert!(!find_minimum(&problem, &[3.0; 2], &config, &Stop::when(|| true)).unwrap().converged);
        let wrong = find_minimum(&problem, &[3.0], &config, &Stop::new());
        assert_eq!(wrong, Err(MinimumError::Length { expected: 2, found: 1 }));
    }
}
