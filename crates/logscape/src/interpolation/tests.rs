//! Products of random matrices against sums over samples, transfer operators and moments that are exact, and simulated escapes
//! against the root.

use super::products::Products;
use super::*;
use crate::engine::Sgd;
use crate::ensemble::Region;
use crate::landscape::{MinimumConfig, find_minimum};
use crate::network::{Activation, Initialisation};
use crate::operator::full::loss;
use crate::operator::{axpy, dot, norm, scale};
use crate::problem::{LinearRegression, Mlp, Sinusoid};
use crate::random::{Purpose, stream};
use crate::{Precision, Problem, Samples, Sampling, Stop};
use rand::RngExt;
use rayon::prelude::*;
use std::f64::consts::PI;

fn sgd(learning_rate: f64, batch_size: usize) -> SgdSettings {
    SgdSettings { learning_rate, batch_size, sampling: Sampling::WithReplacement }
}

const CONFIG: InterpolationConfig = InterpolationConfig { groups: 16, clones: 512, steps: 128, seed: 7 };

/// The positive root of a convex function that vanishes at 0 and is negative beyond.
fn root_of(exponent: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (1e-3, 100.0);
    assert!(exponent(low) < 0.0 && exponent(high) > 0.0);
    for _ in 0..100 {
        let middle: f64 = 0.5 * (low + high);
        if exponent(middle) < 0.0 { low = middle } else { high = middle }
    }
    low
}

/// `y = sin 3x` without noise, `f = sin θx`: inputs on a grid of `[0, 3]`, and `h_μ = x² cos² 3x` at `θ = 3`.
fn sine() -> (Sinusoid, Vec<f64>) {
    let x: Vec<f64> = (0..200).map(|k| 3.0 * (f64::from(k) + 0.5) / 200.0).collect();
    let curvatures = x.iter().map(|x| (x * (3.0 * x).cos()).powi(2)).collect();
    (Sinusoid::new(x.clone(), x.iter().map(|x| (3.0 * x).sin()).collect(), false).unwrap(), curvatures)
}

/// Linear regression without noise on these inputs (`d` each), whose minimum is known.
fn line(inputs: &[f64], dim: usize) -> (LinearRegression, Vec<f64>) {
    let theta = vec![1.0; dim];
    let targets = inputs.chunks_exact(dim).map(|x| dot(x, &theta)).collect();
    (LinearRegression::new(inputs.to_vec(), targets, dim).unwrap(), theta)
}

fn near(found: f64, wanted: f64, tolerance: f64) {
    assert!((found / wanted - 1.0).abs() < tolerance, "{found}, not {wanted}");
}

#[test]
fn in_one_direction_all_numbers_are_sums_over_the_samples() {
    let (problem, curvatures) = sine();
    // The published numbers are for inputs drawn at random, within whose scatter those of a grid are.
    for (eta, [alpha, growth, lyapunov]) in [(0.6, [1.915, 1.02, -0.33]), (0.7, [1.248, 1.36, -0.32])] {
        let found = stability(&problem, &[3.0], &sgd(eta, 1), &CONFIG, &Stop::new()).unwrap();
        let mean = |f: &dyn Fn(f64) -> f64| curvatures.iter().map(|h| f(1.0 - eta * h)).sum::<f64>() / 200.0;
        let root = root_of(|alpha| mean(&|x| x.abs().powf(alpha)).ln());
        near(found.alpha.unwrap().value, root, 1e-9);
        near(found.mean_square_growth.value, mean(&|x| x * x), 1e-12);
        near(found.lyapunov.unwrap().value, mean(&|x| x.abs().ln()), 1e-9);
        near(root, alpha, 0.03);
        near(found.mean_square_growth.value, growth, 0.03);
        near(found.lyapunov.unwrap().value, lyapunov, 0.03);
    }
    let gentle = stability(&problem, &[3.0], &sgd(0.2, 1), &CONFIG, &Stop::new()).unwrap();
    assert!(gentle.alpha.is_none() && gentle.alpha_reason.unwrap().contains("no batch lengthens"));
    let wild = stability(&problem, &[3.0], &sgd(3.0, 1), &CONFIG, &Stop::new()).unwrap();
    assert!(wild.alpha.is_none() && wild.lyapunov.unwrap().value > 0.0);
    assert!(wild.alpha_reason.unwrap().contains("leaves for certain"));
}

