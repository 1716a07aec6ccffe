//! From a study's `[problem]` to its data and its model.

use super::warnings::{of_data, of_problem, shortened};
use crate::asked::{DataTable, EscapeMethod, EscapeTable, MinimumTable, ProblemTable, Start, StationaryTable, Study};
use crate::error::RunError;
use crate::events::{Event, Events};
use crate::record::{DataColumns, DataFile, Origin, sha256, sha256_of_all, sha256_of_file};
use crate::text::count;
use crate::warning::Warning;
use logscape::Sampling;
use logscape::data::synthetic::Generator;
use logscape::data::{DataError, Dataset, ReadOptions, Watch, digits, open};
use logscape::model::memory;
use logscape::operator::full::{loss_and_gradient, residuals};
use logscape::problem::{BuiltProblem, Problem, StartConfig, load_safetensors};
use std::path::{Path, PathBuf};

/// Bytes that the number of a stationary replica takes, with that of its group.
const NUMBER: u128 = 16;
/// Bytes that the end of a replica takes, with its row in the tables.
pub(crate) const END: u128 = 200;
/// Bytes that a state takes beside its parameters.
const STATE: u128 = 200;
/// Version of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The data that a study names; relative paths start at `base`, the study's folder, and `seed` drives generators.
///
/// # Errors
/// [`RunError`] when the data cannot be had or do not fit.
pub(crate) fn dataset(table: &DataTable, base: &Path, seed: u64, watch: &Watch) -> Result<Dataset, RunError> {
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
            let (inputs, targets, watch) = (table.inputs.clone(), table.targets.clone(), watch.clone());
            open(&path, &ReadOptions { inputs, targets, one_hot: table.one_hot, watch }).map_err(
                |error| match error {
                    DataError::UnknownFormat { .. } => {
                        let hint = "check the path, which starts at the study's folder, and its extension";
                        RunError::input("problem.data.path", format!("{error}\n  hint: {hint}"))
                    }
                    error => error.into(),
                },
            )?
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
        data = data.one_hot()?;
    }
    if let Some(limit) = table.limit {
        data = data.take(limit)?;
    }
    if table.standardise {
        data = data.standardise_inputs()?;
    }
    Ok(data)
}

/// Refuses what cannot be held in memory or drawn; told before anything is computed.
pub(crate) fn check_sizes(study: &Study, problem: &dyn Problem) -> Result<(), RunError> {
    let samples = problem.samples();
    let largest = study.sgd.batch_size.0.iter().copied().max().unwrap_or(0);
    if study.sgd.sampling != Sampling::WithReplacement && largest > samples {
        let message =
            format!("a batch of {largest} cannot be drawn without replacement from {}", count(samples, "sample"));
        let hint = "\n  hint: use smaller batches, or sampling = \"with-replacement\"";
        return Err(RunError::input("sgd.batch_size", message + hint));
    }
    // The numbers of the samples in each lane of each thread.
    let lanes = 16 * rayon::current_num_threads() as u128;
    within("sgd.batch_size", format!("batches of {largest}"), largest, 4 * lanes, "use smaller batches")?;
    let scratch = problem.scratch_len(largest.max(1));
    within("sgd.batch_size", format!("the work on a batch of {largest}"), scratch, 8 * lanes, "use smaller batches")?;
    if let Some(StationaryTable { replicas, .. }) = study.stationary {
        let what = format!("the numbers of {}", count(replicas, "replica"));
        within("stationary.replicas", what, replicas, NUMBER, "use fewer replicas")?;
    }
    if let Some(table) = &study.escape {
        let what = format!("the ends of {}", count(table.replicas, "replica"));
        within("escape.replicas", what, table.replicas, END, "use fewer replicas")?;
        if matches!(table.method, EscapeMethod::Splitting | EscapeMethod::ForwardFlux) {
            check_trajectories(table, problem)?;
        }
    }
    Ok(())
}

/// Refuses more trajectories of splitting than their states can be held of.
pub(super) fn check_trajectories(table: &EscapeTable, problem: &dyn Problem) -> Result<(), RunError> {
    let trajectories = table.rare.trajectories;
    let what = format!("the states of {}", count(trajectories, "trajectory"));
    let state = STATE + 8 * problem.dim() as u128;
    within("escape.rare.trajectories", what, trajectories, state, "use fewer trajectories")
}

/// Refuses `count` things of so many bytes each that take more than the limit of memory.
fn within(field: &'static str, what: String, count: usize, bytes_each: u128, hint: &str) -> Result<(), RunError> {
    memory::require(what, count as u128, bytes_each)
        .map_err(|error| RunError::input(field, format!("{error}\n  hint: {hint}, or raise the limit by --memory")))
}

/// A problem that a study names, where the search for its minimum starts, and what it was made from.
pub(crate) struct Model {
    /// The problem.
    pub(crate) problem: Box<dyn Problem>,
    /// Where the search starts (`P`).
    pub(crate) start: Vec<f64>,
    /// Numbers in one input of a sample.
    pub(crate) inputs: usize,
    /// What it was made from.
    pub(crate) origin: Origin,
    /// What in its data is likely not meant so.
    pub(crate) warnings: Vec<Warning>,
}

