//! The matrices that a study asks for.

use super::words::interval;
use crate::figures::number;
use crate::record::{CurvatureRecord, Record};
use crate::text::uncertain;
use logscape::Precision;
use serde::Serialize;

/// Eigenvalues of an end that the table shows.
const SHOWN: usize = 5;

/// A row of the table of matrices.
#[derive(Serialize)]
pub(super) struct MatrixRow {
    name: String,
    parameters: usize,
    largest: String,
    lowest: String,
    trace: String,
    frobenius: String,
    /// How it was found.
    how: String,
}

pub(super) fn matrices(record: &Record) -> Vec<MatrixRow> {
    record.results.curvature.iter().map(row).collect()
}

fn row(found: &CurvatureRecord) -> MatrixRow {
    let several = |values: &[f64], uncertainties: &[f64]| {
        let shown = uncertain(&values[..SHOWN.min(values.len())], uncertainties, |x, _| number(x));
        if shown.is_empty() { "not looked for".to_owned() } else { shown.join(", ") }
    };
    let estimate =
        |estimate: &Option<logscape::Estimate>| estimate.as_ref().map_or_else(|| "not looked for".to_owned(), interval);
    let products = found.products;
    let basis = if found.basis == Some(Precision::Float32) { ", eigenvectors in single precision" } else { "" };
    let how = match (found.complete, found.unconverged) {
        (true, _) => "all eigenvalues, by decomposition".to_owned(),
        (false, 0) => format!("{products} products{basis}"),
        (false, open) => format!("{products} products{basis}; {open} eigenvalues have not converged"),
    };
    MatrixRow {
        name: match &found.block {
            Some(block) => format!("{} of {block}", found.matrix.symbol()),
            None => found.matrix.symbol().to_owned(),
        },
        parameters: found.parameters,
        largest: several(&found.largest, &found.largest_uncertainty),
        lowest: several(&found.lowest, &found.lowest_uncertainty),
        trace: estimate(&found.trace),
        frobenius: estimate(&found.frobenius),
        how,
    }
}
