//! Tests of the finite volumes against quadrature, closed forms and symmetries.

use super::*;
use crate::Stop;
use crate::data::synthetic::{Sinusoid as Wave, sinusoid};
use crate::landscape::{MinimumConfig, find_minimum};
use crate::model::NoiseModel;
use crate::problem::{LinearRegression, Sinusoid};
use crate::reference::first_passage::{ln_mean_exit_time, ln_mean_radial_exit_time};
use crate::{Problem, Samples, Sampling, SgdSettings};
use Side::{Absorbing, Reflecting};

fn axis(lower: f64, upper: f64, cells: usize, side: Side) -> Axis {
    Axis { lower, upper, cells, sides: [side; 2] }
}

/// Order of convergence of three errors at cells of sizes 4, 2 and 1.
fn order(errors: [f64; 3]) -> f64 {
    (errors[0] / errors[2]).abs().log2() / 2.0
}

/// `a = −x + ½ cos 3x`, `D = T (1 + ½ x²)`.
fn uneven(temperature: f64) -> impl Fn(f64) -> (f64, f64) + Sync {
    move |x| (-x + 0.5 * (3.0 * x).cos(), temperature * (1.0 + 0.5 * x * x))
}

fn quadrature(coefficients: impl Fn(f64) -> (f64, f64), [l, x, r]: [f64; 3]) -> f64 {
    let nodes: Vec<f64> = (0..=4000).map(|i| axis(l, r, 4000, Absorbing).node(i)).collect();
    let (a, d): (Vec<f64>, Vec<f64>) = nodes.iter().map(|x| coefficients(*x)).unzip();
    ln_mean_exit_time(&nodes, &a, &d, [l, x, r]).unwrap()
}

#[test]
fn passage_times_converge_to_quadrature_in_second_order() {
    let exact = quadrature(uneven(0.2), [-1.5, 0.3, 1.8]);
    let error = |cells| {
        let equation = FokkerPlanck::line(axis(-1.5, 1.8, cells, Absorbing), uneven(0.2)).unwrap();
        let time = equation.mean_passage_time(&|_| false).unwrap();
        equation.value_at(&time, &[0.3]).ln() - exact
    };
    // The start is a node of each grid.
    let errors = [110, 220, 440].map(error);
    assert!((order(errors) - 2.0).abs() < 0.1, "{errors:?}");
    assert!(error(1100).abs() < 1e-4, "{}", error(1100));
}

#[test]
fn rare_passages_keep_their_relative_accuracy() {
    // Times beyond 10^50; a linear solve with subtractions has nothing left beyond 10^16.
    for temperature in [0.03, 0.012, 0.004] {
        let exact = quadrature(uneven(temperature), [-1.5, 0.3, 1.8]);
        let errors = [550, 1100, 2200].map(|cells| {
            let equation = FokkerPlanck::line(axis(-1.5, 1.8, cells, Absorbing), uneven(temperature)).unwrap();
            let time = equation.mean_passage_time(&|_| false).unwrap();
            equation.value_at(&time, &[0.3]).ln() - exact
        });
        assert!((order(errors) - 2.0).abs() < 0.15, "{exact} {errors:?}");
        assert!(errors[2].abs() < 1e-3, "{errors:?}");
        // From deep in the basin the quasi-stationary rate is the inverse of the mean time.
        let equation = FokkerPlanck::line(axis(-1.5, 1.8, 1100, Absorbing), uneven(temperature)).unwrap();
        let time = equation.mean_passage_time(&|_| false).unwrap();
        let decay = equation.quasi_stationary(&|_| false).unwrap();
        let product = decay.rate * equation.value_at(&time, &[0.3]);
        // Starts at the bottom differ from the law itself by times of order 1 in e^{exact}.
        assert!((product - 1.0).abs() < 1e-10 + 20.0 * (-exact).exp(), "{exact} {product}");
    }
    assert!(quadrature(uneven(0.004), [-1.5, 0.3, 1.8]) > 50.0 * std::f64::consts::LN_10);
}

