//! Data sets: the checked container every loader fills, and one file per format.
//!
//! [`open`] reads a path in whichever format it is, and [`survey`] looks what the columns of a table hold. A new format is a file with its [`Format`] and one line in `registry.rs`.
//!
//! | function | reads | inputs | targets |
//! |---|---|---|---|
//! | [`digits`] | the embedded 8×8 digits | pixels in `[0, 1]` | one-hot |
//! | [`read_csv`] | named columns | as written | as written, or classes |
//! | [`read_npz`], [`read_npy`] | NumPy arrays | as written | as written |
//! | [`read_parquet`] | named columns of numbers | as written | as written, or classes |
//! | [`read_arrow`] | the same of Arrow files | as written | as written, or classes |
//! | [`read_idx_folder`], [`read_idx`] | MNIST's format | pixels in `[0, 1]` | one-hot |
//! | [`read_cifar10`] | the binary format of CIFAR-10 | pixels in `[0, 1]` | one-hot |
//! | [`synthetic`] | nothing: seeded generators | drawn | a known teacher plus noise |

mod arrow;
mod cifar;
mod classes;
mod columns;
mod csv;
mod digits;
mod error;
mod format;
mod idx;
mod npy;
mod parquet;
mod registry;
pub mod synthetic;
mod table;
mod watch;

pub use self::arrow::{Arrow, read_arrow};
pub use self::csv::{Csv, parse_csv, read_csv};
pub use self::parquet::{Parquet, read_parquet};
pub use cifar::{Cifar10, read_cifar10};
pub use digits::digits;
pub use error::DataError;
pub use format::{Column, Entries, Format, ReadOptions, Survey};
pub use idx::{Idx, IdxPart, read_idx, read_idx_folder};
pub use npy::{Npy, Npz, read_npy, read_npz};
pub use registry::{FORMATS, open, open_in, survey};
pub use watch::Watch;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::classes::Classes;

/// The most numbers one array may hold, `2³¹`; a header that promises more is refused before anything is allocated.
const MAX_ELEMENTS: u64 = 1 << 31;

/// `N` samples: inputs, targets and, for classification, class labels.
///
/// [`Dataset::new`] and every loader guarantee at least one sample, matching lengths and finite numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The file or generator the samples came from, as errors name it.
    pub name: String,
    /// Inputs, `N × input_dim`, row-major.
    pub inputs: Vec<f64>,
    /// Targets, `N × target_dim`, row-major.
    pub targets: Vec<f64>,
    /// Numbers in one input.
    pub input_dim: usize,
    /// Numbers in one target.
    pub target_dim: usize,
    /// The class of each sample, where the samples have classes.
    pub labels: Option<Vec<u32>>,
    /// The classes in the order of the columns of one-hot targets, where they have names.
    pub classes: Vec<String>,
    /// The names of the columns of inputs, where they have names.
    pub input_names: Vec<String>,
    /// The names of the columns that targets were read from, where they have names.
    pub target_names: Vec<String>,
    /// What [`standardise_inputs`](Self::standardise_inputs) took from each column of inputs; empty where it did not.
    pub standardised: Vec<Standardised>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

/// What was taken from a column: `(x − mean)/deviation` is left.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Standardised {
    /// The mean over the samples.
    pub mean: f64,
    /// The standard deviation over the samples, `√(mean (x − mean)²)`.
    pub deviation: f64,
}

impl Dataset {
    /// Checks the lengths and that every number is finite.
    ///
    /// # Errors
    ///
    /// [`DataError::Empty`] without samples or with a dimension of zero, [`DataError::Shape`] where a length does not
    /// fit the others, [`DataError::Value`] with the row and column of a number that is not finite.
    pub fn new(
        name: &str,
        inputs: Vec<f64>,
        input_dim: usize,
        targets: Vec<f64>,
        target_dim: usize,
        labels: Option<Vec<u32>>,
    ) -> Result<Self, DataError> {
        if inputs.is_empty() || targets.is_empty() || input_dim == 0 || target_dim == 0 {
            return Err(DataError::Empty { file: name.into() });
        }
        let rows = inputs.len() / input_dim;
        check_length(name, "inputs", inputs.len(), rows.max(1), input_dim)?;
        check_length(name, "targets", targets.len(), rows, target_dim)?;
        if let Some(labels) = &labels {
            check_length(name, "labels", labels.len(), rows, 1)?;
        }
        check_finite(name, "x", &inputs, input_dim)?;
        check_finite(name, "y", &targets, target_dim)?;
        Ok(Self {
            name: name.into(),
            inputs,
            targets,
            input_dim,
            target_dim,
            labels,
            classes: Vec::new(),
            input_names: Vec::new(),
            target_names: Vec::new(),
            standardised: Vec::new(),
            files: Vec::new(),
        })
    }

