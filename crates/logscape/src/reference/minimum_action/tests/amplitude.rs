//! Tests of amplitudes against closed forms and other paths, and of whole rates against the Fokker–Planck equation.

use super::chain::{LabelNoise, cumulant, noisy_sinusoid};
use super::{identity, line, quasi_potential};
use crate::operator::dot;
use crate::reference::fokker_planck::{Axis, FokkerPlanck, Side};
use crate::reference::large_deviation::{Ends, ascend};
use crate::reference::minimum_action::{
    Amplitude, Diffusion, Hamiltonian, MinimumAction, SgdHamiltonian, amplitude,
};
use crate::Sampling;
use faer::Mat;
use std::f64::consts::PI;

/// The amplitude from a minimum where `∇²V` is diagonal.
fn along(hamiltonian: &dyn Hamiltonian, found: &MinimumAction, curvature: &[f64]) -> Amplitude {
    let n = curvature.len();
    let curvature = Mat::from_fn(n, n, |i, j| if i == j { curvature[i] } else { 0.0 });
    amplitude(hamiltonian, found, &curvature, &|| false).unwrap()
}

/// `U = ¼(x² − 1)² + (y − κ(x² − 1))²` with its minimum `(−1, 0)` and saddle `(0, −κ)`.
const KAPPA: f64 = 0.5;

fn slope(x: &[f64]) -> [f64; 2] {
    let (fall, off) = (x[0] * x[0] - 1.0, x[1] - KAPPA * (x[0] * x[0] - 1.0));
    [x[0] * fall - 4.0 * KAPPA * x[0] * off, 2.0 * off]
}

/// `∇²(2U)` at the minimum.
fn curvature() -> Mat<f64> {
    let bend = [[2.0 + 8.0 * KAPPA * KAPPA, 4.0 * KAPPA], [4.0 * KAPPA, 2.0]];
    Mat::from_fn(2, 2, |i, j| 2.0 * bend[i][j])
}

#[test]
fn constant_noise_on_a_gradient_keeps_the_amplitude_and_isotropic_noise_divides_it() {
    // −½ a ∇V and noise a(θ) have P ∝ e^{−V/ε}/a: no current. Here V = 2U.
    for steepness in [0.0, 0.7] {
        let noise = move |x: &[f64]| (steepness * (x[0] - 2.0 * x[1])).exp();
        let hamiltonian = Diffusion::new(
            2,
            move |x: &[f64]| slope(x).iter().map(|g| -noise(x) * g).collect(),
            move |x: &[f64]| Mat::from_fn(2, 2, |i, j| if i == j { noise(x) } else { 0.0 }),
        );
        let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, -KAPPA], 0.0), 160);
        let ratio = amplitude(&hamiltonian, &found, &curvature(), &|| false).unwrap();
        let exact = (noise(&[-1.0, 0.0]) / noise(&[0.0, -KAPPA])).ln();
        assert!((ratio.ln_ratio - exact).abs() < ratio.error, "{steepness}: {ratio:?} {exact}");
        assert!(ratio.error < 0.05, "{ratio:?}");
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
    let ratio = amplitude(&hamiltonian, &found, &curvature(), &|| false).unwrap();
    // Back in time from beside the saddle, where the linear part [[−1, −2f], [−f, 2]] has the eigenvalue 1/2 − √(9/4 + 2f²),
    // to the minimum, which attracts all orbits that run back.
    let f = turn(&[0.0, -KAPPA]);
    let back = 0.5 - (2.25 + 2.0 * f * f).sqrt();
    let (r, dt) = (1e-5, 1e-3);
    let mut x = vec![-r, -KAPPA + r * (1.0 + back) / (2.0 * f)];
    let mut exact = 0.0;
    for _ in 0..40_000 {
        let half: Vec<f64> = x.iter().zip(flow(&x, 1.0)).map(|(x, v)| x - 0.5 * dt * v).collect();
        exact -= dt * 0.8 * slope(&half)[0];
        x.iter_mut().zip(flow(&half, 1.0)).for_each(|(x, v)| *x -= dt * v);
    }
    assert!((x[0] + 1.0).hypot(x[1]) < 1e-6, "{x:?}");
    assert!((ratio.ln_ratio - exact).abs() < ratio.error && ratio.error < 0.1, "{ratio:?} {exact}");
}

/// Maier and Stein's drift with a restoring force `μ` times as strong across the axis.
fn restored(beta: f64, mu: f64) -> impl Fn(&[f64]) -> Vec<f64> + Sync + Copy {
    move |x| vec![x[0] - x[0].powi(3) - beta * x[0] * x[1] * x[1], -mu * (1.0 + x[0] * x[0]) * x[1]]
}