#[test]
fn reflecting_sides_and_slow_decay_have_their_closed_forms() {
    // Free diffusion, D = ½, reflecting at 0 and absorbing at 1: T(x) = 1 − x², rate π²/8, density (π/2) cos(πx/2).
    let equation =
        FokkerPlanck::line(Axis { sides: [Reflecting, Absorbing], ..axis(0.0, 1.0, 50, Absorbing) }, |_| (0.0, 0.5))
            .unwrap();
    let time = equation.mean_passage_time(&|_| false).unwrap();
    assert!((0..=50).all(|n| (time[n] - 1.0 + (n as f64 / 50.0).powi(2)).abs() < 1e-12));
    let decay = equation.quasi_stationary(&|_| false).unwrap();
    let half = std::f64::consts::FRAC_PI_2;
    // Of the grid: 2D/h² (1 − cos(πh/2)).
    assert!((decay.rate - 2500.0 * (1.0 - (half / 50.0).cos())).abs() < 1e-10, "{}", decay.rate);
    let exact = |n: usize| half * (half * n as f64 / 50.0).cos();
    assert!((0..=50).all(|n| (decay.density[n] - exact(n)).abs() < 3e-4), "{decay:?}");
}

#[test]
fn committor_is_the_scale_function() {
    let equation = FokkerPlanck::line(axis(-2.0, 2.0, 800, Reflecting), uneven(0.1)).unwrap();
    let committor = equation.committor(&|x| x[0] < -1.199, &|x| x[0] > 1.299).unwrap();
    // S = ∫ e^{−ψ}, ψ = ∫ a/D, by midpoints on a fine grid.
    let cells = 200_000;
    let step = 2.5 / f64::from(cells);
    let (mut psi, mut scale) = (0.0, vec![0.0]);
    for k in 0..cells {
        let (a, d) = uneven(0.1)(-1.2 + (f64::from(k) + 0.5) * step);
        psi += 0.5 * step * a / d;
        scale.push(scale[k as usize] + step * f64::exp(-psi));
        psi += 0.5 * step * a / d;
    }
    for x in [-1.0_f64, -0.2, 0.5, 1.1, 1.25] {
        let exact = scale[((x + 1.2) / step).round() as usize] / scale[cells as usize];
        let found = equation.value_at(&committor, &[x]);
        assert!((found / exact - 1.0).abs() < 1e-3, "{x} {found} {exact}");
    }
    assert_eq!((committor[0], committor[800]), (0.0, 1.0));
}

/// An Ornstein–Uhlenbeck process that turns, with correlated noise: `θ' = −Aθ + √(2D) ξ`.
const TURN: [[f64; 2]; 2] = [[1.0, -0.7], [1.2, 0.8]];
const TENSOR: [[f64; 2]; 2] = [[0.3, 0.12], [0.12, 0.2]];

fn turning(x: [f64; 2]) -> ([f64; 2], [[f64; 2]; 2]) {
    (TURN.map(|row| -row[0] * x[0] - row[1] * x[1]), TENSOR)
}

/// Second moments of a density, `(xx, xy, yy)`.
fn moments(equation: &FokkerPlanck, density: &[f64]) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for (n, p) in density.iter().enumerate() {
        let x = equation.position(n);
        let mass = p * equation.volumes()[n];
        sums[0] += mass * x[0] * x[0];
        sums[1] += mass * x[0] * x[1];
        sums[2] += mass * x[1] * x[1];
    }
    sums
}

#[test]
fn stationary_covariance_of_a_turning_process_solves_lyapunov() {
    // A S + S Aᵀ = 2D for S = (xx, xy, yy), by Cramer's rule.
    let [[a, b], [c, d]] = TURN;
    let rows = [[2.0 * a, 2.0 * b, 0.0], [c, a + d, b], [0.0, 2.0 * c, 2.0 * d]];
    let right = [2.0 * TENSOR[0][0], 2.0 * TENSOR[0][1], 2.0 * TENSOR[1][1]];
    let det = |m: [[f64; 3]; 3]| {
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    };
    let exact = [0, 1, 2].map(|k| {
        let mut replaced = rows;
        (0..3).for_each(|i| replaced[i][k] = right[i]);
        det(replaced) / det(rows)
    });
    let errors = [28, 56, 112].map(|cells| {
        // Five standard deviations in every direction.
        let axes = [axis(-3.2, 3.2, cells, Reflecting), axis(-3.0, 3.0, cells, Reflecting)];
        let equation = FokkerPlanck::rectangle(axes, turning).unwrap();
        let found = moments(&equation, &equation.stationary().unwrap());
        [0, 1, 2].map(|k| found[k] - exact[k])
    });
    for k in 0..3 {
        let component = errors.map(|e| e[k]);
        assert!((order(component) - 2.0).abs() < 0.3, "{errors:?}");
        assert!(component[2].abs() < 3e-3, "{errors:?}");
    }
}

