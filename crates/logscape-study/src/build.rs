//! From a study's `[problem]` to its data.

use crate::runner::RunError;
use crate::schema::{DataTable, ProblemTable};
use logscape::data::synthetic::Generator;
use logscape::data::{DataError, Dataset, ReadOptions, digits, open};
use logscape::problem::Activation;
use std::path::Path;

/// The data that a study names; relative paths start at `base`, the study's folder, and `seed` drives generators.
///
/// # Errors
/// [`RunError`] when the data cannot be had or do not fit.
pub(crate) fn dataset(table: &DataTable, base: &Path, seed: u64) -> Result<Dataset, RunError> {
    let mut data = match (&table.builtin, &table.path) {
        (Some(name), _) if name == "digits" => digits()?,
        (Some(name), _) => {
            return Err(RunError::input(
                "problem.data.builtin",
                format!("there is no data set `{name}`\n  hint: known here: digits"),
            ));
        }
        (None, Some(path)) => {
            let path = base.join(path);
            open(&path, &ReadOptions::default()).map_err(|error| match error {
                DataError::UnknownFormat { .. } => {
                    let hint = "check the path, which starts at the study's folder, and its extension";
                    RunError::input("problem.data.path", format!("{error}\n  hint: {hint}"))
                }
                error => error.into(),
            })?
        }
        (None, None) => {
            let field = "problem.data.synthetic";
            let generator: Generator =
                table.synthetic.clone().unwrap_or_default().try_into().map_err(|error: toml::de::Error| {
                    let message = error.message().trim().to_owned();
                    RunError::input(field, message + "\n  hint: give `kind` and the settings of that generator")
                })?;
            generator.generate(seed)?.data
        }
    };
    if let Some(factor) = table.scale {
        data = data.scale_inputs(factor)?;
    }
    if table.one_hot {
        let classes = data.labels.iter().flatten().max().map_or(0, |largest| *largest as usize + 1);
        data = data.one_hot(classes)?;
    }
    if let Some(limit) = table.limit {
        data = data.take(limit)?;
    }
    Ok(data)
}

/// A perceptron's layer sizes and activation.
pub(crate) fn layers(table: &ProblemTable, data: &Dataset) -> (Vec<usize>, Activation) {
    let sizes = [&[data.input_dim], &table.hidden[..], &[data.target_dim]].concat();
    (sizes, table.activation.unwrap_or(Activation::Tanh))
}

/// An observed entry `(i, j, y)` of a matrix.
type Entry = (usize, usize, f64);

/// Rows, columns and observed entries of a matrix, from inputs `(i, j)` that count from 0.
///
/// # Errors
/// If an input is no pair of indices.
pub(crate) fn matrix_entries(data: &Dataset) -> Result<(usize, usize, Vec<Entry>), RunError> {
    // Two factors of this many rows stay well below the memory of a machine.
    const LARGEST: f64 = 1e7;
    let fail = |message: String| {
        RunError::input(
            "problem.data",
            message + "\n  hint: give row and column, from 0, as the two inputs of each entry",
        )
    };
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