/// `Λ(α)` of pairs drawn with replacement from `1 − ηh`, by all of them.
fn of_pairs(curvatures: &[f64], eta: f64, f: impl Fn(f64) -> f64) -> f64 {
    let pairs = curvatures.iter().flat_map(|a| curvatures.iter().map(move |b| 1.0 - 0.5 * eta * (a + b)));
    pairs.map(f).sum::<f64>() / (curvatures.len() * curvatures.len()) as f64
}

#[test]
fn intervals_cover_what_is_exact_as_often_as_they_say() {
    let x = [0.3, 1.1, 1.9, 0.7, 1.5, 2.1];
    let (problem, theta) = line(&x, 1);
    let curvatures = x.map(|x| x * x);
    let eta = 0.7;
    let exact = [
        of_pairs(&curvatures, eta, |x| x.abs().ln()),
        of_pairs(&curvatures, eta, |x| x * x),
        root_of(|alpha| of_pairs(&curvatures, eta, |x| x.abs().powf(alpha)).ln()),
    ];
    let config = InterpolationConfig { groups: 12, clones: 64, steps: 32, ..CONFIG };
    let covered: Vec<[u32; 3]> = (0..200)
        .into_par_iter()
        .map(|seed| {
            let config = InterpolationConfig { seed, ..config };
            let found = stability(&problem, &theta, &sgd(eta, 2), &config, &Stop::new()).unwrap();
            let products = Products::new(&problem, &theta, sgd(eta, 2), &Stop::new()).unwrap();
            let growth = moments::mean_square(&products, &config, &Stop::new()).unwrap();
            let found = [found.lyapunov.unwrap(), growth, found.alpha.unwrap()];
            [0, 1, 2].map(|k: usize| u32::from(found[k].covers(exact[k])))
        })
        .collect();
    let counts = [0, 1, 2].map(|k: usize| covered.iter().map(|covered| covered[k]).sum::<u32>());
    // Binomial(200, 0.95) lies in 181..=198 with probability 0.997.
    assert!(counts.iter().all(|count| (181..=198).contains(count)), "λ, growth, α: {counts:?} of 200 for {exact:?}");
}

/// Four inputs in the plane, as factors `I − η x xᵀ`.
const PLANE: [[f64; 2]; 4] = [[1.0, 0.4], [-0.5, 1.6], [1.3, -0.9], [0.2, 0.8]];

fn factor(x: [f64; 2], eta: f64, v: [f64; 2]) -> [f64; 2] {
    let along = eta * (x[0] * v[0] + x[1] * v[1]);
    [v[0] - along * x[0], v[1] - along * x[1]]
}

/// `Λ(α)` of the factors by the transfer operator `(Tf)(u) = E ‖Mu‖^α f(Mu/‖Mu‖)` on a grid of angles.
fn by_transfer_operator(eta: f64, alpha: f64) -> f64 {
    const GRID: usize = 600;
    let mut images = Vec::new();
    for k in 0..GRID {
        let angle = PI * k as f64 / GRID as f64;
        for x in PLANE {
            let [a, b] = factor(x, eta, [angle.cos(), angle.sin()]);
            let place = b.atan2(a).rem_euclid(PI) / PI * GRID as f64;
            images.push((a.hypot(b).powf(alpha) / PLANE.len() as f64, place));
        }
    }
    let mut f = vec![1.0; GRID];
    let mut growth = 0.0;
    for _ in 0..150 {
        let at = |place: f64, f: &[f64]| {
            let (low, part) = (place.floor() as usize, place.fract());
            f[low % GRID] * (1.0 - part) + f[(low + 1) % GRID] * part
        };
        let next: Vec<f64> =
            images.chunks_exact(PLANE.len()).map(|row| row.iter().map(|(w, place)| w * at(*place, &f)).sum()).collect();
        growth = next.iter().sum::<f64>() / f.iter().sum::<f64>();
        f = next.iter().map(|x| x / growth).collect();
    }
    growth.ln()
}

