//! The search for a minimum.

use super::interpolating::interpolating;
use super::lbfgs::lbfgs;
use super::metric::{Metric, Scales};
use super::tries::tries;
use super::trust_region::{EXACT, Steps, trust_region};
use super::{MinimumConfig, MinimumError};
use crate::Stop;
use crate::network::OutputLoss;
use crate::operator::full::loss_and_gradient;
use crate::operator::norm;
use crate::problem::unless_failed;
use crate::{Minimum, Problem};

/// Iterations among many parameters that an exact Newton step counts as.
const STEP: usize = 10;

/// Refines `start` to a minimum of the full loss by Newton steps in a trust region, where the parameters are few, from other points too
/// where the first search finds none. Where they are many
/// L-BFGS comes first, and Newton steps by conjugate gradients where it does not converge or the parameters are too many for exact ones,
/// which finish else. Newton steps leave saddles, and those of few parameters depend on no unit of parameters and data; those of many
/// are scaled where the columns of the Jacobian are of unlike size. A problem with a direct solution
/// starts there. Gauss–Newton steps then tell a fit that interpolates: the loss
/// at one is what the search left over, and is lowered to what rounding leaves.
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
    let theta = direct.as_deref().unwrap_or(start).to_vec();
    let (loss, gradient) = loss_and_gradient(problem, &theta);
    if !loss.is_finite() || !norm(&gradient).is_finite() {
        return Err(MinimumError::NotFinite);
    }
    let mut minimum = Minimum {
        theta,
        loss,
        gradient_norm: norm(&gradient),
        converged: false,
        iterations: 1,
        method: if direct.is_some() { "least squares" } else { "" }.to_owned(),
        interpolating: None,
        running_away: None,
    };
    let few = problem.dim() <= EXACT.min(config.newton_up_to);
    let mut curved = true;
    if few && direct.is_none() {
        (minimum, curved) = tries(problem, &minimum, config, stop);
    } else if few {
        let (steps, metric) =
            (Steps::Exact(config.max_iterations), Metric::at(problem, &minimum.theta, Scales::Largest));
        phase(&mut minimum, "newton", |minimum| {
            trust_region(problem, minimum, config.gradient_tolerance, steps, metric, stop);
        });
    } else {
        curved = among_many(problem, &mut minimum, &gradient, config, stop);
    }
    minimum.converged = minimum.gradient_norm < config.gradient_tolerance && (curved || direct.is_some());
    if let Some(interpolating) = interpolating(problem, &minimum, stop) {
        minimum = interpolating;
    }
    if is_separated(problem, &minimum.theta) {
        minimum.converged = false;
        minimum.running_away =
            Some("every class has the largest output, so that the loss falls as long as outputs grow".to_owned());
    }
    Ok(minimum)
}

/// Whether larger outputs would make the loss smaller for every sample, for a loss of classes that comes to zero at infinity only.
fn is_separated(problem: &dyn Problem, theta: &[f64]) -> bool {
    !problem.output_loss().is_none_or(OutputLoss::reaches_zero) && problem.accuracy(theta) == Some(1.0)
}

/// The search among many parameters; returns whether something curves up, if exact steps know.
fn among_many(
    problem: &dyn Problem,
    minimum: &mut Minimum,
    gradient: &[f64],
    config: &MinimumConfig,
    stop: &Stop,
) -> bool {
    let (tolerance, most) = (config.gradient_tolerance, config.max_iterations);
    let metric = Metric::where_unlike(problem, &minimum.theta);
    let mut small = metric.small(gradient, tolerance);
    if !small {
        phase(minimum, "l-bfgs", |minimum| {
            lbfgs(problem, minimum, gradient, &metric, (tolerance, most), stop);
        });
        small = metric.small(&loss_and_gradient(problem, &minimum.theta).1, tolerance);
    }
    let exact = problem.dim() <= config.newton_up_to;
    if !exact || !small {
        phase(minimum, "trust region", |minimum| {
            trust_region(problem, minimum, tolerance, Steps::Conjugate(most), metric.clone(), stop);
        });
    }
    let mut curved = true;
    if exact {
        let steps = Steps::Try(most.div_ceil(STEP));
        phase(minimum, "newton", |minimum| {
            curved = trust_region(problem, minimum, tolerance, steps, metric, stop).curved;
        });
    }
    curved
}