#[test]
fn log_landscape_has_its_student_law() {
    // dθ = −∇L dt + √(2TL) dW, L = L* + ½r², n = 2: p = (φ−1) L*^{φ−1}/2π L^{−φ}, φ = 1 + 1/T (h* = 1), up to the tail cut.
    let (temperature, rest) = (0.125, 0.1);
    let phi = 1.0 + 1.0 / temperature;
    let loss = |x: [f64; 2]| rest + 0.5 * (x[0] * x[0] + x[1] * x[1]);
    let exact = |x: [f64; 2]| (phi - 1.0) * f64::powf(rest, phi - 1.0) / std::f64::consts::TAU * loss(x).powf(-phi);
    let errors = [40, 80, 160].map(|cells| {
        let axes = [axis(-3.0, 3.0, cells, Reflecting), axis(-3.0, 3.0, cells, Reflecting)];
        let equation = FokkerPlanck::rectangle(axes, |x| {
            let d = temperature * loss(x);
            (x.map(|v| -v), [[d, 0.0], [0.0, d]])
        })
        .unwrap();
        let density = equation.stationary().unwrap();
        equation.value_at(&density, &[0.6, -0.3]) / exact([0.6, -0.3]) - 1.0
    });
    // Detailed balance holds, so the law is exact up to Simpson's rule and the normaliser; both are better than second order.
    assert!(order(errors) > 1.9, "{errors:?}");
    assert!(errors[2].abs() < 1e-3, "{errors:?}");
}

#[test]
fn mass_is_conserved_to_rounding() {
    let axes = [axis(-2.0, 2.5, 30, Reflecting), axis(-2.0, 2.0, 26, Reflecting)];
    let equation = FokkerPlanck::rectangle(axes, turning).unwrap();
    let density: Vec<f64> = (0..31 * 27).map(|n| 1.0 + (f64::from(n) * 0.7).sin()).collect();
    let flow: Vec<f64> = equation.change(&density).iter().zip(equation.volumes()).map(|(c, v)| c * v).collect();
    let size: f64 = flow.iter().map(|f| f.abs()).sum();
    assert!(flow.iter().sum::<f64>().abs() < 1e-14 * size);
    let stationary = equation.stationary().unwrap();
    assert!(stationary.iter().all(|p| *p > 0.0));
    let rest: f64 = equation.change(&stationary).iter().zip(equation.volumes()).map(|(c, v)| (c * v).abs()).sum();
    assert!(rest < 1e-11 * size, "{rest} {size}");
}

#[test]
fn a_separable_rectangle_decays_with_the_sum_of_the_rates() {
    let (left, right) = (axis(-1.5, 1.8, 66, Absorbing), axis(-1.0, 1.2, 44, Absorbing));
    let single = [left, right]
        .map(|axis| FokkerPlanck::line(axis, uneven(0.2)).unwrap().quasi_stationary(&|_| false).unwrap().rate);
    let equation = FokkerPlanck::rectangle([left, right], |x| {
        let [(a, c), (b, d)] = x.map(uneven(0.2));
        ([a, b], [[c, 0.0], [0.0, d]])
    })
    .unwrap();
    let decay = equation.quasi_stationary(&|_| false).unwrap();
    assert!((decay.rate / (single[0] + single[1]) - 1.0).abs() < 1e-9, "{} {single:?}", decay.rate);
    let mass: f64 = decay.density.iter().zip(equation.volumes()).map(|(p, v)| p * v).sum();
    assert!((mass - 1.0).abs() < 1e-12);
}

