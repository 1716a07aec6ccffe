//! Small problems with closed forms, for the tests of this crate's operators, landscapes and noise.

use super::{LinearOperator, axpy, dot, norm, scale};
use crate::problem::ScalarModel;
use crate::random::{Purpose, stream};
use crate::{Interrupted, Stop};
use faer::prelude::ReborrowMut;
use faer::{MatMut, MatRef};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// `Q diag(spectrum) Qᵀ` with a product `Q` of random reflections.
pub(crate) struct Reflected {
    pub(crate) spectrum: Vec<f64>,
    pub(crate) reflections: Vec<Vec<f64>>,
}

impl Reflected {
    pub(crate) fn new(spectrum: Vec<f64>, reflections: u64) -> Self {
        let reflections = (0..reflections)
            .map(|index| {
                let mut rng = stream(1, Purpose::Check, index);
                let mut axis: Vec<f64> = spectrum.iter().map(|_| StandardNormal.sample(&mut rng)).collect();
                let length = norm(&axis);
                scale(1.0 / length, &mut axis);
                axis
            })
            .collect();
        Self { spectrum, reflections }
    }

    /// Like the Hessian of a network: twenty outliers from 10 to 0.5 and a bulk between 10⁻⁶ and 0.3, some of it negative.
    pub(crate) fn network(p: usize) -> Self {
        let outliers = (0..20).map(|k| 10.0 * 0.05_f64.powf(f64::from(k) / 19.0));
        let bulk = (0..p - 20).map(|k| {
            let size = 1e-6 * 3e5_f64.powf(k as f64 / (p - 21) as f64);
            if k % 7 == 0 && size < 1e-3 { -size } else { size }
        });
        Self::new(outliers.chain(bulk).collect(), 2)
    }

    /// `Qᵀ v`.
    pub(crate) fn components(&self, vector: &[f64]) -> Vec<f64> {
        let mut v = vector.to_vec();
        self.reflections.iter().for_each(|axis| axpy(-2.0 * dot(axis, &v), axis, &mut v));
        v
    }

    /// The spectrum, descending.
    pub(crate) fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.spectrum.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted
    }
}

impl LinearOperator for Reflected {
    fn dim(&self) -> usize {
        self.spectrum.len()
    }

    fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, _: &Stop) -> Result<(), Interrupted> {
        for j in 0..block.ncols() {
            let vector: Vec<f64> = block.col(j).iter().copied().collect();
            let mut v = self.components(&vector);
            v.iter_mut().zip(&self.spectrum).for_each(|(x, value)| *x *= value);
            self.reflections.iter().rev().for_each(|axis| axpy(-2.0 * dot(axis, &v), axis, &mut v));
            out.rb_mut().col_mut(j).iter_mut().zip(&v).for_each(|(out, x)| *out = *x);
        }
        Ok(())
    }
}

/// An operator whose products are not finite after so many.
pub(crate) struct Failing(pub(crate) Reflected, pub(crate) AtomicUsize);

impl LinearOperator for Failing {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        self.0.apply_into(block, out.as_mut(), stop)?;
        if self.1.fetch_sub(1, Ordering::Relaxed) == 0 {
            out[(3, 0)] = f64::NAN;
        }
        Ok(())
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
        dot(theta, &self.x[k])
    }
    fn slope(&self, _: &[f64], v: &[f64], k: usize) -> f64 {
        dot(v, &self.x[k])
    }
    fn add_gradient(&self, theta: &[f64], k: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        axpy(weight(self.value(theta, k)), &self.x[k], out);
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
