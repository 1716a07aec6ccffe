//! Saddles against closed forms, scans of the line, and symmetry.

use super::certify::certify;
use super::local::{LocalModel, distance, sum};
use super::search::checked_minimum;
use super::*;
use crate::Stop;
use crate::landscape::ways_out::{ln_transverse_ratio, ways_out};
use crate::landscape::{MinimumConfig, between, find_minimum};
use crate::network::Activation;
use crate::operator::full::loss_and_gradient;
use crate::operator::norm;
use crate::operator::testing::Linear;
use crate::operator::{Hessian, apply, dot};
use crate::problem::{MatrixFactorisation, Mlp, NetworkModel, PhaseRetrieval, Sinusoid};
use crate::{Barrier, Samples};
use crate::{Minimum, Problem};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The zeros of `f` where it turns from positive to negative, by scan and bisection.
fn falls(f: impl Fn(f64) -> f64, [from, to]: [f64; 2], step: f64) -> Vec<f64> {
    let count = ((to - from) / step) as usize;
    let grid: Vec<f64> = (0..=count).map(|k| from + step * k as f64).collect();
    grid.windows(2)
        .filter(|pair| f(pair[0]) > 0.0 && f(pair[1]) <= 0.0)
        .map(|pair| {
            let (mut low, mut high) = (pair[0], pair[1]);
            for _ in 0..200 {
                let middle = 0.5 * (low + high);
                if f(middle) > 0.0 { low = middle } else { high = middle }
            }
            0.5 * (low + high)
        })
        .collect()
}

fn normals(count: usize, seed: u64) -> Vec<f64> {
    StandardNormal.sample_iter(ChaCha8Rng::seed_from_u64(seed)).take(count).collect()
}

fn minimum_from(problem: &dyn Problem, start: &[f64]) -> Minimum {
    let found = find_minimum(problem, start, &MinimumConfig::default(), &Stop::new()).unwrap();
    assert!(found.converged, "{found:?}");
    found
}

/// `f = θ₂ sin(θ₁x)` on noisy `sin(3x)`.
pub(super) fn waves() -> (Sinusoid, Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (0..120).map(|k| f64::from(k) / 40.0).collect();
    let y: Vec<f64> = x.iter().zip(normals(120, 4)).map(|(x, noise)| (3.0 * x).sin() + 0.3 * noise).collect();
    (Sinusoid::new(x.clone(), y.clone(), true).unwrap(), x, y)
}

#[test]
fn sinusoid_with_amplitude_has_its_saddles_where_the_data_are_orthogonal_to_the_wave() {
    // At the best amplitude the loss is ½⟨y²⟩ − ⟨ys⟩²/2⟨s²⟩, s = sin(θ₁x): index-1 saddles are its maxima, ⟨ys⟩ = θ₂ = 0.
    let (problem, x, y) = waves();
    let overlap = |w: f64| x.iter().zip(&y).map(|(x, y)| y * (w * x).sin()).sum::<f64>();
    let minimum = minimum_from(&problem, &[3.0, 1.0]);
    let w = minimum.theta[0];
    let left = falls(|s| overlap(-s), [-w, -0.1], 0.01).into_iter().map(|s| -s).fold(f64::NAN, f64::max);
    let right = falls(overlap, [w, 9.0], 0.01)[0];
    let found = find_saddles(&problem, &minimum, &SaddleConfig::default(), &Stop::new()).unwrap();
    let height = y.iter().map(|y| 0.5 * y * y).sum::<f64>() / 120.0;
    for expected in [left, right] {
        assert!(
            found.saddles.iter().any(|saddle| {
                (saddle.theta[0] - expected).abs() < 1e-7
                    && saddle.theta[1].abs() < 1e-7
                    && (saddle.loss - height).abs() < 1e-12
            }),
            "{expected}"
        );
    }
    for saddle in &found.saddles {
        assert!(saddle.gradient_norm < 1e-10 && saddle.eigenvalue < 0.0 && saddle.certificate.negative == 1);
        assert!(overlap(saddle.theta[0]).abs() < 1e-6);
    }
}