/// Does a part of the search, and names it where it moved.
fn phase(minimum: &mut Minimum, name: &str, search: impl FnOnce(&mut Minimum)) {
    let before = minimum.iterations;
    search(minimum);
    if minimum.iterations > before {
        let comma = if minimum.method.is_empty() { "" } else { ", " };
        minimum.method.push_str(comma);
        minimum.method.push_str(name);
    }
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
    use crate::geometry::{SpectrumConfig, spectrum};
    use crate::network::{Activation, Initialisation};
    use crate::operator::full::loss;
    use crate::operator::{dot, testing::Linear};
    use crate::problem::{LinearRegression, MatrixFactorisation, Mlp, ScalarModel};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

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
        // Too few iterations for L-BFGS and the conjugate gradients after it.
        let few = MinimumConfig { max_iterations: 50, newton_up_to: 0, ..MinimumConfig::default() };
        let rough = find_minimum(&problem, &start, &few, &Stop::new()).unwrap();
        assert!(!rough.converged, "{rough:?}");
        let tolerance = 1e-7;
        for (steps, scales) in [(Steps::Conjugate(2000), Scales::Plain), (Steps::Exact(2000), Scales::Largest)] {
            let mut found = rough.clone();
            let metric = Metric::at(&problem, &found.theta, scales);
            trust_region(&problem, &mut found, tolerance, steps, metric, &Stop::new());
            assert!(found.gradient_norm < tolerance, "{steps:?}: {found:?}");
            let at = |step: &[f64], h: f64| {
                let theta: Vec<f64> = found.theta.iter().zip(step).map(|(x, s)| x + h * s).collect();
                loss(&problem, &theta)
            };
            // Along every eigenvector the loss is lowest at 0, up to the rounding of losses near 0.1.
            let whole = spectrum(&problem, &found.theta, &SpectrumConfig::default(), &Stop::new(), &|_| {}).unwrap();
            assert_eq!(whole.index, 0);
            for v in &whole.vectors {
                let rise = at(v, 1e-4).min(at(v, -1e-4)) - found.loss;
                assert!(rise > -1e-4 * tolerance - 1e-15, "{rise:e}");
            }
        }
    }

    /// The weights of the first layer have the unit of one over inputs, those of the second, and its bias, that of targets.
    #[test]
    fn a_network_ends_at_the_same_minimum_in_any_unit_of_inputs_and_targets() {
        let search = |[input, target]: [f64; 2]| {
            let inputs: Vec<f64> = (0..60).map(|k| f64::from(k) / 15.0 - 2.0).collect();
            let targets = inputs.iter().map(|x| target * ((1.5 * x - 0.5).tanh() + 0.3 * (7.0 * x).sin())).collect();
            let problem =
                Mlp::new(&[1, 2, 1], Activation::Tanh, inputs.iter().map(|x| x * input).collect(), targets).unwrap();
            let units = [1.0 / input, 1.0 / input, 1.0, 1.0, target, target, target];
            let start = [0.7, -0.4, 0.1, 0.3, 0.8, -0.6, 0.0];
            let start: Vec<f64> = start.iter().zip(units).map(|(x, unit)| x * unit).collect();
            let gradient_tolerance = 1e-8 * norm(&loss_and_gradient(&problem, &start).1);
            let config = MinimumConfig { gradient_tolerance, ..MinimumConfig::default() };
            let found = find_minimum(&problem, &start, &config, &Stop::new()).unwrap();
            assert!(found.converged, "units {input:e}, {target:e}: {found:?}");
            let theta: Vec<f64> = found.theta.iter().zip(units).map(|(x, unit)| x / unit).collect();
            (theta, found.loss / target / target)
        };
        let (plain, lowest) = search([1.0, 1.0]);
        for units in [[1.0, 1e-12], [1.0, 1e-3], [1.0, 1e12], [1e-12, 1.0], [1e12, 1.0], [1e6, 1e-9]] {
            let (theta, loss) = search(units);
            assert!((loss / lowest - 1.0).abs() < 1e-12, "units {units:?}: {loss} {lowest}");
            assert!(
                theta.iter().zip(&plain).all(|(a, b)| (a / b - 1.0).abs() < 1e-6),
                "{units:?}: {theta:?} {plain:?}"
            );
        }
    }

    /// A dead unit leaves the bias of the output, which has a minimum; of inputs of 0 nothing is learnt at all.
    #[test]
    fn where_nothing_curves_there_is_no_minimum() {
        let problem = Mlp::new(&[1, 1, 1], Activation::Relu, vec![1.0, 2.0, 3.0], vec![0.0, 1.0, -1.0]).unwrap();
        let found = find_minimum(&problem, &[-1.0, 0.0, 0.5, 0.3], &MinimumConfig::default(), &Stop::new()).unwrap();
        assert!(found.converged, "{found:?}");
        let flat = crate::problem::PhaseRetrieval::new(vec![0.0, 0.0], vec![1.0, 2.0], 1).unwrap();
        let found = find_minimum(&flat, &[0.5], &MinimumConfig::default(), &Stop::new()).unwrap();
        assert!(found.gradient_norm == 0.0 && !found.converged, "{found:?}");
    }

    /// Rosenbrock's valley along a chain: `½ mean` of `100 (θ_{i+1} − θ_i²)²` and `(1 − θ_i)²`.
    struct Valley {
        targets: Vec<f64>,
    }

    impl ScalarModel for Valley {
        fn parameters(&self) -> usize {
            self.targets.len() / 2 + 1
        }
        fn targets(&self) -> &[f64] {
            &self.targets
        }
        fn value(&self, theta: &[f64], k: usize) -> f64 {
            let i = k / 2;
            if k.is_multiple_of(2) { 10.0 * (theta[i + 1] - theta[i] * theta[i]) } else { theta[i] }
        }
        fn slope(&self, theta: &[f64], v: &[f64], k: usize) -> f64 {
            let i = k / 2;
            if k.is_multiple_of(2) { 10.0 * (v[i + 1] - 2.0 * theta[i] * v[i]) } else { v[i] }
        }
        fn add_gradient(&self, theta: &[f64], k: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
            let (i, w) = (k / 2, weight(self.value(theta, k)));
            if k.is_multiple_of(2) {
                out[i + 1] += 10.0 * w;
                out[i] -= 20.0 * theta[i] * w;
            } else {
                out[i] += w;
            }
        }
        fn add_hessian_product(&self, _theta: &[f64], v: &[f64], k: usize, weight: f64, out: &mut [f64]) {
            if k.is_multiple_of(2) {
                out[k / 2] -= 20.0 * weight * v[k / 2];
            }
        }
    }

    /// More exact steps than thirty, where what comes before them does not get through a long curved valley.
    #[test]
    fn exact_steps_get_through_a_curved_valley() {
        let problem = Valley { targets: (0..420).map(|k| f64::from(k % 2)).collect() };
        // A tenth is 70 steps: they arrive, and thirty would not.
        let config = MinimumConfig { max_iterations: 700, ..MinimumConfig::default() };
        let found = find_minimum(&problem, &vec![-1.0; problem.parameters()], &config, &Stop::new()).unwrap();
        assert!(found.converged && found.method.contains("newton"), "{found:?}");
        assert!(found.theta.iter().all(|x| (x - 1.0).abs() < 1e-10), "{found:?}");
    }

    /// Not only the tolerance: Newton steps at the end converge by squares, whatever came before them.
    #[test]
    fn the_minimum_does_not_depend_on_the_way_to_it() {
        // Sums of squares that do not vanish.
        let problem = Valley { targets: (0..420).map(|k| f64::from(k % 2) + 0.3 * f64::from(k).sin()).collect() };
        let config = MinimumConfig { gradient_tolerance: 1e-7, ..MinimumConfig::default() };
        let from = |x: f64| {
            let found = find_minimum(&problem, &vec![x; problem.parameters()], &config, &Stop::new()).unwrap();
            assert!(found.converged && found.loss > 1e-3, "{found:?}");
            found.theta
        };
        let (one, other) = (from(1.0), from(0.9));
        for (a, b) in one.iter().zip(&other) {
            assert!((a - b).abs() < 1e-9, "{a} {b}");
        }
    }
}
