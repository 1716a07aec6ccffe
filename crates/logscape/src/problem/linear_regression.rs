//! Linear regression, the problem whose Hessian is the same everywhere.

use std::any::Any;
use std::sync::OnceLock;

use super::kind::{NoOptions, Registered, Unstandardised, require_one_target};
use super::least_squares::least_squares_step;
use super::regression_data::RegressionData;
use super::scalar::{add_scaled, dot};
use super::{BuildProblemError, ProblemError, QuadraticLoss, RowModel, ScalarModel, StartConfig, SumModel, Visitor};
use crate::data::synthetic::{Generator, LinearTeacher};
use crate::data::{Dataset, Standardised};
use crate::lanes::{ROW, Real};

/// `f(θ, x) = θ · x` with `θ, x ∈ R^d`; a constant input makes an intercept.
#[derive(Debug, Clone)]
pub struct LinearRegression {
    data: RegressionData,
    loss: OnceLock<Option<QuadraticLoss>>,
}

impl LinearRegression {
    /// The problem of `inputs` (`N × d`, row-major) and `targets` (`N`), with `d = inputs_dim`.
    ///
    /// # Errors
    /// If lengths do not fit, `N` or `d` is zero, or a value is not finite.
    pub fn new(inputs: Vec<f64>, targets: Vec<f64>, inputs_dim: usize) -> Result<Self, ProblemError> {
        Ok(Self { data: RegressionData::new(inputs, targets, inputs_dim)?, loss: OnceLock::new() })
    }
}

impl ScalarModel for LinearRegression {
    fn parameters(&self) -> usize {
        self.data.dim()
    }

    fn targets(&self) -> &[f64] {
        self.data.targets()
    }

    fn value(&self, theta: &[f64], sample: usize) -> f64 {
        dot(theta, self.data.input(sample))
    }

    fn slope(&self, _theta: &[f64], v: &[f64], sample: usize) -> f64 {
        dot(v, self.data.input(sample))
    }

    fn add_gradient(&self, theta: &[f64], sample: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        let x = self.data.input(sample);
        add_scaled(out, weight(dot(theta, x)), x);
    }

    fn add_hessian_product(&self, _theta: &[f64], _v: &[f64], _sample: usize, _weight: f64, _out: &mut [f64]) {}

    fn quadratic_loss(&self) -> Option<&QuadraticLoss> {
        let rows = (0..self.data.targets().len()).map(|sample| self.data.input(sample));
        self.loss.get_or_init(|| QuadraticLoss::of_line(rows, self.data.targets())).as_ref()
    }

    fn least_squares_step(&self, theta: &[f64]) -> Option<Vec<f64>> {
        let residual = |(sample, y): (usize, &f64)| dot(theta, self.data.input(sample)) - y;
        let residuals: Vec<f64> = self.data.targets().iter().enumerate().map(residual).collect();
        least_squares_step(|sample| self.data.input(sample), &residuals)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl RowModel for LinearRegression {
    fn input(&self, sample: usize) -> &[f64] {
        self.data.input(sample)
    }

    fn target(&self, sample: usize) -> f64 {
        self.data.targets()[sample]
    }

    #[inline(always)]
    fn link<R: Real>(z: R) -> (R, R) {
        (z, R::ONE)
    }

    #[inline(always)]
    fn link_curvature<R: Real>(_z: R) -> R {
        R::ZERO
    }
}

impl SumModel for LinearRegression {
    /// `x₀²`, `x₀x₁`, `x₁²`, `y x₀`, `y x₁`.
    fn summands(&self, sample: usize) -> [f64; ROW] {
        let (x, y) = (self.data.input(sample), self.data.targets()[sample]);
        [x[0] * x[0], x[0] * x[1], x[1] * x[1], y * x[0], y * x[1], 0.0, 0.0, 0.0]
    }

    #[inline(always)]
    fn add_gradient_of_sums<R: Real>([a, b]: [R; 2], s: [R; ROW]) -> [R; 2] {
        [s[0].mul_add(a, s[1].mul_add(b, a - s[3])), s[1].mul_add(a, s[2].mul_add(b, b - s[4]))]
    }
}

impl Registered for LinearRegression {
    const NAME: &'static str = "linear-regression";
    const EQUATION: &'static str = "f = θ·x";

    type Options = NoOptions;

    fn example() -> Generator {
        let (spectrum, teacher) = (vec![1.0, 0.5], vec![1.0, -0.5]);
        Generator::LinearTeacher(LinearTeacher { samples: 200, spectrum, teacher, noise: 0.5 })
    }

    fn build(data: Dataset, _options: NoOptions) -> Result<Self, BuildProblemError> {
        require_one_target(&data)?;
        Ok(Self::new(data.inputs, data.targets, data.input_dim)?)
    }

    fn start(&self, _config: &StartConfig) -> Vec<f64> {
        vec![0.0; self.data.dim()]
    }

    /// `θ·(x − m)/s = (θ/s)·x − θ·m/s`.
    fn unstandardised(_options: &NoOptions, theta: &[f64], taken: &[Standardised]) -> Option<Unstandardised> {
        (theta.len() == taken.len()).then_some(())?;
        let theta: Vec<f64> = theta.iter().zip(taken).map(|(weight, of)| weight / of.deviation).collect();
        let offset = -theta.iter().zip(taken).map(|(weight, of)| weight * of.mean).sum::<f64>();
        Some(Unstandardised { theta, offset })
    }

    fn accept<'a, V: Visitor<'a>>(&'a self, visitor: V) -> V::Output {
        visitor.sums(self)
    }
}
