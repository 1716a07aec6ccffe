//! Tests of minimum action paths against gradient systems, linear ones, known instantons, and closed forms of the chain.

mod chain;
mod prefactor;

use super::nodes::middles;
use super::*;
use crate::Interrupted;
use crate::Stop;
use crate::operator::{dot, norm};
use faer::Mat;

/// Eleven points from `from` to `to`, bent by `bend` along the second axis.
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

fn identity(_: &[f64]) -> Mat<f64> {
    Mat::identity(2, 2)
}

/// Maier and Stein's drift `(u − u³ − βuv², −(1 + u²)v)`, of `dθ = b dt + √ε dW`.
fn maier_stein(beta: f64) -> impl Fn(&[f64]) -> Vec<f64> + Sync + Copy {
    move |x| vec![x[0] - x[0].powi(3) - beta * x[0] * x[1] * x[1], -(1.0 + x[0] * x[0]) * x[1]]
}

fn quasi_potential(hamiltonian: &dyn Hamiltonian, first: &[Vec<f64>], segments: usize) -> MinimumAction {
    let config = MinimumActionConfig { segments, ..MinimumActionConfig::default() };
    minimum_action(hamiltonian, first, &config, &Stop::new()).unwrap()
}

#[test]
fn below_the_critical_beta_maier_stein_climbs_the_axis() {
    // Maier, Stein 1993: V(0, 0) = ½ for β < 4, as 2ΔU, ΔU = ¼ along the axis, where the drift is a gradient (for β = 1 it is one
    // everywhere).
    for beta in [1.0, 3.0] {
        let hamiltonian = Diffusion::new(2, maier_stein(beta), identity);
        let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.3), 40);
        assert!((found.action - 0.5).abs() < 1e-4, "{beta}: {} {}", found.action, found.error);
        assert!(found.path.nodes.iter().all(|x| x[1].abs() < 5e-3), "{beta}: {:?}", found.path.nodes);
        // Segments of a fortieth leave an error of order h² = 6·10⁻⁴, of which half the grid has four times.
        assert!(found.error > 1e-4 && found.error < 2e-3, "{beta}: {}", found.error);
    }
}

#[test]
fn above_the_critical_beta_maier_stein_leaves_the_axis() {
    let hamiltonian = Diffusion::new(2, maier_stein(5.0), identity);
    let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.3), 40);
    let bend = |found: &MinimumAction| found.path.nodes.iter().map(|x| x[1].abs()).fold(0.0, f64::max);
    assert!(found.action < 0.49 && bend(&found) > 0.1, "{} {}", found.action, bend(&found));
    // Without a bend to begin with the path stays on the axis, where it is stationary though no minimum.
    let axis = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.0), 40);
    assert!((axis.action - 0.5).abs() < 1e-4 && bend(&axis) == 0.0, "{}", axis.action);
}

/// `(action, distance of the nearest pass by the saddle)` of the orbit of Hamilton's equations that leaves `(−1, 0)` at `angle`.
fn shoot(beta: f64, angle: f64) -> (f64, f64) {
    let flow = |z: [f64; 4]| {
        let [u, v, p, q] = z;
        [
            u - u.powi(3) - beta * u * v * v + p,
            -(1.0 + u * u) * v + q,
            -p * (1.0 - 3.0 * u * u - beta * v * v) + 2.0 * q * u * v,
            2.0 * p * beta * u * v + q * (1.0 + u * u),
        ]
    };
    // The linear part at the minimum is −2, so V ≈ 2r² there and p = 4 × the displacement.
    let r = 1e-3;
    let mut z = [-1.0 + r * angle.cos(), r * angle.sin(), 4.0 * r * angle.cos(), 4.0 * r * angle.sin()];
    let (mut action, mut best) = (2.0 * r * r, (f64::INFINITY, 0.0));
    let dt = 1e-3;
    for _ in 0..15_000 {
        let add = |k: [f64; 4], h: f64| std::array::from_fn(|i| z[i] + h * k[i]);
        let k1 = flow(z);
        let k2 = flow(add(k1, 0.5 * dt));
        let k3 = flow(add(k2, 0.5 * dt));
        let k4 = flow(add(k3, dt));
        let next: [f64; 4] = std::array::from_fn(|i| z[i] + dt / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]));
        action += 0.5 * ((z[2] + next[2]) * (next[0] - z[0]) + (z[3] + next[3]) * (next[1] - z[1]));
        z = next;
        let distance = z[0].hypot(z[1]);
        if distance < best.0 {
            best = (distance, action);
        }
        if distance > 1.5 {
            break;
        }
    }
    (best.1, best.0)
}

