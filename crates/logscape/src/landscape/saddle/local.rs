//! The quadratic model of the loss at a point, in eigendirections, and the steps that are taken in it.

use crate::Problem;
use crate::Stop;
use crate::operator::dense::{EigenError, NEGATIVE, eigen, image, to_dense};
use crate::operator::full::loss_and_gradient;
use crate::operator::{Hessian, krylov_pairs, norm};
use faer::Mat;

/// Which eigendirections a model knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct ModelConfig {
    /// Largest number of parameters for which the whole Hessian is decomposed.
    pub(super) dense_up_to: usize,
    /// Dimensions of the Krylov space of the gradient and the seeds beyond that.
    pub(super) krylov: usize,
}

/// Loss, gradient and curvature at `θ`: `L(θ + s) ≈ L + g·s + ½ sᵀHs` for `s` in the span of the eigendirections.
pub(super) struct LocalModel {
    /// The point `θ` (`P`).
    pub(super) theta: Vec<f64>,
    /// Loss there.
    pub(super) loss: f64,
    /// Gradient there (`P`).
    pub(super) gradient: Vec<f64>,
    /// Eigenvalues, or Ritz values, of the Hessian, descending.
    pub(super) values: Vec<f64>,
    /// Their unit vectors, as columns.
    vectors: Mat<f64>,
    /// Components of the gradient along them.
    along: Vec<f64>,
}

impl LocalModel {
    /// The model at `theta`; beyond `dense_up_to` parameters in the Krylov space of the gradient and of `seeds`.
    ///
    /// # Errors
    /// If the gradient or the Hessian is not finite, or on an interrupt.
    pub(super) fn at(
        problem: &dyn Problem,
        theta: &[f64],
        seeds: &[Vec<f64>],
        config: ModelConfig,
        stop: &Stop,
    ) -> Result<Self, EigenError> {
        let (loss, gradient) = loss_and_gradient(problem, theta);
        if !loss.is_finite() || !norm(&gradient).is_finite() {
            return Err(EigenError::NotFinite);
        }
        let hessian = Hessian::new(problem, theta);
        let (values, vectors) = if problem.dim() <= config.dense_up_to {
            eigen(to_dense(&hessian, stop)?.as_ref())?
        } else {
            let block =
                Mat::from_fn(theta.len(), 1 + seeds.len(), |i, j| if j == 0 { gradient[i] } else { seeds[j - 1][i] });
            krylov_pairs(&hessian, block, config.krylov, stop)?
        };
        let along = image(vectors.transpose(), &gradient);
        Ok(Self { theta: theta.to_vec(), loss, gradient, values, vectors, along })
    }

    /// Largest absolute eigenvalue.
    pub(super) fn scale(&self) -> f64 {
        self.values.iter().fold(0.0, |scale: f64, h| scale.max(h.abs()))
    }

    /// Absolute curvature below which a direction counts as flat.
    pub(super) fn flat_below(&self) -> f64 {
        NEGATIVE * self.scale()
    }

    /// Index of the lowest known eigenvalue.
    pub(super) fn lowest(&self) -> usize {
        self.values.len() - 1
    }

    /// Number of known eigenvalues below `−10⁻⁶ λ_max`.
    pub(super) fn negative(&self) -> usize {
        self.values.iter().filter(|&&h| h < -self.flat_below()).count()
    }

    /// The `j`-th eigenvector.
    pub(super) fn vector(&self, j: usize) -> Vec<f64> {
        self.vectors.col(j).iter().copied().collect()
    }

    /// The eigenvector that is closest to `direction`.
    pub(super) fn closest(&self, direction: &[f64]) -> usize {
        let overlap = self.components(direction);
        (0..self.values.len()).max_by(|&a, &b| overlap[a].abs().total_cmp(&overlap[b].abs())).unwrap_or(0)
    }

