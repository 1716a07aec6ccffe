//! Low-rank matrix factorisation from observed entries.

use super::error::{require_finite, require_some};
use super::scalar::{add_scaled, dot};
use super::{ProblemError, ScalarModel};

/// `f(θ, (i, j)) = u_i · v_j` with `θ = [U (rows × rank), V (columns × rank)]`, both row-major; a sample is an observed
/// entry.
#[derive(Debug, Clone)]
pub struct MatrixFactorisation {
    rows: usize,
    columns: usize,
    rank: usize,
    /// Where `u_i` and `v_j` of each sample start in `θ`.
    factors: Vec<(usize, usize)>,
    targets: Vec<f64>,
}

impl MatrixFactorisation {
    /// The problem of `entries` (`N`) `(i, j, y)` of a `rows × columns` matrix, with factors of rank `rank`.
    ///
    /// # Errors
    /// If there is no entry, a size is zero, an entry lies outside of the matrix, or a value is not finite.
    pub fn new(
        rows: usize,
        columns: usize,
        rank: usize,
        entries: &[(usize, usize, f64)],
    ) -> Result<Self, ProblemError> {
        require_some("rows", rows)?;
        require_some("columns", columns)?;
        require_some("rank", rank)?;
        require_some("entries", entries.len())?;
        let outside = |&(row, column, _): &(usize, usize, f64)| row >= rows || column >= columns;
        if let Some(index) = entries.iter().position(outside) {
            let (row, column, _) = entries[index];
            return Err(ProblemError::OutsideMatrix { index, row, column, rows, columns });
        }
        let targets: Vec<f64> = entries.iter().map(|&(_, _, y)| y).collect();
        require_finite("entries", &targets, entries.len())?;
        let factors = entries.iter().map(|&(row, column, _)| (row * rank, (rows + column) * rank)).collect();
        Ok(Self { rows, columns, rank, factors, targets })
    }

    /// The parts of `a` (`P`) that belong to `u_i` and `v_j` of a sample.
    fn parts<'a>(&self, a: &'a [f64], sample: usize) -> (&'a [f64], &'a [f64]) {
        let (left, right) = self.factors[sample];
        (&a[left..][..self.rank], &a[right..][..self.rank])
    }

    /// Adds `w (v_j of a)` to the `u_i` part of `out` and `w (u_i of a)` to its `v_j` part.
    fn add_exchanged(&self, a: &[f64], sample: usize, weight: f64, out: &mut [f64]) {
        let (u, v) = self.parts(a, sample);
        let (left, right) = self.factors[sample];
        add_scaled(&mut out[left..][..self.rank], weight, v);
        add_scaled(&mut out[right..][..self.rank], weight, u);
    }
}

impl ScalarModel for MatrixFactorisation {
    fn parameters(&self) -> usize {
        (self.rows + self.columns) * self.rank
    }

    fn targets(&self) -> &[f64] {
        &self.targets
    }

    fn value(&self, theta: &[f64], sample: usize) -> f64 {
        let (u, v) = self.parts(theta, sample);
        dot(u, v)
    }

    fn slope(&self, theta: &[f64], v: &[f64], sample: usize) -> f64 {
        let (left, right) = self.parts(theta, sample);
        let (v_left, v_right) = self.parts(v, sample);
        dot(v_left, right) + dot(left, v_right)
    }

    fn add_gradient(&self, theta: &[f64], sample: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        let weight = weight(self.value(theta, sample));
        self.add_exchanged(theta, sample, weight, out);
    }

    fn add_hessian_product(&self, _theta: &[f64], v: &[f64], sample: usize, weight: f64, out: &mut [f64]) {
        self.add_exchanged(v, sample, weight, out);
    }
}
