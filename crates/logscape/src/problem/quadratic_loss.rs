//! A loss that is a quadratic form, computed in `d²` operations whatever the number of samples.

use faer::Mat;

use crate::operator::dense::eigen;

/// Parameters up to which the form is made.
const LARGEST: usize = 256;
/// Condition number up to which it is made: beyond, a difference of large numbers would be a small loss.
const CONDITION: f64 = 1e6;

/// `L(θ) = L(c) + ∇L(c)·δ + ½ δᵀHδ` with `δ = θ − c`, around a point `c` near the minimum, so that no digits cancel there.
#[derive(Debug, Clone, PartialEq)]
pub struct QuadraticLoss {
    centre: Vec<f64>,
    loss: f64,
    gradient: Vec<f64>,
    /// `H`, row by row.
    hessian: Vec<f64>,
}

impl QuadraticLoss {
    /// Of the mean square error of `θ·x_μ` against `y_μ`, for `rows` of inputs (`d` each); none where a pass over the samples is
    /// cheaper, or the matrix of second moments is too near to a singular one.
    pub(super) fn of_line<'a>(rows: impl Iterator<Item = &'a [f64]> + Clone, targets: &[f64]) -> Option<Self> {
        let (d, n) = (rows.clone().next()?.len(), targets.len());
        if d > LARGEST || 2 * d > n {
            return None;
        }
        let mut hessian = vec![0.0; d * d];
        for x in rows.clone() {
            for (row, xi) in hessian.chunks_exact_mut(d).zip(x) {
                row.iter_mut().zip(x).for_each(|(h, xj)| *h += xi * xj);
            }
        }
        hessian.iter_mut().for_each(|h| *h /= n as f64);
        let (values, vectors) = eigen(Mat::from_fn(d, d, |i, j| hessian[i * d + j]).as_ref()).ok()?;
        if values[d - 1].is_nan() || values[d - 1] * CONDITION <= values[0] {
            return None;
        }
        // One step of Newton from zero, and what is left of the gradient there.
        let (_, slope) = line_loss(rows.clone(), targets, &vec![0.0; d]);
        let along = |k: usize| (0..d).map(|i| vectors[(i, k)] * slope[i]).sum::<f64>() / values[k];
        let steps: Vec<f64> = (0..d).map(along).collect();
        let centre: Vec<f64> = (0..d).map(|i| -(0..d).map(|k| vectors[(i, k)] * steps[k]).sum::<f64>()).collect();
        let (loss, gradient) = line_loss(rows, targets, &centre);
        loss.is_finite().then_some(Self { centre, loss, gradient, hessian })
    }

    /// `c` (`d`), `L(c)`, `∇L(c)` (`d`) and `H` (`d × d`, row by row).
    pub fn parts(&self) -> (&[f64], f64, &[f64], &[f64]) {
        (&self.centre, self.loss, &self.gradient, &self.hessian)
    }

    /// `L(θ)`.
    pub fn loss(&self, theta: &[f64]) -> f64 {
        let mut loss = self.loss;
        for (i, row) in self.hessian.chunks_exact(self.centre.len()).enumerate() {
            loss += (theta[i] - self.centre[i]) * (self.gradient[i] + 0.5 * self.image(row, theta));
        }
        loss
    }

    /// `L(θ)`, and its gradient into `gradient` (`d`).
    pub fn loss_and_gradient(&self, theta: &[f64], gradient: &mut [f64]) -> f64 {
        let mut loss = self.loss;
        for (i, row) in self.hessian.chunks_exact(self.centre.len()).enumerate() {
            let image = self.image(row, theta);
            gradient[i] = self.gradient[i] + image;
            loss += (theta[i] - self.centre[i]) * (self.gradient[i] + 0.5 * image);
        }
        loss
    }

    /// A row of `H` times `δ`.
    fn image(&self, row: &[f64], theta: &[f64]) -> f64 {
        row.iter().zip(theta.iter().zip(&self.centre)).map(|(h, (x, c))| h * (x - c)).sum()
    }
}

/// Loss and gradient at `theta`.
fn line_loss<'a>(rows: impl Iterator<Item = &'a [f64]>, targets: &[f64], theta: &[f64]) -> (f64, Vec<f64>) {
    let n = targets.len() as f64;
    let (mut loss, mut gradient) = (0.0, vec![0.0; theta.len()]);
    for (x, y) in rows.zip(targets) {
        let error = x.iter().zip(theta).map(|(x, t)| x * t).sum::<f64>() - y;
        loss += 0.5 * error * error / n;
        gradient.iter_mut().zip(x).for_each(|(g, x)| *g += error * x / n);
    }
    (loss, gradient)
}
