//! Searches among more than 200 parameters whose columns have unlike scales.

use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::network::{Activation, Initialisation};
use logscape::operator::full::{loss_and_gradient, noise_trace, residuals};
use logscape::problem::{LinearRegression, Mlp};
use logscape::random::{Purpose, stream};
use logscape::{Minimum, Problem, Stop};
use rand_distr::{Distribution, StandardNormal};

/// The minimum at the tolerance and in the iterations of a study.
fn search(problem: &dyn Problem, start: &[f64]) -> Minimum {
    let (_, gradient) = loss_and_gradient(problem, start);
    let scale = (noise_trace(problem, start) + gradient.iter().map(|g| g * g).sum::<f64>()).sqrt();
    let config = MinimumConfig { gradient_tolerance: 1e-8 * scale, max_iterations: 2000, ..MinimumConfig::default() };
    find_minimum(problem, start, &config, &Stop::new()).unwrap()
}

/// Gaussian numbers.
fn gaussian(count: usize, index: u64) -> Vec<f64> {
    let mut rng = stream(5, Purpose::Check, index);
    (0..count).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// Powers of two from 2⁻²⁰ to 2²⁰, one for each column, or their inverses.
fn scales(columns: usize, sign: i32) -> Vec<f64> {
    (0..).take(columns).map(|k| 2.0_f64.powi(sign * (17 * k % 41 - 20))).collect()
}

/// The rows with these scales of their columns.
fn scaled(rows: &[f64], scales: &[f64]) -> Vec<f64> {
    rows.chunks(scales.len()).flat_map(|row| row.iter().zip(scales).map(|(x, s)| x * s)).collect()
}

#[test]
fn a_linear_regression_comes_to_the_least_squares_in_any_units_of_its_columns() {
    let (samples, columns) = (500, 300);
    let (inputs, targets) = (gaussian(samples * columns, 0), gaussian(samples, 1));
    let standard =
        search(&LinearRegression::new(inputs.clone(), targets.clone(), columns).unwrap(), &vec![0.0; columns]);
    for sign in [0, 1, -1] {
        let rows = scaled(&inputs, &scales(columns, sign));
        let problem = LinearRegression::new(rows.clone(), targets.clone(), columns).unwrap();
        let found = search(&problem, &vec![0.0; columns]);
        assert!(found.converged, "{sign}: {}", found.method);
        assert!((found.loss / standard.loss - 1.0).abs() < 1e-10, "{sign}: {} {}", found.loss, standard.loss);
        assert!(found.iterations < 2 * standard.iterations, "{sign}: {} {}", found.iterations, standard.iterations);
        // At the least squares the residuals are across every column.
        let left = residuals(&problem, &found.theta);
        let length = left.iter().map(|e| e * e).sum::<f64>().sqrt();
        for i in 0..columns {
            let (mut along, mut square) = (0.0, 0.0);
            for (row, e) in rows.chunks(columns).zip(&left) {
                (along, square) = (along + row[i] * e, square + row[i] * row[i]);
            }
            assert!(along.abs() < 1e-6 * square.sqrt() * length, "{sign}: column {i}, {along:e}");
        }
    }
}

/// One layer, whose loss has one minimum.
#[test]
fn a_perceptron_comes_to_the_loss_of_standardised_inputs() {
    let (samples, columns, outputs) = (300, 40, 6);
    let (inputs, targets) = (gaussian(samples * columns, 4), gaussian(samples * outputs, 5));
    let end = |sign: i32| {
        let rows = scaled(&inputs, &scales(columns, sign));
        let problem = Mlp::new(&[columns, outputs], Activation::Tanh, rows, targets.clone()).unwrap();
        search(&problem, &vec![0.0; problem.dim()])
    };
    let standard = end(0);
    for sign in [1, -1] {
        let found = end(sign);
        assert!(found.converged && standard.converged, "{found:?}");
        assert!((found.loss / standard.loss - 1.0).abs() < 1e-10, "{} {}", found.loss, standard.loss);
        assert!(found.iterations < 2 * standard.iterations + 10, "{} {}", found.iterations, standard.iterations);
    }
}

/// Weights of the first layer have the inverse unit of their input.
#[test]
fn a_network_takes_the_same_way_in_any_units_of_its_inputs() {
    let (samples, columns, units) = (600, 30, 8);
    let inputs = gaussian(samples * columns, 2);
    let noise = gaussian(samples, 3);
    let target = |(row, e): (&[f64], &f64)| (row[0] + 0.5 * row[1]).tanh() - 0.7 * (row[2] - row[3]).tanh() + 0.5 * e;
    let targets: Vec<f64> = inputs.chunks(columns).zip(&noise).map(target).collect();
    let end = |sign: i32| {
        let scales = scales(columns, sign);
        let rows = scaled(&inputs, &scales);
        let problem = Mlp::new(&[columns, units, 1], Activation::Tanh, rows, targets.clone()).unwrap();
        let mut start = problem.init(Initialisation::Lecun, &mut stream(1, Purpose::Start, 0));
        for weights in start[..units * columns].chunks_mut(columns) {
            weights.iter_mut().zip(&scales).for_each(|(w, s)| *w /= s);
        }
        search(&problem, &start)
    };
    let (one, other, standard) = (end(1), end(-1), end(0));
    assert!((one.loss / other.loss - 1.0).abs() < 1e-8, "{} {}", one.loss, other.loss);
    assert!(one.iterations < 2 * standard.iterations, "{} {}", one.iterations, standard.iterations);
}
