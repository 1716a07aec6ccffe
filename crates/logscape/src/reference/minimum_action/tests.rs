//! Tests of minimum action paths against gradient systems, linear ones, known instantons and the Fokker–Planck equation.

use super::*;
use crate::noise::cumulant::BatchCumulant;
use crate::problem::{LinearRegression, Sinusoid};
use crate::reference::fokker_planck::{Axis, FokkerPlanck, Side};
use crate::reference::large_deviation::momentum;
use crate::{Problem, Samples, Sampling, SgdSettings};

fn line(from: &[f64], to: &[f64], bend: f64) -> Vec<Vec<f64>> {
    (0..=10)
        .map(|k| {
            let s = f64::from(k) / 10.0;
            let arc = bend * (std::f64::consts::PI * s).sin();
            from.iter()
                .zip(to)
                .enumerate()
                .map(|(i, (a, b))| a + s * (b - a) + if i == 1 { arc } else { 0.0 })
                .collect()
        })
        .collect()
}

fn identity(n: usize) -> impl Fn(&[f64]) -> Mat<f64> + Sync {
    move |_| Mat::identity(n, n)
}

/// Maier and Stein's drift `(u − u³ − βuv², −(1 + u²)v)`.
fn maier_stein(beta: f64) -> impl Fn(&[f64]) -> Vec<f64> + Sync + Copy {
    move |x| vec![x[0] - x[0].powi(3) - beta * x[0] * x[1] * x[1], -(1.0 + x[0] * x[0]) * x[1]]
}

/// Root of `𝓗`, action and error for 30 and more segments.
fn quasi_potential(hamiltonian: &dyn Hamiltonian, first: &[Vec<f64>], segments: usize) -> MinimumAction {
    let config = MinimumActionConfig { segments, ..MinimumActionConfig::default() };
    let found = minimum_action(hamiltonian, first, &config).unwrap();
    assert!(found.converged, "{} steps", found.steps);
    found
}

#[test]
fn maier_stein_at_one_is_a_gradient() {
    // V = 2ΔU, ΔU = 1/4, on the axis.
    let hamiltonian = Diffusion::new(2, maier_stein(1.0), identity(2));
    let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.3), 40);
    assert!((found.action - 0.5).abs() < 1e-5, "{} {}", found.action, found.change);
    assert!(found.path.iter().all(|x| x[1].abs() < 1e-3));
    // Segments of size h leave an error of order h².
    assert!(found.change.abs() > 5e-5 && found.change.abs() < 5e-4, "{}", found.change);
}

#[test]
fn maier_stein_at_ten_leaves_the_axis_with_the_exponent_of_fokker_planck() {
    let hamiltonian = Diffusion::new(2, maier_stein(10.0), identity(2));
    let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.3), 80);
    let axis = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.0), 40);
    // On the axis the action is still ½, a stationary path but no minimum.
    assert!((axis.action - 0.5).abs() < 1e-4 && found.action < 0.35, "{} {}", axis.action, found.action);
    // Independent: rates of dθ = b dt + √ε dW into the separatrix u = 0; ln κ = −V/ε + α ln ε + c, with three unknowns.
    let ln_rate = |epsilon: f64| {
        let u = Axis { lower: -1.5, upper: 0.0, cells: 150, sides: [Side::Reflecting, Side::Absorbing] };
        let v = Axis { lower: -0.75, upper: 0.75, cells: 120, sides: [Side::Reflecting; 2] };
        let equation = FokkerPlanck::rectangle([u, v], |x| {
            let b = maier_stein(10.0)(&x);
            ([b[0], b[1]], [[0.5 * epsilon, 0.0], [0.0, 0.5 * epsilon]])
        })
        .unwrap();
        equation.quasi_stationary(&|_| false).unwrap().rate.ln()
    };
    let epsilons = [0.012_f64, 0.017, 0.024];
    let rates = epsilons.map(ln_rate);
    // Divided differences in 1/ε and ln ε.
    let difference = |i: usize, j: usize| {
        (1.0 / epsilons[j] - 1.0 / epsilons[i], (epsilons[j] / epsilons[i]).ln(), rates[j] - rates[i])
    };
    let ((x0, y0, r0), (x1, y1, r1)) = (difference(0, 1), difference(1, 2));
    let exponent = -(r0 * y1 - r1 * y0) / (x0 * y1 - x1 * y0);
    println!("V = {} ± {}, Fokker-Planck {exponent} {rates:?}", found.action, found.change);
    assert!((exponent / found.action - 1.0).abs() < 0.02, "{exponent} {}", found.action);
}

