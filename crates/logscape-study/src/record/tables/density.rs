//! How the eigenvalues of large matrices are distributed.

use super::table::Table;
use crate::matrices::MatrixCurvature;
use logscape::operator::SpectralMeasure;
use parquet_derive::ParquetRecordWriter;
use serde::{Deserialize, Serialize};

/// How many eigenvalues lie beyond a value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct DensityRow {
    /// Name of the matrix.
    pub matrix: String,
    /// The study's name of the parameters of its block; empty for all.
    pub block: String,
    /// The value.
    pub eigenvalue: f64,
    /// How many eigenvalues are larger than a positive one, or lower than a negative one, smoothed over a tenth of it.
    pub count: f64,
    /// Lower end of its 95 % interval, of the randomness of the vectors.
    pub count_low: f64,
    /// Upper end.
    pub count_high: f64,
    /// The fewest that the steps with these vectors leave possible: what is nearer to each other than their nodes is not told apart.
    pub count_least: f64,
    /// The most.
    pub count_most: f64,
}

impl Table for DensityRow {
    const MEANING: &'static str = "how many eigenvalues lie beyond a value, from random vectors";
}

/// Coefficients of Lanczos' recurrence from a random vector.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ParquetRecordWriter)]
pub struct LanczosRow {
    /// Name of the matrix.
    pub matrix: String,
    /// The study's name of the parameters of its block; empty for all.
    pub block: String,
    /// Number of the random vector, from 0.
    pub probe: u64,
    /// Number of the step, from 1.
    pub step: u64,
    /// Diagonal `α` of the tridiagonal matrix.
    pub alpha: f64,
    /// What is below it, `β`; 0 in the last step.
    pub beta: f64,
}

impl Table for LanczosRow {
    const MEANING: &'static str = "Lanczos coefficients of random vectors, from which any density follows";
}

/// Values for each power of ten, and powers that are looked at.
const PER_DECADE: i32 = 20;
const DECADES: i32 = 8;

/// Width of the smoothing, as a share of the value.
const WIDTH: f64 = 0.1;

/// The rows of the matrices.
pub(crate) fn density_rows(found: &[MatrixCurvature]) -> Vec<DensityRow> {
    let of = |found: &MatrixCurvature| {
        let density = found.density.as_ref()?;
        let measure = density.measure().ok()?;
        let rows = ends(&measure).into_iter().flat_map(|end| beyond(&measure, end, density.dim));
        Some(
            rows.map(|(eigenvalue, [count_low, count, count_high, count_least, count_most])| DensityRow {
                matrix: found.matrix.name().to_owned(),
                block: found.block.clone().unwrap_or_default(),
                eigenvalue,
                count,
                count_low,
                count_high,
                count_least,
                count_most,
            })
            .collect::<Vec<_>>(),
        )
    };
    found.iter().filter_map(of).flatten().collect()
}

/// The ends of the spectrum that are not zero, as the rules have them.
fn ends(measure: &SpectralMeasure) -> Vec<f64> {
    let [low, high] = measure.range();
    let rounding = 1e-12 * high.abs().max(low.abs());
    [low.min(0.0), high.max(0.0)].into_iter().filter(|end| end.abs() > rounding).collect()
}

/// Values between `end` and zero, outermost first, and how many eigenvalues lie beyond each, between the ends of its interval, and least
/// and most.
fn beyond(measure: &SpectralMeasure, end: f64, dim: usize) -> Vec<(f64, [f64; 5])> {
    let values = (0..=PER_DECADE * DECADES).map(|k| end * 10.0_f64.powf(-f64::from(k) / f64::from(PER_DECADE)));
    let p = dim as f64;
    values
        .map(|x| {
            let below = measure.cumulative(x, WIDTH * x.abs());
            let ([low, high], [least, most]) = (below.ci95, measure.cumulative_bounds(x, WIDTH * x.abs()));
            let counts = if x > 0.0 {
                [1.0 - high, 1.0 - below.value, 1.0 - low, 1.0 - most, 1.0 - least]
            } else {
                [low, below.value, high, least, most]
            };
            (x, counts.map(|share| p * share))
        })
        .collect()
}

/// The coefficients of the matrices.
pub(crate) fn lanczos_rows(found: &[MatrixCurvature]) -> Vec<LanczosRow> {
    let mut rows = Vec::new();
    for matrix in found {
        let probes = matrix.density.iter().flat_map(|density| &density.probes);
        for (coefficients, probe) in probes.zip(0..) {
            rows.extend(coefficients.alpha.iter().enumerate().map(|(k, &alpha)| LanczosRow {
                matrix: matrix.matrix.name().to_owned(),
                block: matrix.block.clone().unwrap_or_default(),
                probe,
                step: k as u64 + 1,
                alpha,
                beta: coefficients.beta.get(k).copied().unwrap_or(0.0),
            }));
        }
    }
    rows
}