/// `ln C` at the saddle over that at the minimum, from the passages to `u = 0`: their rate is `(2/π) (C_s/C_*) e^{−V/ε}`, as
/// half of them fall back, `∇²V` is `(4, 4μ)` at the minimum, `(−2, 2μ)` at the saddle, and the drift rises by 1 from there.
/// With the change from the coarser grid.
fn ln_ratio_of_passages(beta: f64, mu: f64, noise: f64, action: f64) -> (f64, f64) {
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
    let (coarse, fine) = (rate(70), rate(140));
    let change = (fine - coarse) / 3.0;
    (fine + change + action / noise - (2.0 / PI).ln(), change.abs())
}

#[test]
fn maier_steins_rate_is_that_of_the_fokker_planck_equation() {
    for (beta, mu) in [(3.0, 1.0), (8.0, 2.0)] {
        let hamiltonian = Diffusion::new(2, restored(beta, mu), identity);
        let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.0), 160);
        let ratio = along(&hamiltonian, &found, &[4.0, 4.0 * mu]);
        // Corrections of first order in the noise are taken out; the change tells those of the second.
        let [a, b, c] = [0.04, 0.02, 0.01].map(|noise| ln_ratio_of_passages(beta, mu, noise, found.action));
        let (rough, limit) = (2.0 * b.0 - a.0, 2.0 * c.0 - b.0);
        let slack = (limit - rough).abs() + c.1 + ratio.error + found.error / 0.01;
        assert!((ratio.ln_ratio - limit).abs() < slack, "{beta}: {ratio:?} {limit} {slack}");
        assert!(slack < 0.05 && ratio.ln_ratio > 0.9, "{slack} {ratio:?}");
    }
}

#[test]
fn one_dimension_has_the_prefactor_of_the_quadrature() {
    let (problem, minimum, top, path) = noisy_sinusoid();
    let one_sample = |x: f64| {
        let law = cumulant(20, 1, Sampling::WithReplacement);
        SgdHamiltonian::new(&problem, law).at(&[x]).in_momentum(&[0.0]).2[(0, 0)]
    };
    let ends = |_: f64| Ends {
        curvature_minimum: 1.0,
        curvature_top: -1.0,
        noise_minimum: one_sample(minimum),
        noise_top: one_sample(top),
    };
    for batch in [1, 4] {
        let law = cumulant(20, batch, Sampling::WithReplacement);
        let exact = ascend(&path.position, &path.sample_slopes, minimum, true, &law, 0.1, &ends).unwrap();
        let hamiltonian = SgdHamiltonian::new(&problem, law);
        let found = quasi_potential(&hamiltonian, &[vec![minimum], vec![top]], 160);
        let h = -hamiltonian.at(&[minimum]).in_position(&[0.0]).1[(0, 0)];
        let ratio = along(&hamiltonian, &found, &[2.0 * h * batch as f64 / one_sample(minimum)]);
        let value = ratio.ln_ratio + ratio.ln_step_ratio;
        assert!((value - exact.ln_prefactor_ratio).abs() < ratio.error, "{batch}: {ratio:?} {exact:?}");
        assert!(ratio.error < 0.1 * value.abs() && ratio.ln_step_ratio.abs() > 0.1, "{batch}: {ratio:?}");
    }
}

#[test]
fn label_noise_on_unlimited_data_has_a_closed_amplitude() {
    // With V = B‖δ‖²/σ² and δ ∝ e^{Λt} the sum of the traces is −(δᵀΛδ tr Λ + δᵀΛ²δ)/σ², so that ln C is
    // (‖δ‖² tr Λ + δᵀΛδ)/2σ², and discrete time adds B δᵀΛδ/2σ².
    for variances in [vec![1.0, 0.4], vec![1.0, 0.8, 0.6, 0.5, 0.3]] {
        let end: Vec<f64> = (0..variances.len()).map(|i| [0.5, -0.4, 0.3, 0.2, -0.1][i]).collect();
        let (sigma2, batch) = (0.5, 3.0);
        let law = LabelNoise { variances: variances.clone(), sigma2, batch };
        let found = quasi_potential(&law, &[vec![0.0; end.len()], end.clone()], 160);
        let ratio = along(&law, &found, &vec![2.0 * batch / sigma2; end.len()]);
        let curved: f64 = end.iter().zip(&variances).map(|(d, l)| l * d * d).sum();
        let exact = (dot(&end, &end) * variances.iter().sum::<f64>() + curved) / (2.0 * sigma2);
        let steps = batch * curved / (2.0 * sigma2);
        assert!((ratio.ln_ratio - exact).abs() < ratio.error.max(1e-3), "{ratio:?} {exact}");
        assert!((ratio.ln_step_ratio - steps).abs() < ratio.error.max(1e-3), "{ratio:?} {steps}");
        assert!(ratio.error < 0.02 * exact, "{ratio:?} {exact}");
    }
}
