//! L-BFGS, for many parameters.

use super::metric::Metric;
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

/// The lowest point so far with its gradient's norm by `z`, and the cache of the last evaluation, by `z`.
struct Seen {
    lowest: Minimum,
    steepness: f64,
    last: (Vec<f64>, f64, Vec<f64>),
    stale: usize,
}

struct Objective<'a> {
    problem: &'a dyn Problem,
    metric: &'a Metric,
    tolerance: f64,
    stop: &'a Stop,
    seen: &'a Mutex<Seen>,
}

impl Objective<'_> {
    fn evaluate(&self, z: &[f64]) -> Result<(f64, Vec<f64>), ArgminError> {
        let Ok(mut seen) = self.seen.lock() else { return Err(ArgminError::msg("poisoned")) };
        seen.stale += 1;
        if seen.stale > STALLED {
            return Err(ArgminError::msg("stalled"));
        }
        if seen.last.0 != z {
            if self.stop.is_requested() {
                return Err(ArgminError::msg("interrupted"));
            }
            let theta = self.metric.divided(z);
            let (loss, gradient) = loss_and_gradient(self.problem, &theta);
            let slope = self.metric.divided(&gradient);
            let steepness = norm(&slope);
            let flatter = steepness < seen.steepness;
            let lowest = &mut seen.lowest;
            lowest.iterations += 1;
            if loss < lowest.loss * (1.0 - ROUNDING) || (loss <= lowest.loss * (1.0 + ROUNDING) && flatter) {
                (lowest.theta, lowest.loss, lowest.gradient_norm) = (theta, loss, norm(&gradient));
                (seen.steepness, seen.stale) = (steepness, 0);
                if self.metric.small(&gradient, self.tolerance) {
                    return Err(ArgminError::msg("arrived"));
                }
            }
            seen.last = (z.to_vec(), loss, slope);
        }
        Ok((seen.last.1, seen.last.2.clone()))
    }
}

impl CostFunction for Objective<'_> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, z: &Vec<f64>) -> Result<f64, ArgminError> {
        Ok(self.evaluate(z)?.0)
    }
}

impl Gradient for Objective<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, z: &Vec<f64>) -> Result<Vec<f64>, ArgminError> {
        Ok(self.evaluate(z)?.1)
    }
}

/// Lowers `minimum`, whose gradient is this one, by L-BFGS in the lengths of `metric` with the Moré–Thuente line search, until its
/// gradient is small beside `tolerance`, no further progress is made or the iterations are spent.
pub(super) fn lbfgs(
    problem: &dyn Problem,
    minimum: &mut Minimum,
    gradient: &[f64],
    metric: &Metric,
    (tolerance, iterations): (f64, usize),
    stop: &Stop,
) {
    let start: Vec<f64> = minimum.theta.iter().zip(&metric.scales).map(|(x, s)| x * s).collect();
    let slope = metric.divided(gradient);
    let steepness = norm(&slope);
    let last = (start.clone(), minimum.loss, slope);
    let seen = Mutex::new(Seen { lowest: minimum.clone(), steepness, last, stale: 0 });
    let objective = Objective { problem, metric, tolerance, stop, seen: &seen };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_grad(0.0);
    if let Ok(solver) = solver.and_then(|solver| solver.with_tolerance_cost(0.0)) {
        // An error here is that it has arrived, a stalled line search or an interrupt; the lowest point stands in each case.
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