#[test]
fn maier_stein_at_ten_has_the_action_of_hamiltons_orbit() {
    // Heymann, Vanden-Eijnden 2008 show this instanton; the action that is quoted for it is 0.34.
    let hamiltonian = Diffusion::new(2, maier_stein(10.0), identity);
    let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, 0.0], 0.3), 80);
    assert!((found.action - 0.34).abs() < 5e-3, "{}", found.action);
    // Independent: of the orbits that leave the minimum off the axis and arrive at the saddle, the one of least action. The
    // angles are found where the distance to the saddle dips.
    let scan = |low: f64, width: f64, count: i32| -> Vec<(f64, (f64, f64))> {
        (0..=count).map(|k| low + width * f64::from(k)).map(|angle| (angle, shoot(10.0, angle))).collect()
    };
    let near = |w: &&[(f64, (f64, f64))]| w[1].1.1 < w[0].1.1.min(w[2].1.1);
    let coarse = scan(1.0, 0.004, 125);
    let arrivals = coarse.windows(3).filter(near).map(|dip| dip[1].0).map(|mut centre| {
        let (mut width, mut pass) = (0.004, (f64::INFINITY, f64::INFINITY));
        for _ in 0..7 {
            width /= 10.0;
            let shots = scan(centre - 10.0 * width, width, 20);
            (centre, pass) = *shots.iter().min_by(|a, b| a.1.1.total_cmp(&b.1.1)).unwrap();
        }
        pass
    });
    let (action, distance) = arrivals.filter(|pass| pass.1 < 1e-2).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
    // V is flat at the saddle up to second order in the distance that is left.
    let slack = found.error + 10.0 * distance * distance;
    assert!((found.action - action).abs() < slack, "{} {} {action} {distance}", found.action, found.error);
    // In other axes it is the same, up to the tolerance.
    let (s, c) = 0.7_f64.sin_cos();
    let turn = move |x: &[f64]| vec![c * x[0] - s * x[1], s * x[0] + c * x[1]];
    let back = move |x: &[f64]| vec![c * x[0] + s * x[1], c * x[1] - s * x[0]];
    let turned = Diffusion::new(2, move |x: &[f64]| turn(&maier_stein(10.0)(&back(x))), identity);
    let first: Vec<Vec<f64>> = line(&[-1.0, 0.0], &[0.0, 0.0], 0.3).iter().map(|x| turn(x)).collect();
    let again = quasi_potential(&turned, &first, 80);
    assert!((again.action - found.action).abs() < 1e-6, "{} {}", again.action, found.action);
}

#[test]
fn a_gradient_system_climbs_its_minimum_energy_path() {
    // U = ¼(x² − 1)² + (y − κ(x² − 1))², minimum (−1, 0), saddle (0, −κ), ΔU = ¼. Noise σ² gives V = 2ΔU/σ².
    let (kappa, variance) = (0.8, 0.5);
    let slope = move |x: &[f64]| {
        let (fall, off) = (x[0] * x[0] - 1.0, x[1] - kappa * (x[0] * x[0] - 1.0));
        vec![x[0] * fall - 4.0 * kappa * x[0] * off, 2.0 * off]
    };
    let hamiltonian = Diffusion::new(
        2,
        move |x: &[f64]| slope(x).iter().map(|g| -g).collect(),
        move |_: &[f64]| Mat::from_fn(2, 2, |i, j| if i == j { variance } else { 0.0 }),
    );
    let found = quasi_potential(&hamiltonian, &line(&[-1.0, 0.0], &[0.0, -kappa], 0.0), 80);
    assert!((found.action - 0.5 / variance).abs() < found.error, "{} {}", found.action, found.error);
    // The path runs against the drift, and p = 2∇U/σ². Segments of 0.017 turn by that much at most.
    for ((w, p), x) in found.path.nodes.windows(2).zip(&found.path.momenta).zip(middles(&found.path.nodes)) {
        let (g, v) = (slope(&x), [w[1][0] - w[0][0], w[1][1] - w[0][1]]);
        assert!(dot(&g, &v) > 0.999 * norm(&g) * norm(&v), "{x:?}");
        let miss = norm(&[p[0] - 2.0 * g[0] / variance, p[1] - 2.0 * g[1] / variance]);
        assert!(miss < 0.05 * norm(p) + 1e-3, "{x:?} {miss}");
    }
}