    /// `Σ_j c_j v_j` with `c_j = coefficient(h_j, g_j, j)`.
    pub(super) fn combine(&self, coefficient: impl Fn(f64, f64, usize) -> f64) -> Vec<f64> {
        let c: Vec<f64> = (0..self.values.len()).map(|j| coefficient(self.values[j], self.along[j], j)).collect();
        image(self.vectors.as_ref(), &c)
    }

    /// Components of `x` along the eigendirections.
    pub(super) fn components(&self, x: &[f64]) -> Vec<f64> {
        image(self.vectors.transpose(), x)
    }

    /// Predicted change `g·s + ½ sᵀHs` of the loss, and the predicted gradient `g + Hs`, after the step `s` of the span.
    pub(super) fn predict(&self, step: &[f64]) -> (f64, Vec<f64>) {
        let s = self.components(step);
        let change = s.iter().zip(&self.along).zip(&self.values).map(|((s, g), h)| s * (g + 0.5 * h * s)).sum();
        let mut gradient = self.combine(|h, _, j| h * s[j]);
        gradient.iter_mut().zip(&self.gradient).for_each(|(x, g)| *x += g);
        (change, gradient)
    }

    /// Newton's step to the model's stationary point, of any index. Flat directions are left alone.
    pub(super) fn newton_step(&self) -> Vec<f64> {
        let flat = self.flat_below();
        self.combine(|h, g, _| if h.abs() > flat { -g / h } else { 0.0 })
    }
}

/// `a + b`.
pub(super) fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// `a − b`.
pub(super) fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// Distance `‖a − b‖`.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&difference(a, b))
}

/// Newton steps from `theta` to the stationary point nearby, for as long as they halve the gradient, at most `steps`.
/// Returns the model at the last point.
///
/// # Errors
/// As [`LocalModel::at`].
pub(super) fn polish(
    problem: &dyn Problem,
    theta: &[f64],
    steps: usize,
    config: ModelConfig,
    stop: &Stop,
) -> Result<LocalModel, EigenError> {
    let mut model = LocalModel::at(problem, theta, &[], config, stop)?;
    for _ in 0..steps {
        let trial = sum(&model.theta, &model.newton_step());
        let (loss, gradient) = loss_and_gradient(problem, &trial);
        if !loss.is_finite() || norm(&gradient).is_nan() || norm(&gradient) > 0.5 * norm(&model.gradient) {
            break;
        }
        model = LocalModel::at(problem, &trial, &[], config, stop)?;
    }
    Ok(model)
}

/// Whether the stationary points `a` and `b` are one, or lie on one flat set of stationary points of equal loss: a walk
/// from `a` straight towards `b`, which Newton steps hold on the set, comes within `tolerance` of `b`.
///
/// # Errors
/// As [`LocalModel::at`].
pub(super) fn is_same(
    problem: &dyn Problem,
    [a, b]: [&[f64]; 2],
    tolerance: f64,
    config: ModelConfig,
    stop: &Stop,
) -> Result<bool, EigenError> {
    /// Most steps of the walk, and the share of the way left that the longest step takes.
    const STEPS: usize = 200;
    const SHARE: f64 = 0.1;
    if distance(a, b) <= tolerance {
        return Ok(true);
    }
    let mut here = polish(problem, a, 3, config, stop)?;
    let (loss, gradient) = loss_and_gradient(problem, b);
    let near = |x: f64, y: f64| (x - y).abs() <= 1e-9 * x.abs().max(y.abs()) + 1e-15;
    let flat = here.values.iter().any(|h| h.abs() <= here.flat_below());
    if !flat || !near(here.loss, loss) || norm(&gradient) > 1e-3 * here.scale() {
        return Ok(false);
    }
    for _ in 0..STEPS {
        let left = distance(&here.theta, b);
        if left <= tolerance {
            return Ok(true);
        }
        let step: Vec<f64> = difference(b, &here.theta).iter().map(|x| SHARE * x).collect();
        let next = polish(problem, &sum(&here.theta, &step), 20, config, stop)?;
        if !near(next.loss, loss) || distance(&next.theta, b) > (1.0 - 0.01 * SHARE) * left {
            return Ok(false);
        }
        here = next;
    }
    Ok(false)
}
