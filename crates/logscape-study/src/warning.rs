//! What in the data is likely not meant so: told before anything is computed, and kept in the record.

use crate::text::{count, decimal};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that is likely not meant so. The run goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "warning", rename_all = "kebab-case")]
pub enum Warning {
    /// An input that is the same in all samples.
    ConstantInput {
        /// Its name.
        column: String,
        /// Its value.
        value: f64,
        /// The other inputs, the first nine of many.
        others: Vec<String>,
    },
    /// A target that is the same in all samples.
    ConstantTarget {
        /// Its name, or its place among the targets.
        column: String,
        /// Its value, or its only class.
        value: String,
    },
    /// An input that numbers or dates the rows.
    RowNumberInput {
        /// Its name.
        column: String,
        /// What it looks like.
        looks: RowNumber,
        /// The other inputs.
        others: Vec<String>,
    },
    /// A target that numbers or dates the rows.
    RowNumberTarget {
        /// Its name.
        column: String,
        /// What it looks like.
        looks: RowNumber,
    },
    /// An input that is the same as another.
    SameInput {
        /// Its name.
        column: String,
        /// The name of the other.
        as_column: String,
        /// The inputs without it.
        others: Vec<String>,
    },
    /// Inputs of unlike size.
    UnlikeScales {
        /// The name of the smallest.
        smallest: String,
        /// Its root mean square.
        small: f64,
        /// The name of the largest.
        largest: String,
        /// Its root mean square.
        large: f64,
    },
    /// Classes with fewer than two samples.
    SmallClasses {
        /// The column of classes; none where it has no name.
        column: Option<String>,
        /// Their names.
        classes: Vec<String>,
    },
    /// More parameters than numbers to fit.
    MoreParameters {
        /// Parameters `P`.
        parameters: usize,
        /// Samples `N`.
        samples: usize,
        /// Outputs `c`.
        outputs: usize,
    },
    /// More of those before.
    More {
        /// How many.
        warnings: usize,
    },
}

/// What a column looks like that numbers or dates rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowNumber {
    /// It rises by one from row to row.
    Rises,
    /// It has the name of an identifier, and whole numbers.
    Identifier,
    /// It has the name of a year, and whole numbers.
    Year,
}

/// Names, and warnings about inputs, that are told one by one.
pub(crate) const TOLD: usize = 8;

impl Warning {
    /// What is wrong with an input that is better left out, in words that follow its name.
    pub(crate) fn why(&self) -> Option<String> {
        match self {
            Self::ConstantInput { value, .. } => Some(format!("{value} in every sample")),
            Self::RowNumberInput { looks, .. } => Some(looks.to_string()),
            Self::SameInput { as_column, .. } => Some(format!("the same as `{as_column}`")),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::ConstantInput { others, .. }
            | Self::RowNumberInput { others, .. }
            | Self::SameInput { others, .. } => leave_out(others),
            Self::ConstantTarget { .. } => "name another column by `targets = \"...\"` in [problem.data]".to_owned(),
            Self::RowNumberTarget { .. } => {
                "name the column to predict by `targets = \"...\"` in [problem.data]".to_owned()
            }
            Self::UnlikeScales { .. } => "set `standardise = true` in [problem.data]".to_owned(),
            Self::SmallClasses { .. } => {
                "give each class more samples, or join rare ones under one name; numbers that are no classes need no \
                 `one_hot`"
                    .to_owned()
            }
            Self::MoreParameters { .. } => {
                "use a smaller network, or more samples, unless the fit is meant to interpolate".to_owned()
            }
            Self::More { .. } => {
                "name the columns to take by `inputs = [...]` in [problem.data]; `logscape new DATA` writes them"
                    .to_owned()
            }
        }
    }
}

/// What to write to take only these inputs.
fn leave_out(others: &[String]) -> String {
    if others.len() > TOLD {
        return "leave it out: name the other columns by `inputs = [...]` in [problem.data]".to_owned();
    }
    let names: Vec<String> = others.iter().map(|name| toml::Value::from(name.as_str()).to_string()).collect();
    format!("leave it out: `inputs = [{}]` in [problem.data]", names.join(", "))
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConstantInput { column, value, .. } => {
                write!(f, "input `{column}` is {value} in every sample, which tells nothing")
            }
            Self::ConstantTarget { column, value } => {
                write!(f, "target `{column}` is {value} in every sample, so that there is nothing to learn")
            }
            Self::RowNumberInput { column, looks, .. } => write!(f, "input `{column}` {looks}, and is taken as data"),
            Self::RowNumberTarget { column, looks } => write!(f, "target `{column}` {looks}, and is what is predicted"),
            Self::SameInput { column, as_column, .. } => {
                write!(f, "input `{column}` is the same as `{as_column}` in every sample")
            }
            Self::UnlikeScales { smallest, small, largest, large } => write!(
                f,
                "inputs have unlike scales: `{largest}` has a root mean square of {}, `{smallest}` of {}; SGD moves along \
                 the large ones alone",
                decimal(*large, 3),
                decimal(*small, 3)
            ),
            Self::SmallClasses { column, classes } => {
                let shown = classes.iter().take(TOLD).map(|class| format!("`{class}`")).collect::<Vec<_>>().join(", ");
                let more = if classes.len() > TOLD { ", …" } else { "" };
                let of = column.as_ref().map_or_else(String::new, |column| format!(" of `{column}`"));
                let have = if classes.len() == 1 { "has" } else { "have" };
                let number = count(classes.len(), "class");
                write!(f, "{number}{of} {have} fewer than two samples: {shown}{more}")
            }
            Self::MoreParameters { parameters, samples, outputs } => write!(
                f,
                "{} for {} to fit ({} of {}): many minima fit all of them exactly",
                count(*parameters, "parameter"),
                count(samples * outputs, "number"),
                count(*samples, "sample"),
                count(*outputs, "output")
            ),
            Self::More { warnings } => {
                let are = if *warnings == 1 { "is" } else { "are" };
                write!(f, "{} {are} like these", count(*warnings, "more input"))
            }
        }
    }
}

impl fmt::Display for RowNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rises => "rises by 1 from row to row, as numbers of rows do",
            Self::Identifier => "has the name and the whole numbers of an identifier",
            Self::Year => "has the name and the whole numbers of a year",
        })
    }
}