#[test]
fn noise_on_the_velocity_alone_reaches_the_top() {
    // Kramers' equation x' = v, v' = −γv + x − x³ with variance 2γ of v: V is the energy, ¼ at the top, for every γ.
    for friction in [0.5, 1.0, 3.0] {
        let drift = move |x: &[f64]| vec![x[1], -friction * x[1] + x[0] - x[0].powi(3)];
        let hamiltonian = Diffusion::new(2, drift, move |_: &[f64]| {
            Mat::from_fn(2, 2, |i, j| if i == 1 && j == 1 { 2.0 * friction } else { 0.0 })
        });
        let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.1), 120);
        assert!((found.action - 0.25).abs() < 5e-4, "{friction}: {} {}", found.action, found.change);
        assert!(found.floor_share < 1e-4);
    }
}

#[test]
fn a_turning_linear_drift_has_its_lyapunov_potential() {
    // θ' = −Aθ, a = S: V = θᵀ Q⁻¹ θ with AQ + QAᵀ = S, Q = (q, r; r, s).
    let (a, noise) = ([[1.0, -0.9], [1.4, 0.6]], [[0.5, 0.2], [0.2, 0.3]]);
    // Q by iterating its flow, a contraction.
    let mut q = [[0.0_f64; 2]; 2];
    for _ in 0..20_000 {
        let flow =
            |i: usize, j: usize| noise[i][j] - (0..2).map(|k| a[i][k] * q[k][j] + q[i][k] * a[j][k]).sum::<f64>();
        let change = [[flow(0, 0), flow(0, 1)], [flow(1, 0), flow(1, 1)]];
        (0..2).for_each(|i| (0..2).for_each(|j| q[i][j] += 0.01 * change[i][j]));
    }
    let end = [0.7_f64, -0.4];
    let determinant = q[0][0] * q[1][1] - q[0][1] * q[1][0];
    let exact = (q[1][1] * end[0] * end[0] - 2.0 * q[0][1] * end[0] * end[1] + q[0][0] * end[1] * end[1]) / determinant;
    let hamiltonian = Diffusion::new(
        2,
        move |x: &[f64]| a.iter().map(|row| -row[0] * x[0] - row[1] * x[1]).collect(),
        move |_: &[f64]| Mat::from_fn(2, 2, |i, j| noise[i][j]),
    );
    let found = quasi_potential(&hamiltonian, &line(&[0.0, 0.0], &end, 0.0), 80);
    assert!((found.action / exact - 1.0).abs() < 5e-3, "{} {} {exact}", found.action, found.change);
}

fn cumulant(samples: usize, batch_size: usize, sampling: Sampling) -> BatchCumulant {
    BatchCumulant::new(samples, &SgdSettings { learning_rate: 0.1, batch_size, sampling }).unwrap()
}

#[test]
fn one_dimension_is_the_integral_of_the_momentum() {
    let inputs: Vec<f64> = (0..20).map(|i| 3.0 * (f64::from(i) + 0.5) / 20.0).collect();
    let targets = inputs.iter().enumerate().map(|(i, x)| (3.0 * x).sin() + 0.4 * (7.0 * i as f64).cos()).collect();
    let problem = Sinusoid::new(inputs, targets, false).unwrap();
    let minimum =
        crate::landscape::find_minimum(&problem, &[3.0], &crate::landscape::MinimumConfig::default(), &|| false);
    let from = minimum.unwrap().theta[0];
    let to = from + 0.5;
    for (batch, sampling) in [(1, Sampling::WithReplacement), (3, Sampling::WithoutReplacement)] {
        let law = cumulant(20, batch, sampling);
        let cells = 400;
        let exact: f64 = (0..cells)
            .map(|k| {
                let theta = from + (to - from) * (f64::from(k) + 0.5) / f64::from(cells);
                let mut slopes = vec![0.0; 20];
                problem.per_sample_gradients_into(&[theta], Samples::Range(0..20), &mut slopes, &mut []);
                momentum(&law, &slopes).unwrap() * (to - from) / f64::from(cells)
            })
            .sum();
        let hamiltonian = SgdHamiltonian::new(&problem, law);
        let found = quasi_potential(&hamiltonian, &[vec![from], vec![to]], 40);
        assert!((found.action / exact - 1.0).abs() < 1e-4, "{} {exact}", found.action);
    }
}

