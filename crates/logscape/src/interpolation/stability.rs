//! All numbers of one setting's products.

use super::products::Products;
use super::{Interpolation, InterpolationConfig, InterpolationError, chains, growth, line, moments};
use crate::problem::unless_failed;
use crate::{Estimate, Problem, SgdSettings, Stop};

/// Products of the factors of `sgd` at `theta`, a minimum of `problem` that interpolates.
///
/// In one direction, with batches of one sample, all numbers are sums over the samples and have no error. The growth of mean squares
/// has none either where batches are independent and second moments are small enough to be kept. Else `λ` is the mean of
/// long runs of renormalised displacements, and `Λ(α)` the growth of the weight of a population that is resampled in
/// proportion to `‖δ‖^α` (Grassberger 2002; Vanneste 2010), of which the root is found by bisection and a last linear step. Intervals
/// are Student's over independent repeats. The product acts on vectors: no matrix of `P × P` is made where it would be large.
///
/// # Errors
/// If the settings do not fit, nothing acts at the minimum, the problem fails, or on an interrupt.
pub fn stability(
    problem: &dyn Problem,
    theta: &[f64],
    sgd: &SgdSettings,
    config: &InterpolationConfig,
    stop: &Stop,
) -> Result<Interpolation, InterpolationError> {
    unless_failed(problem, measured(problem, theta, sgd, config, stop))
}

fn measured(
    problem: &dyn Problem,
    theta: &[f64],
    sgd: &SgdSettings,
    config: &InterpolationConfig,
    stop: &Stop,
) -> Result<Interpolation, InterpolationError> {
    if config.groups < 2 || config.clones < 2 || config.steps < 4 {
        return Err(InterpolationError::Setting("at least 2 groups of 2 clones and 4 steps are needed"));
    }
    let products = Products::new(problem, theta, *sgd, stop)?;
    if let Some(factors) = products.line() {
        return Ok(line::exact(&factors));
    }
    let lyapunov = chains::lyapunov(&products, config, stop)?;
    let exact = growth::exact(&products, stop)?;
    let mean_square_growth =
        exact.map_or_else(|| moments::mean_square(&products, config, stop), |growth| Ok(Estimate::exact(growth)))?;
    let (alpha, alpha_reason) = match moments::root(&products, lyapunov, config, stop)? {
        Ok(alpha) => (Some(alpha), None),
        Err(reason) => (None, Some(reason)),
    };
    let mut method = format!(
        "{} populations of {} displacements over {} steps, resampled in proportion to a power of their length",
        config.groups, config.clones, config.steps
    );
    if exact.is_some() {
        method = format!("{method}; {}", growth::METHOD);
    }
    Ok(Interpolation { directions: products.directions(), lyapunov, mean_square_growth, alpha, alpha_reason, method })
}
