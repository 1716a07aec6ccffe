//! Observed entries of a low-rank matrix.

use serde::{Deserialize, Serialize};

use crate::data::DataError;

use super::draw::{Draw, Stream, Synthetic, dot};

/// Settings of [`matrix_factorisation`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixFactorisation {
    /// Number of samples `N`.
    pub samples: usize,
    /// Rows of the matrix.
    pub rows: usize,
    /// Columns of the matrix.
    pub columns: usize,
    /// Rank of the matrix.
    pub rank: usize,
    /// Standard deviation `σ` of the noise on each target.
    pub noise: f64,
}

/// Observed entries of a low-rank matrix: `y = u_i·v_j + σξ` at `N` different places `(i, j)`, drawn uniformly.
///
/// An input is `(i, j)`, from 0. The teacher is `U` (`rows × rank`), then `V` (`columns × rank`), both row-major with
/// independent entries of variance `1/√rank`, so that a noiseless target has variance 1 on average.
///
/// # Errors
///
/// [`DataError::Parameter`] for a setting out of range; there cannot be more samples than entries.
pub fn matrix_factorisation(settings: &MatrixFactorisation, seed: u64) -> Result<Synthetic, DataError> {
    let MatrixFactorisation { samples, rows, columns, rank, noise } = *settings;
    let draw = Draw::new("matrix factorisation", seed, samples, noise)?;
    draw.size("rows", rows)?;
    draw.size("columns", columns)?;
    let largest = rows.min(columns);
    if rank == 0 || rank > largest {
        let wanted = format!("between 1 and {largest}, the smaller side of the matrix");
        return Err(DataError::parameter(draw.name, "rank", &rank, &wanted));
    }
    let entries = rows.saturating_mul(columns);
    if samples > entries {
        return Err(DataError::parameter(draw.name, "samples", &samples, &format!("at most {entries}, the entries")));
    }
    draw.fits(2, 1, rank.saturating_mul(rows + columns))?;
    let mut teacher = draw.gaussian(Stream::Teacher, (rows + columns) * rank);
    let deviation = (rank as f64).powf(-0.25);
    for θ in &mut teacher {
        *θ *= deviation;
    }
    let places = rand::seq::index::sample(&mut draw.rng(Stream::Inputs), entries, samples);
    let inputs = places.iter().flat_map(|place| [(place / columns) as f64, (place % columns) as f64]).collect();
    let (u, v) = teacher.split_at(rows * rank);
    let (u, v) = (u.to_vec(), v.to_vec());
    let factor = |factors: &[f64], k: f64| -> Vec<f64> {
        let start = k as usize * rank;
        factors[start..start + rank].to_vec()
    };
    draw.taught(inputs, 2, 1, teacher, |x, y| y[0] = dot(&factor(&u, x[0]), &factor(&v, x[1])))
}
