//! Small problems with closed forms, for the tests of this crate's operators, landscapes and noise.

use crate::{Problem, Samples};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Linear regression `f = θ·x`.
pub(crate) struct Linear {
    pub(crate) x: Vec<Vec<f64>>,
    pub(crate) y: Vec<f64>,
}

impl Linear {
    /// Gaussian features, `θ* = 0` and Gaussian label noise of deviation `sigma`.
    pub(crate) fn gaussian(d: usize, n: usize, sigma: f64, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = move || -> f64 { StandardNormal.sample(&mut rng) };
        let x = (0..n).map(|_| (0..d).map(|_| normal()).collect()).collect();
        let y = (0..n).map(|_| sigma * normal()).collect();
        Self { x, y }
    }
}

/// One input, one parameter: `f = sin(θ x)`.
pub(crate) struct Sinusoid {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
}

impl Sinusoid {
    /// Targets `sin(3x)` plus Gaussian noise on a grid of `n` inputs in `[-1, 1]`.
    pub(crate) fn grid(n: usize, sigma: f64, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let x: Vec<f64> = (0..n).map(|i| 2.0 * i as f64 / (n - 1) as f64 - 1.0).collect();
        let y = x
            .iter()
            .map(|x| {
                let noise: f64 = StandardNormal.sample(&mut rng);
                (3.0 * x).sin() + sigma * noise
            })
            .collect();
        Self { x, y }
    }
}

/// A scalar model given by value, Jacobian and second-derivative product of one sample.
trait Scalar: Send + Sync {
    fn sizes(&self) -> (usize, usize);
    fn residual(&self, theta: &[f64], k: usize) -> f64;
    fn jacobian(&self, theta: &[f64], k: usize) -> Vec<f64>;
    fn curvature(&self, theta: &[f64], k: usize, v: &[f64]) -> Vec<f64>;
}

impl Scalar for Linear {
    fn sizes(&self) -> (usize, usize) {
        (self.x[0].len(), self.y.len())
    }
    fn residual(&self, theta: &[f64], k: usize) -> f64 {
        super::dot(theta, &self.x[k]) - self.y[k]
    }
    fn jacobian(&self, _: &[f64], k: usize) -> Vec<f64> {
        self.x[k].clone()
    }
    fn curvature(&self, _: &[f64], _: usize, v: &[f64]) -> Vec<f64> {
        vec![0.0; v.len()]
    }
}

impl Scalar for Sinusoid {
    fn sizes(&self) -> (usize, usize) {
        (1, self.y.len())
    }
    fn residual(&self, theta: &[f64], k: usize) -> f64 {
        (theta[0] * self.x[k]).sin() - self.y[k]
    }
    fn jacobian(&self, theta: &[f64], k: usize) -> Vec<f64> {
        vec![self.x[k] * (theta[0] * self.x[k]).cos()]
    }
    fn curvature(&self, theta: &[f64], k: usize, v: &[f64]) -> Vec<f64> {
        vec![-self.x[k].powi(2) * (theta[0] * self.x[k]).sin() * v[0]]
    }
}

impl<T: Scalar> Problem for T {
    fn dim(&self) -> usize {
        self.sizes().0
    }
    fn samples(&self) -> usize {
        self.sizes().1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn scratch_len(&self, _: usize) -> usize {
        0
    }
    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        (0..samples.len()).for_each(|k| out[k] = self.residual(theta, samples.get(k)));
    }
    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        (0..samples.len()).for_each(|k| out[k] = super::dot(&self.jacobian(theta, samples.get(k)), v));
    }
    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        out.fill(0.0);
        (0..samples.len()).for_each(|k| super::axpy(u[k], &self.jacobian(theta, samples.get(k)), out));
    }
    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) -> f64 {
        out.fill(0.0);
        let m = samples.len() as f64;
        let mut loss = 0.0;
        for k in 0..samples.len() {
            let e = self.residual(theta, samples.get(k));
            loss += 0.5 * e * e / m;
            super::axpy(e / m, &self.jacobian(theta, samples.get(k)), out);
        }
        loss
    }
    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        out.fill(0.0);
        for (k, row) in out.chunks_exact_mut(self.dim()).enumerate() {
            let e = self.residual(theta, samples.get(k));
            super::axpy(e, &self.jacobian(theta, samples.get(k)), row);
        }
    }
    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.gauss_newton_vp_into(theta, v, samples.clone(), out, scratch);
        for k in 0..samples.len() {
            let e = self.residual(theta, samples.get(k));
            super::axpy(e / samples.len() as f64, &self.curvature(theta, samples.get(k), v), out);
        }
    }
    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], _: &mut [f64]) {
        out.fill(0.0);
        for k in 0..samples.len() {
            let j = self.jacobian(theta, samples.get(k));
            super::axpy(super::dot(&j, v) / samples.len() as f64, &j, out);
        }
    }
}
