//! Small problems with closed forms, for the tests of this crate's operators, landscapes and noise.

use crate::problem::ScalarModel;
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

impl ScalarModel for Linear {
    fn parameters(&self) -> usize {
        self.x[0].len()
    }
    fn targets(&self) -> &[f64] {
        &self.y
    }
    fn value(&self, theta: &[f64], k: usize) -> f64 {
        super::dot(theta, &self.x[k])
    }
    fn slope(&self, _: &[f64], v: &[f64], k: usize) -> f64 {
        super::dot(v, &self.x[k])
    }
    fn add_gradient(&self, theta: &[f64], k: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        super::axpy(weight(self.value(theta, k)), &self.x[k], out);
    }
    fn add_hessian_product(&self, _: &[f64], _: &[f64], _: usize, _: f64, _: &mut [f64]) {}
}

impl ScalarModel for Sinusoid {
    fn parameters(&self) -> usize {
        1
    }
    fn targets(&self) -> &[f64] {
        &self.y
    }
    fn value(&self, theta: &[f64], k: usize) -> f64 {
        (theta[0] * self.x[k]).sin()
    }
    fn slope(&self, theta: &[f64], v: &[f64], k: usize) -> f64 {
        self.x[k] * (theta[0] * self.x[k]).cos() * v[0]
    }
    fn add_gradient(&self, theta: &[f64], k: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        out[0] += weight(self.value(theta, k)) * self.slope(theta, &[1.0], k);
    }
    fn add_hessian_product(&self, theta: &[f64], v: &[f64], k: usize, weight: f64, out: &mut [f64]) {
        out[0] -= weight * self.x[k].powi(2) * self.value(theta, k) * v[0];
    }
}
