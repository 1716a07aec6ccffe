//! The second-order equation: what it corrects, and what it does not.

use super::laws::{distance, one_step, samples, stationary};
use super::orders::order;
use super::*;
use crate::Stop;
use crate::engine::ExitTest;
use crate::problem::{LaneSamples, LinearRegression, PhaseRetrieval, Sinusoid};
use crate::{Problem, Samples, Sampling, SgdSettings};

/// An equation without noise.
fn silent<L: Landscape<f64>>(landscape: L) -> ConstantNoise<f64, L> {
    let dim = landscape.dim();
    ConstantNoise::new(landscape, NoiseFactor::isotropic(dim, 0.0).unwrap()).unwrap()
}

/// Where the equation is at `t = 1`; Platen's scheme is Heun's without noise, with errors of `Δ² = 10⁻⁶`.
fn flow<S: Sde<f64>>(sde: S, start: &[f64]) -> Vec<f64> {
    let dynamics = Diffusion::new(sde, Platen, 1e-3).unwrap();
    let mut block = full_block(&dynamics, start, 1);
    dynamics.advance(&mut block, 1000, &ExitTest::Never);
    let mut theta = vec![0.0; start.len()];
    block.theta_into(5, &mut theta);
    theta
}

/// Distance of the equation of SGD at `t = 1` from gradient descent, for learning rates `2^−4 … 2^−7`.
fn errors<S: Sde<f64>, P: Problem>(problem: &P, start: &[f64], sde: impl Fn(f64) -> S) -> Vec<f64> {
    let errors = (4..8).map(|k| {
        let (eta, mut theta, mut gradient) = (0.5_f64.powi(k), start.to_vec(), vec![0.0; start.len()]);
        for _ in 0..1 << k {
            problem.batch_gradient_into(&theta, Samples::Range(0..problem.samples()), &mut gradient, &mut []);
            theta.iter_mut().zip(&gradient).for_each(|(x, g)| *x -= eta * g);
        }
        let gap = flow(sde(eta), start).iter().zip(&theta).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        gap.sqrt()
    });
    errors.collect()
}

/// Order two; one without the correction, or with twice its size.
fn check_orders<P: Problem, L: Curved<f64>>(problem: &P, start: &[f64], landscape: impl Fn() -> L) {
    let corrected =
        |factor: f64| errors(problem, start, |eta| SecondOrder::new(silent(landscape()), factor * eta).unwrap());
    let (second, first) = (order(4, &corrected(1.0)), order(4, &errors(problem, start, |_| silent(landscape()))));
    assert!((1.8..2.2).contains(&second), "{second}");
    assert!((0.8..1.2).contains(&first), "{first}");
    let doubled = order(4, &corrected(2.0));
    assert!((0.8..1.2).contains(&doubled), "{doubled}");
}

#[test]
fn the_mean_is_that_of_descent_to_second_order() {
    let basin = QuadraticBasin::new(LOW, vec![1.0, 2.0]).unwrap();
    check_orders(&basin, &[1.0, -0.5], || basin.clone());
    check_orders(&basin, &[1.0, -0.5], || EachReplica(&basin));
    // Residuals that do not vanish: the Hessian is not that of Gauss and Newton.
    let (x, y) = samples(1);
    let sine = Sinusoid::new(x, y, true).unwrap();
    check_orders(&sine, &[2.0, -0.5], || EachReplica(&sine));
}

/// In lanes the Hessian is that of the problem, which is tested against differences of gradients.
#[test]
fn the_hessian_in_lanes_is_that_of_the_problem() {
    fn check<M: LaneSamples>(model: &M, theta: &[f64], v: &[f64]) {
        let lanes = |x: &[f64]| x.iter().map(|&x| Lane::splat(x)).collect::<Vec<_>>();
        let (theta, v) = (lanes(theta), lanes(v));
        let product = |landscape: &dyn Fn(&mut [Lane<f64>])| {
            let mut out = lanes(&vec![7.0; v.len()]);
            landscape(&mut out);
            out.iter().map(|x| x[3]).collect::<Vec<f64>>()
        };
        let (each, all) = (EachReplica(model), AllSamples::<f64, _>::new(model));
        let want = product(&|out| each.hessian_product_into(&theta, &v, out, &mut Landscape::<f64>::work(&each)));
        let found = product(&|out| all.hessian_product_into(&theta, &v, out, &mut all.work()));
        let size = want.iter().fold(0.0_f64, |size, x| size.max(x.abs()));
        assert!(found.iter().zip(&want).all(|(a, b)| (a - b).abs() < 1e-12 * size), "{found:?} {want:?}");
    }
    let (x, y) = samples(1);
    check(&Sinusoid::new(x.clone(), y.clone(), true).unwrap(), &[2.0, -0.5], &[0.3, 1.1]);
    check(&Sinusoid::new(x, y, false).unwrap(), &[2.0], &[0.3]);
    let (x, y) = samples(2);
    check(&LinearRegression::new(x.clone(), y.clone(), 2).unwrap(), &[2.0, -1.5], &[0.3, 1.1]);
    check(&PhaseRetrieval::new(x, y, 2).unwrap(), &[2.0, -1.5], &[0.3, 1.1]);
}

