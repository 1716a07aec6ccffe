//! From a study's `[problem]` to its data.

use crate::runner::RunError;
use crate::schema::DataTable;
use logscape::data::synthetic::Generator;
use logscape::data::{CsvColumns, Dataset, digits, read_csv, read_idx_folder, read_npz};
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
