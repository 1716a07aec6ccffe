//! The models of the nonlinear sets, for numbers of any kind of differentiation.

use logscape::problem::ScalarModel;
use num_dual::{Dual64, DualNum, HyperDual64};

/// The value of the model with this name at `x`.
fn value<D: DualNum<Primitive = f64> + Copy>(name: &str, b: &[D], x: f64) -> D {
    let at = |x: f64| D::from(x);
    let polynomial = |b: &[D]| b.iter().rev().fold(at(0.0), |sum, &b| sum * x + b);
    // 1 + b₀x + b₁x² + ...
    let monic = |b: &[D]| polynomial(b) * x + 1.0;
    let bell = |center: D, width: D| (-((at(x) - center) / width).powi(2)).exp();
    match name {
        "Misra1a" | "BoxBOD" => b[0] * (-(-b[1] * x).exp() + 1.0),
        "Chwirut2" => (-b[0] * x).exp() / (b[1] + b[2] * x),
        "Lanczos3" => (0..3).fold(at(0.0), |sum, k| sum + b[2 * k] * (-b[2 * k + 1] * x).exp()),
        "Gauss1" => b[0] * (-b[1] * x).exp() + b[2] * bell(b[3], b[4]) + b[5] * bell(b[6], b[7]),
        "DanWood" => b[0] * (b[1] * x.ln()).exp(),
        "Kirby2" => polynomial(&b[..3]) / monic(&b[3..]),
        "Hahn1" | "Thurber" => polynomial(&b[..4]) / monic(&b[4..]),
        "MGH17" => b[0] + b[1] * (-b[3] * x).exp() + b[2] * (-b[4] * x).exp(),
        "Rat43" => b[0] * (-((b[1] - b[2] * x).exp() + 1.0).ln() / b[3]).exp(),
        "Eckerle4" => b[0] / b[1] * (-((at(x) - b[2]) / b[1]).powi(2) * 0.5).exp(),
        "Bennett5" => b[0] * (-(b[1] + x).ln() / b[2]).exp(),
        "MGH09" => b[0] * (b[1] * x + x * x) / (b[2] * x + b[3] + x * x),
        "MGH10" => b[0] * (b[1] / (b[2] + x)).exp(),
        _ => unreachable!("no model {name}"),
    }
}

/// A set with its model.
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) parameters: usize,
    pub(super) inputs: Vec<f64>,
    pub(super) targets: Vec<f64>,
}

impl ScalarModel for Model {
    fn parameters(&self) -> usize {
        self.parameters
    }

    fn targets(&self) -> &[f64] {
        &self.targets
    }

    fn value(&self, theta: &[f64], k: usize) -> f64 {
        value(self.name, theta, self.inputs[k])
    }

    fn slope(&self, theta: &[f64], v: &[f64], k: usize) -> f64 {
        let along: Vec<Dual64> = theta.iter().zip(v).map(|(&x, &v)| Dual64::new(x, v)).collect();
        value(self.name, &along, self.inputs[k]).eps
    }

    fn add_gradient(&self, theta: &[f64], k: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        let weight = weight(self.value(theta, k));
        let mut unit = vec![0.0; theta.len()];
        for (i, out) in out.iter_mut().enumerate() {
            unit[i] = 1.0;
            *out += weight * self.slope(theta, &unit, k);
            unit[i] = 0.0;
        }
    }

    fn add_hessian_product(&self, theta: &[f64], v: &[f64], k: usize, weight: f64, out: &mut [f64]) {
        for (i, out) in out.iter_mut().enumerate() {
            let of = |(j, (&x, &v)): (usize, (&f64, &f64))| HyperDual64::new(x, v, f64::from(u8::from(i == j)), 0.0);
            let both: Vec<HyperDual64> = theta.iter().zip(v).enumerate().map(of).collect();
            *out += weight * value(self.name, &both, self.inputs[k]).eps1eps2;
        }
    }
}