#[test]
fn phase_retrieval_has_its_saddles_where_the_best_radius_is_worst() {
    // For θ = r(cos α, sin α) the best r² is ⟨a²y⟩/⟨a⁴⟩, a = x·θ/r, and leaves ½⟨y²⟩ − ⟨a²y⟩²/2⟨a⁴⟩.
    let (x, noise) = (normals(160, 8), normals(80, 9));
    let y: Vec<f64> = x.chunks(2).zip(&noise).map(|(x, noise)| x[0].powi(2) + 0.2 * noise).collect();
    let problem = PhaseRetrieval::new(x.clone(), y.clone(), 2).unwrap();
    let moments = |angle: f64| {
        let (s, c) = angle.sin_cos();
        let squares = x.chunks(2).map(|x| (c * x[0] + s * x[1]).powi(2));
        squares.zip(&y).fold((0.0, 0.0), |(a, b), (q, y)| (a + q * y, b + q * q))
    };
    let best = |angle: f64| -moments(angle).0.powi(2) / moments(angle).1;
    let slope = |angle: f64| (best(angle + 1e-5) - best(angle - 1e-5)) / 2e-5;
    let tops = falls(slope, [-0.5, -0.5 + std::f64::consts::TAU], 1e-3);
    let minimum = minimum_from(&problem, &[1.0, 0.1]);
    let found = find_saddles(&problem, &minimum, &SaddleConfig::default(), &Stop::new()).unwrap();
    assert_eq!((tops.len(), found.saddles.len()), (2, 2));
    for top in tops {
        let (a, b) = moments(top);
        let radius = (a / b).sqrt();
        let expected = [radius * top.cos(), radius * top.sin()];
        // The scan's slope is a difference over 2e-5, good to about 1e-9 in the angle.
        assert!(found.saddles.iter().any(|saddle| distance(&saddle.theta, &expected) < 1e-6), "{expected:?}");
    }
    for saddle in &found.saddles {
        let sum: Vec<f64> = sum(&saddle.other_minimum, &minimum.theta);
        assert!(norm(&sum) < 1e-6, "{sum:?}");
    }
}

#[test]
fn matrix_factorisation_has_its_saddles_at_the_other_singular_vectors() {
    // Rank 1, Y = diag(σ₁, σ₂) on three rows: index 1 is the pair of σ₂, with L = σ₁²/2N; the origin has index 2.
    let singular = [2.0, 1.2];
    let entries: Vec<(usize, usize, f64)> =
        (0..6).map(|k| (k / 2, k % 2, if k / 2 == k % 2 { singular[k % 2] } else { 0.0 })).collect();
    let problem = MatrixFactorisation::new(3, 2, 1, &entries).unwrap();
    let minimum = minimum_from(&problem, &[1.0, 0.1, 0.2, 1.3, -0.1]);
    assert!((minimum.loss - singular[1].powi(2) / 12.0).abs() < 1e-12);
    let found = find_saddles(&problem, &minimum, &SaddleConfig::default(), &Stop::new()).unwrap();
    assert!(!found.saddles.is_empty());
    for saddle in &found.saddles {
        assert!((saddle.loss - singular[0].powi(2) / 12.0).abs() < 1e-12, "{saddle:?}");
        assert_eq!((saddle.certificate.negative, saddle.certificate.flat), (1, 1));
        assert!((saddle.other_loss - minimum.loss).abs() < 1e-10);
    }
}

#[test]
fn a_basin_without_saddles_says_what_was_tried() {
    let problem = Linear::gaussian(3, 60, 0.5, 7);
    let minimum = minimum_from(&problem, &[1.0; 3]);
    let config = SaddleConfig { searches: 2, directions: 1, ..SaddleConfig::default() };
    let found = find_saddles(&problem, &minimum, &config, &Stop::new()).unwrap();
    assert!(found.saddles.is_empty());
    assert_eq!(found.attempts.len(), 6);
    assert!(found.attempts.iter().all(|attempt| attempt.end == AttemptEnd::OutOfRange), "{found:?}");
    assert!(found.summary().contains("6 × out of range"), "{}", found.summary());
    let bad = SaddleConfig { step: 0.0, ..config };
    assert!(matches!(find_saddles(&problem, &minimum, &bad, &Stop::new()), Err(SaddleError::Setting(_))));
    let top = Minimum { theta: vec![0.0; 2], ..minimum };
    assert!(matches!(find_saddles(&problem, &top, &config, &Stop::new()), Err(SaddleError::Length { .. })));
}

