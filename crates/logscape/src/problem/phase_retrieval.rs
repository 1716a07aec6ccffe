//! Phase retrieval: a vector from the squares of its projections, known up to its sign.

use std::any::Any;

use super::kind::{NoOptions, Registered, require_one_target};
use super::regression_data::RegressionData;
use super::scalar::{add_scaled, dot};
use super::{BuildProblemError, ProblemError, RowModel, ScalarModel, StartConfig, SumModel, Visitor};
use crate::data::Dataset;
use crate::data::synthetic::{self, Generator};
use crate::lanes::{ROW, Real};

/// `f(θ, x) = (x · θ)²` with `θ, x ∈ R^d`; `θ` and `−θ` have the same loss, and between them lies a saddle.
#[derive(Debug, Clone)]
pub struct PhaseRetrieval {
    data: RegressionData,
}

impl PhaseRetrieval {
    /// The problem of `inputs` (`N × d`, row-major) and `targets` (`N`), with `d = inputs_dim`.
    ///
    /// # Errors
    /// If lengths do not fit, `N` or `d` is zero, or a value is not finite.
    pub fn new(inputs: Vec<f64>, targets: Vec<f64>, inputs_dim: usize) -> Result<Self, ProblemError> {
        Ok(Self { data: RegressionData::new(inputs, targets, inputs_dim)? })
    }
}

impl ScalarModel for PhaseRetrieval {
    fn parameters(&self) -> usize {
        self.data.dim()
    }

    fn targets(&self) -> &[f64] {
        self.data.targets()
    }

    fn value(&self, theta: &[f64], sample: usize) -> f64 {
        dot(theta, self.data.input(sample)).powi(2)
    }

    fn slope(&self, theta: &[f64], v: &[f64], sample: usize) -> f64 {
        let x = self.data.input(sample);
        2.0 * dot(theta, x) * dot(v, x)
    }

    fn add_gradient(&self, theta: &[f64], sample: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        let x = self.data.input(sample);
        let projection = dot(theta, x);
        add_scaled(out, 2.0 * projection * weight(projection * projection), x);
    }

    fn add_hessian_product(&self, _theta: &[f64], v: &[f64], sample: usize, weight: f64, out: &mut [f64]) {
        let x = self.data.input(sample);
        add_scaled(out, 2.0 * weight * dot(v, x), x);
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl RowModel for PhaseRetrieval {
    fn input(&self, sample: usize) -> &[f64] {
        self.data.input(sample)
    }

    fn target(&self, sample: usize) -> f64 {
        self.data.targets()[sample]
    }

    #[inline(always)]
    fn link<R: Real>(z: R) -> (R, R) {
        (z * z, z + z)
    }

    #[inline(always)]
    fn link_curvature<R: Real>(_z: R) -> R {
        R::ONE + R::ONE
    }
}

impl SumModel for PhaseRetrieval {
    /// `2 x₀^(4−i) x₁^i` for `i = 0 … 4`, and `2 y x₀^(2−i) x₁^i` for `i = 0 … 2`.
    fn summands(&self, sample: usize) -> [f64; ROW] {
        let (x, y) = (self.data.input(sample), self.data.targets()[sample]);
        let squares = [x[0] * x[0], x[0] * x[1], x[1] * x[1]];
        let [pp, pq, qq] = squares.map(|square| 2.0 * square);
        let [s, t, u] = squares.map(|square| 2.0 * y * square);
        [pp * squares[0], pp * squares[1], pq * squares[1], qq * squares[1], qq * squares[2], s, t, u]
    }

    /// The gradient is twice the form `Σ ((x·θ)² − y) x xᵀ` applied to `θ`, where `(x·θ)²` is the sum of `c_q x₀^(2−q) x₁^q`.
    #[inline(always)]
    fn add_gradient_of_sums<R: Real>([a, b]: [R; 2], s: [R; ROW]) -> [R; 2] {
        let c = [a * a, (a + a) * b, b * b];
        let mut form = [R::ZERO; 3];
        for p in 0..3 {
            form[p] = c[0].mul_add(s[p], c[1].mul_add(s[p + 1], c[2].mul_add(s[p + 2], -s[p + 5])));
        }
        [form[0].mul_add(a, form[1].mul_add(b, a)), form[1].mul_add(a, form[2].mul_add(b, b))]
    }
}

impl Registered for PhaseRetrieval {
    const NAME: &'static str = "phase-retrieval";
    const EQUATION: &'static str = "f = (x·θ)²";

    type Options = NoOptions;

    fn example() -> Generator {
        Generator::PhaseRetrieval(synthetic::PhaseRetrieval { samples: 200, dim: 2, noise: 0.3 })
    }

    fn build(data: Dataset, _options: NoOptions) -> Result<Self, BuildProblemError> {
        require_one_target(&data)?;
        Ok(Self::new(data.inputs, data.targets, data.input_dim)?)
    }

    /// Not at `θ = 0`, where the gradient vanishes.
    fn start(&self, _config: &StartConfig) -> Vec<f64> {
        vec![1.0; self.data.dim()]
    }

    fn accept<'a, V: Visitor<'a>>(&'a self, visitor: V) -> V::Output {
        visitor.sums(self)
    }
}
