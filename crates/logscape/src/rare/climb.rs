//! The score of a landscape on the line: how rare a climb is, to leading order.

use super::{ScoreError, Tabulated};
use crate::reference::cumulant::BatchCumulant;
use crate::reference::large_deviation::momentum;
use crate::{Path, Sampling, SgdSettings};

impl Tabulated {
    /// `(V(θ) − V(end))/η` along `path`, with SGD's quasi-potential `V` and `end` the nearest end on the same side of the
    /// minimum: to leading order the logarithm of the probability to reach the exit before home, so that equal levels on
    /// both sides are equally near to it (Dean & Dupuis 2009, *Stoch. Process. Appl.* 119, 562). See
    /// [`large_deviation`](crate::reference::large_deviation) for `V`; where no batch pushes uphill its slope is the Gaussian
    /// one, `2BL'/C`. Batches of shuffled epochs count as fresh ones.
    ///
    /// The ends are `lower` and `upper`, on both sides of the minimum and within the path; an infinite one stands for that
    /// of the path.
    ///
    /// # Errors
    /// If these make no table, or no run can have these settings.
    pub fn climb(path: &Path, sgd: &SgdSettings, [lower, upper]: [f64; 2]) -> Result<Self, ScoreError> {
        let samples = path.sample_slopes.first().map_or(0, Vec::len);
        let fresh = if sgd.sampling == Sampling::EpochShuffle { Sampling::WithoutReplacement } else { sgd.sampling };
        let fresh = SgdSettings { sampling: fresh, ..*sgd };
        let cumulant = BatchCumulant::new(samples, &fresh).map_err(|_| ScoreError::Table)?;
        let batch = cumulant.effective_batch_size();
        let slope = |k: usize| {
            let gaussian = 2.0 * batch * path.gradient[k] / path.noise[k];
            momentum(&cumulant, &path.sample_slopes[k]).unwrap_or(gaussian) / sgd.learning_rate
        };
        let x = &path.position;
        let slopes: Vec<f64> = (0..x.len()).map(slope).collect();
        let mut height = vec![0.0; x.len()];
        for k in 1..x.len() {
            height[k] = height[k - 1] + 0.5 * (slopes[k] + slopes[k - 1]) * (x[k] - x[k - 1]);
        }
        let along = Self::new(x.clone(), height.clone())?;
        let [left, right] = [lower, upper].map(|end| along.at(end));
        let value = |(x, height): (&f64, f64)| height - if *x < path.minimum { left } else { right };
        Self::new(x.clone(), x.iter().zip(height).map(value).collect())
    }
}