    /// Samples with these inputs and classes; their targets are the places of their classes.
    fn of_classes(name: &str, inputs: Vec<f64>, input_dim: usize, classes: Classes) -> Result<Self, DataError> {
        let (classes, labels) = classes.sorted();
        let targets = labels.iter().map(|label| f64::from(*label)).collect();
        Ok(Self { classes, ..Self::new(name, inputs, input_dim, targets, 1, Some(labels))? })
    }

    /// The same samples, read from these files.
    fn read_from(self, files: &[&Path]) -> Self {
        Self { files: files.iter().map(|file| file.to_path_buf()).collect(), ..self }
    }

    /// The number of samples `N`.
    pub fn len(&self) -> usize {
        self.inputs.len() / self.input_dim
    }

    /// Whether there is no sample; false for every set that was built by [`Dataset::new`] or a loader.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Multiplies every input by `factor`.
    ///
    /// # Errors
    ///
    /// [`DataError::Parameter`] for a factor that is not finite, [`DataError::Value`] where a product overflows.
    pub fn scale_inputs(mut self, factor: f64) -> Result<Self, DataError> {
        if !factor.is_finite() {
            return Err(DataError::parameter(&self.name, "factor", &factor, "a finite number"));
        }
        self.inputs.iter_mut().for_each(|x| *x *= factor);
        check_finite(&self.name, "x", &self.inputs, self.input_dim)?;
        Ok(self)
    }

    /// Replaces every input by `(x − mean)/deviation` over the samples of its column, and says in `standardised` what these were. A
    /// column that is constant, as an intercept is, stays as it is.
    ///
    /// # Errors
    ///
    /// [`DataError::Value`] where the mean or the deviation of a column is beyond all numbers.
    pub fn standardise_inputs(mut self) -> Result<Self, DataError> {
        let (dim, count) = (self.input_dim, self.len() as f64);
        let mut standardised = Vec::with_capacity(dim);
        for at in 0..dim {
            let values = self.inputs.iter().skip(at).step_by(dim);
            let first = self.inputs[at];
            let (mean, deviation) = if values.clone().all(|x| *x == first) {
                (0.0, 1.0)
            } else {
                let mean = values.clone().map(|x| x / count).sum::<f64>();
                // The largest is taken out, so that no square overflows or vanishes.
                let largest = values.clone().fold(0.0, |largest: f64, x| largest.max((x - mean).abs()));
                (mean, largest * (values.map(|x| ((x - mean) / largest).powi(2)).sum::<f64>() / count).sqrt())
            };
            self.inputs.iter_mut().skip(at).step_by(dim).for_each(|x| *x = (*x - mean) / deviation);
            standardised.push(Standardised { mean, deviation });
        }
        check_finite(&self.name, "x", &self.inputs, dim)?;
        self.standardised = standardised;
        Ok(self)
    }

    /// Replaces the targets by one-hot rows with a column for each class that there is: for each distinct label, in order, or
    /// for each distinct value of targets that are one column of whole numbers. Targets that are one-hot rows stay as they are.
    ///
    /// # Errors
    ///
    /// [`DataError::NoLabels`] where targets are several columns or no whole numbers, [`DataError::TooLarge`] where the rows
    /// take too much memory.
    pub fn one_hot(mut self) -> Result<Self, DataError> {
        let one = |row: &[f64]| row.iter().all(|y| *y == 0.0 || *y == 1.0) && row.iter().sum::<f64>() == 1.0;
        if self.target_dim > 1 && self.targets.chunks_exact(self.target_dim).all(one) {
            return Ok(self);
        }
        if self.classes.is_empty() {
            let (classes, labels) = self.classes_of_targets()?.sorted();
            self.classes = classes;
            self.labels = Some(labels);
        }
        let classes = self.classes.len();
        self.targets = one_hot_rows(&self.name, self.labels.as_deref().unwrap_or_default(), classes)?;
        self.target_dim = classes;
        Ok(self)
    }

