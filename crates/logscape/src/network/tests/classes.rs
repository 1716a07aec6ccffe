//! Classes: how often they are told, how noise follows curvature, and what kinks do.

use super::*;
use crate::geometry::{GeometryConfig, OutlierRule, measure};
use crate::landscape::{MinimumConfig, find_minimum};
use crate::operator::full::loss_and_gradient;
use crate::operator::norm;
use crate::{Minimum, Stop};

#[test]
fn accuracy_is_the_share_of_largest_outputs_at_the_class() {
    // The outputs are the inputs.
    let outputs = [2.0, 1.0, -1.0, 0.5, 0.5, 3.0, 0.0, 0.0];
    let theta = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let of = |targets: [f64; 8], loss| {
        Network::new(&[2], &layers(r#"[{"linear": 2}]"#), loss, outputs.to_vec(), targets.to_vec())
            .unwrap()
            .accuracy(&theta)
    };
    // Right, right, wrong, and undecided.
    let classes = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    assert_eq!(of(classes, OutputLoss::CrossEntropy), Some(0.5));
    assert_eq!(of(classes, OutputLoss::MeanSquare), Some(0.5));
    assert_eq!(of([0.9, 0.1, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0], OutputLoss::CrossEntropy), None);
    let several = [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    assert_eq!(of(several, OutputLoss::Logistic), None);
    let one = |loss| {
        let (inputs, targets) = (vec![2.0, -1.0, 0.5], vec![1.0, 0.0, 0.0]);
        Network::new(&[1], &layers(r#"[{"linear": 1}]"#), loss, inputs, targets).unwrap().accuracy(&[1.0, 0.0])
    };
    assert_eq!((one(OutputLoss::Logistic), one(OutputLoss::MeanSquare)), (Some(2.0 / 3.0), None));
}

fn minimum_of(problem: &Network, start: &[f64]) -> Minimum {
    find_minimum(problem, start, &MinimumConfig::default(), &Stop::new()).unwrap()
}

#[test]
fn noise_of_probabilities_that_hold_is_the_gauss_newton_matrix() {
    // Classes drawn from the probabilities of a linear model with three classes: Fisher's identity, at the minimum exactly for N → ∞.
    let (n, d, c) = (5_000, 4, 3);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let inputs = normals(n * d, &mut rng);
    let weights = normals(c * d, &mut rng);
    let mut targets = vec![0.0; n * c];
    for (x, y) in inputs.chunks_exact(d).zip(targets.chunks_exact_mut(c)) {
        let scores: Vec<f64> =
            weights.chunks_exact(d).map(|w| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>().exp()).collect();
        let mut left = rng.random::<f64>() * scores.iter().sum::<f64>();
        let class = scores.iter().position(|score| {
            left -= score;
            left <= 0.0
        });
        y[class.unwrap_or(c - 1)] = 1.0;
    }
    let network =
        Network::new(&[d], &layers(r#"[{"linear": 3}]"#), OutputLoss::CrossEntropy, inputs, targets.clone()).unwrap();
    let minimum = minimum_of(&network, &vec![0.0; network.dim()]);
    assert!(minimum.converged, "{minimum:?}");
    let geometry = measure(&network, &minimum, &GeometryConfig::default(), &Stop::new()).unwrap();
    let fisher = geometry.fisher.expect("another loss");
    // The traces are sums over the samples of numbers that vary by about themselves.
    let error = 3.0 / (n as f64).sqrt();
    assert!((fisher.trace_ratio - 1.0).abs() < 2.0 * error, "{fisher:?}");
    // The same in every direction: the noise follows the curvature at the strength 1/(2L).
    for along in &geometry.directions {
        assert!((along.noise.value / along.curvature - 1.0).abs() < 5.0 * error, "{along:?}");
    }
    assert_eq!((geometry.output_loss, geometry.kinks), (Some(OutputLoss::CrossEntropy), None));
    let exponent = fisher.exponent.value - geometry.decoupling.unwrap().scaling_exponent.value;
    // tr G hardly changes near the minimum of a convex loss, so that both exponents are near each other.
    assert!(exponent.abs() < 0.5, "{exponent}");
}

#[test]
fn classes_that_are_told_apart_have_no_minimum() {
    let inputs = vec![1.0, 0.5, 0.8, -0.7, -1.0, 0.1, -0.5, -0.9];
    let of = |targets: [f64; 8]| {
        let text = layers(r#"[{"linear": 2}]"#);
        let network = Network::new(&[2], &text, OutputLoss::CrossEntropy, inputs.clone(), targets.to_vec()).unwrap();
        minimum_of(&network, &[0.0; 6])
    };
    // By the sign of the first number; then with one of the samples on the wrong side, within the others.
    let apart = of([1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
    assert!(!apart.converged && apart.running_away.is_some_and(|how| how.contains("as long as outputs grow")));
    let mixed = of([1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]);
    assert!(mixed.running_away.is_none_or(|how| !how.contains("as long as outputs grow")));
}

#[test]
fn kinks_are_seen_where_they_bend_the_loss() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let inputs: Vec<f64> = normals(400, &mut rng);
    let targets: Vec<f64> = inputs.iter().zip(normals(400, &mut rng)).map(|(x, noise)| x.abs() + 0.3 * noise).collect();
    let of = |activation: &str| {
        let text = format!(r#"[{{"linear": 2}}, "{activation}", {{"linear": 1}}]"#);
        let network =
            Network::new(&[1], &layers(&text), OutputLoss::MeanSquare, inputs.clone(), targets.clone()).unwrap();
        let minimum = minimum_of(&network, &[1.0, -1.0, 0.02, -0.03, 1.0, 1.0, 0.01]);
        // Along one direction the displacement has no chance but its sign.
        let outliers = OutlierRule { max_count: 1, ..OutlierRule::default() };
        let config = GeometryConfig { outliers, ..GeometryConfig::default() };
        let geometry = measure(&network, &minimum, &config, &Stop::new()).unwrap();
        assert_eq!(geometry.outliers.count, 1);
        (network, minimum, geometry)
    };
    let (network, minimum, geometry) = of("relu");
    let found = geometry.kinks.expect("rectifiers have kinks");
    assert!(!network.is_smooth() && found > 0.0);
    // The slope over a distance is not the Hessian's, by gradients on both sides.
    let (h, v) = (geometry.eigenvalues[0], &geometry.vectors[0]);
    let reach = (2.0 * 0.01 * minimum.loss / h).sqrt();
    let at = |sign: f64| {
        let theta: Vec<f64> = minimum.theta.iter().zip(v).map(|(x, v)| x + sign * reach * v).collect();
        loss_and_gradient(&network, &theta).1
    };
    let off: Vec<f64> = at(1.0).iter().zip(at(-1.0)).zip(v).map(|((a, b), v)| 0.5 * (a - b) - h * reach * v).collect();
    let along = norm(&off) / (h * reach);
    assert!(along > 1e-4 && (found / along - 1.0).abs() < 1e-6, "{found} {along}");
    let (network, _, geometry) = of("softplus");
    assert!(network.is_smooth() && geometry.kinks.is_none());
}
