//! Classes, the span of the noise and sharpness against explicit matrices and corners.

use super::*;
use crate::geometry::{GeometryConfig, measure};
use crate::landscape::{MinimumConfig, find_minimum};
use crate::model::{ClassParts, Geometry};
use crate::operator::full::loss;
use crate::operator::testing::Linear;
use crate::operator::{apply, norm};

const CLASSES: usize = 3;

/// A network that tells classes, and a point that is no minimum.
fn classifier(loss: OutputLoss, samples: usize) -> (Network, Vec<f64>) {
    let layers: Vec<LayerWord> = serde_json::from_str(r#"[{"linear": 4}, "tanh", {"linear": 3}]"#).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    let mut normals = |count: usize| -> Vec<f64> { (0..count).map(|_| StandardNormal.sample(&mut rng)).collect() };
    let inputs = normals(2 * samples);
    let class = |k: usize| (k * k + k / 5) % CLASSES;
    let targets = (0..samples).flat_map(|k| (0..CLASSES).map(move |i| f64::from(u8::from(i == class(k))))).collect();
    let network = Network::new(&[2], &layers, loss, inputs, targets).unwrap();
    let theta = normals(network.dim());
    (network, theta)
}

fn measured(problem: &dyn Problem, theta: &[f64]) -> Geometry {
    let minimum = crate::Minimum {
        theta: theta.to_vec(),
        loss: loss(problem, theta),
        gradient_norm: 0.0,
        converged: true,
        iterations: 0,
        method: String::new(),
        interpolating: None,
        running_away: None,
    };
    let config = GeometryConfig { resamples: 50, scaling_points: 3, ..GeometryConfig::default() };
    measure(problem, &minimum, &config, &Stop::new()).unwrap()
}

/// The parts of `Σ_j` of the squared `j`-th numbers of the vectors `g_μk` (`N × c` vectors), by their definition.
fn parts(vectors: &[Vec<f64>], weights: &[f64], class: &dyn Fn(usize) -> usize, samples: usize) -> ClassParts {
    let mean = |of: &dyn Fn(usize, usize) -> bool| {
        let members = (0..samples * CLASSES).filter(|i| of(i / CLASSES, i % CLASSES));
        let (mut sum, mut weight) = (vec![0.0; vectors[0].len()], 0.0);
        for i in members {
            sum.iter_mut().zip(&vectors[i]).for_each(|(sum, g)| *sum += weights[i] * g);
            weight += weights[i];
        }
        sum.iter_mut().for_each(|x| *x /= weight);
        (sum, weight)
    };
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let mut found = ClassParts { class_means: 0.0, cross_class: 0.0, within_class: 0.0, own_class: 0.0 };
    for c in 0..CLASSES {
        let (of_class, weight) = mean(&|sample, k| class(sample) == c && k != c);
        found.class_means += weight * dot(&of_class, &of_class);
        for k in (0..CLASSES).filter(|&k| k != c) {
            let (of_pair, weight) = mean(&|sample, other| class(sample) == c && other == k);
            found.cross_class += weight * distance(&of_pair, &of_class);
            for sample in (0..samples).filter(|&sample| class(sample) == c) {
                let i = sample * CLASSES + k;
                found.within_class += weights[i] * distance(&vectors[i], &of_pair);
            }
        }
        for sample in (0..samples).filter(|&sample| class(sample) == c) {
            let i = sample * CLASSES + c;
            found.own_class += weights[i] * dot(&vectors[i], &vectors[i]);
        }
    }
    let n = samples as f64;
    let [class_means, cross_class, within_class, own_class] = found.parts().map(|part| part / n);
    ClassParts { class_means, cross_class, within_class, own_class }
}

#[test]
fn levels_of_classes_are_those_of_the_explicit_vectors_and_add_up_to_the_gauss_newton_matrix() {
    const SAMPLES: usize = 41;
    for loss in OutputLoss::ALL {
        let (network, theta) = classifier(loss, SAMPLES);
        let p = network.dim();
        let classes = network.classes().unwrap();
        let mut scratch = vec![0.0; network.scratch_len(1)];
        let (mut weights, mut vectors) = (Vec::new(), Vec::new());
        for sample in 0..SAMPLES {
            let one = || Samples::Range(sample..sample + 1);
            // Probabilities from the outputs, which are the residuals where the targets are added.
            let mut outputs = vec![0.0; CLASSES];
            network.residuals_into(&theta, one(), &mut outputs, &mut scratch);
            let huber = outputs.iter().map(|e| f64::from(u8::from(e.abs() < 1.0))).collect::<Vec<f64>>();
            outputs[classes[sample]] += 1.0;
            for k in 0..CLASSES {
                let mut r: Vec<f64> = (0..CLASSES).map(|i| f64::from(u8::from(i == k))).collect();
                weights.push(match loss {
                    OutputLoss::MeanSquare => 1.0,
                    OutputLoss::CrossEntropy => {
                        r.iter_mut().zip(&outputs).for_each(|(r, p)| *r -= p);
                        outputs[k]
                    }
                    OutputLoss::Logistic => outputs[k] * (1.0 - outputs[k]),
                    OutputLoss::Huber => huber[k],
                });
                let mut vector = vec![0.0; p];
                network.vjp_into(&theta, &r, one(), &mut vector, &mut scratch);
                vectors.push(vector);
            }
        }
        let geometry = measured(&network, &theta);
        let found = geometry.classes.as_ref().expect("targets are classes");
        let near = |what: &str, found: ClassParts, wanted: ClassParts| {
            for (a, b) in found.parts().into_iter().zip(wanted.parts()) {
                assert!((a - b).abs() < 1e-12 * wanted.sum(), "{loss:?} {what}: {found:?} {wanted:?}");
            }
        };
        assert_eq!(found.classes, CLASSES);
        near("traces", found.traces, parts(&vectors, &weights, &|sample| classes[sample], SAMPLES));
        let around = recomputed(&network, &theta);
        assert!((found.traces.sum() / around.gauss_newton_trace(&Stop::new()).unwrap() - 1.0).abs() < 1e-12);
        let gauss_newton = around.operator(Matrix::GaussNewton);
        assert!(found.directions.len() >= geometry.outliers.count);
        for (direction, v) in found.directions.iter().zip(&geometry.vectors) {
            let along: Vec<Vec<f64>> = vectors.iter().map(|g| vec![dot(g, v)]).collect();
            near("along", direction.parts, parts(&along, &weights, &|sample| classes[sample], SAMPLES));
            let wanted = dot(v, &apply(&*gauss_newton, v, &Stop::new()).unwrap());
            assert!((direction.parts.sum() / wanted - 1.0).abs() < 1e-11, "{loss:?}");
        }
    }
}

#[test]
fn the_span_of_the_noise_is_that_of_the_explicit_covariance() {
    let (network, theta) = classifier(OutputLoss::CrossEntropy, 300);
    let geometry = measured(&network, &theta);
    let covariance = to_dense(&NoiseCovariance::new(&network, &theta), &Stop::new()).unwrap();
    let (values, vectors) = eigen(covariance.as_ref()).unwrap();
    let (n, p) = (geometry.outliers.count, network.dim());
    let trace: f64 = values.iter().sum();
    let found = geometry.noise_subspace.as_ref().expect("noise");
    assert!(found.converged && found.cosines.len() == n);
    assert!((found.share_of_leading - values[..n].iter().sum::<f64>() / trace).abs() < 1e-10);
    let noise =
        |v: &[f64]| -> f64 { (0..p).map(|i| (0..p).map(|j| v[i] * covariance[(i, j)] * v[j]).sum::<f64>()).sum() };
    let within: f64 = geometry.vectors.iter().map(|v| noise(v)).sum();
    assert!((found.share_of_outliers - within / trace).abs() < 1e-10);
    for (along, value) in found.directions.iter().zip(&values) {
        assert!((along.noise.value / value - 1.0).abs() < 1e-9, "{along:?} {value}");
    }
    // Σ cos² is the trace of the product of the projections on both.
    let squares: f64 = geometry
        .vectors
        .iter()
        .map(|v| (0..n).map(|j| (0..p).map(|i| v[i] * vectors[(i, j)]).sum::<f64>().powi(2)).sum::<f64>())
        .sum();
    assert!((found.cosines.iter().map(|x| x * x).sum::<f64>() - squares).abs() < 1e-9);
    assert!(
        found.cosines.windows(2).all(|pair| pair[0] >= pair[1]) && found.share_of_outliers <= found.share_of_leading
    );
}

#[test]
fn the_span_of_the_noise_is_the_same_by_lanczos() {
    // Enough parameters for Lanczos on C, few enough for all of H.
    let (network, theta) = {
        let layers: Vec<LayerWord> = serde_json::from_str(r#"[{"linear": 30}, "tanh", {"linear": 1}]"#).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut normals = |count: usize| -> Vec<f64> { (0..count).map(|_| StandardNormal.sample(&mut rng)).collect() };
        let network = Network::new(&[3], &layers, OutputLoss::MeanSquare, normals(900), normals(300)).unwrap();
        let theta = normals(network.dim());
        (network, theta)
    };
    let geometry = measured(&network, &theta);
    let n = geometry.outliers.count;
    assert!(network.dim() > 4 * n + 60, "{n}");
    let covariance = to_dense(&NoiseCovariance::new(&network, &theta), &Stop::new()).unwrap();
    let (values, _) = eigen(covariance.as_ref()).unwrap();
    let found = geometry.noise_subspace.expect("noise");
    let share = values[..n].iter().sum::<f64>() / values.iter().sum::<f64>();
    assert!((found.share_of_leading / share - 1.0).abs() < 1e-6, "{} {share}", found.share_of_leading);
}

#[test]
fn sharpness_is_the_highest_corner_of_a_quadratic_loss() {
    let problem = Linear::gaussian(4, 60, 1.0, 3);
    let minimum = find_minimum(&problem, &[0.0; 4], &MinimumConfig::default(), &Stop::new()).unwrap();
    let geometry = measure(&problem, &minimum, &GeometryConfig::default(), &Stop::new()).unwrap();
    assert_eq!(geometry.sharpness.len(), 2);
    for found in geometry.sharpness {
        let corners = (0..16_usize).map(|corner| {
            let side = |i: usize| if corner >> i & 1 == 1 { found.epsilon } else { -found.epsilon };
            let place: Vec<f64> =
                minimum.theta.iter().enumerate().map(|(i, x)| x + side(i) * (x.abs() + 1.0)).collect();
            loss(&problem, &place) - minimum.loss
        });
        let highest = corners.fold(0.0, f64::max);
        assert!(found.rise > 0.0 && (found.rise / highest - 1.0).abs() < 1e-6, "{found:?} {highest}");
        let published = 100.0 * found.rise / (1.0 + minimum.loss);
        assert!((found.sharpness / published - 1.0).abs() < 1e-12 && norm(&minimum.theta) > 0.0);
    }
}

/// The steepest direction points to a corner that is not the highest.
#[test]
fn sharpness_climbs_from_corner_to_corner() {
    let (curvature, theta, residual) =
        ([[3.0, 0.05, 0.05], [0.05, 1.0, -0.97], [0.05, -0.97, 1.0]], [0.0, 0.0, 9.0], 0.4);
    let root = Mat::from_fn(3, 3, |i, j| curvature[i][j]).llt(faer::Side::Lower).unwrap().L().to_owned();
    // Pairs of opposite inputs with this second moment, and residuals that have no gradient.
    let x: Vec<Vec<f64>> = (0..6)
        .map(|k| (0..3).map(|i| if k < 3 { 1.0 } else { -1.0 } * 3.0_f64.sqrt() * root[(i, k % 3)]).collect())
        .collect();
    let problem = Linear { y: x.iter().map(|x| dot(x, &theta) + residual).collect(), x };
    let geometry = measured(&problem, &theta);
    assert!((geometry.loss - 0.5 * residual * residual).abs() < 1e-12);
    let v = &geometry.vectors[0];
    assert!((v[0] * v[1] > 0.0) && (v[0] * v[2] > 0.0), "{v:?}");
    for found in &geometry.sharpness {
        let rise = |side: [f64; 3]| {
            let z: Vec<f64> = (0..3).map(|i| found.epsilon * (theta[i] + 1.0) * side[i]).collect();
            0.5 * (0..3).map(|i| (0..3).map(|j| z[i] * curvature[i][j] * z[j]).sum::<f64>()).sum::<f64>()
        };
        let highest = rise([1.0, -1.0, 1.0]);
        assert!(highest > 1.4 * rise([1.0; 3]) && highest > rise([-1.0, -1.0, 1.0]));
        assert!((found.rise / highest - 1.0).abs() < 1e-7, "{found:?} {highest}");
    }
}
