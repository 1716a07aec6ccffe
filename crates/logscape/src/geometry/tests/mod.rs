//! A tanh network of several outputs against explicit matrices made of its residuals and Jacobian rows.

mod few;
mod structure;

use super::decoupling::{along, directional_noise};
use super::jacobians::{output_grams, sample_jacobians};
use super::leverage::Leverage;
use crate::Stop;
use crate::geometry::{SpectrumConfig, spectrum};
use crate::network::{Activation, Initialisation, LayerWord, Network, OutputLoss};
use crate::operator::dense::{eigen, to_dense};
use crate::operator::full::{losses, noise_trace, residuals};
use crate::operator::{End, Hessian, LanczosConfig, Matrix, NoiseCovariance, dot, extreme_eigenpairs, recomputed};
use crate::problem::Mlp;
use crate::{Problem, Samples};
use faer::Mat;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const C: usize = 3;
const N: usize = 512 + 70;

/// A 4-5-6-3 network with random data and parameters.
fn network() -> (Mlp, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut normals = |count: usize| -> Vec<f64> { (0..count).map(|_| StandardNormal.sample(&mut rng)).collect() };
    let (inputs, targets) = (normals(4 * N), normals(C * N));
    let problem = Mlp::new(&[4, 5, 6, C], Activation::Tanh, inputs, targets).unwrap();
    let theta = problem.init(Initialisation::Glorot, &mut ChaCha8Rng::seed_from_u64(12));
    (problem, theta)
}

/// The rows of `J_μ` (`c × P`), by one-sample reverse passes.
fn jacobian(problem: &Mlp, theta: &[f64], sample: usize) -> Vec<Vec<f64>> {
    let mut scratch = vec![0.0; problem.scratch_len(1)];
    let row = |k: usize| {
        let mut row = vec![0.0; problem.dim()];
        let unit: Vec<f64> = (0..C).map(|i| f64::from(u8::from(i == k))).collect();
        problem.vjp_into(theta, &unit, Samples::Range(sample..sample + 1), &mut row, &mut scratch);
        row
    };
    (0..C).map(row).collect()
}

#[test]
fn noise_and_curvature_equal_the_explicit_matrices() {
    let (problem, theta) = network();
    let p = problem.dim();
    let errors = residuals(&problem, &theta);
    let (mut second, mut mean) = (Mat::<f64>::zeros(p, p), vec![0.0; p]);
    let (mut norms, mut gauss_newton_trace) = (Vec::new(), 0.0);
    for m in 0..N {
        let rows = jacobian(&problem, &theta, m);
        let gradient: Vec<f64> = (0..p).map(|j| (0..C).map(|k| errors[m * C + k] * rows[k][j]).sum()).collect();
        for j in 0..p {
            mean[j] += gradient[j] / N as f64;
            (0..p).for_each(|i| second[(i, j)] += gradient[i] * gradient[j] / N as f64);
        }
        let gram = Mat::from_fn(C, C, |i, j| dot(&rows[i], &rows[j]));
        norms.push(eigen(gram.as_ref()).unwrap().0[0]);
        gauss_newton_trace += (0..C).map(|k| gram[(k, k)]).sum::<f64>() / N as f64;
    }
    let covariance = Mat::from_fn(p, p, |i, j| second[(i, j)] - mean[i] * mean[j]);
    let operator = to_dense(&NoiseCovariance::new(&problem, &theta), &Stop::new()).unwrap();
    assert!((&operator - &covariance).norm_max() < 1e-12 * covariance.norm_max());
    let trace: f64 = (0..p).map(|i| covariance[(i, i)]).sum();
    assert!((noise_trace(&problem, &theta) / trace - 1.0).abs() < 1e-12);

    let found = spectrum(&problem, &theta, &SpectrumConfig::default(), &Stop::new(), &|_| {}).unwrap();
    let vectors = &found.vectors[..6];
    let around = recomputed(&problem, &theta);
    let losses = losses(&problem, &theta);
    let along = along(&*around, vectors, &Stop::new()).unwrap();
    let noise = directional_noise(&losses, &along, &Leverage::none(N), (20, 1), &Stop::new()).unwrap();
    for (i, v) in vectors.iter().enumerate() {
        let along: f64 = (0..p).map(|a| (0..p).map(|b| v[a] * covariance[(a, b)] * v[b]).sum::<f64>()).sum();
        assert!((noise.directions[i].noise.value / along - 1.0).abs() < 1e-11);
        // The mean of the samples' own curvatures is the eigenvalue of the whole Hessian.
        assert!((noise.directions[i].curvature / found.values[i] - 1.0).abs() < 1e-10);
    }

    let (trace, quantiles) =
        sample_jacobians(&problem, &theta, output_grams(&problem, &theta, &Stop::new()).unwrap()).unwrap();
    assert!((trace / gauss_newton_trace - 1.0).abs() < 1e-12);
    norms.sort_by(f64::total_cmp);
    for (quantile, level) in quantiles.iter().zip([0.5, 0.9, 0.99, 1.0]) {
        let expected = norms[(level * (N - 1) as f64).ceil() as usize];
        assert!((quantile / expected - 1.0).abs() < 1e-11, "{level}");
    }
}

