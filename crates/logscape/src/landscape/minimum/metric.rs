//! Units of the parameters: lengths in which a change of unit is no change.

use crate::operator::full::sum_over_chunks;
use crate::operator::{LinearOperator, norm};
use crate::{Interrupted, Problem, Samples, Stop};
use faer::{Mat, MatMut, MatRef};

/// Samples that scales are made of, at least.
const ENOUGH: usize = 1024;

/// Ratio of scales above which they are unlike.
const UNLIKE: f64 = 1e4;

/// Length of a first step, relative to that of the parameters: one that changes them all altogether would not find the minimum nearby.
pub(super) const FIRST: f64 = 0.1;

/// What scales are made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::landscape) enum Scales {
    /// None: lengths are those of the parameters.
    Plain,
    /// The largest root mean square of each column of the Jacobian so far (Moré 1978).
    Largest,
    /// The latest: of a column that was much larger before, nothing is kept.
    Latest,
    /// The largest so far of the roots of `Σ J⁴/Σ J²`, the size of the entries that are not 0: of an input that is 0 for most samples, the
    /// weight has the scale of any other.
    Entries,
}

/// Scales `s_i`, sizes of the Jacobian's columns: `z_i = s_i θ_i` has the unit of a residual, whatever that of `θ_i`.
#[derive(Clone)]
pub(in crate::landscape) struct Metric {
    /// What the scales are made of.
    pub(super) kind: Scales,
    columns: Vec<f64>,
    /// The scales (`P`): of a column that is 0 the largest, and 1 where all are.
    pub(super) scales: Vec<f64>,
}

impl Metric {
    /// The scales at `theta`.
    pub(in crate::landscape) fn at(problem: &dyn Problem, theta: &[f64], kind: Scales) -> Self {
        let mut metric = Self { kind, columns: vec![0.0; theta.len()], scales: vec![1.0; theta.len()] };
        metric.renew(problem, theta);
        metric
    }

    /// The scales of entries at `theta`, or none where these lie within a factor of each other that does no harm.
    pub(super) fn where_unlike(problem: &dyn Problem, theta: &[f64]) -> Self {
        let metric = Self::at(problem, theta, Scales::Entries);
        let least = metric.scales.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = metric.scales.iter().copied().fold(0.0, f64::max);
        if largest > UNLIKE * least { metric } else { Self::at(problem, theta, Scales::Plain) }
    }

    /// Brings the scales up to date with those at `theta`. Costs a cotangent product for each output of each sample, of a share of
    /// the samples where they are many.
    pub(super) fn renew(&mut self, problem: &dyn Problem, theta: &[f64]) {
        if self.kind == Scales::Plain {
            return;
        }
        let p = problem.dim();
        let stride = (problem.samples() / ENOUGH).max(1);
        let sums = sum_over_chunks(problem, 2 * p, |range, out, scratch| {
            let chosen: Vec<u32> = range.filter(|sample| sample % stride == 0).map(|sample| sample as u32).collect();
            problem.jacobian_moments_into(theta, Samples::Indices(&chosen), out.split_at_mut(p).into(), scratch);
        });
        let count = problem.samples().div_ceil(stride) as f64;
        let (squares, fourths) = sums.split_at(p);
        for ((column, square), fourth) in self.columns.iter_mut().zip(squares).zip(fourths) {
            let mean = if self.kind == Scales::Entries { fourth / square } else { square / count };
            let before = if self.kind == Scales::Latest { 0.0 } else { *column };
            *column = before.max(mean.sqrt());
        }
        let largest = self.columns.iter().copied().fold(0.0, f64::max);
        let unseen = if largest > 0.0 && largest.is_finite() { largest } else { 1.0 };
        let scale = |&column: &f64| if column > 0.0 && column.is_finite() { column } else { unseen };
        self.scales = self.columns.iter().map(scale).collect();
    }

    /// The length `‖sθ‖` of a displacement or point.
    pub(super) fn length(&self, theta: &[f64]) -> f64 {
        norm(&theta.iter().zip(&self.scales).map(|(x, s)| x * s).collect::<Vec<f64>>())
    }

    /// The length of `theta`, or else this one, or else 1.
    pub(super) fn length_or(&self, theta: &[f64], other: f64) -> f64 {
        [self.length(theta), other].into_iter().find(|&x| x > 0.0 && x.is_finite()).unwrap_or(1.0)
    }

    /// Whether the gradient is small: its norm is below the tolerance, and that by `z` below the same share of what it is made of, `√P`
    /// residuals for the `‖s‖` of the former.
    pub(super) fn small(&self, gradient: &[f64], tolerance: f64) -> bool {
        let share = (gradient.len() as f64).sqrt() / norm(&self.scales);
        norm(gradient) < tolerance && norm(&self.divided(gradient)) < tolerance * share
    }

    /// The vector divided by the scales: a gradient by `z`, or the displacement of `θ` that one of `z` makes.
    pub(super) fn divided(&self, vector: &[f64]) -> Vec<f64> {
        vector.iter().zip(&self.scales).map(|(x, s)| x / s).collect()
    }
}

/// The Hessian by `z`.
pub(super) struct ScaledHessian<'a> {
    /// The Hessian by `θ`.
    pub(super) hessian: &'a dyn LinearOperator,
    /// The scales.
    pub(super) metric: &'a Metric,
}

impl LinearOperator for ScaledHessian<'_> {
    fn dim(&self) -> usize {
        self.hessian.dim()
    }

    fn apply_into(&self, block: MatRef<f64>, mut out: MatMut<f64>, stop: &Stop) -> Result<(), Interrupted> {
        let scales = &self.metric.scales;
        let scaled = Mat::from_fn(block.nrows(), block.ncols(), |i, j| block[(i, j)] / scales[i]);
        self.hessian.apply_into(scaled.as_ref(), out.as_mut(), stop)?;
        for j in 0..out.ncols() {
            scales.iter().enumerate().for_each(|(i, s)| out[(i, j)] /= s);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::Linear;
    use crate::operator::{Hessian, apply};

    #[test]
    fn scales_are_the_columns_root_mean_squares_and_the_scaled_hessian_has_a_unit_diagonal() {
        let problem = Linear::gaussian(3, 40, 1.0, 4);
        let theta = [0.3, -1.0, 2.0];
        let metric = Metric::at(&problem, &theta, Scales::Largest);
        let operator = ScaledHessian { hessian: &Hessian::new(&problem, &theta), metric: &metric };
        for i in 0..3 {
            let square: f64 = problem.x.iter().map(|x| x[i] * x[i]).sum::<f64>() / 40.0;
            assert!((metric.scales[i] - square.sqrt()).abs() < 1e-14);
            let unit: Vec<f64> = (0..3).map(|k| f64::from(u8::from(k == i))).collect();
            assert!((apply(&operator, &unit, &Stop::new()).unwrap()[i] - 1.0).abs() < 1e-14);
        }
    }
}