/// `E θ = θ₀ exp(−(h + ηh²/2) t)`.
#[test]
fn a_quadratic_basin_relaxes_at_the_corrected_rate() {
    let (eta, h) = (0.2, [1.0, 3.0]);
    let basin = QuadraticBasin::new(LOW, h.to_vec()).unwrap();
    let found = flow(SecondOrder::new(silent(basin), eta).unwrap(), &[1.0, 1.0]);
    for (found, h) in found.iter().zip(h) {
        let rate = h + 0.5 * eta * h * h;
        // Heun's scheme is off by rate³ Δ²/6 per unit time.
        let tolerance = 2.0 * rate.powi(3) / 6.0 * 1e-6;
        assert!((found / (-rate).exp() - 1.0).abs() < tolerance, "{found}");
        assert!((found / (-h).exp() - 1.0).abs() > 0.05);
    }
}

/// `ησ²/(h(2 + ηh))`, with the factor of Euler's scheme; SGD has `ησ²/(h(2 − ηh))`.
#[test]
fn constant_noise_is_damped_by_the_corrected_rate() {
    let (eta, h, variance, step) = (0.4, [1.0, 2.0], [0.2, 0.3], 0.05);
    let basin = QuadraticBasin::new(LOW, h.to_vec()).unwrap();
    let noise = NoiseFactor::diagonal(&variance.map(|v| eta * v)).unwrap();
    let sde = SecondOrder::new(ConstantNoise::<f64, _>::new(basin.clone(), noise).unwrap(), eta).unwrap();
    let dynamics = AnyDynamics::new(Diffusion::new(sde, EulerMaruyama, step).unwrap());
    let groups = stationary(&basin, 2000, 20).run(&dynamics, &basin, &Stop::new()).unwrap();
    for i in 0..2 {
        let (found, error) = mean(groups.iter().map(|group| {
            let moments = group.moments.as_ref().unwrap();
            moments.covariance()[3 * i] + moments.mean()[i].powi(2)
        }));
        let rate = h[i] * (1.0 + 0.5 * eta * h[i]);
        let exact = eta * variance[i] / (rate * (2.0 - rate * step));
        assert!((found - exact).abs() < 4.0 * error, "{found} ± {error} against {exact}");
        assert!((found - eta * variance[i] / (h[i] * (2.0 - eta * h[i]))).abs() > 8.0 * error);
    }
}

/// The noise is that of the equation it is built on, in one step from a point with a gradient.
#[test]
fn the_noise_is_that_of_the_first_order() {
    let (x, y) = samples(2);
    let line = LinearRegression::new(x, y, 2).unwrap();
    let settings = SgdSettings { learning_rate: 0.1, batch_size: 4, sampling: Sampling::WithReplacement };
    let theta = [2.0, -1.5];
    let n = line.samples();
    let mut rows = vec![0.0; 2 * n];
    line.per_sample_gradients_into(&theta, Samples::Range(0..n), &mut rows, &mut []);
    let (mut gradient, mut product) = ([0.0; 2], [0.0; 2]);
    line.batch_gradient_into(&theta, Samples::Range(0..n), &mut gradient, &mut []);
    line.hvp_into(&theta, &gradient, Samples::Range(0..n), &mut product, &mut []);
    let want = [(0, 0), (0, 1), (1, 1)].map(|(i, j)| {
        let raw = rows.chunks(2).map(|g| g[i] * g[j]).sum::<f64>() / n as f64;
        0.1 / 4.0 * (raw - gradient[i] * gradient[j])
    });
    let sde = SecondOrder::new(MeasuredNoise::<f64, _>::new(EachReplica(&line), &settings).unwrap(), 0.1).unwrap();
    let drift = [0, 1].map(|i| gradient[i] + 0.05 * product[i]);
    let found = one_step(&Diffusion::new(sde, EulerMaruyama, 0.05).unwrap(), &theta, &drift);
    assert!(distance(&found, &want) < 5.0, "{found:?} {want:?}");
    assert!(distance(&found, &want.map(|c| 1.1 * c)) > 8.0);
}
