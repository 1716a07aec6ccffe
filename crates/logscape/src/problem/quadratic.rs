//! The quadratic basin, whose stationary laws and passage times are known.

use super::error::{require_finite, require_some};
use super::{Problem, ProblemError, Samples};

/// `L(θ) = L* + ½ Σ h_i θ_i²`, written as the mean square of one sample with outputs `(√h_1 θ_1, ..., √h_P θ_P, √(2L*))`.
///
/// Its gradient has no noise: the noise belongs to the SDE that runs on it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuadraticBasin {
    minimum_loss: f64,
    curvatures: Vec<f64>,
    roots: Vec<f64>,
}

impl QuadraticBasin {
    /// The basin with loss `L* ≥ 0` at its minimum `θ = 0` and curvatures `h_i ≥ 0` (`P`) along the axes.
    ///
    /// # Errors
    /// If there is no curvature, or a value is negative or not finite.
    pub fn new(minimum_loss: f64, curvatures: Vec<f64>) -> Result<Self, ProblemError> {
        require_some("curvatures", curvatures.len())?;
        let roots: Vec<f64> = curvatures.iter().map(|h| h.sqrt()).collect();
        // Roots of negative numbers are not finite.
        require_finite("curvatures", &roots, curvatures.len())?;
        require_finite("minimum loss", &[minimum_loss.sqrt()], 1)?;
        Ok(Self { minimum_loss, curvatures, roots })
    }

    /// `L*`.
    pub fn minimum_loss(&self) -> f64 {
        self.minimum_loss
    }

    /// Curvatures `h_i` (`P`).
    pub fn curvatures(&self) -> &[f64] {
        &self.curvatures
    }
}

impl Problem for QuadraticBasin {
    fn dim(&self) -> usize {
        self.curvatures.len()
    }

    fn samples(&self) -> usize {
        1
    }

    fn outputs(&self) -> usize {
        self.dim() + 1
    }

    fn scratch_len(&self, _m: usize) -> usize {
        0
    }

    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        assert_eq!(out.len(), samples.len() * self.outputs());
        for out in out.chunks_exact_mut(self.outputs()) {
            let (constant, linear) = out.split_last_mut().expect("there is an output");
            linear.iter_mut().zip(&self.roots).zip(theta).for_each(|((e, root), x)| *e = root * x);
            *constant = (2.0 * self.minimum_loss).sqrt();
        }
    }

    fn jvp_into(&self, _theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.residuals_into(v, samples, out, scratch);
        out.iter_mut().skip(self.dim()).step_by(self.outputs()).for_each(|constant| *constant = 0.0);
    }

    fn vjp_into(&self, _theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        assert_eq!(u.len(), samples.len() * self.outputs());
        out.fill(0.0);
        for u in u.chunks_exact(self.outputs()) {
            out.iter_mut().zip(&self.roots).zip(u).for_each(|((g, root), u)| *g += root * u);
        }
    }

    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) -> f64 {
        self.hvp_into(theta, theta, samples, out, scratch);
        self.minimum_loss + 0.5 * out.iter().zip(theta).map(|(g, x)| g * x).sum::<f64>()
    }

    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        assert_eq!(out.len(), samples.len() * self.dim());
        out.chunks_exact_mut(self.dim())
            .for_each(|row| self.hvp_into(theta, theta, Samples::Range(0..1), row, scratch));
    }

    fn hvp_into(&self, _theta: &[f64], v: &[f64], _samples: Samples, out: &mut [f64], _scratch: &mut [f64]) {
        out.iter_mut().zip(&self.curvatures).zip(v).for_each(|((out, h), v)| *out = h * v);
    }

    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        self.hvp_into(theta, v, samples, out, scratch);
    }
}