#[test]
fn correlated_noise_in_a_channel_is_the_line() {
    // The first coordinate alone is a diffusion, whatever the second does between its reflecting sides, if nothing is
    // reflected along D n: so the second must be reflected without moving the first, which correlation forbids. Against it
    // a wide channel, whose sides are never met.
    let line = FokkerPlanck::line(axis(-1.0, 1.2, 44, Absorbing), |x| (-x, 0.3)).unwrap();
    let expected = line.value_at(&line.mean_passage_time(&|_| false).unwrap(), &[0.0]);
    let axes = [axis(-1.0, 1.2, 44, Absorbing), axis(-3.2, 3.2, 128, Reflecting)];
    let channel = FokkerPlanck::rectangle(axes, |x| ([-x[0], -2.0 * x[1]], TENSOR)).unwrap();
    let found = channel.value_at(&channel.mean_passage_time(&|_| false).unwrap(), &[0.0, 0.0]);
    assert!((found / expected - 1.0).abs() < 2e-3, "{found} {expected}");
}

#[test]
fn a_disc_is_left_in_the_radial_time() {
    let temperature = 0.15;
    let exact = ln_mean_radial_exit_time(2, 1.0, 1.0, &|_| temperature).unwrap().exp();
    let error = |cells| {
        let side = axis(-1.0, 1.0, cells, Absorbing);
        let equation =
            FokkerPlanck::rectangle([side, side], |x| (x.map(|v| -v), [[temperature, 0.0], [0.0, temperature]]))
                .unwrap();
        let time = equation.mean_passage_time(&|x| x[0] * x[0] + x[1] * x[1] >= 1.0).unwrap();
        equation.value_at(&time, &[0.0, 0.0]) / exact - 1.0
    };
    // Stairs within a cell of the circle: an error of about h h_*/D·r times a share of a cell, falling in first order.
    let errors = [error(50), error(100), error(200)];
    assert!(errors[0].abs() > 1.5 * errors[1].abs() && errors[1].abs() > 1.5 * errors[2].abs(), "{errors:?}");
    assert!(errors[2].abs() < 0.1, "{errors:?}");
}

#[test]
fn sgd_of_a_problem_agrees_with_quadrature_of_its_path() {
    let wave = Wave { samples: 60, from: 0.0, to: 3.0, frequency: 3.0, noise: 0.3 };
    let data = sinusoid(&wave, 7).unwrap().data;
    let problem = Sinusoid::new(data.inputs, data.targets, false).unwrap();
    let sgd = SgdSettings { learning_rate: 0.1, batch_size: 4, sampling: Sampling::WithoutReplacement };
    let minimum = find_minimum(&problem, &[3.0], &MinimumConfig::default(), &Stop::new()).unwrap().theta;
    let (l, r) = (minimum[0] - 0.4, minimum[0] + 0.4);
    for model in [NoiseModel::Frozen, NoiseModel::Decoupled, NoiseModel::Measured] {
        let axis = axis(l, r, 400, Absorbing);
        let equation = FokkerPlanck::of_sgd(&problem, &minimum, &[axis], model, sgd).unwrap();
        let time = equation.value_at(&equation.mean_passage_time(&|_| false).unwrap(), &minimum);
        let (rest, _, at_rest) = sgd::measure(&problem, &minimum);
        let exact = quadrature(
            |x| {
                let (loss, gradient, noise) = sgd::measure(&problem, &[x]);
                let c = match model {
                    NoiseModel::Frozen => at_rest[0][0],
                    NoiseModel::Decoupled => at_rest[0][0] * loss / rest,
                    NoiseModel::Measured => noise[0][0],
                };
                (-gradient[0], 0.05 * c / sgd.effective_batch_size(60))
            },
            [l, minimum[0], r],
        );
        assert!((time.ln() - exact).abs() < 1e-2, "{model:?} {} {exact}", time.ln());
    }
    // Two parameters and unequal, correlated features: the stationary covariance of frozen noise solves Lyapunov's equation,
    // HS + SH = ηC/B.
    let inputs: Vec<f64> =
        (0..40).flat_map(|i| [f64::from(i).sin(), 0.4 * f64::from(i).sin() + f64::from(3 * i).cos()]).collect();
    let targets: Vec<f64> = (0..40).map(|i| 0.5 * (1.3 * f64::from(i * i)).sin()).collect();
    let problem = LinearRegression::new(inputs, targets, 2).unwrap();
    let minimum = find_minimum(&problem, &[0.0, 0.0], &MinimumConfig::default(), &Stop::new()).unwrap().theta;
    let (_, _, c) = sgd::measure(&problem, &minimum);
    let h = [[1.0, 0.0], [0.0, 1.0]].map(|e| {
        let mut image = [0.0; 2];
        problem.hvp_into(&minimum, &e, Samples::Range(0..40), &mut image, &mut []);
        image
    });
    let around = |k: usize| axis(minimum[k] - 1.1, minimum[k] + 1.1, 80, Reflecting);
    let sgd = SgdSettings { learning_rate: 0.4, batch_size: 2, sampling: Sampling::WithReplacement };
    let equation = FokkerPlanck::of_sgd(&problem, &minimum, &[around(0), around(1)], NoiseModel::Frozen, sgd).unwrap();
    let mut density = equation.stationary().unwrap();
    density.iter_mut().zip(equation.volumes()).for_each(|(p, v)| *p *= v);
    let mut s = [[0.0; 2]; 2];
    for (n, mass) in density.iter().enumerate() {
        let x = equation.position(n);
        for i in 0..2 {
            (0..2).for_each(|j| s[i][j] += mass * (x[i] - minimum[i]) * (x[j] - minimum[j]));
        }
    }
    for i in 0..2 {
        for j in 0..2 {
            let left: f64 = (0..2).map(|k| h[i][k] * s[k][j] + s[i][k] * h[k][j]).sum();
            assert!((left - 0.2 * c[i][j]).abs() < 0.02 * 0.2 * c[0][0], "{i} {j} {left} {c:?}");
        }
    }
}

