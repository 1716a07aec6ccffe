//! Tests of prefactors against closed forms, another way along the same path, and the Fokker–Planck equation.

use super::chain::{LabelNoise, cumulant, noisy_sinusoid};
use super::{identity, line, quasi_potential};
use crate::Sampling;
use crate::Stop;
use crate::model::Prefactor;
use crate::operator::dot;
use crate::reference::fokker_planck::{Axis, FokkerPlanck, Side};
use crate::reference::large_deviation::{Ends, ascend};
use crate::reference::minimum_action::prefactor::Passage;
use crate::reference::minimum_action::{
    Diffusion, Hamiltonian, MinimumAction, MinimumActionError, SgdHamiltonian, prefactor,
};
use faer::Mat;
use std::f64::consts::TAU;

fn diagonal(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), values.len(), |i, j| if i == j { values[i] } else { 0.0 })
}

fn of(hamiltonian: &dyn Hamiltonian, found: &MinimumAction, minimum: &Mat<f64>, saddle: &Mat<f64>) -> Prefactor {
    prefactor(hamiltonian, found, minimum, saddle, &Stop::new()).unwrap()
}

/// `U = ¼(x² − 1)² + (y − κ(x² − 1))²` with its minimum `(−1, 0)` and saddle `(0, −κ)`, where `∇²U = diag(−1, 2)`.
const KAPPA: f64 = 0.5;

fn slope(x: &[f64]) -> [f64; 2] {
    let (fall, off) = (x[0] * x[0] - 1.0, x[1] - KAPPA * (x[0] * x[0] - 1.0));
    [x[0] * fall - 4.0 * KAPPA * x[0] * off, 2.0 * off]
}

/// `∇²(2U)` at the minimum, with the determinant 16.
fn curvature() -> Mat<f64> {
    let bend = [[2.0 + 8.0 * KAPPA * KAPPA, 4.0 * KAPPA], [4.0 * KAPPA, 2.0]];
    Mat::from_fn(2, 2, |i, j| 2.0 * bend[i][j])
}

#[test]
fn a_gradient_with_isotropic_noise_has_langers_prefactor() {
    // −½ a ∇V and noise a(θ) have P ∝ e^{−V/ε}/a: no current. Here V = 2U, and the drift rises by a_s at the saddle.
    for steepness in [0.0, 0.7] {
        let noise = move |x: &[f64]| (steepness * (x[0] - 2.0 * x[1])).exp();
        let hamiltonian = Diffusion::new(
            2,
            move |x: &[f64]| slope(x).iter().map(|g| -noise(x) * g).collect(),
            move |x: &[f64]| diagonal(&[noise(x); 2]),
        );
        let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, -KAPPA], 0.0), 160);
        let value = of(&hamiltonian, &found, &curvature(), &diagonal(&[-2.0, 0.0]));
        let exact = (noise(&[-1.0, 0.0]) / TAU * (16.0_f64 / 8.0).sqrt()).ln();
        assert!((value.ln_rate - exact).abs() < value.errors[0].max(0.01), "{steepness}: {value:?} {exact}");
        assert!(value.errors[0] < 0.05, "{value:?}");
    }
}

