//! Streaming mean and covariance that stay accurate when the mean is large.

use serde::{Deserialize, Serialize};

/// Mean and covariance of the vectors seen so far (Welford's recursion); `dim²` memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    mean: Vec<f64>,
    /// `Σ (x − mean)(x − mean)ᵀ`, row-major.
    scatter: Vec<f64>,
    /// Distance of the last vector from the mean before it.
    delta: Vec<f64>,
}

impl Moments {
    /// No vector yet.
    pub fn new(dim: usize) -> Self {
        Self { count: 0, mean: vec![0.0; dim], scatter: vec![0.0; dim * dim], delta: vec![0.0; dim] }
    }

    /// Adds `x`.
    pub fn add(&mut self, x: &[f64]) {
        self.count += 1;
        let n = self.count as f64;
        for (i, d) in self.delta.iter_mut().enumerate() {
            *d = x[i] - self.mean[i];
            self.mean[i] += *d / n;
        }
        let dim = self.mean.len();
        for i in 0..dim {
            for j in 0..dim {
                self.scatter[i * dim + j] += self.delta[i] * self.delta[j] * (n - 1.0) / n;
            }
        }
    }

    /// Number of vectors.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Mean.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Covariance, row-major, with divisor `count`; zero before the first vector.
    pub fn covariance(&self) -> Vec<f64> {
        let n = self.count.max(1) as f64;
        self.scatter.iter().map(|s| s / n).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_four_points_far_from_the_origin() {
        let mut moments = Moments::new(2);
        for x in [[1.0, 2.0], [3.0, 2.0], [1.0, 6.0], [3.0, 6.0]] {
            moments.add(&[x[0] + 1e6, x[1]]);
        }
        assert_eq!((moments.count(), moments.mean()), (4, &[1e6 + 2.0, 4.0][..]));
        let want = [1.0, 0.0, 0.0, 4.0];
        assert!(moments.covariance().iter().zip(want).all(|(c, w)| (c - w).abs() < 1e-9));
    }
}