    fn classes_of_targets(&self) -> Result<Classes, DataError> {
        let none = |found| DataError::NoLabels { file: self.name.clone(), found };
        if self.target_dim > 1 && self.labels.is_none() {
            return Err(none(format!("targets of {} columns", self.target_dim)));
        }
        let mut classes = Classes::default();
        let mut push = |label: &dyn ToString| {
            let label = label.to_string();
            classes.push(&label).map_err(|_| none(format!("targets such as {label}")))
        };
        match &self.labels {
            Some(labels) => labels.iter().try_for_each(|label| push(label))?,
            None => self.targets.iter().try_for_each(|target| push(target))?,
        }
        Ok(classes)
    }

    /// Keeps the first `n` samples.
    ///
    /// # Errors
    ///
    /// [`DataError::Parameter`] unless `n` lies in `1..=N`.
    pub fn take(mut self, n: usize) -> Result<Self, DataError> {
        if n == 0 || n > self.len() {
            let wanted = format!("between 1 and {}, the number of samples", self.len());
            return Err(DataError::parameter(&self.name, "n", &n, &wanted));
        }
        self.inputs.truncate(n * self.input_dim);
        self.targets.truncate(n * self.target_dim);
        if let Some(labels) = &mut self.labels {
            labels.truncate(n);
        }
        Ok(self)
    }
}

/// One row per label with a 1 in the label's column.
fn one_hot_rows(name: &str, labels: &[u32], classes: usize) -> Result<Vec<f64>, DataError> {
    if let Some((row, label)) = labels.iter().enumerate().find(|(_, label)| **label as usize >= classes) {
        return Err(DataError::Value {
            file: name.into(),
            row: row + 1,
            column: "label".into(),
            found: label.to_string(),
            wanted: format!("a class below {classes}"),
        });
    }
    let what = format!("a row of {classes} targets for each of {} samples", labels.len());
    DataError::require_memory(name, &what, labels.len() as u128 * classes as u128, 8)?;
    let mut rows = vec![0.0; labels.len() * classes];
    for (row, label) in labels.iter().enumerate() {
        rows[row * classes + *label as usize] = 1.0;
    }
    Ok(rows)
}

fn check_length(name: &str, array: &str, found: usize, rows: usize, columns: usize) -> Result<(), DataError> {
    if rows.checked_mul(columns) == Some(found) {
        return Ok(());
    }
    Err(DataError::Shape { file: name.into(), array: array.into(), found, rows, columns })
}

