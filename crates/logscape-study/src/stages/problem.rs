//! From a study's `[problem]` to its data and its model.

use crate::asked::{DataTable, MinimumTable, ProblemKind, ProblemTable, Study};
use crate::error::RunError;
use crate::store::Key;
use logscape::Sampling;
use logscape::data::synthetic::Generator;
use logscape::data::{CsvColumns, Dataset, digits, read_csv, read_idx_folder, read_npz};
use logscape::operator::full::{loss_and_gradient, residuals};
use logscape::problem::{Activation, LinearRegression, MatrixFactorisation, Mlp, PhaseRetrieval, Problem, Sinusoid};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
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
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("csv") => read_csv(&path, &CsvColumns::default())?,
                Some("npz") => read_npz(&path)?,
                _ if path.is_dir() => read_idx_folder(&path, None)?,
                _ => {
                    let message = format!(
                        "{} is no .csv or .npz file and no folder of IDX files\n  hint: check the path, which starts at \
                         the study's folder, and its extension",
                        path.display()
                    );
                    return Err(RunError::input("problem.data.path", message));
                }
            }
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

fn scalar_target(data: &Dataset) -> Result<(), RunError> {
    if data.target_dim == 1 {
        return Ok(());
    }
    let message = format!("the problem has 1 target, the data {}\n  hint: give one target column", data.target_dim);
    Err(RunError::input("problem.data", message))
}

/// Batches drawn without replacement must fit the data; told before anything is computed.
pub(crate) fn check_batch_sizes(study: &Study, samples: usize) -> Result<(), RunError> {
    let largest = study.sgd.batch_size.0.iter().copied().max().unwrap_or(0);
    if study.sgd.sampling == Sampling::WithReplacement || largest <= samples {
        return Ok(());
    }
    let message = format!("a batch of {largest} cannot be drawn without replacement from {samples} samples");
    Err(RunError::input(
        "sgd.batch_size",
        message + "\n  hint: use smaller batches, or sampling = \"with-replacement\"",
    ))
}

/// A problem that a study names, where the search for its minimum starts, and the hash of what it was made from.
pub(crate) struct Model {
    /// The problem.
    pub(crate) problem: Box<dyn Problem>,
    /// Where the search starts (`P`).
    pub(crate) start: Vec<f64>,
    /// Hash of the data.
    pub(crate) data: Key,
}

/// The problem of a study; relative paths start at `base`.
///
/// # Errors
/// [`RunError`] when the data cannot be had, or data and table do not fit each other.
pub(crate) fn model(table: &ProblemTable, minimum: &MinimumTable, seed: u64, base: &Path) -> Result<Model, RunError> {
    let data = dataset(&table.data, base, seed)?;
    let key = data_key(&data);
    let model = |problem: Box<dyn Problem>, start| Ok(Model { problem, start, data: key.clone() });
    match table.kind {
        ProblemKind::LinearRegression => {
            scalar_target(&data)?;
            let start = vec![0.0; data.input_dim];
            model(Box::new(LinearRegression::new(data.inputs, data.targets, data.input_dim)?), start)
        }
        ProblemKind::PhaseRetrieval => {
            scalar_target(&data)?;
            let start = vec![1.0; data.input_dim];
            model(Box::new(PhaseRetrieval::new(data.inputs, data.targets, data.input_dim)?), start)
        }
        ProblemKind::Sinusoid => {
            scalar_target(&data)?;
            if data.input_dim != 1 {
                let message = format!("a sinusoid has 1 input, not {}\n  hint: give one input column", data.input_dim);
                return Err(RunError::input("problem.data", message));
            }
            let start = if table.amplitude { vec![1.0, 1.0] } else { vec![1.0] };
            model(Box::new(Sinusoid::new(data.inputs, data.targets, table.amplitude)?), start)
        }
        ProblemKind::Mlp => {
            let (sizes, activation) = layers(table, &data);
            let problem = Mlp::new(&sizes, activation, data.inputs, data.targets)?;
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let start = problem.init(minimum.init, &mut rng);
            model(Box::new(problem), start)
        }
        ProblemKind::MatrixFactorisation => {
            scalar_target(&data)?;
            let (rows, columns, entries) = matrix_entries(&data)?;
            let rank = table.rank.ok_or_else(|| {
                RunError::input("problem.rank", "a matrix factorisation needs it\n  hint: add rank = 2".to_owned())
            })?;
            let problem = MatrixFactorisation::new(rows, columns, rank, &entries)?;
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let start = StandardNormal.sample_iter(&mut rng).take(problem.dim()).collect();
            model(Box::new(problem), start)
        }
    }
}

/// The hash of a data set's numbers.
fn data_key(data: &Dataset) -> Key {
    let shape = [data.input_dim as u64, data.target_dim as u64, data.len() as u64];
    let numbers = data.inputs.iter().chain(&data.targets).flat_map(|x| x.to_le_bytes());
    Key::of_bytes(shape.into_iter().flat_map(u64::to_le_bytes).chain(numbers))
}

/// The hash of what a problem that the caller made does at `start`: of all its residuals, and of its loss's gradient.
pub(crate) fn probe(problem: &dyn Problem, start: &[f64]) -> Key {
    let (loss, gradient) = loss_and_gradient(problem, start);
    let shape = [problem.dim() as u64, problem.samples() as u64, problem.outputs() as u64];
    let numbers = residuals(problem, start).into_iter().chain(gradient).chain([loss]);
    let bytes = numbers.flat_map(f64::to_le_bytes);
    Key::of_bytes(shape.into_iter().flat_map(u64::to_le_bytes).chain(bytes))
}
