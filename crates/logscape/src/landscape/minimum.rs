//! Finding a minimum: SGD training, L-BFGS refinement, Newton steps by conjugate gradients and, for few parameters, in the whole
//! eigenbasis.

use super::newton::newton;
use super::trust_region::trust_region;
use crate::operator::dense::EigenError;
use crate::operator::full::loss_and_gradient;
use crate::operator::{axpy, norm};
use crate::{Problem, Samples, Sampling, SgdSettings};
use argmin::core::{CostFunction, Error as ArgminError, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::sync::Mutex;
use thiserror::Error;

/// A point where the gradient is small, and how it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Minimum {
    /// Parameters `θ*`.
    pub theta: Vec<f64>,
    /// Loss `L*`.
    pub loss: f64,
    /// Gradient norm `‖∇L(θ*)‖`.
    pub gradient_norm: f64,
    /// Whether the gradient norm met the tolerance.
    pub converged: bool,
    /// Evaluations of loss and gradient, and Newton steps.
    pub iterations: usize,
    /// How it was found.
    pub method: String,
}

impl Minimum {
    /// Takes one step more, to `theta`.
    pub(super) fn step_to(&mut self, theta: Vec<f64>, loss: f64, gradient_norm: f64) {
        self.theta = theta;
        self.loss = loss;
        self.gradient_norm = gradient_norm;
        self.iterations += 1;
    }
}

/// Settings of [`find_minimum`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MinimumConfig {
    /// Gradient norm below which the search ends; the loss's own rounding allows L-BFGS about `10⁻⁹`.
    pub gradient_tolerance: f64,
    /// Most L-BFGS iterations, and most Hessian products of the Newton steps by conjugate gradients after them.
    pub max_iterations: usize,
    /// Pairs that L-BFGS remembers.
    pub memory: usize,
    /// Largest number of parameters for which Newton steps in the whole eigenbasis finish the search; each costs `O(P³)`.
    pub newton_up_to: usize,
    /// Most Newton steps.
    pub newton_steps: usize,
}

impl Default for MinimumConfig {
    fn default() -> Self {
        Self { gradient_tolerance: 1e-8, max_iterations: 20_000, memory: 20, newton_up_to: 1500, newton_steps: 30 }
    }
}

/// Why there is no minimum to report. A search that stops short is a [`Minimum`] with `converged: false` instead.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MinimumError {
    /// The start has the wrong length.
    #[error("the start has {found} parameters, the problem {expected}")]
    Length {
        /// Parameters of the problem.
        expected: usize,
        /// Parameters given.
        found: usize,
    },
    /// Loss or gradient at the start is not finite.
    #[error("the loss or its gradient is not finite at the start")]
    NotFinite,
    /// SGD training left the finite numbers.
    #[error("training diverged at step {step}")]
    Diverged {
        /// Step, from 0.
        step: usize,
    },
    /// A setting is out of range.
    #[error("{0}")]
    Setting(&'static str),
    /// The Hessian could not be decomposed.
    #[error(transparent)]
    Eigen(#[from] EigenError),
}

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
    interrupt: &'a (dyn Fn() -> bool + Sync),
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
            if (self.interrupt)() {
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
/// If the start does not fit the problem or has no finite loss.
pub fn find_minimum(
    problem: &dyn Problem,
    start: &[f64],
    config: &MinimumConfig,
    interrupt: &(dyn Fn() -> bool + Sync),
) -> Result<Minimum, MinimumError> {
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
        let objective = Objective { problem, interrupt, seen: &seen };
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
        trust_region(problem, &mut minimum, config.gradient_tolerance, config.max_iterations, interrupt);
    }
    if minimum.iterations > before {
        minimum.method.push_str(", trust region");
        before = minimum.iterations;
    }
    if small {
        newton(problem, &mut minimum, config.gradient_tolerance, config.newton_steps, interrupt)?;
    }
    if minimum.iterations > before {
        minimum.method.push_str(", newton");
    }
    minimum.converged = minimum.gradient_norm < config.gradient_tolerance;
    Ok(minimum)
}

/// Plain SGD training `θ ← θ − η g_B` for a number of steps, from a seed.
///
/// # Errors
/// If the start or the settings do not fit the problem, or the loss leaves the finite numbers.
pub fn train(
    problem: &dyn Problem,
    start: &[f64],
    sgd: &SgdSettings,
    steps: usize,
    seed: u64,
) -> Result<Vec<f64>, MinimumError> {
    let (n, b) = (problem.samples(), sgd.batch_size);
    if start.len() != problem.dim() {
        return Err(MinimumError::Length { expected: problem.dim(), found: start.len() });
    }
    if b == 0 || (b > n && sgd.sampling != Sampling::WithReplacement) || n == 0 {
        return Err(MinimumError::Setting("the batch size must lie between 1 and the number of samples"));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut batch = vec![0_u32; b];
    let mut gradient = vec![0.0; problem.dim()];
    let mut scratch = vec![0.0; problem.scratch_len(b)];
    let mut theta = start.to_vec();
    for step in 0..steps {
        match sgd.sampling {
            Sampling::WithReplacement => batch.fill_with(|| rng.random_range(0..n as u32)),
            Sampling::WithoutReplacement => batch.copy_from_slice(order.partial_shuffle(&mut rng, b).0),
            Sampling::EpochShuffle => {
                let position = step % (n / b);
                if position == 0 {
                    order.shuffle(&mut rng);
                }
                batch.copy_from_slice(&order[position * b..(position + 1) * b]);
            }
        }
        let loss = problem.batch_gradient_into(&theta, Samples::Indices(&batch), &mut gradient, &mut scratch);
        axpy(-sgd.learning_rate, &gradient, &mut theta);
        if !loss.is_finite() || !norm(&theta).is_finite() {
            return Err(MinimumError::Diverged { step });
        }
    }
    Ok(theta)
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
            let minimum = find_minimum(&problem, &[3.0; 5], &config, &|| false).unwrap();
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
        assert!(!find_minimum(&problem, &[3.0; 2], &config, &|| true).unwrap().converged);
        let wrong = find_minimum(&problem, &[3.0], &config, &|| false);
        assert_eq!(wrong, Err(MinimumError::Length { expected: 2, found: 1 }));
    }

    #[test]
    fn training_comes_near_the_minimum_and_reports_divergence() {
        let problem = Linear::gaussian(3, 200, 0.1, 9);
        for sampling in [Sampling::WithReplacement, Sampling::WithoutReplacement, Sampling::EpochShuffle] {
            let sgd = SgdSettings { learning_rate: 0.02, batch_size: 8, sampling };
            let theta = train(&problem, &[2.0; 3], &sgd, 2000, 1).unwrap();
            assert!(norm(&theta) < 0.1);
            assert_eq!(theta, train(&problem, &[2.0; 3], &sgd, 2000, 1).unwrap());
            let wild = SgdSettings { learning_rate: 10.0, ..sgd };
            assert!(matches!(train(&problem, &[2.0; 3], &wild, 2000, 1), Err(MinimumError::Diverged { .. })));
        }
    }
}
