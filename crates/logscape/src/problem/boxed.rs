//! Problems that are another problem inside.

use std::any::Any;

use super::{Problem, ProblemFailure, QuadraticLoss, Samples};
use crate::model::{Weights, WeightsError};
use crate::network::OutputLoss;

/// The methods of [`Problem`] but for `as_any`, each passed on to what the method `$inner` returns: results and speed are those
/// of the problem inside.
macro_rules! pass_on {
    ($inner:ident) => {
        fn dim(&self) -> usize {
            self.$inner().dim()
        }

        fn samples(&self) -> usize {
            self.$inner().samples()
        }

        fn outputs(&self) -> usize {
            self.$inner().outputs()
        }

        fn scratch_len(&self, m: usize) -> usize {
            self.$inner().scratch_len(m)
        }

        fn residuals_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.$inner().residuals_into(theta, samples, out, scratch);
        }

        fn jvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.$inner().jvp_into(theta, v, samples, out, scratch);
        }

        fn vjp_into(&self, theta: &[f64], u: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.$inner().vjp_into(theta, u, samples, out, scratch);
        }

        fn hvp_into(&self, theta: &[f64], v: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.$inner().hvp_into(theta, v, samples, out, scratch);
        }

        fn batch_gradient_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) -> f64 {
            self.$inner().batch_gradient_into(theta, samples, out, scratch)
        }

        fn jacobian_moments_into(&self, theta: &[f64], samples: Samples, out: [&mut [f64]; 2], scratch: &mut [f64]) {
            self.$inner().jacobian_moments_into(theta, samples, out, scratch);
        }

        fn samples_at_once(&self) -> usize {
            self.$inner().samples_at_once()
        }

        fn steps_at_once(&self) -> usize {
            self.$inner().steps_at_once()
        }

        fn sgd_steps(
            &self,
            thetas: &mut [f64],
            batches: &[u32],
            steps: usize,
            learning_rate: f64,
            scratch: &mut [f64],
        ) -> f64 {
            self.$inner().sgd_steps(thetas, batches, steps, learning_rate, scratch)
        }

        fn replicas_at_once(&self) -> usize {
            self.$inner().replicas_at_once()
        }

        fn batch_gradients_into(
            &self,
            thetas: &[f64],
            batches: &[u32],
            out: &mut [f64],
            losses: &mut [f64],
            scratch: &mut [f64],
        ) {
            self.$inner().batch_gradients_into(thetas, batches, out, losses, scratch);
        }

        fn per_sample_gradients_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.$inner().per_sample_gradients_into(theta, samples, out, scratch);
        }

        fn gauss_newton_vp_into(
            &self,
            theta: &[f64],
            v: &[f64],
            samples: Samples,
            out: &mut [f64],
            scratch: &mut [f64],
        ) {
            self.$inner().gauss_newton_vp_into(theta, v, samples, out, scratch);
        }

        fn hvp_block_into(
            &self,
            theta: &[f64],
            vectors: &[f64],
            samples: Samples,
            out: &mut [f64],
            scratch: &mut [f64],
        ) {
            self.$inner().hvp_block_into(theta, vectors, samples, out, scratch);
        }

        fn sample_curvatures_into(
            &self,
            theta: &[f64],
            v: &[f64],
            samples: Samples,
            out: &mut [f64],
            scratch: &mut [f64],
        ) {
            self.$inner().sample_curvatures_into(theta, v, samples, out, scratch);
        }

        fn sample_hessians_into(
            &self,
            theta: &[f64],
            vectors: &[f64],
            samples: Samples,
            out: &mut [f64],
            scratch: &mut [f64],
        ) {
            self.$inner().sample_hessians_into(theta, vectors, samples, out, scratch);
        }

        fn gradient_squares_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.$inner().gradient_squares_into(theta, samples, out, scratch);
        }

        fn jacobian_grams_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.$inner().jacobian_grams_into(theta, samples, out, scratch);
        }

        fn output_loss(&self) -> Option<OutputLoss> {
            self.$inner().output_loss()
        }

        fn losses_into(&self, theta: &[f64], samples: Samples, out: &mut [f64], scratch: &mut [f64]) {
            self.$inner().losses_into(theta, samples, out, scratch);
        }

        fn weigh_outputs(&self, theta: &[f64], samples: Samples, rates: &mut [f64], scratch: &mut [f64]) {
            self.$inner().weigh_outputs(theta, samples, rates, scratch);
        }

        fn failure(&self) -> Option<ProblemFailure> {
            self.$inner().failure()
        }

        fn quadratic_loss(&self) -> Option<&QuadraticLoss> {
            self.$inner().quadratic_loss()
        }

        fn least_squares_step(&self, theta: &[f64]) -> Option<Vec<f64>> {
            self.$inner().least_squares_step(theta)
        }

        fn constant_loss(&self) -> Option<f64> {
            self.$inner().constant_loss()
        }

        fn accuracy(&self, theta: &[f64]) -> Option<f64> {
            self.$inner().accuracy(theta)
        }

        fn classes(&self) -> Option<Vec<usize>> {
            self.$inner().classes()
        }

        fn is_smooth(&self) -> bool {
            self.$inner().is_smooth()
        }

        fn parameter_names(&self) -> Vec<(String, std::ops::Range<usize>)> {
            self.$inner().parameter_names()
        }

        fn tensors(&self, theta: &[f64]) -> Vec<crate::model::Tensor> {
            self.$inner().tensors(theta)
        }

        fn linearised(
            &self,
            theta: &[f64],
            precision: crate::Precision,
            memory: u64,
        ) -> Option<Box<dyn crate::operator::Linearisation + '_>> {
            self.$inner().linearised(theta, precision, memory)
        }

        fn batch_gradient(
            &self,
            batch_size: usize,
            precision: crate::Precision,
        ) -> Option<Box<dyn crate::problem::BatchGradient + '_>> {
            self.$inner().batch_gradient(batch_size, precision)
        }
    };
}
pub(super) use pass_on;

/// What a box holds.
trait Inside {
    fn inside(&self) -> &dyn Problem;
}

impl Inside for Box<dyn Problem> {
    fn inside(&self) -> &dyn Problem {
        &**self
    }
}

impl Problem for Box<dyn Problem> {
    pass_on!(inside);

    fn take_tensors(&mut self, weights: Weights) -> Result<Vec<f64>, WeightsError> {
        (**self).take_tensors(weights)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        (**self).as_any()
    }
}