/// A perceptron 1-2-1 on a curve that two tanh units fit in part.
pub(super) fn perceptron() -> (Mlp, Minimum) {
    let inputs: Vec<f64> = (0..60).map(|k| f64::from(k) / 15.0 - 2.0).collect();
    let noise = normals(60, 12);
    let targets = inputs.iter().zip(noise).map(|(x, z)| (1.5 * x - 0.5).tanh() - (2.0 * x + 2.0).tanh() + 0.1 * z);
    let problem = Mlp::new(&[1, 2, 1], Activation::Tanh, inputs.clone(), targets.collect()).unwrap();
    // Near the curve's own parameters, which decides on one of the minima that exchanged units and turned signs make alike.
    let minimum = minimum_from(&problem, &[1.5, 2.0, -0.5, 2.0, 1.0, -1.0, 0.0]);
    (problem, minimum)
}

/// The perceptron's parameters with its two hidden units exchanged.
fn exchanged(theta: &[f64]) -> Vec<f64> {
    [1, 0, 3, 2, 5, 4, 6].map(|k| theta[k]).to_vec()
}

#[test]
fn steps_in_the_krylov_space_find_the_saddles_of_the_whole_basis() {
    let (problem, minimum) = perceptron();
    let config = SaddleConfig { searches: 8, ..SaddleConfig::default() };
    let whole = find_saddles(&problem, &minimum, &config, &Stop::new()).unwrap();
    let partial = SaddleConfig { dense_up_to: 0, krylov: 6, determinant_up_to: 0, ..config };
    let found = find_saddles(&problem, &minimum, &partial, &Stop::new()).unwrap();
    // A unit without weight on the output leaves a network of one unit, and where that is at rest so is the whole
    // (Fukumizu, Amari 2000): the loss of these saddles is that of the smaller network's minimum.
    let [inputs, targets] = problem.data();
    let smaller = Mlp::new(&[1, 1, 1], Activation::Tanh, inputs.to_vec(), targets.to_vec()).unwrap();
    let one_unit = minimum_from(&smaller, &[-3.0, 2.0, -0.5, -0.5]);
    assert!(!found.saddles.is_empty(), "{}", found.summary());
    for saddle in found.saddles.iter().chain(&whole.saddles[..1]) {
        assert!((saddle.loss / one_unit.loss - 1.0).abs() < 1e-9, "{} {}", saddle.loss, one_unit.loss);
        assert!(saddle.certificate.flat > 0 && saddle.gradient_norm < 1e-8);
    }
    assert!(whole.saddles[0].certificate.complete && !found.saddles[0].certificate.complete);
}

#[test]
fn a_far_side_that_does_not_arrive_goes_on_downhill() {
    let (problem, _, _) = waves();
    let minimum = minimum_from(&problem, &[3.0, 1.0]);
    let config = SaddleConfig::default();
    let saddle = find_saddles(&problem, &minimum, &config, &Stop::new()).unwrap().saddles.swap_remove(0);
    assert_eq!(saddle.certificate.far_side, FarSide::Minimum);
    let top = LocalModel::at(&problem, &saddle.theta, &[], config.model(), &Stop::new()).unwrap();
    let other = minimum_from(&problem, &saddle.other_minimum);
    // From one of the two minima, there are steps enough for its own side and not for the other.
    let mut sides = Vec::new();
    for (home, beyond) in [(&minimum, &other), (&other, &minimum)] {
        let bottom = checked_minimum(&problem, home, &config, &Stop::new()).unwrap();
        let certified = |settings: &SaddleConfig| certify(&problem, &bottom, &top, settings, &Stop::new()).unwrap();
        let few = |flow_steps| SaddleConfig { flow_steps, ..config };
        let found = (2..200).find_map(|steps| certified(&few(steps)).ok().map(|found| (steps, found)));
        let (steps, found) = found.unwrap();
        assert_eq!(certified(&few(steps - 1)), Err(AttemptEnd::FlowUnfinished));
        sides.push(found.certificate.far_side);
        assert!(distance(&found.other_minimum, &beyond.theta) < 1e-6 && found.certificate.distance < 1e-6);
        let outward: Vec<f64> =
            found.direction.iter().zip(&beyond.theta).zip(&saddle.theta).map(|((n, b), s)| n * (b - s)).collect();
        assert!(outward.iter().sum::<f64>() > 0.0);
        if found.certificate.far_side == FarSide::Descent {
            let range = 1.01 * distance(&saddle.theta, &home.theta);
            let found = certified(&SaddleConfig { range, ..few(steps) }).unwrap();
            assert_eq!(found.certificate.far_side, FarSide::OutOfRange);
            assert!(found.other_loss < saddle.loss && distance(&found.other_minimum, &home.theta) > range);
        }
    }
    assert!(sides.contains(&FarSide::Descent), "{sides:?}");
}

