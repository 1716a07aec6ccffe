//! A problem of one's own, `f(θ, x) = θ₁ e^{−θ₂x}`: checked, and measured like any other.

use logscape::geometry::{GeometryConfig, measure};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::problem::{ScalarModel, check};
use logscape::{Problem, Stop};

/// Decay curves.
struct Decay {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl ScalarModel for Decay {
    fn parameters(&self) -> usize {
        2
    }

    fn targets(&self) -> &[f64] {
        &self.y
    }

    fn value(&self, theta: &[f64], sample: usize) -> f64 {
        theta[0] * (-theta[1] * self.x[sample]).exp()
    }

    fn slope(&self, theta: &[f64], v: &[f64], sample: usize) -> f64 {
        let x = self.x[sample];
        (v[0] - theta[0] * x * v[1]) * (-theta[1] * x).exp()
    }

    fn add_gradient(&self, theta: &[f64], sample: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        let (x, decay) = (self.x[sample], (-theta[1] * self.x[sample]).exp());
        let weight = weight(theta[0] * decay);
        out[0] += weight * decay;
        out[1] -= weight * theta[0] * x * decay;
    }

    fn add_hessian_product(&self, theta: &[f64], v: &[f64], sample: usize, weight: f64, out: &mut [f64]) {
        let (x, decay) = (self.x[sample], (-theta[1] * self.x[sample]).exp());
        out[0] -= weight * x * decay * v[1];
        out[1] += weight * x * decay * (theta[0] * x * v[1] - v[0]);
    }
}

/// Prints what the checker and the measurement say.
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let x: Vec<f64> = (0..100).map(|k| 0.04 * f64::from(k)).collect();
    let y = x.iter().zip(0..).map(|(x, k)| 2.0 * (-x).exp() + 0.05 * f64::from(k * k % 7 - 3)).collect();
    let problem = Decay { x, y };
    let report = check(&problem, &[1.5, 0.8], 7);
    report.failures().for_each(|finding| println!("{finding:?}"));
    let stop = Stop::new();
    let minimum = find_minimum(&problem, &[1.5, 0.8], &MinimumConfig::default(), &stop)?;
    let geometry = measure(&problem, &minimum, &GeometryConfig::default(), &stop)?;
    println!("{} samples; minimum at {:.3?}; derivatives right: {}", problem.samples(), minimum.theta, report.is_ok());
    println!("curvatures {:.3?}, noise strength {:.2?}", geometry.eigenvalues, geometry.noise_strength);
    if report.is_ok() { Ok(()) } else { Err("a derivative is wrong".into()) }
}