/// Designs of signs with independent residuals of both signs, in `dim` dimensions: `g = x(x·δ − ε)` on all combinations, so
/// that the sample is the law itself. `V = B‖δ‖²/σ²` needs Gaussian residuals; their quantiles stand for them.
fn regression(dim: usize, quantiles: usize) -> LinearRegression {
    use statrs::distribution::{ContinuousCDF, Normal};
    let law = Normal::new(0.0, 1.0).unwrap();
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for signs in 0..1_usize << dim {
        for k in 0..quantiles {
            inputs.extend((0..dim).map(|i| if signs >> i & 1 == 1 { 1.0 } else { -1.0 }));
            targets.push(law.inverse_cdf((k as f64 + 0.5) / quantiles as f64));
        }
    }
    LinearRegression::new(inputs, targets, dim).unwrap()
}

#[test]
fn label_noise_has_a_barrier_linear_in_the_loss_in_any_dimension() {
    for (dim, quantiles) in [(1, 400), (2, 200), (5, 60)] {
        let problem = regression(dim, quantiles);
        let samples = problem.samples();
        let variance = (0..samples).map(|i| {
            let mut e = [0.0];
            problem.residuals_into(&vec![0.0; dim], Samples::Range(i..i + 1), &mut e, &mut []);
            e[0] * e[0]
        });
        let variance = variance.sum::<f64>() / samples as f64;
        let hamiltonian = SgdHamiltonian::new(&problem, cumulant(samples, 2, Sampling::WithReplacement));
        let end: Vec<f64> = (0..dim).map(|i| 0.15 - 0.05 * i as f64 + 0.01 * (i * i) as f64).collect();
        let found = quasi_potential(&hamiltonian, &[vec![0.0; dim], end.clone()], 16);
        let exact = 2.0 * dot(&end, &end) / variance;
        // Momenta 2δ/σ² of 0.3 feel fourth cumulants, which cut tails change by tenths: p⁴ effects of under one per cent.
        assert!((found.action / exact - 1.0).abs() < 0.01, "{dim}: {} {exact}", found.action);
        assert!(found.floor_share < 1e-3);
    }
}

#[test]
fn fewer_samples_than_parameters_move_along_their_span() {
    // One sample direction out of two: the second coordinate is out of reach, the first is not.
    let inputs = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0].to_vec();
    let problem = LinearRegression::new(inputs, vec![0.5, -0.2, -0.3], 2).unwrap();
    let hamiltonian = SgdHamiltonian::new(&problem, cumulant(3, 1, Sampling::WithReplacement));
    let config = MinimumActionConfig { segments: 16, ..MinimumActionConfig::default() };
    let reached = minimum_action(&hamiltonian, &[vec![0.0, 0.0], vec![0.2, 0.0]], &config).unwrap();
    assert!(reached.action > 0.0 && reached.floor_share < 1e-3, "{reached:?}");
    let refused = minimum_action(&hamiltonian, &[vec![0.0, 0.0], vec![0.2, 0.1]], &config);
    assert!(matches!(refused, Err(MinimumActionError::Unreachable { .. })), "{refused:?}");
    // Beyond every residual all samples push back.
    let beyond = minimum_action(&hamiltonian, &[vec![0.0, 0.0], vec![0.9, 0.0]], &config);
    assert!(matches!(beyond, Err(MinimumActionError::Unreachable { .. })), "{beyond:?}");
}

#[test]
fn unusable_input_is_refused() {
    use MinimumActionError as E;
    let hamiltonian = Diffusion::new(2, maier_stein(1.0), identity(2));
    let config = MinimumActionConfig::default();
    let over = minimum_action(&hamiltonian, &line(&[-1.0, 0.0], &[0.9, 0.0], 0.0), &config);
    assert!(matches!(over, Err(E::FixedPoint { .. })), "{over:?}");
    let single = minimum_action(&hamiltonian, &[vec![0.0, 0.0]], &config);
    assert!(matches!(single, Err(E::Setting(_))));
    let odd = MinimumActionConfig { segments: 9, ..config };
    assert!(matches!(minimum_action(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.0), &odd), Err(E::Setting(_))));
    let silent = Diffusion::new(2, maier_stein(1.0), |_: &[f64]| Mat::zeros(2, 2));
    assert_eq!(minimum_action(&silent, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.1), &config), Err(E::NoNoise));
    let broken = Diffusion::new(2, |_: &[f64]| vec![f64::NAN; 2], identity(2));
    assert!(matches!(minimum_action(&broken, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.1), &config), Err(E::NoRoot { .. })));
}