#[test]
fn in_the_plane_they_are_those_of_the_transfer_operator() {
    let (problem, theta) = line(PLANE.as_flattened(), 2);
    let eta = 0.85;
    let found = stability(&problem, &theta, &sgd(eta, 1), &CONFIG, &Stop::new()).unwrap();
    assert_eq!(found.directions, 2);
    let lyapunov = by_transfer_operator(eta, 1e-4) / 1e-4;
    let growth = by_transfer_operator(eta, 2.0).exp();
    let alpha = root_of(|alpha| by_transfer_operator(eta, alpha.min(20.0)));
    let within = |found: Estimate, wanted: f64| {
        // One in a hundred seeds is further off.
        let half = 0.5 * (found.ci95[1] - found.ci95[0]);
        assert!((found.value - wanted).abs() < 1.4 * half + 1e-3 * wanted.abs(), "{found:?}, not {wanted}");
        assert!(half < 0.05 * wanted.abs(), "{found:?} says little");
    };
    within(found.lyapunov.unwrap(), lyapunov);
    within(found.mean_square_growth, growth);
    within(found.alpha.unwrap(), alpha);
}

#[test]
fn no_number_depends_on_units_or_on_directions_in_which_nothing_acts() {
    let (problem, theta) = line(PLANE.as_flattened(), 2);
    let config = InterpolationConfig { clones: 64, steps: 64, ..CONFIG };
    let found = stability(&problem, &theta, &sgd(0.85, 1), &config, &Stop::new()).unwrap();
    // Inputs in other units, with the learning rate that undoes them, and two columns that add nothing.
    for unit in [1e-6, 1e3] {
        let inputs: Vec<f64> = PLANE.iter().flat_map(|x| [unit * x[0], 0.0, unit * x[1], unit * x[1]]).collect();
        // The two equal columns are one of √2 times their length: halve them.
        let inputs: Vec<f64> =
            inputs.chunks_exact(4).flat_map(|x| [x[0], 0.0, x[2] / 2.0_f64.sqrt(), x[3] / 2.0_f64.sqrt()]).collect();
        let (problem, theta) = line(&inputs, 4);
        let same = stability(&problem, &theta, &sgd(0.85 / (unit * unit), 1), &config, &Stop::new()).unwrap();
        assert_eq!(same.directions, 2);
        near(same.alpha.unwrap().value, found.alpha.unwrap().value, 1e-6);
        near(same.lyapunov.unwrap().value, found.lyapunov.unwrap().value, 1e-6);
        near(same.mean_square_growth.value, found.mean_square_growth.value, 1e-6);
    }
}

/// A network with more parameters than samples, at a minimum where it fits all of them.
fn network() -> (Mlp, Vec<f64>) {
    let inputs = vec![-0.9, -0.2, 0.5, 1.2];
    let targets = vec![0.4, -0.3, 0.6, -0.1];
    let network = Mlp::new(&[1, 6, 1], Activation::Tanh, inputs, targets).unwrap();
    let start = network.init(Initialisation::Lecun, &mut stream(3, Purpose::Start, 0));
    let minimum = find_minimum(&network, &start, &MinimumConfig::default(), &Stop::new()).unwrap();
    assert!(minimum.interpolating.is_some(), "{minimum:?}");
    (network, minimum.theta)
}