/// The problem of a study; relative paths start at `base`.
///
/// # Errors
/// [`RunError`] when the data cannot be had, or data and table do not fit each other.
pub(crate) fn model(
    table: &ProblemTable,
    minimum: &MinimumTable,
    seed: u64,
    base: &Path,
    watch: &Watch,
) -> Result<Model, RunError> {
    let data = dataset(&table.data, base, seed, watch)?;
    watch.stop.check()?;
    let (origin, warnings, inputs) = (origin(&data)?, shortened(of_data(&data, &table.kind)), data.input_dim);
    let unknown = || RunError::input("problem.kind", format!("there is no problem `{}`", table.kind));
    let kind = table.known().ok_or_else(unknown)?;
    let config = StartConfig { initialisation: minimum.init, seed };
    let BuiltProblem { mut problem, mut start } = kind.build(data, &table.options, &config)?;
    let mut origin = origin;
    if let Some(Start::File(path)) = &minimum.start {
        start = weights(&mut *problem, &base.join(path), &mut origin)?;
    }
    Ok(Model { problem, start, inputs, origin, warnings })
}

/// The parameters of a file of weights, which from then on is among what all is made from.
fn weights(problem: &mut dyn Problem, path: &Path, origin: &mut Origin) -> Result<Vec<f64>, RunError> {
    let wrong = |message: String| RunError::input("minimum.start", format!("{}: {message}", path.display()));
    let unreadable = |error: std::io::Error| {
        wrong(format!(
            "{error}\n  hint: check the path, which starts at the study's folder; give a safetensors file, or numbers"
        ))
    };
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    // Its numbers may be of two bytes, and are then held in eight.
    let what = format!("{}: its parameters", path.display());
    memory::require(what, u128::from(bytes), 5).map_err(|error| RunError::input("minimum.start", error.to_string()))?;
    let file = std::fs::read(path).map_err(unreadable)?;
    let theta = load_safetensors(problem, &file).map_err(|error| wrong(error.to_string()))?;
    let digest = sha256(&file);
    origin.data = sha256(format!("{} {digest}", origin.data).as_bytes());
    origin.files.push(DataFile { path: path.display().to_string(), bytes, sha256: digest });
    Ok(theta)
}

/// The problem that a study names, and where the search for its minimum starts (`P`); relative paths start at `base`.
///
/// # Errors
/// [`RunError`] when there is no table `[problem]`, the data cannot be had, or data and table do not fit each other.
pub fn problem_of(study: &Study, base: &Path) -> Result<(Box<dyn Problem>, Vec<f64>), RunError> {
    let Model { problem, start, .. } = model(table(study)?, &study.minimum, study.seed, base, &Watch::default())?;
    Ok((problem, start))
}

/// The table `[problem]` of a study, which one for a problem of the caller's own need not have.
pub(crate) fn table(study: &Study) -> Result<&ProblemTable, RunError> {
    let none = || RunError::input("problem", "there is none\n  hint: add it, or take `run_with`".to_owned());
    study.problem.as_ref().ok_or_else(none)
}

/// This program on a data set: the hash of its numbers, and its files.
fn origin(data: &Dataset) -> Result<Origin, RunError> {
    let file = |path: &PathBuf| {
        let unreadable = |source| DataError::Read { file: path.display().to_string(), source };
        let (bytes, sha256) = sha256_of_file(path).map_err(unreadable)?;
        Ok::<_, DataError>(DataFile { path: path.display().to_string(), bytes, sha256 })
    };
    let shape = [data.input_dim as u64, data.target_dim as u64, data.len() as u64];
    let hash = hash_of(shape, data.inputs.iter().chain(&data.targets).copied());
    let files = data.files.iter().map(file).collect::<Result<_, _>>()?;
    let (inputs, targets) = (data.input_names.clone(), data.target_names.clone());
    let columns =
        DataColumns { inputs, targets, classes: data.classes.clone(), standardised: data.standardised.clone() };
    Ok(Origin { version: VERSION.to_owned(), data: hash, files, columns })
}

/// This program on a problem that the caller made, by the hash of what it does at `start`: of all its residuals, and of its
/// loss's gradient.
pub(crate) fn probe(problem: &dyn Problem, start: &[f64]) -> Origin {
    let (loss, gradient) = loss_and_gradient(problem, start);
    let shape = [problem.dim() as u64, problem.samples() as u64, problem.outputs() as u64];
    let hash = hash_of(shape, residuals(problem, start).into_iter().chain(gradient).chain([loss]));
    Origin { version: VERSION.to_owned(), data: hash, files: Vec::new(), columns: DataColumns::default() }
}

fn hash_of(shape: [u64; 3], numbers: impl Iterator<Item = f64>) -> String {
    sha256_of_all(shape.into_iter().map(u64::to_le_bytes).chain(numbers.map(f64::to_le_bytes)))
}

/// Tells of the problem and its data, after which `warnings` are all that there are.
pub(crate) fn tell_of(problem: &dyn Problem, origin: &Origin, warnings: &mut Vec<Warning>, events: &dyn Events) {
    let (samples, outputs, parameters) = (problem.samples(), problem.outputs(), problem.dim());
    if !origin.columns.is_empty() {
        events.tell(&Event::Data { columns: origin.columns.clone() });
    }
    events.tell(&Event::Problem { samples, outputs, parameters });
    warnings.extend(of_problem(problem));
    for warning in warnings.iter() {
        events.tell(&Event::Warning { warning: warning.clone() });
    }
}
