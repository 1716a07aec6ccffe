//! SGD training before the search.

use super::MinimumError;
use crate::operator::{axpy, norm};
use crate::problem::unless_failed;
use crate::random::{Purpose, stream};
use crate::{Problem, Samples, Sampling, SgdSettings, Stop};
use rand::{RngExt, seq::SliceRandom};

/// Plain SGD training `θ ← θ − η g_B` for a number of steps, from a seed; fewer where `stop` is requested.
///
/// # Errors
/// If the start or the settings do not fit the problem, it fails, or the loss leaves the finite numbers.
pub fn train(
    problem: &dyn Problem,
    start: &[f64],
    sgd: &SgdSettings,
    steps: usize,
    seed: u64,
    stop: &Stop,
) -> Result<Vec<f64>, MinimumError> {
    unless_failed(problem, trained(problem, start, sgd, steps, seed, stop))
}

fn trained(
    problem: &dyn Problem,
    start: &[f64],
    sgd: &SgdSettings,
    steps: usize,
    seed: u64,
    stop: &Stop,
) -> Result<Vec<f64>, MinimumError> {
    let (n, b) = (problem.samples(), sgd.batch_size);
    if start.len() != problem.dim() {
        return Err(MinimumError::Length { expected: problem.dim(), found: start.len() });
    }
    if b == 0 || (b > n && sgd.sampling != Sampling::WithReplacement) || n == 0 {
        return Err(MinimumError::Setting("the batch size must lie between 1 and the number of samples"));
    }
    let mut rng = stream(seed, Purpose::Training, 0);
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut batch = vec![0_u32; b];
    let mut gradient = vec![0.0; problem.dim()];
    let mut scratch = vec![0.0; problem.scratch_len(b)];
    let mut theta = start.to_vec();
    for step in 0..steps {
        if stop.is_requested() {
            break;
        }
        match sgd.sampling {
            Sampling::WithReplacement => batch.fill_with(|| rng.random_range(0..n as u32)),
            Sampling::WithoutReplacement => batch.copy_from_slice(order.partial_shuffle(&mut rng, b).0),
            Sampling::EpochShuffle => {
                let position = step % (n / b);
                if position == 0 {
                    order.shuffle(&mut rng);
                }
                batch.copy_from_slice(&order[position * b..(position + 1) * b]);
            }
        }
        let loss = problem.batch_gradient_into(&theta, Samples::Indices(&batch), &mut gradient, &mut scratch);
        axpy(-sgd.learning_rate, &gradient, &mut theta);
        if !loss.is_finite() || !norm(&theta).is_finite() {
            return Err(MinimumError::Diverged { step });
        }
    }
    Ok(theta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::Linear;

    #[test]
    fn training_comes_near_the_minimum_and_reports_divergence() {
        let problem = Linear::gaussian(3, 200, 0.1, 9);
        for sampling in [Sampling::WithReplacement, Sampling::WithoutReplacement, Sampling::EpochShuffle] {
            let sgd = SgdSettings { learning_rate: 0.02, batch_size: 8, sampling };
            let theta = train(&problem, &[2.0; 3], &sgd, 2000, 1, &Stop::new()).unwrap();
            assert!(norm(&theta) < 0.1);
            assert_eq!(theta, train(&problem, &[2.0; 3], &sgd, 2000, 1, &Stop::new()).unwrap());
            let wild = SgdSettings { learning_rate: 10.0, ..sgd };
            assert!(matches!(
                train(&problem, &[2.0; 3], &wild, 2000, 1, &Stop::new()),
                Err(MinimumError::Diverged { .. })
            ));
        }
    }
}