/// `E‖Π_k δ‖²` per step from second moments `S ← E[MSM]`, with the rows of the Jacobian in an orthonormal basis of their span.
fn growth_of_second_moments(rows: &[Vec<f64>], eta: f64) -> f64 {
    let r = rows[0].len();
    let trace = |s: &[Vec<f64>]| (0..r).map(|i| s[i][i]).sum::<f64>();
    let mut s: Vec<Vec<f64>> = (0..r).map(|i| (0..r).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let mut growth = 0.0;
    for _ in 0..20_000 {
        let mut next = vec![vec![0.0; r]; r];
        for x in rows {
            // M S M with M = I − η x xᵀ.
            let image: Vec<f64> = s.iter().map(|row| dot(row, x)).collect();
            let square = dot(&image, x);
            for i in 0..r {
                for j in 0..r {
                    let moved = s[i][j] - eta * (x[i] * image[j] + image[i] * x[j]) + eta * eta * square * x[i] * x[j];
                    next[i][j] += moved / rows.len() as f64;
                }
            }
        }
        // Rounding that is not symmetric would stay for ever.
        for i in 0..r {
            for j in 0..i {
                let mean = 0.5 * (next[i][j] + next[j][i]);
                (next[i][j], next[j][i]) = (mean, mean);
            }
        }
        growth = trace(&next) / trace(&s);
        let length = trace(&next);
        s = next;
        s.iter_mut().for_each(|row| scale(1.0 / length, row));
    }
    growth
}

#[test]
fn a_network_moves_in_the_range_of_its_jacobian_alone() {
    let (network, theta) = network();
    let mut jacobian = vec![vec![0.0; network.dim()]; 4];
    for (sample, row) in jacobian.iter_mut().enumerate() {
        let mut scratch = vec![0.0; network.scratch_len(1)];
        network.vjp_into(&theta, &[1.0], Samples::Range(sample..sample + 1), row, &mut scratch);
    }
    let largest = jacobian.iter().map(|x| dot(x, x)).fold(0.0, f64::max);
    // Of the order of 2/‖J_μ‖², so that some batches stretch.
    let eta = 2.2 / largest;
    let found = stability(&network, &theta, &sgd(eta, 1), &CONFIG, &Stop::new()).unwrap();
    assert_eq!(found.directions, 4, "as many as samples");
    let within = |found: Estimate, wanted: f64, tolerance: f64| {
        let half = 0.5 * (found.ci95[1] - found.ci95[0]);
        assert!((found.value - wanted).abs() < 1.4 * half + tolerance, "{found:?}, not {wanted}");
    };
    // An orthonormal basis of the range, and a long product there.
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for row in &jacobian {
        let mut v = row.clone();
        for _ in 0..2 {
            basis.iter().for_each(|q| axpy(-dot(&v, q), q, &mut v));
        }
        let length = norm(&v);
        scale(1.0 / length, &mut v);
        basis.push(v);
    }
    let rows: Vec<Vec<f64>> = jacobian.iter().map(|row| basis.iter().map(|q| dot(row, q)).collect()).collect();
    // The two largest exponents are close: after 32 steps the growth would be short of its limit by 2·10⁻³, after 512 by 10⁻⁶.
    within(found.mean_square_growth, growth_of_second_moments(&rows, eta), 1e-4);
    let mut rng = stream(5, Purpose::Check, 0);
    let mut v = basis.iter().fold(vec![0.0; network.dim()], |mut sum, q| {
        axpy(1.0, q, &mut sum);
        sum
    });
    let (mut sum, steps) = (0.0, 400_000);
    for step in 0..steps + 20_000 {
        let x = &jacobian[rng.random_range(0..4)];
        axpy(-eta * dot(x, &v), x, &mut v);
        let mut projected = vec![0.0; v.len()];
        basis.iter().for_each(|q| axpy(dot(&v, q), q, &mut projected));
        let length = norm(&projected);
        v = projected;
        scale(1.0 / length, &mut v);
        if step >= 20_000 {
            sum += length.ln();
        }
    }
    let naive = sum / f64::from(steps);
    within(found.lyapunov.unwrap(), naive, 0.02 * naive.abs());

    // The same without coordinates of the range, by the network's own products.
    let whole = |with_coordinates: bool| {
        let mut products = Products::new(&network, &theta, sgd(eta, 1), &Stop::new()).unwrap();
        if !with_coordinates {
            products.coordinates = None;
        }
        let config = InterpolationConfig { clones: 128, steps: 64, ..CONFIG };
        let growth = moments::mean_square(&products, &config, &Stop::new()).unwrap();
        (chains::lyapunov(&products, &config, &Stop::new()).unwrap().unwrap(), growth)
    };
    let ((lyapunov, growth), (same, same_growth)) = (whole(true), whole(false));
    let joint = |a: Estimate, b: Estimate| 1.4 * 0.5 * (a.ci95[1] - a.ci95[0]).hypot(b.ci95[1] - b.ci95[0]);
    assert!(
        (lyapunov.value - same.value).abs() < joint(lyapunov, same) + 0.05 * lyapunov.value.abs(),
        "{lyapunov:?} {same:?}"
    );
    assert!((growth.value - same_growth.value).abs() < joint(growth, same_growth) + 0.01, "{growth:?} {same_growth:?}");
}

#[test]
fn epochs_in_one_direction_have_the_growth_of_their_factors() {
    // One epoch applies every factor once, in any order: the product is the same, and Λ(α) = αλ has no other root.
    let x = [0.3, 1.1, 1.9, 0.7];
    let (problem, theta) = line(&x, 1);
    let eta = 0.8;
    let settings = SgdSettings { sampling: Sampling::EpochShuffle, ..sgd(eta, 1) };
    let found = stability(&problem, &theta, &settings, &CONFIG, &Stop::new()).unwrap();
    let exact = x.iter().map(|x| (1.0 - eta * x * x).abs().ln()).sum::<f64>() / 4.0;
    near(found.lyapunov.unwrap().value, exact, 1e-9);
    near(found.mean_square_growth.value, (2.0 * exact).exp(), 1e-9);
    assert!(exact < 0.0 && found.alpha.is_none() && found.alpha_reason.is_some());
}

#[test]
fn settings_that_make_no_product_are_refused() {
    let (problem, theta) = line(&[1.0, 2.0], 1);
    let run = |settings: SgdSettings, config: InterpolationConfig| {
        stability(&problem, &theta, &settings, &config, &Stop::new())
    };
    let without = SgdSettings { sampling: Sampling::WithoutReplacement, ..sgd(0.1, 3) };
    assert!(matches!(run(without, CONFIG), Err(InterpolationError::Setting(_))));
    assert!(matches!(
        run(sgd(0.1, 1), InterpolationConfig { groups: 1, ..CONFIG }),
        Err(InterpolationError::Setting(_))
    ));
    let (flat, theta) = line(&[0.0, 0.0], 1);
    let none = stability(&flat, &theta, &sgd(0.1, 1), &CONFIG, &Stop::new());
    assert_eq!(none, Err(InterpolationError::NoCurvature));
    let interrupted = stability(&problem, &[1.0], &sgd(0.1, 2), &CONFIG, &Stop::when(|| true));
    assert!(matches!(interrupted, Err(InterpolationError::Interrupted(_))));
}

#[test]
fn escapes_from_ever_lower_losses_follow_the_root() {
    let (problem, curvatures) = sine();
    let region = Region::interval(2.6, 3.4);
    // Slopes in the displacement, of which the loss is a square; the ranges are those of independent simulations.
    for (eta, range) in [(0.6, [1.8, 2.2]), (0.7, [1.2, 1.41])] {
        let dynamics = Sgd::on(&problem, sgd(eta, 1), Precision::Float64).unwrap();
        let starts: Vec<(f64, Starts)> = [0.1, 0.025, 0.00625]
            .into_iter()
            .map(|distance| {
                let start = loss(&problem, &[3.0 + distance]);
                let run = StartRun {
                    minimum: &[3.0],
                    region: &region,
                    loss: start,
                    collapse: 1e-4,
                    replicas: 20_000,
                    max_steps: 100_000,
                    seed: 3,
                };
                (start, run.run(&dynamics, &problem, &Stop::new()).unwrap())
            })
            .collect();
        assert!(starts.iter().all(|(_, starts)| starts.undecided == 0 && starts.replicas() == 20_000));
        let slope = log_slope(&starts).unwrap();
        let [low, high] = slope.ci95.map(|end| 2.0 * end);
        assert!(low < range[1] && high > range[0] && high - low < 0.4, "{slope:?} for η = {eta}");
        let root =
            root_of(|alpha| (curvatures.iter().map(|h| (1.0 - eta * h).abs().powf(alpha)).sum::<f64>() / 200.0).ln());
        assert!((2.0 * slope.value / root - 1.0).abs() < 0.12, "{slope:?}, root {root}");
    }
}

#[test]
fn shares_have_the_intervals_of_clopper_and_pearson() {
    // Tables of the binomial law: 3 of 10, 0 of 20.
    let three = share(3, 10).unwrap();
    near(three.ci95[0], 0.066_739, 1e-3);
    near(three.ci95[1], 0.652_453, 1e-3);
    let none = share(0, 20).unwrap();
    assert_eq!((none.value, none.ci95[0]), (0.0, 0.0));
    near(none.ci95[1], 1.0 - 0.025_f64.powf(1.0 / 20.0), 1e-6);
    assert_eq!(share(0, 0), None);
    let exact = |loss: f64, escaped: u64| (loss, Starts { escaped, collapsed: 100_000 - escaped, undecided: 0 });
    let slope = log_slope(&[exact(1.0, 10_000), exact(0.01, 100), exact(1e-6, 3)]).unwrap();
    near(slope.value, 1.0, 1e-9);
    assert!(log_slope(&[exact(1.0, 10_000), exact(1e-6, 3)]).is_none());
}

#[test]
fn starts_have_their_loss_and_lie_in_the_range() {
    let (network, theta) = network();
    let region = Region::LossLevel { loss: 1e-2, check_every: 1 };
    let dynamics = Sgd::on(&network, sgd(0.05, 1), Precision::Float64).unwrap();
    let run = StartRun {
        minimum: &theta,
        region: &region,
        loss: 1e-3,
        collapse: 0.5,
        replicas: 40,
        max_steps: 2_000,
        seed: 3,
    };
    let seen = run.run(&dynamics, &network, &Stop::new()).unwrap();
    assert_eq!((seen.replicas(), seen.escaped), (40, 0), "{seen:?}");
    assert!(seen.collapsed > 30, "{seen:?}");
    let outside = StartRun { loss: 2e-2, ..run.clone() }.run(&dynamics, &network, &Stop::new());
    assert_eq!(outside, Err(crate::ensemble::EnsembleError::StartOutside));
    let stopped = run.run(&dynamics, &network, &Stop::when(|| true));
    assert!(matches!(stopped, Err(crate::ensemble::EnsembleError::Interrupted(_))));
}

#[test]
fn growth_of_mean_squares_has_its_closed_form_however_close_the_exponents() {
    // Each input acts in one of two directions, whose growths differ by less than 10⁻⁴ per step; the mixed moment is below both.
    let inputs = [[1.0, 0.0], [1.1, 0.0], [0.0, 1.02], [0.0, 1.081]];
    let (problem, theta) = line(&inputs.concat(), 2);
    let n = 4.0;
    let moments = [0, 1].map(|i| {
        let power = |k: i32| inputs.iter().map(|x| x[i].powi(k)).sum::<f64>() / n;
        [power(2), power(4)]
    });
    for eta in [0.02, 1.5] {
        for (batch_size, sampling) in [
            (1, Sampling::WithReplacement),
            (3, Sampling::WithReplacement),
            (3, Sampling::WithoutReplacement),
            (4, Sampling::WithoutReplacement),
        ] {
            let b = batch_size as f64;
            let share = if sampling == Sampling::WithReplacement { 1.0 / b } else { (n - b) / (b * (n - 1.0)) };
            let of = |[h, square]: [f64; 2]| 1.0 - 2.0 * eta * h + eta * eta * (share * square + (1.0 - share) * h * h);
            let exact = moments.map(of);
            let sgd = SgdSettings { learning_rate: eta, batch_size, sampling };
            let found = stability(&problem, &theta, &sgd, &CONFIG, &Stop::new()).unwrap();
            near(found.mean_square_growth.value, exact[0].max(exact[1]), 1e-10);
            assert!(found.method.ends_with(growth::METHOD), "{}", found.method);
            assert!(eta > 1.0 || (exact[0] / exact[1] - 1.0).abs() < 1e-4, "{exact:?}");
        }
    }
}

/// The radius over all batches of two of three samples with two outputs, one by one, in all parameters.
#[test]
fn growth_of_mean_squares_is_the_radius_over_all_batches() {
    let network =
        Mlp::new(&[1, 4, 2], Activation::Tanh, vec![-0.9, 0.2, 1.1], vec![0.4, -0.3, 0.6, -0.1, 0.2, 0.5]).unwrap();
    let start = network.init(Initialisation::Lecun, &mut stream(3, Purpose::Start, 0));
    let minimum = find_minimum(&network, &start, &MinimumConfig::default(), &Stop::new()).unwrap();
    assert!(minimum.interpolating.is_some(), "{minimum:?}");
    let p = network.dim();
    let rows: Vec<Vec<f64>> = (0..6)
        .map(|k| {
            let (mut row, mut scratch) = (vec![0.0; p], vec![0.0; network.scratch_len(1)]);
            let cotangent = [[1.0, 0.0], [0.0, 1.0]][k % 2];
            network.vjp_into(&minimum.theta, &cotangent, Samples::Range(k / 2..k / 2 + 1), &mut row, &mut scratch);
            row
        })
        .collect();
    let largest =
        rows.chunks_exact(2).map(|pair| dot(&pair[0], &pair[0]) + dot(&pair[1], &pair[1])).fold(0.0, f64::max);
    // Large enough to grow: along the manifold of minima nothing does.
    let eta = 9.0 / largest;
    for sampling in [Sampling::WithReplacement, Sampling::WithoutReplacement] {
        let words = (0..9).map(|word| [word / 3, word % 3]);
        let words: Vec<_> = words.filter(|[a, b]| sampling == Sampling::WithReplacement || a != b).collect();
        let mut mean = faer::Mat::<f64>::zeros(p * p, p * p);
        for word in &words {
            let step = faer::Mat::from_fn(p, p, |i, j| {
                let hessian = word.iter().flat_map(|&k| &rows[2 * k..2 * k + 2]).map(|x| x[i] * x[j]).sum::<f64>();
                f64::from(u8::from(i == j)) - eta / 2.0 * hessian
            });
            mean += faer::Mat::from_fn(p * p, p * p, |a, b| step[(a / p, b / p)] * step[(a % p, b % p)]);
        }
        let exact = crate::operator::dense::eigen((mean / words.len() as f64).as_ref()).unwrap().0[0];
        assert!(exact > 1.05, "{exact} is no test");
        let sgd = SgdSettings { learning_rate: eta, batch_size: 2, sampling };
        let found = stability(&network, &minimum.theta, &sgd, &CONFIG, &Stop::new()).unwrap();
        near(found.mean_square_growth.value, exact, 1e-8);
    }
}