#[test]
fn unusable_input_is_refused() {
    use FokkerPlanckError as E;
    let side = axis(0.0, 1.0, 10, Reflecting);
    assert_eq!(FokkerPlanck::line(Axis { cells: 1, ..side }, |_| (0.0, 1.0)).unwrap_err(), E::BadAxis);
    assert!(matches!(FokkerPlanck::line(side, |_| (f64::NAN, 1.0)), Err(E::NotFinite { .. })));
    assert!(matches!(FokkerPlanck::line(side, |x| (0.0, x - 0.5)), Err(E::NoDiffusion { .. })));
    let tensor = |d: [[f64; 2]; 2]| FokkerPlanck::rectangle([side, side], move |_| ([0.0; 2], d)).map(|_| ());
    assert!(matches!(tensor([[1.0, 1.0], [1.0, 1.0]]), Err(E::NoDiffusion { .. })));
    assert!(matches!(tensor([[1.0, 0.5], [0.0, 1.0]]), Err(E::NoDiffusion { .. })));
    assert_eq!(
        tensor([[4.0, 1.5], [1.5, 1.0]]).unwrap_err(),
        E::CellShape { position: vec![0.0, 0.0], found: 1.0, wanted: 2.0 }
    );
    let long = Axis { cells: 1000, ..side };
    assert!(matches!(FokkerPlanck::rectangle([long, long], |_| ([0.0; 2], TENSOR)), Err(E::TooFine { .. })));
    let closed = FokkerPlanck::line(side, |_| (0.0, 1.0)).unwrap();
    assert!(matches!(closed.mean_passage_time(&|_| false), Err(E::Unreachable { .. })));
    assert_eq!(closed.mean_passage_time(&|_| true), Err(E::NoNodes));
    let open = FokkerPlanck::line(axis(0.0, 1.0, 10, Absorbing), |_| (0.0, 1.0)).unwrap();
    assert_eq!(open.stationary(), Err(E::Absorbing));
    // e^{1000} seconds.
    let deep = FokkerPlanck::line(axis(-1.0, 1.0, 400, Absorbing), |x| (-x, 5e-4)).unwrap();
    assert!(matches!(deep.mean_passage_time(&|_| false), Err(E::Unreachable { .. })));
}