#[test]
fn sample_curvature_is_that_of_the_gauss_newton_matrix_for_every_loss() {
    const FEW: usize = 9;
    let layers: Vec<LayerWord> = serde_json::from_str(r#"[{"linear": 4}, "silu", {"linear": 3}]"#).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    let mut normals = |count: usize| -> Vec<f64> { (0..count).map(|_| StandardNormal.sample(&mut rng)).collect() };
    let inputs = normals(2 * FEW);
    let targets: Vec<f64> = (0..FEW).flat_map(|k| (0..C).map(move |i| f64::from(u8::from(k % C == i)))).collect();
    for loss in OutputLoss::ALL {
        let problem = Network::new(&[2], &layers, loss, inputs.clone(), targets.clone()).unwrap();
        let theta = normals(problem.dim());
        let (p, mut scratch) = (problem.dim(), vec![0.0; problem.scratch_len(1)]);
        let (mut trace, mut largest) = (0.0, Vec::new());
        for m in 0..FEW {
            let mut matrix = Mat::<f64>::zeros(p, p);
            for j in 0..p {
                let unit: Vec<f64> = (0..p).map(|i| f64::from(u8::from(i == j))).collect();
                let mut image = vec![0.0; p];
                problem.gauss_newton_vp_into(&theta, &unit, Samples::Range(m..m + 1), &mut image, &mut scratch);
                (0..p).for_each(|i| matrix[(i, j)] = image[i]);
            }
            trace += (0..p).map(|i| matrix[(i, i)]).sum::<f64>() / FEW as f64;
            largest.push(eigen(matrix.as_ref()).unwrap().0[0]);
        }
        largest.sort_by(f64::total_cmp);
        let found = sample_jacobians(&problem, &theta, output_grams(&problem, &theta, &Stop::new()).unwrap()).unwrap();
        assert!((found.0 / trace - 1.0).abs() < 1e-11, "{loss:?}");
        assert!(
            (found.1[0] / largest[4] - 1.0).abs() < 1e-10 && (found.1[3] / largest[8] - 1.0).abs() < 1e-10,
            "{loss:?}"
        );
    }
}

#[test]
fn curvatures_of_single_samples_equal_their_hessian_products() {
    let (problem, theta) = network();
    let p = problem.dim();
    let v: Vec<f64> = (0..p).map(|i| (i as f64).cos()).collect();
    let mut scratch = vec![0.0; problem.scratch_len(9)];
    let (mut found, mut image) = (vec![0.0; 9], vec![0.0; p]);
    problem.sample_curvatures_into(&theta, &v, Samples::Range(3..12), &mut found, &mut scratch);
    for (found, m) in found.iter().zip(3..) {
        problem.hvp_into(&theta, &v, Samples::Range(m..m + 1), &mut image, &mut scratch);
        let expected = dot(&v, &image);
        assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{found} {expected}");
    }
}

#[test]
fn lanczos_agrees_with_the_dense_spectrum_of_a_network() {
    let (problem, theta) = network();
    let hessian = Hessian::new(&problem, &theta);
    let (dense, _) = eigen(to_dense(&hessian, &Stop::new()).unwrap().as_ref()).unwrap();
    let config = LanczosConfig { upper: End::new(8, 1e-8), block: 3, ..LanczosConfig::default() };
    let pairs = extreme_eigenpairs(&hessian, &config, &Stop::new(), |_| {}).unwrap().upper;
    for k in 0..8 {
        assert!(pairs.converged[k] && (pairs.values[k] - dense[k]).abs() < 1e-10 * dense[0], "{k}");
    }
}
