//! Low-rank matrix factorisation from observed entries.

use std::any::Any;

use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;

use super::error::{require_finite, require_some};
use super::kind::{Registered, require_memory, require_one_target};
use super::scalar::{add_scaled, dot};
use super::{BuildProblemError, OptionError, ProblemError, ProblemOption, ScalarModel, StartConfig};
use crate::data::Dataset;
use crate::data::synthetic::{self, Generator};
use crate::random::{Purpose, stream};

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
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

/// What a study can say of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    #[serde(default)]
    rank: Option<usize>,
}

/// What to do about a rank that is missing or wrong.
fn rank_error(message: &str, hint: &'static str) -> OptionError {
    OptionError { option: "rank".to_owned(), message: message.to_owned(), hint: Some(hint) }
}

impl Options {
    fn rank(&self) -> Result<usize, OptionError> {
        match self.rank {
            None => Err(rank_error("a matrix factorisation needs it", "add rank = 2")),
            Some(0) => Err(rank_error("rank 0", "use 1 or more")),
            Some(rank) => Ok(rank),
        }
    }
}

impl Registered for MatrixFactorisation {
    const NAME: &'static str = "matrix-factorisation";
    const EQUATION: &'static str = "f = u_i·v_j";
    const OPTIONS: &'static [ProblemOption] =
        &[ProblemOption { name: "rank", about: "rank of the factors", example: "2", required: true }];

    type Options = Options;

    fn example() -> Generator {
        let (samples, rows, columns, rank, noise) = (60, 9, 8, 2, 0.3);
        Generator::MatrixFactorisation(synthetic::MatrixFactorisation { samples, rows, columns, rank, noise })
    }

    fn check(options: &Options) -> Result<(), OptionError> {
        options.rank().map(|_| ())
    }

    fn build(data: Dataset, options: Options) -> Result<Self, BuildProblemError> {
        require_one_target(&data)?;
        let (rows, columns, entries) = matrix_entries(&data)?;
        let rank = options.rank()?;
        require_memory((rows as u128 + columns as u128) * rank as u128)?;
        Ok(Self::new(rows, columns, rank, &entries)?)
    }

    /// Normal numbers, since `θ = 0` is a saddle.
    fn start(&self, config: &StartConfig) -> Vec<f64> {
        StandardNormal.sample_iter(stream(config.seed, Purpose::Start, 0)).take(self.parameters()).collect()
    }
}

/// An observed entry `(i, j, y)` of a matrix.
type Entry = (usize, usize, f64);

/// Rows, columns and observed entries of a matrix, from inputs `(i, j)` that count from 0.
fn matrix_entries(data: &Dataset) -> Result<(usize, usize, Vec<Entry>), BuildProblemError> {
    // Two factors of this many rows stay well below the memory of a machine.
    const LARGEST: f64 = 1e7;
    let hint = "give row and column, from 0, as the two inputs of each entry";
    let fail = |message: String| BuildProblemError::Data { message, hint };
    if data.input_dim != 2 {
        return Err(fail(format!("an entry of a matrix has 2 inputs, not {}", data.input_dim)));
    }
    if let Some(k) = data.inputs.iter().position(|&i| i < 0.0 || i.fract() != 0.0 || i > LARGEST) {
        return Err(fail(format!("{} in sample {} is no row or column", data.inputs[k], k / 2)));
    }
    let entries: Vec<_> =
        data.inputs.chunks_exact(2).zip(&data.targets).map(|(x, &y)| (x[0] as usize, x[1] as usize, y)).collect();
    let rows = entries.iter().map(|entry| entry.0 + 1).max().unwrap_or(0);
    let columns = entries.iter().map(|entry| entry.1 + 1).max().unwrap_or(0);
    Ok((rows, columns, entries))
}