#[test]
fn a_current_across_the_gradient_leaves_its_divergence() {
    // −∇U + ℓ, ℓ = f J∇U with J a quarter turn: V = 2U for any f, the path is θ' = ∇U + ℓ, and ln C = −∫ div ℓ dt with
    // div ℓ = ∇f·J∇U. Here f = 0.6 + 0.8y, so that div ℓ = 0.8 (J∇U)_y = 0.8 U_x.
    let turn = |x: &[f64]| 0.6 + 0.8 * x[1];
    let flow = move |x: &[f64], sign: f64| {
        let g = slope(x);
        vec![sign * g[0] - turn(x) * g[1], sign * g[1] + turn(x) * g[0]]
    };
    let hamiltonian = Diffusion::new(2, move |x: &[f64]| flow(x, -1.0), identity);
    let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, -KAPPA], 0.0), 160);
    // At the saddle the drift is [[1, −2f], [−f, −2]]: it rises by r, with the left eigenvector (1, −2f/(r + 2)).
    let f = turn(&[0.0, -KAPPA]);
    let rise = (2.25 + 2.0 * f * f).sqrt() - 0.5;
    let left = [1.0, -2.0 * f / (rise + 2.0)];
    let saddle = Mat::from_fn(2, 2, |i, j| -2.0 * rise / dot(&left, &left) * left[i] * left[j]);
    let value = of(&hamiltonian, &found, &curvature(), &saddle);
    // Back in time from beside the saddle, where θ' = ∇U + ℓ has the eigenvalue 1/2 − √(9/4 + 2f²), to the minimum, which attracts
    // all orbits that run back.
    let back = 0.5 - (2.25 + 2.0 * f * f).sqrt();
    let (r, dt) = (1e-5, 1e-3);
    let mut x = vec![-r, -KAPPA + r * (1.0 + back) / (2.0 * f)];
    let mut exact = (rise / TAU * (16.0_f64 / 8.0).sqrt()).ln();
    for _ in 0..40_000 {
        let half: Vec<f64> = x.iter().zip(flow(&x, 1.0)).map(|(x, v)| x - 0.5 * dt * v).collect();
        exact -= dt * 0.8 * slope(&half)[0];
        x.iter_mut().zip(flow(&half, 1.0)).for_each(|(x, v)| *x -= dt * v);
    }
    assert!((x[0] + 1.0).hypot(x[1]) < 1e-6, "{x:?}");
    assert!((value.ln_rate - exact).abs() < value.errors[0].max(0.01) && value.errors[0] < 0.05, "{value:?} {exact}");
}

/// Maier and Stein's drift with a restoring force `μ` times as strong across the axis.
fn restored(beta: f64, mu: f64) -> impl Fn(&[f64]) -> Vec<f64> + Sync + Copy {
    move |x| vec![x[0] - x[0].powi(3) - beta * x[0] * x[1] * x[1], -mu * (1.0 + x[0] * x[0]) * x[1]]
}

/// `ln(κ e^{V/ε})` from the passages to `u = 0`, of which half fall back, with the change from the coarser grid.
fn ln_rate_of_passages(beta: f64, mu: f64, noise: f64, action: f64) -> (f64, f64) {
    let drift = restored(beta, mu);
    let rate = |cells: usize| {
        let across = Axis { lower: -1.7, upper: 0.0, cells, sides: [Side::Reflecting, Side::Absorbing] };
        let along = Axis { lower: -0.8, upper: 0.8, cells, sides: [Side::Reflecting; 2] };
        let equation = FokkerPlanck::rectangle([across, along], |x| {
            let b = drift(&x);
            ([b[0], b[1]], [[0.5 * noise, 0.0], [0.0, 0.5 * noise]])
        });
        equation.unwrap().quasi_stationary(&|_| false).unwrap().rate.ln()
    };
    let (coarse, fine) = (rate(80), rate(160));
    let change = (fine - coarse) / 3.0;
    (fine + change + action / noise - 2.0_f64.ln(), change.abs())
}

#[test]
fn maier_steins_rate_is_that_of_the_fokker_planck_equation() {
    // On the axis below the critical β = 2μ(μ + 1), and off it above, where two paths of equal action lead to the saddle. For
    // μ < 1 these come in along the edge of the basin, where the quasi-potential has no second derivatives.
    for (beta, mu, bend, paths) in
        [(3.0, 1.0, 0.0, 1.0), (8.0, 2.0, 0.0, 1.0), (1.0, 0.5, 0.0, 1.0), (8.0, 0.5, 0.3, 2.0)]
    {
        let hamiltonian = Diffusion::new(2, restored(beta, mu), identity);
        let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], bend), 160);
        let value = of(&hamiltonian, &found, &diagonal(&[4.0, 4.0 * mu]), &diagonal(&[-2.0, 0.0]));
        let ln_rate = value.ln_rate + f64::ln(paths);
        // Corrections of first order in the noise are taken out; the change tells those of the second.
        let [a, b, c] = [0.04, 0.02, 0.01].map(|noise| ln_rate_of_passages(beta, mu, noise, found.action));
        let (rough, limit) = (2.0 * b.0 - a.0, 2.0 * c.0 - b.0);
        let slack = (limit - rough).abs() + c.1 + value.errors[0] + found.error / 0.01;
        assert!((ln_rate - limit).abs() < slack && slack < 0.1, "{beta} {mu}: {value:?} {limit} {slack}");
    }
}

