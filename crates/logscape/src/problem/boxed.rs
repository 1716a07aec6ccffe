//! A problem behind a pointer is a problem.

use std::any::Any;

use super::{Problem, ProblemFailure, QuadraticLoss, Samples};

/// Every call is passed on, so that results and speed are those of the problem inside.
impl Problem for Box<dyn Problem> {
    fn dim(&self) -> usize {
        (**self).dim()
    }

    fn samples(&self) -> usize {
        (**self).samples()
    }

    fn outputs(&self) -> usize {
        (**self).outputs()
    }

    fn scratch_len(&self, m: usize) -> usize {
        (**self).scratch_len(m)
    }

    fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        (**self).residuals_into(theta, samples, out, scratch);
    }

    fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        (**self).jvp_into(theta, v, samples, out, scratch);
    }

    fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        (**self).vjp_into(theta, u, samples, out, scratch);
    }

    fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        (**self).hvp_into(theta, v, samples, out, scratch);
    }

    fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) -> f64 {
        (**self).batch_gradient_into(theta, samples, out, scratch)
    }

    fn replicas_at_once(&self) -> usize {
        (**self).replicas_at_once()
    }

    fn batch_gradients_into(
        &self,
        thetas: &[f64],
        batches: &[u32],
        out: &mut [f64],
        losses: &mut [f64],
        scratch: &mut [f64],
    ) {
        (**self).batch_gradients_into(thetas, batches, out, losses, scratch);
    }

    fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        (**self).per_sample_gradients_into(theta, samples, out, scratch);
    }

    fn gauss_newton_vp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        (**self).gauss_newton_vp_into(theta, v, samples, out, scratch);
    }

    fn hvp_block_into(&self, theta: &[f64], vectors: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        (**self).hvp_block_into(theta, vectors, samples, out, scratch);
    }

    fn sample_curvatures_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        (**self).sample_curvatures_into(theta, v, samples, out, scratch);
    }

    fn sample_hessians_into(
        &self,
        theta: &[f64],
        vectors: &[f64],
        samples: Samples,
        out: &mut [f64],
        scratch: &mut [f64],
    ) {
        (**self).sample_hessians_into(theta, vectors, samples, out, scratch);
    }

    fn gradient_squares_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        (**self).gradient_squares_into(theta, samples, out, scratch);
    }

    fn jacobian_grams_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
        (**self).jacobian_grams_into(theta, samples, out, scratch);
    }

    fn failure(&self) -> Option<ProblemFailure> {
        (**self).failure()
    }

    fn quadratic_loss(&self) -> Option<&QuadraticLoss> {
        (**self).quadratic_loss()
    }

    fn least_squares_step(&self, theta: &[f64]) -> Option<Vec<f64>> {
        (**self).least_squares_step(theta)
    }

    fn constant_loss(&self) -> Option<f64> {
        (**self).constant_loss()
    }

    fn as_any(&self) -> Option<&dyn Any> {
        (**self).as_any()
    }
}