fn check_finite(name: &str, letter: &str, values: &[f64], columns: usize) -> Result<(), DataError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(at) => Err(DataError::Value {
            file: name.into(),
            row: at / columns + 1,
            column: format!("{letter}{}", at % columns + 1),
            found: values[at].to_string(),
            wanted: "a finite number".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Dataset {
        Dataset::new("small", vec![1.0, 2.0, 3.0, 4.0], 2, vec![5.0, 6.0], 1, Some(vec![0, 2])).expect("valid")
    }

    #[test]
    fn a_number_that_is_not_finite_is_named_by_row_and_column() {
        let error = Dataset::new("a", vec![1.0, 2.0, 3.0, f64::NAN], 2, vec![5.0, 6.0], 1, None).expect_err("NaN");
        let text = error.to_string();
        assert!(text.contains("row 2") && text.contains("x2"), "{text}");
        let error = Dataset::new("a", vec![1.0], 1, vec![1.0, f64::INFINITY], 2, None).expect_err("infinity");
        assert!(matches!(&error, DataError::Value { row: 1, column, .. } if column == "y2"), "{error}");
    }

    #[test]
    fn lengths_must_agree() {
        for (inputs, targets, labels, array) in [
            (vec![1.0; 3], vec![1.0; 2], None, "inputs"),
            (vec![1.0], vec![1.0], None, "inputs"),
            (vec![1.0; 4], vec![1.0; 3], None, "targets"),
            (vec![1.0; 4], vec![1.0; 2], Some(vec![1]), "labels"),
        ] {
            let error = Dataset::new("a", inputs, 2, targets, 1, labels).expect_err("lengths differ");
            assert!(matches!(&error, DataError::Shape { array: found, .. } if found == array), "{error}");
        }
        assert!(matches!(Dataset::new("a", vec![], 2, vec![], 1, None), Err(DataError::Empty { .. })));
        assert!(matches!(Dataset::new("a", vec![1.0], 0, vec![1.0], 1, None), Err(DataError::Empty { .. })));
    }

    #[test]
    fn scaling_changes_the_inputs_only() {
        let scaled = small().scale_inputs(0.5).expect("finite");
        assert_eq!(scaled.inputs, [0.5, 1.0, 1.5, 2.0]);
        assert_eq!(scaled.targets, [5.0, 6.0]);
        assert!(matches!(small().scale_inputs(f64::NAN), Err(DataError::Parameter { .. })));
        assert!(matches!(small().scale_inputs(f64::MAX), Err(DataError::Value { row: 1, .. })));
    }

    /// Whatever their units, columns have mean 0 and variance 1 over the samples, and come back from what was taken.
    #[test]
    fn standardised_inputs_forget_their_units() {
        let plain: Vec<f64> = (0..40).map(|k| (f64::from(k * k % 17) - 3.0) * f64::from(k % 3 + 1)).collect();
        for unit in [1e-300, 1e-9, 1.0, 1e12, 1e300] {
            let inputs: Vec<f64> = plain.iter().flat_map(|x| [unit * x, 1.0, unit * (x + 1e3)]).collect();
            let raw = Dataset::new("a", inputs, 3, vec![0.0; 40], 1, None).expect("data");
            let data = raw.clone().standardise_inputs().expect("finite");
            for at in [0, 2] {
                let column: Vec<f64> = data.inputs.iter().skip(at).step_by(3).copied().collect();
                let mean = column.iter().sum::<f64>() / 40.0;
                let variance = column.iter().map(|x| x * x).sum::<f64>() / 40.0;
                assert!(mean.abs() < 1e-11 && (variance - 1.0).abs() < 1e-12, "{unit}, {at}: {mean}, {variance}");
            }
            // The intercept.
            assert!(data.inputs.iter().skip(1).step_by(3).all(|x| *x == 1.0));
            let back = data.inputs.chunks(3).flat_map(|row| {
                row.iter()
                    .zip(&data.standardised)
                    .map(|(x, taken)| taken.deviation * x + taken.mean)
                    .collect::<Vec<_>>()
            });
            assert!(back.zip(&raw.inputs).all(|(x, raw)| (x - raw).abs() <= 1e-12 * (raw.abs() + 1e3 * unit)));
        }
        let beyond = Dataset::new("a", vec![f64::MAX, f64::MAX, -f64::MAX], 1, vec![0.0; 3], 1, None).expect("data");
        assert!(matches!(beyond.standardise_inputs(), Err(DataError::Value { .. })));
    }

    #[test]
    fn one_hot_rows_follow_the_labels() {
        let hot = small().one_hot().expect("labels");
        assert_eq!((hot.target_dim, hot.targets), (2, vec![1.0, 0.0, 0.0, 1.0]));
        assert_eq!((hot.classes, hot.labels), (vec!["0".to_owned(), "2".to_owned()], Some(vec![0, 1])));
        // Whole numbers in a column, from any start; 10 comes after 9.
        let of = |targets: Vec<f64>, dim| {
            Dataset::new("a", vec![0.0; targets.len() / dim], 1, targets, dim, None)?.one_hot()
        };
        let hot = of(vec![10.0, -1.0, 9.0], 1).expect("whole numbers");
        assert_eq!(hot.targets, [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(hot.classes, ["-1", "9", "10"]);
        // Rows that are one-hot stay.
        assert_eq!(of(vec![0.0, 1.0, 1.0, 0.0], 2).expect("rows").targets, [0.0, 1.0, 1.0, 0.0]);
        for (targets, dim) in [(vec![0.5, 1.0], 1), (vec![1.0, 1.0], 2)] {
            assert!(matches!(of(targets, dim), Err(DataError::NoLabels { .. })));
        }
    }

    #[test]
    fn take_keeps_the_first_samples() {
        let one = small().take(1).expect("1 of 2");
        assert_eq!((one.len(), one.is_empty()), (1, false));
        assert_eq!((one.inputs, one.targets, one.labels), (vec![1.0, 2.0], vec![5.0], Some(vec![0])));
        for n in [0, 3] {
            assert!(matches!(small().take(n), Err(DataError::Parameter { .. })));
        }
    }
}