#[test]
fn noise_on_the_velocity_alone_reaches_the_top() {
    // Kramers' equation x' = v, v' = −γv + x − x³ with variance 2γ of v: V is the energy, ¼ at the top, for every γ. Below
    // γ = 2√2 the minimum is a focus.
    for friction in [3.0, 6.0] {
        let drift = move |x: &[f64]| vec![x[1], -friction * x[1] + x[0] - x[0].powi(3)];
        let noise = move |_: &[f64]| Mat::from_fn(2, 2, |i, j| if i == 1 && j == 1 { 2.0 * friction } else { 0.0 });
        let found = quasi_potential(&Diffusion::new(2, drift, noise), &line(&[-1.0, 0.0], &[0.0, 0.0], 0.1), 120);
        assert!((found.action - 0.25).abs() < found.error, "{friction}: {} {}", found.action, found.error);
        assert!(found.error < 1e-3 && found.floor_share < 1e-5, "{} {}", found.error, found.floor_share);
    }
}

#[test]
fn a_linear_drift_has_its_lyapunov_potential() {
    // θ' = −Aθ, a = S: V = ½ θᵀ Q⁻¹ θ with AQ + QAᵀ = S. The second drift turns about the origin for ever.
    let noise = [[0.5, 0.2], [0.2, 0.3]];
    for (a, errors) in [([[1.0, -0.3], [0.8, 2.0]], 1.0), ([[1.0, -0.9], [1.4, 0.6]], 3.0)] {
        // Q by iterating its flow, a contraction.
        let mut q = [[0.0_f64; 2]; 2];
        for _ in 0..20_000 {
            let flow =
                |i: usize, j: usize| noise[i][j] - (0..2).map(|k| a[i][k] * q[k][j] + q[i][k] * a[j][k]).sum::<f64>();
            let change = [[flow(0, 0), flow(0, 1)], [flow(1, 0), flow(1, 1)]];
            (0..2).for_each(|i| (0..2).for_each(|j| q[i][j] += 0.01 * change[i][j]));
        }
        let end = [0.7_f64, -0.4];
        let square = q[1][1] * end[0] * end[0] - 2.0 * q[0][1] * end[0] * end[1] + q[0][0] * end[1] * end[1];
        let exact = 0.5 * square / (q[0][0] * q[1][1] - q[0][1] * q[1][0]);
        let hamiltonian = Diffusion::new(
            2,
            move |x: &[f64]| a.iter().map(|row| -row[0] * x[0] - row[1] * x[1]).collect(),
            move |_: &[f64]| Mat::from_fn(2, 2, |i, j| noise[i][j]),
        );
        let found = quasi_potential(&hamiltonian, &line(&[0.0, 0.0], &end, 0.0), 80);
        let error = (found.action - exact).abs();
        assert!(error < errors * found.error && found.error < 1e-3 * exact, "{error} {} {exact}", found.error);
    }
}

/// With the drift `−θ` and unit noise `V = ‖θ‖²`. A floor `f` scales the action by `1/(1 + f)`; with its share put back,
/// `f/(1 + f)` of that, it is off by `f²` to leading order. The integrand is linear, so that middles of segments are exact.
#[test]
fn what_the_floor_takes_is_put_back() {
    let hamiltonian = Diffusion::new(2, |x: &[f64]| vec![-x[0], -x[1]], identity);
    let config = MinimumActionConfig { noise_floor: 0.005, ..MinimumActionConfig::default() };
    let found = minimum_action(&hamiltonian, &line(&[0.0, 0.0], &[0.6, 0.8], 0.0), &config, &Stop::new()).unwrap();
    assert!((found.action - 1.0).abs() < 2.0 * 0.005_f64.powi(2), "{}", found.action);
    assert!((found.floor_share / 0.005 - 1.0).abs() < 0.02, "{}", found.floor_share);
}

