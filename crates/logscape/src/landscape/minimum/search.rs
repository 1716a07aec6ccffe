//! The search for a minimum: L-BFGS, and Newton steps after it.

use super::interpolating::interpolating;
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
/// leave saddles. `interrupt` is asked before every evaluation. Gauss–Newton steps then tell a fit that interpolates: the loss at
/// one is what the search left over, and is lowered to what rounding leaves.
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
    let direct = solved(problem, start);
    let start = direct.as_deref().unwrap_or(start);
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
        method: match (&direct, seen.evaluations) {
            (Some(_), 1) => "least squares",
            (Some(_), _) => "least squares, l-bfgs",
            (None, _) => "l-bfgs",
        }
        .to_owned(),
        interpolating: None,
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
    if let Some(interpolating) = interpolating(problem, &minimum, stop) {
        minimum = interpolating;
    }
    Ok(minimum)
}

/// The solution of a problem that has a direct one, from `start`, with a second step that mends the rounding of the first.
fn solved(problem: &dyn Problem, start: &[f64]) -> Option<Vec<f64>> {
    let mut theta = start.to_vec();
    for _ in 0..2 {
        let step = problem.least_squares_step(&theta)?;
        theta.iter_mut().zip(&step).for_each(|(x, step)| *x += step);
    }
    Some(theta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::{dot, testing::Linear};
    use crate::problem::LinearRegression;

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

    /// NIST's Longley data (macroeconomic figures of 1947 to 1962; condition 5e9 with a column of ones), to the certified values.
    #[test]
    #[allow(clippy::unreadable_literal, reason = "a table as it is published")]
    fn the_longley_data_are_solved_to_the_certified_digits() {
        let table = [
            [60323.0, 83.0, 234289.0, 2356.0, 1590.0, 107608.0],
            [61122.0, 88.5, 259426.0, 2325.0, 1456.0, 108632.0],
            [60171.0, 88.2, 258054.0, 3682.0, 1616.0, 109773.0],
            [61187.0, 89.5, 284599.0, 3351.0, 1650.0, 110929.0],
            [63221.0, 96.2, 328975.0, 2099.0, 3099.0, 112075.0],
            [63639.0, 98.1, 346999.0, 1932.0, 3594.0, 113270.0],
            [64989.0, 99.0, 365385.0, 1870.0, 3547.0, 115094.0],
            [63761.0, 100.0, 363112.0, 3578.0, 3350.0, 116219.0],
            [66019.0, 101.2, 397469.0, 2904.0, 3048.0, 117388.0],
            [67857.0, 104.6, 419180.0, 2822.0, 2857.0, 118734.0],
            [68169.0, 108.4, 442769.0, 2936.0, 2798.0, 120445.0],
            [66513.0, 110.8, 444546.0, 4681.0, 2637.0, 121950.0],
            [68655.0, 112.6, 482704.0, 3813.0, 2552.0, 123366.0],
            [69564.0, 114.2, 502601.0, 3931.0, 2514.0, 125368.0],
            [69331.0, 115.7, 518173.0, 4806.0, 2572.0, 127852.0],
            [70551.0, 116.9, 554894.0, 4007.0, 2827.0, 130081.0],
        ];
        let certified = [
            -3_482_258.634_595_82,
            15.061_872_271_373_3,
            -0.035_819_179_292_591,
            -2.020_229_803_816_83,
            -1.033_226_867_173_59,
            -0.051_104_105_653_580_7,
            1_829.151_464_613_55,
        ];
        let row = |(k, row): (usize, &[f64; 6])| {
            let [_, a, b, c, d, e] = *row;
            [1.0, a, b, c, d, e, 1947.0 + k as f64]
        };
        let inputs = table.iter().enumerate().flat_map(row).collect();
        let targets = table.iter().map(|row| row[0]).collect();
        let problem = LinearRegression::new(inputs, targets, 7).unwrap();
        let found = find_minimum(&problem, &[0.0; 7], &MinimumConfig::default(), &Stop::new()).unwrap();
        for (found, certified) in found.theta.iter().zip(certified) {
            assert!((found / certified - 1.0).abs() < 1e-10, "{found} {certified}");
        }
        // Sums of terms up to 3e6 leave residuals of some hundreds with a relative rounding of 1e-12.
        assert!((found.loss / (836_424.055_505_915 / 32.0) - 1.0).abs() < 1e-11, "{}", found.loss);
    }

    /// NIST's Wampler1 and Wampler2, polynomials of the fifth degree without error on 0, 1, ..., 20, and NoInt1, a line through 0.
    #[test]
    fn polynomials_and_a_line_without_intercept_are_solved_to_the_certified_digits() {
        for base in [1.0_f64, 0.1] {
            let inputs: Vec<f64> = (0..=20).flat_map(|x| (0..6).map(move |k| f64::from(x).powi(k))).collect();
            let targets =
                inputs.chunks(6).map(|row| row.iter().zip(0..).map(|(x, k)| x * base.powi(k)).sum()).collect();
            let problem = LinearRegression::new(inputs, targets, 6).unwrap();
            let found = find_minimum(&problem, &[0.0; 6], &MinimumConfig::default(), &Stop::new()).unwrap();
            for (found, k) in found.theta.iter().zip(0..) {
                assert!((found / base.powi(k) - 1.0).abs() < 1e-8, "{k} {found}");
            }
        }
        let (x, y): (Vec<f64>, Vec<f64>) = (60..=70).map(|x| (f64::from(x), f64::from(x + 70))).unzip();
        let problem = LinearRegression::new(x, y, 1).unwrap();
        let found = find_minimum(&problem, &[0.0], &MinimumConfig::default(), &Stop::new()).unwrap();
        assert!((found.theta[0] / 2.074_380_165_289_26 - 1.0).abs() < 1e-13, "{found:?}");
        assert_eq!((found.method.as_str(), found.iterations), ("least squares", 1));
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
