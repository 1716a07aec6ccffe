//! L-BFGS, for many parameters.

use crate::operator::full::loss_and_gradient;
use crate::operator::norm;
use crate::{Minimum, Problem, Stop};
use argmin::core::{CostFunction, Error as ArgminError, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use std::sync::Mutex;

/// Relative difference below which two losses count as equal and the smaller gradient decides.
const ROUNDING: f64 = 1e-15;
/// Pairs that are remembered.
const MEMORY: usize = 20;
/// Calls without a lower loss after which a line search counts as stalled; rounding can make it cycle for ever.
const STALLED: usize = 100;

/// The lowest point so far, with the cache of the last evaluation.
struct Seen {
    lowest: Minimum,
    last: (Vec<f64>, f64, Vec<f64>),
    stale: usize,
}

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
            let (lowest, length) = (&mut seen.lowest, norm(&gradient));
            lowest.iterations += 1;
            let flatter = length < lowest.gradient_norm;
            if loss < lowest.loss * (1.0 - ROUNDING) || (loss <= lowest.loss * (1.0 + ROUNDING) && flatter) {
                (lowest.theta, lowest.loss, lowest.gradient_norm) = (theta.to_vec(), loss, length);
                seen.stale = 0;
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

/// Lowers `minimum`, whose gradient is this one, by L-BFGS with the Moré–Thuente line search, until its gradient norm is below
/// `tolerance`, no further progress is made or the iterations are spent.
pub(super) fn lbfgs(
    problem: &dyn Problem,
    minimum: &mut Minimum,
    gradient: Vec<f64>,
    (tolerance, iterations): (f64, usize),
    stop: &Stop,
) {
    let start = minimum.theta.clone();
    let last = (start.clone(), minimum.loss, gradient);
    let seen = Mutex::new(Seen { lowest: minimum.clone(), last, stale: 0 });
    let objective = Objective { problem, stop, seen: &seen };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_grad(tolerance);
    if let Ok(solver) = solver.and_then(|solver| solver.with_tolerance_cost(0.0)) {
        // An error here is a stalled line search or an interrupt; the lowest point stands either way.
        let _stopped = Executor::new(objective, solver)
            .configure(|state| state.param(start).max_iters(iterations as u64))
            .timer(false)
            .run()
            .map(|result| result.state.get_iter());
    }
    if let Ok(seen) = seen.into_inner() {
        *minimum = seen.lowest;
    }
}
