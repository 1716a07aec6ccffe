//! From a study's `[problem]` to its data and its model.

use crate::asked::{DataTable, MinimumTable, ProblemTable, Study};
use crate::error::RunError;
use crate::store::Key;
use logscape::Sampling;
use logscape::data::synthetic::Generator;
use logscape::data::{DataError, Dataset, ReadOptions, digits, open};
use logscape::operator::full::{loss_and_gradient, residuals};
use logscape::problem::{BuiltProblem, Problem, StartConfig};
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
    let unknown = || RunError::input("problem.kind", format!("there is no problem `{}`", table.kind));
    let kind = table.known().ok_or_else(unknown)?;
    let config = StartConfig { initialisation: minimum.init, seed };
    let BuiltProblem { problem, start } = kind.build(data, &table.options, &config)?;
    Ok(Model { problem, start, data: key })
}

/// The problem that a study names, and where the search for its minimum starts (`P`); relative paths start at `base`.
///
/// # Errors
/// [`RunError`] when there is no table `[problem]`, the data cannot be had, or data and table do not fit each other.
pub fn problem_of(study: &Study, base: &Path) -> Result<(Box<dyn Problem>, Vec<f64>), RunError> {
    let Model { problem, start, .. } = model(table(study)?, &study.minimum, study.seed, base)?;
    Ok((problem, start))
}

/// The table `[problem]` of a study, which one for a problem of the caller's own need not have.
pub(crate) fn table(study: &Study) -> Result<&ProblemTable, RunError> {
    let none = || RunError::input("problem", "there is none\n  hint: add it, or take `run_with`".to_owned());
    study.problem.as_ref().ok_or_else(none)
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