#[test]
fn exchanging_hidden_units_exchanges_saddles() {
    let (problem, minimum) = perceptron();
    let config = SaddleConfig { searches: 8, ..SaddleConfig::default() };
    let found = find_saddles(&problem, &minimum, &config, &Stop::new()).unwrap();
    assert!(!found.saddles.is_empty(), "{}", found.summary());
    let twin = Minimum { theta: exchanged(&minimum.theta), ..minimum.clone() };
    let bottom = checked_minimum(&problem, &twin, &config, &Stop::new()).unwrap();
    for saddle in &found.saddles {
        let top = LocalModel::at(&problem, &exchanged(&saddle.theta), &[], config.model(), &Stop::new()).unwrap();
        let image = certify(&problem, &bottom, &top, &config, &Stop::new()).unwrap().unwrap();
        assert!((image.loss / saddle.loss - 1.0).abs() < 1e-10);
        assert!((image.eigenvalue / saddle.eigenvalue - 1.0).abs() < 1e-6);
        assert!(distance(&image.direction, &exchanged(&saddle.direction)) < 1e-5);
        assert!(distance(&image.other_minimum, &exchanged(&saddle.other_minimum)) < 1e-4);
    }
}

#[test]
fn a_path_to_the_next_minimum_crosses_the_saddle_between() {
    let (problem, _, _) = waves();
    let minimum = minimum_from(&problem, &[3.0, 1.0]);
    let config = SaddleConfig::default();
    let around = find_saddles(&problem, &minimum, &config, &Stop::new()).unwrap();
    for saddle in &around.saddles {
        let found = between(&problem, &minimum, &saddle.other_minimum, &config, &Stop::new()).unwrap();
        assert_eq!(found.saddles.len(), 1, "{}", found.summary());
        assert!(distance(&found.saddles[0].theta, &saddle.theta) < 1e-8);
        assert!(distance(&found.saddles[0].direction, &saddle.direction) < 1e-6);
    }
    let itself = between(&problem, &minimum, &minimum.theta, &config, &Stop::new());
    assert_eq!(itself, Err(SaddleError::SameMinimum));
    assert!(between(&problem, &minimum, &[1.0], &config, &Stop::new()).is_err());
}

