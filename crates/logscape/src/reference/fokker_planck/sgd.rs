//! The Fokker–Planck equation of SGD's diffusion approximation.

use super::{Axis, FokkerPlanck, FokkerPlanckError};
use crate::model::NoiseModel;
use crate::operator::full::{loss_and_gradient, map_chunks};
use crate::{Problem, Samples, SgdSettings};

/// Loss, gradient and one-sample covariance `C`, the last two padded to two dimensions (`C_22 = 1` in one).
pub(super) fn measure(problem: &dyn Problem, theta: &[f64]) -> (f64, [f64; 2], [[f64; 2]; 2]) {
    let p = theta.len();
    let (loss, mean) = loss_and_gradient(problem, theta);
    let rows = map_chunks(problem, p, |range, out, scratch| {
        problem.per_sample_gradients_into(theta, Samples::Range(range), out, scratch);
    });
    let (mut gradient, mut noise) = ([0.0; 2], [[0.0, 0.0], [0.0, 1.0]]);
    gradient[..p].copy_from_slice(&mean);
    for i in 0..p {
        for j in 0..p {
            let product = |g: &[f64]| (g[i] - mean[i]) * (g[j] - mean[j]);
            noise[i][j] = rows.chunks_exact(p).map(product).sum::<f64>() / problem.samples() as f64;
        }
    }
    (loss, gradient, noise)
}

impl FokkerPlanck {
    /// The equation of `dθ = −∇L dt + √(2D) dW`, `D = η C/2B`, per unit `t`, of a problem with one or two parameters, with
    /// the noise model's `C`. Batches without replacement count with their covariance; that of a single step for epochs.
    ///
    /// # Errors
    /// As [`line`](Self::line) and [`rectangle`](Self::rectangle), and if the minimum or the axes do not fit the problem, the
    /// batch holds all samples, the learning rate is not positive, or decoupled noise has no loss to follow.
    pub fn of_sgd(
        problem: &dyn Problem,
        minimum: &[f64],
        axes: &[Axis],
        model: NoiseModel,
        sgd: SgdSettings,
    ) -> Result<Self, FokkerPlanckError> {
        let p = problem.dim();
        if p > 2 || axes.len() != p || minimum.len() != p {
            return Err(FokkerPlanckError::Setting(
                "one axis is needed for each of the problem's one or two parameters",
            ));
        }
        let batch = sgd.effective_batch_size(problem.samples());
        let per_noise = sgd.learning_rate / (2.0 * batch);
        if !(per_noise.is_finite() && per_noise > 0.0) {
            return Err(FokkerPlanckError::Setting("the learning rate or the batch leaves no noise"));
        }
        let (loss_minimum, _, noise_minimum) = measure(problem, minimum);
        if model == NoiseModel::Decoupled && !(loss_minimum.is_finite() && loss_minimum > 0.0) {
            return Err(FokkerPlanckError::Setting("decoupled noise needs a positive loss at the minimum"));
        }
        Self::new(axes.to_vec(), &|theta| {
            let (loss, gradient, noise) = measure(problem, theta);
            let (noise, factor) = match model {
                NoiseModel::Frozen => (noise_minimum, 1.0),
                NoiseModel::Decoupled => (noise_minimum, loss / loss_minimum),
                NoiseModel::Measured => (noise, 1.0),
            };
            (gradient.map(|g| -g), noise.map(|row| row.map(|c| per_noise * factor * c)))
        })
    }
}
