//! Damped Newton steps that leave saddles, for problems small enough for a dense Hessian.

use super::MinimumError;
use super::trust_region::descend_along;
use crate::Stop;
use crate::operator::dense::{EigenError, NEGATIVE, eigen, image, to_dense};
use crate::operator::full::loss_and_gradient;
use crate::operator::{Hessian, norm};
use crate::{Minimum, Problem};
use faer::MatRef;

/// Relative difference of losses that rounding can make.
const ROUNDING: f64 = 1e-14;

/// Refines `minimum` by `θ ← θ − Σ_j v_j (v_j·∇L)/(|λ_j| + μ)` over the eigenpairs of the Hessian, until the gradient norm is
/// below `tolerance` and no eigenvalue below `−10⁻⁶ λ_max`, for at most `steps` steps or until no step helps.
///
/// With `|λ_j|` negative curvature repels instead of attracting (saddle-free Newton; Dauphin et al. 2014); the damping `μ`
/// grows until the loss falls and shrinks after success (Levenberg; Marquardt). Where the gradient is small but some
/// curvature is negative, the point moves along that direction first. Each step costs `P` Hessian products and a dense
/// eigendecomposition.
///
/// # Errors
/// If a Hessian has entries that are not finite.
pub(super) fn newton(
    problem: &dyn Problem,
    minimum: &mut Minimum,
    tolerance: f64,
    steps: usize,
    stop: &Stop,
) -> Result<(), MinimumError> {
    let mut gradient = loss_and_gradient(problem, &minimum.theta).1;
    let mut damping = norm(&gradient);
    for _ in 0..steps {
        // An interrupted search returns the best point so far, as the caller's own stages do.
        let Ok(dense) = to_dense(&Hessian::new(problem, &minimum.theta), stop) else { return Ok(()) };
        let (values, vectors) = match eigen(dense.as_ref()) {
            Ok(pairs) => pairs,
            Err(EigenError::Interrupted(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (largest, smallest) = (values[0], values[values.len() - 1]);
        let saddle = smallest < -NEGATIVE * largest.abs();
        if minimum.gradient_norm < tolerance && !saddle {
            return Ok(());
        }
        let step = if minimum.gradient_norm < tolerance {
            let lowest: Vec<f64> = vectors.col(values.len() - 1).iter().copied().collect();
            descend_along(problem, minimum, &lowest)
        } else {
            damped_step(problem, minimum, &gradient, &values, vectors.as_ref(), &mut damping)
        };
        let Some(theta) = step else { return Ok(()) };
        let (loss, new_gradient) = loss_and_gradient(problem, &theta);
        gradient = new_gradient;
        minimum.step_to(theta, loss, norm(&gradient));
    }
    Ok(())
}

/// The first damped step that lowers the loss, or that keeps it within rounding and lowers the gradient.
fn damped_step(
    problem: &dyn Problem,
    minimum: &Minimum,
    gradient: &[f64],
    values: &[f64],
    vectors: MatRef<f64>,
    damping: &mut f64,
) -> Option<Vec<f64>> {
    let along = image(vectors.transpose(), gradient);
    for _ in 0..30 {
        // The floor keeps a direction without curvature from taking an infinite step.
        let floor = damping.max(f64::EPSILON * values[0].abs());
        let coefficients: Vec<f64> = values.iter().zip(&along).map(|(h, g)| -g / (h.abs() + floor)).collect();
        let step = image(vectors, &coefficients);
        let theta: Vec<f64> = minimum.theta.iter().zip(&step).map(|(x, s)| x + s).collect();
        let (loss, new_gradient) = loss_and_gradient(problem, &theta);
        let equal = (loss - minimum.loss).abs() <= ROUNDING * minimum.loss.abs();
        if (loss < minimum.loss && !equal) || (equal && norm(&new_gradient) < minimum.gradient_norm) {
            *damping *= 0.1;
            return Some(theta);
        }
        *damping = 4.0 * damping.max(1e-12 * values[0].abs());
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::Stop;
    use crate::geometry::{SpectrumConfig, spectrum};
    use crate::landscape::{MinimumConfig, find_minimum};
    use crate::operator::full::loss;
    use crate::problem::{Activation, Initialisation, MatrixFactorisation, Mlp};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    /// Both ways to take Newton steps, and what they are called.
    const WAYS: [(usize, &str); 2] = [(1500, "newton"), (0, "trust region")];

    #[test]
    fn a_saddle_is_left_for_the_global_minimum() {
        // ½ mean (u v − 1)² over equal entries has a saddle at 0, where L = ½, and minima on u v = 1, where L = 0.
        let entries = [(0, 0, 1.0)];
        let problem = MatrixFactorisation::new(1, 1, 1, &entries).unwrap();
        for (newton_up_to, name) in WAYS {
            let config = MinimumConfig { newton_up_to, ..MinimumConfig::default() };
            let found = find_minimum(&problem, &[0.0, 0.0], &config, &Stop::new()).unwrap();
            assert!(found.converged && found.method.contains(name), "{found:?}");
            assert!((found.theta[0] * found.theta[1] - 1.0).abs() < 1e-7, "{found:?}");
        }
    }

    #[test]
    fn a_network_ends_where_finite_differences_see_a_minimum() {
        let inputs: Vec<f64> = (0..60).map(|k| f64::from(k) / 15.0 - 2.0).collect();
        let targets = inputs.iter().map(|x| (1.5 * x - 0.5).tanh() + 0.3 * (7.0 * x).sin()).collect();
        let problem = Mlp::new(&[1, 2, 1], Activation::Tanh, inputs, targets).unwrap();
        let start = problem.init(Initialisation::Lecun, &mut ChaCha8Rng::seed_from_u64(3));
        for (newton_up_to, name) in WAYS {
            // Too few iterations for L-BFGS; the conjugate gradients have as many products as the search iterations.
            let lbfgs = MinimumConfig { max_iterations: 50, newton_up_to: 0, ..MinimumConfig::default() };
            let rough = find_minimum(&problem, &start, &lbfgs, &Stop::new()).unwrap();
            assert!(!rough.converged, "{rough:?}");
            let config = MinimumConfig {
                max_iterations: if newton_up_to == 0 { 2000 } else { 1 },
                newton_up_to,
                newton_steps: 200,
                gradient_tolerance: 1e-7,
                memory: 1,
            };
            let found = find_minimum(&problem, &rough.theta, &config, &Stop::new()).unwrap();
            assert!(found.converged && found.method.ends_with(name), "{found:?}");
            let at = |step: &[f64], h: f64| {
                let theta: Vec<f64> = found.theta.iter().zip(step).map(|(x, s)| x + h * s).collect();
                loss(&problem, &theta)
            };
            // Along every eigenvector the loss is lowest at 0, up to the rounding of losses near 0.1.
            let whole = spectrum(&problem, &found.theta, &SpectrumConfig::default(), &Stop::new()).unwrap();
            assert_eq!(whole.index, 0);
            for v in &whole.vectors {
                let rise = at(v, 1e-4).min(at(v, -1e-4)) - found.loss;
                assert!(rise > -1e-4 * config.gradient_tolerance - 1e-15, "{rise:e}");
            }
        }
    }
}
