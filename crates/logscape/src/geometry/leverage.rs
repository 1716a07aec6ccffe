//! What a minimum owes to single samples.

use crate::operator::SamplesAlong;

/// Leverage that counts, at most: nothing is left of the residuals of samples that the minimum follows altogether.
const MOST: f64 = 0.99;

/// How much smaller samples' residuals `e_μ` are because the minimum was found with them.
///
/// The minimum of the mean square follows a sample with its leverage `K_μ = Σ_i J_μv_i (J_μv_i)ᵀ/(N h_i)`: `e_μ` has the variance `1 − K_μ`
/// where that of labels is 1, so that `(1 − K_μ)^{-1/2} e_μ` is as large as it was before. Source: MacKinnon & White 1985, *Journal of
/// Econometrics* 29, 305 (HC2).
pub(super) struct Leverage {
    /// `ρ_μ = bᵀMb/bᵀb` with `b_i = g_μ·v_i/√(N h_i)` and `M_ij = J_μv_i·J_μv_j/(N √(h_i h_j))`: that of a sample's residual, `K_μ` of one
    /// output.
    shares: Vec<f64>,
    /// What its loss lacks, `½ bᵀb/(1 − ρ_μ)`.
    losses: Vec<f64>,
}

impl Leverage {
    /// That of `samples` samples in the span of eigenvectors of the Hessian, where the loss is the mean square of `outputs` outputs.
    /// Curvatures count as no smaller than those of the Gauss–Newton matrix.
    pub(super) fn new(along: &[SamplesAlong], samples: usize, outputs: usize) -> Self {
        let n = samples as f64;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / n;
        let square = |samples: &SamplesAlong| samples.outputs.iter().map(|x| x * x).sum::<f64>() / n;
        let h: Vec<f64> = along.iter().map(|samples| mean(&samples.curvatures).max(square(samples))).collect();
        let mut found = Self { shares: Vec::with_capacity(samples), losses: Vec::with_capacity(samples) };
        let mut change = vec![0.0; outputs];
        for m in 0..samples {
            change.fill(0.0);
            let mut size = 0.0;
            for (along, &h) in along.iter().zip(&h).filter(|(_, h)| **h > 0.0) {
                let slope = along.slopes[m] / (n * h);
                size += along.slopes[m] * slope;
                crate::operator::axpy(slope, &along.outputs[m * outputs..][..outputs], &mut change);
            }
            let share = if size > 0.0 { crate::operator::dot(&change, &change) / size } else { 0.0 };
            let share = share.min(MOST);
            found.shares.push(share);
            found.losses.push(0.5 * size / (1.0 - share));
        }
        found
    }

    /// None at all, of samples of which it is not known.
    pub(super) fn none(samples: usize) -> Self {
        Self { shares: vec![0.0; samples], losses: vec![0.0; samples] }
    }

    /// The factor of sample `m`'s gradient.
    pub(super) fn factor(&self, m: usize) -> f64 {
        (1.0 - self.shares[m]).sqrt().recip()
    }

    /// What is missing in sample `m`'s loss.
    pub(super) fn of_loss(&self, m: usize) -> f64 {
        self.losses[m]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::dot;

    /// A line through points that are known: `x` of ten samples, its eigenvectors, and residuals orthogonal to both columns.
    #[test]
    fn residuals_of_one_output_are_divided_by_the_root_of_what_the_hat_matrix_leaves() {
        let x: Vec<f64> = (0..10).map(|k| f64::from(k * k) / 20.0).collect();
        let mean = x.iter().sum::<f64>() / 10.0;
        let spread = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        let y: Vec<f64> = (0..10).map(|k| f64::from(k * 7 % 5)).collect();
        let level = y.iter().sum::<f64>() / 10.0;
        let slope = x.iter().zip(&y).map(|(x, y)| (x - mean) * (y - level)).sum::<f64>() / spread;
        let e: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y - level - slope * (x - mean)).collect();
        // In these coordinates the Hessian is diagonal.
        let columns = [vec![1.0; 10], x.iter().map(|x| x - mean).collect::<Vec<_>>()];
        let along = columns.map(|column| SamplesAlong {
            slopes: column.iter().zip(&e).map(|(x, e)| -x * e).collect(),
            curvatures: column.iter().map(|x| x * x).collect(),
            outputs: column,
        });
        let found = Leverage::new(&along, 10, 1);
        for m in 0..10 {
            let hat = 0.1 + (x[m] - mean).powi(2) / spread;
            assert!((found.factor(m) * (1.0 - hat).sqrt() - 1.0).abs() < 1e-12);
            let loss = 0.5 * e[m] * e[m] + found.of_loss(m);
            assert!((loss - 0.5 * e[m] * e[m] / (1.0 - hat)).abs() < 1e-12);
        }
    }

    /// Two outputs of which each has a parameter of its own: leverages of both are those of each, here the same.
    #[test]
    fn outputs_apart_have_the_leverage_of_each() {
        let x = [0.3, -1.2, 2.0, 0.7];
        let square = dot(&x, &x);
        let e = [[0.4, 0.1], [-0.2, 0.5], [0.3, -0.7], [0.2, 0.2]];
        let along = [0, 1].map(|k| SamplesAlong {
            slopes: (0..4).map(|m| x[m] * e[m][k]).collect(),
            curvatures: x.map(|x| x * x).to_vec(),
            outputs: (0..8).map(|i| if i % 2 == k { x[i / 2] } else { 0.0 }).collect(),
        });
        let found = Leverage::new(&along, 4, 2);
        for m in 0..4 {
            assert!((found.factor(m) * (1.0 - x[m] * x[m] / square).sqrt() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_sample_that_the_minimum_follows_has_a_finite_factor() {
        let along = [SamplesAlong { outputs: vec![1.0, 0.0], slopes: vec![1e-9, 0.0], curvatures: vec![1.0, 0.0] }];
        let found = Leverage::new(&along, 2, 1);
        assert!((found.factor(0) - 10.0).abs() < 1e-9 && found.factor(1) == 1.0 && found.of_loss(1) == 0.0);
    }
}