#[test]
fn ways_out_hold_the_determinants_the_noise_and_the_path() {
    let (problem, _, _) = waves();
    let minimum = minimum_from(&problem, &[3.0, 1.0]);
    let config = SaddleConfig::default();
    let found = find_saddles(&problem, &minimum, &config, &Stop::new()).unwrap();
    let barrier = ways_out(&problem, &minimum, &found.saddles, &config, &Stop::new()).unwrap();
    let Barrier::Saddles { ways_out, path: None } = barrier else { panic!("not saddles") };
    assert_eq!(ways_out.len(), 2);
    let hessian = |theta: &[f64]| {
        [[1.0, 0.0], [0.0, 1.0]].map(|unit| apply(&Hessian::new(&problem, theta), &unit, &Stop::new()).unwrap())
    };
    let determinant = |theta: &[f64]| hessian(theta)[0][0] * hessian(theta)[1][1] - hessian(theta)[0][1].powi(2);
    let gradients = |theta: &[f64], e: &[f64]| {
        let mut rows = vec![0.0; 240];
        problem.per_sample_gradients_into(theta, Samples::Range(0..120), &mut rows, &mut []);
        let slopes: Vec<f64> = rows.chunks(2).map(|g| dot(g, e)).collect();
        let mean = slopes.iter().sum::<f64>() / 120.0;
        slopes.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / 120.0
    };
    for way in &ways_out {
        // Langer: |h_e^s| √(det H*/|det H^s|).
        let langer = -way.curvature_saddle * (determinant(&minimum.theta) / -determinant(&way.theta)).sqrt();
        let formula = (way.curvature_minimum * -way.curvature_saddle).sqrt() * way.ln_transverse_ratio.unwrap().exp();
        assert!((formula / langer - 1.0).abs() < 1e-9, "{formula} {langer}");
        assert!((gradients(&minimum.theta, &way.direction_minimum) / way.noise_minimum - 1.0).abs() < 1e-10);
        assert!((gradients(&way.theta, &way.direction) / way.noise_saddle - 1.0).abs() < 1e-10);
        let path = way.path.as_ref().unwrap();
        let top = config.nodes - 1;
        assert_eq!((path.position.len(), way.points.len()), (2 * top + 1, 2 * top + 1));
        assert!(distance(&way.points[0], &minimum.theta) < 1e-6 && distance(&way.points[top], &way.theta) < 1e-12);
        assert!(
            (0..top).all(|k| path.loss[k] < path.loss[k + 1])
                && (top..2 * top).all(|k| path.loss[k] > path.loss[k + 1])
        );
        let steepest = path.gradient.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        for k in 1..2 * top {
            // On a minimum-energy path the gradient lies along it; the nodes' tangents are chords of a bent path.
            let gradient = loss_and_gradient(&problem, &way.points[k]).1;
            let across = (dot(&gradient, &gradient) - path.gradient[k].powi(2)).max(0.0).sqrt();
            assert!(across < 0.1 * steepest, "{k} {across} {steepest}");
            let mean = path.sample_slopes[k].iter().sum::<f64>() / 120.0;
            assert!((mean - path.gradient[k]).abs() < 1e-12);
        }
    }
    for way in &ways_out {
        let found = way.instanton.as_ref().unwrap().as_ref().unwrap();
        let last = found.points.len() - 1;
        assert!(distance(&found.points[0], &minimum.theta) < 1e-6 && distance(&found.points[last], &way.theta) < 1e-12);
        // 𝓗 = 0 all along, from the gradients themselves, and the sum of p·dθ, which lacks the extrapolation only.
        let mut sum = 0.0;
        for (p, pair) in found.momenta.iter().zip(found.points.windows(2)) {
            let middle: Vec<f64> = pair[0].iter().zip(&pair[1]).map(|(a, b)| f64::midpoint(*a, *b)).collect();
            let mut rows = vec![0.0; 240];
            problem.per_sample_gradients_into(&middle, Samples::Range(0..120), &mut rows, &mut []);
            let excess = rows.chunks(2).map(|g| (-dot(g, p)).exp_m1()).sum::<f64>() / 120.0;
            assert!(excess.abs() < 1e-6, "{excess}");
            sum += p.iter().zip(&pair[1]).zip(&pair[0]).map(|((p, b), a)| p * (b - a)).sum::<f64>();
        }
        assert!((sum - found.quasi_potential).abs() < found.error, "{sum} {found:?}");
        assert!(found.error < 5e-3 * found.quasi_potential, "{} {}", found.error, found.quasi_potential);
        let prefactor = found.prefactor.as_ref().unwrap();
        assert!(prefactor.ln_rate.is_finite() && prefactor.errors.iter().all(|e| e.is_finite()), "{prefactor:?}");
    }
    let small = SaddleConfig { instanton_up_to: 479, ..config };
    let Barrier::Saddles { ways_out: without, .. } =
        super::super::ways_out(&problem, &minimum, &found.saddles, &small, &Stop::new()).unwrap()
    else {
        panic!("not saddles")
    };
    assert!(without.iter().all(|way| way.instanton.is_none()));
    // A single-direction check of the formula with flat directions: σ = (2, 1.2), balanced, N = 6.
    let (a, b) = (2.0, 1.2);
    let (low, high) = ([2.0 * a, a + b, a, a - b, 0.0], [a + b, 2.0 * b, b, 0.0, b - a]);
    let ratio = ln_transverse_ratio(&low, a - b, &high).unwrap();
    let expected: f64 = 0.5 * (2.0 * a * (a + b) * a / ((a + b) * 2.0 * b * b)).ln();
    assert!((ratio - expected).abs() < 1e-14);
    assert_eq!(ln_transverse_ratio(&[], 1.0, &[]), None);
    assert_eq!(ln_transverse_ratio(&low[..4], a - b, &high[..3]), None);
}