#[test]
fn the_floor_of_a_bent_valley_is_no_fixed_point() {
    // Drift −∇U, U = ½(x − y²)² + ½ h y²: nodes stand a little beside the floor, on either side, where the stiff part of the
    // drift outweighs the soft one and changes its sign. V = 2U.
    let soft = 0.003;
    let drift = move |x: &[f64]| {
        let beside = x[0] - x[1] * x[1];
        vec![-beside, 2.0 * x[1] * beside - soft * x[1]]
    };
    let found = quasi_potential(&Diffusion::new(2, drift, identity), &line(&[0.0, 0.0], &[1.0, 1.0], 0.1), 80);
    assert!((found.action - soft).abs() < found.error.max(1e-3 * soft), "{} {}", found.action, found.error);
}

#[test]
fn a_slow_stretch_is_no_fixed_point() {
    // Drift −x(1 − x)((x − ½)² + s): with s = 0.002 a hundred times slower in the middle, with s = 0 at rest there.
    let drift =
        |s: f64| move |x: &[f64]| vec![-x[0] * (1.0 - x[0]) * ((x[0] - 0.5).powi(2) + s), -(1.0 + x[0] * x[0]) * x[1]];
    let first = line(&[0.0, 0.0], &[1.0, 0.0], 0.1);
    let slow = quasi_potential(&Diffusion::new(2, drift(0.002), identity), &first, 80);
    // 2∫ x(1 − x)((x − ½)² + s) dx = 2(1/120 + s/6).
    assert!((slow.action - (1.0 / 60.0 + 0.002 / 3.0)).abs() < slow.error, "{} {}", slow.action, slow.error);
    let config = MinimumActionConfig::default();
    let resting = minimum_action(&Diffusion::new(2, drift(0.0), identity), &first, &config, &Stop::new());
    assert!(matches!(resting, Err(MinimumActionError::FixedPoint { .. })), "{resting:?}");
}

#[test]
fn unusable_input_is_refused() {
    use MinimumActionError as E;
    let never = Stop::new();
    let hamiltonian = Diffusion::new(2, maier_stein(1.0), identity);
    let config = MinimumActionConfig::default();
    let axis = line(&[-1.0, 0.0], &[0.0, 0.0], 0.0);
    let over = minimum_action(&hamiltonian, &line(&[-1.0, 0.0], &[0.9, 0.0], 0.0), &config, &never);
    assert!(matches!(over, Err(E::FixedPoint { .. })), "{over:?}");
    let single = minimum_action(&hamiltonian, &[vec![0.0, 0.0]], &config, &never);
    assert!(matches!(single, Err(E::Setting(_))));
    let odd = MinimumActionConfig { segments: 9, ..config };
    assert!(matches!(minimum_action(&hamiltonian, &axis, &odd, &never), Err(E::Setting(_))));
    let silent = Diffusion::new(2, maier_stein(1.0), |_: &[f64]| Mat::zeros(2, 2));
    assert_eq!(minimum_action(&silent, &axis, &config, &never), Err(E::NoNoise));
    let broken = Diffusion::new(2, |_: &[f64]| vec![f64::NAN; 2], identity);
    assert!(matches!(minimum_action(&broken, &axis, &config, &never), Err(E::NoRoot { .. })));
    let hasty = MinimumActionConfig { max_steps: 1, ..config };
    let bent = line(&[-1.0, 0.0], &[0.0, 0.0], 0.3);
    let early = minimum_action(&Diffusion::new(2, maier_stein(10.0), identity), &bent, &hasty, &never);
    assert!(matches!(early, Err(E::NotConverged { .. })), "{early:?}");
    let stopped = minimum_action(&hamiltonian, &bent, &config, &Stop::when(|| true));
    assert_eq!(stopped, Err(E::Interrupted(Interrupted)));
}