#[test]
fn above_the_critical_beta_paths_cross_on_the_axis() {
    let hamiltonian = Diffusion::new(2, restored(6.0, 1.0), identity);
    let axis = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.0), 80);
    let refused = prefactor(&hamiltonian, &axis, &diagonal(&[4.0, 4.0]), &diagonal(&[-2.0, 0.0]), &Stop::new());
    assert!(matches!(refused, Err(MinimumActionError::Caustic { .. })), "{refused:?}");
}

#[test]
fn one_dimension_has_the_rate_of_the_quadrature() {
    let (problem, minimum, top, path) = noisy_sinusoid();
    let law = |batch| cumulant(20, batch, Sampling::WithReplacement);
    let at = |x: f64| {
        let hamiltonian = SgdHamiltonian::new(&problem, law(1));
        let local = hamiltonian.at(&[x]);
        (-local.in_position(&[0.0]).1[(0, 0)], local.in_momentum(&[0.0]).2[(0, 0)])
    };
    let (low, high) = (at(minimum), at(top));
    let ends =
        |_: f64| Ends { curvature_minimum: low.0, curvature_top: high.0, noise_minimum: low.1, noise_top: high.1 };
    for batch in [1, 4] {
        let exact = ascend(&path.position, &path.sample_slopes, minimum, true, &law(batch), 0.1, &ends).unwrap();
        let hamiltonian = SgdHamiltonian::new(&problem, law(batch));
        let found = quasi_potential(&hamiltonian, &[vec![minimum], vec![top]], 160);
        let curved = |(h, noise): (f64, f64)| diagonal(&[2.0 * h * batch as f64 / noise]);
        let value = of(&hamiltonian, &found, &curved(low), &curved(high));
        let (sum, error) = (value.ln_rate + value.ln_step, value.errors.iter().sum::<f64>());
        let exact = exact.ln_rate + exact.quasi_potential / 0.1;
        assert!((sum - exact).abs() < error && error < 0.2, "{batch}: {value:?} {exact:?}");
        assert!(value.ln_step.abs() > 0.5, "{batch}: {value:?}");
    }
}

#[test]
fn label_noise_on_unlimited_data_has_a_closed_amplitude() {
    // With V = B‖δ‖²/σ² and δ ∝ e^{Λt} the sum of the traces is −(δᵀΛδ tr Λ + δᵀΛ²δ)/σ², so that ln C is
    // (‖δ‖² tr Λ + δᵀΛδ)/2σ², and discrete time adds B δᵀΛδ/2σ². Errors are of second order in segments of 1/160.
    for variances in [vec![1.0, 0.4], vec![1.0, 0.8, 0.6, 0.5, 0.3]] {
        let end: Vec<f64> = (0..variances.len()).map(|i| [0.5, -0.4, 0.3, 0.2, -0.1][i]).collect();
        let (sigma2, batch) = (0.5, 3.0);
        let law = LabelNoise { variances: variances.clone(), sigma2, batch };
        let found = quasi_potential(&law, &[vec![0.0; end.len()], end.clone()], 160);
        let stop = Stop::new();
        let mut passage = Passage::new(&law, &found.path, &stop).unwrap();
        let mut curvature = diagonal(&vec![2.0 * batch / sigma2; end.len()]);
        let ln_c = passage.move_over(&mut curvature, 0..160, false).unwrap();
        let curved: f64 = end.iter().zip(&variances).map(|(d, l)| l * d * d).sum();
        let exact = (dot(&end, &end) * variances.iter().sum::<f64>() + curved) / (2.0 * sigma2);
        assert!((ln_c / exact - 1.0).abs() < 0.01, "{ln_c} {exact}");
        assert!((passage.ln_step() / (batch * curved / (2.0 * sigma2)) - 1.0).abs() < 0.01, "{}", passage.ln_step());
        // The quasi-potential curves as everywhere.
        for i in 0..end.len() {
            for j in 0..end.len() {
                let exact = if i == j { 2.0 * batch / sigma2 } else { 0.0 };
                assert!((curvature[(i, j)] - exact).abs() < 0.02 * 2.0 * batch / sigma2, "{curvature:?}");
            }
        }
    }
}
