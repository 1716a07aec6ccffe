//! Which columns of a table are inputs and which are targets.

use std::collections::HashSet;

use super::error::DataError;
use super::format::{Column, ReadOptions};

/// Positions of the inputs and of the targets in this header.
///
/// # Errors
///
/// [`DataError::MissingColumn`] for a column that there is not, [`DataError::Column`] for one that is taken twice.
pub(super) fn choose(name: &str, header: &[String], columns: &ReadOptions) -> Result<[Vec<usize>; 2], DataError> {
    check_header(name, header)?;
    let named = |letter: char| (0..header.len()).filter(|at| is_numbered(&header[*at], letter)).collect::<Vec<_>>();
    let (x, y) = (named('x'), named('y'));
    let by_letter = !x.is_empty() && !y.is_empty();
    let inputs = select(name, header, &columns.inputs)?;
    let targets = select(name, header, &columns.targets)?;
    let is_target: HashSet<&usize> = targets.iter().collect();
    if let Some(both) = inputs.iter().find(|at| is_target.contains(at)) {
        return Err(column_error(name, &header[*both], "is asked for both as input and as target"));
    }
    // A column without a name is the number of the row, as data frames write it.
    let rest = |taken: &[usize]| {
        let mut free: Vec<bool> = header.iter().map(|column| !column.is_empty()).collect();
        taken.iter().for_each(|at| free[*at] = false);
        (0..header.len()).filter(|at| free[*at]).collect::<Vec<_>>()
    };
    let targets = match (targets.is_empty(), inputs.is_empty()) {
        (false, _) => targets,
        (true, true) if by_letter => y.clone(),
        (true, _) => rest(&inputs).pop().into_iter().collect(),
    };
    let inputs = match inputs.is_empty() {
        false => inputs,
        true if by_letter && targets == y => x,
        true => rest(&targets),
    };
    for (chosen, what) in [(&inputs, "input"), (&targets, "target")] {
        if chosen.is_empty() {
            return Err(DataError::Format {
                file: name.into(),
                field: "columns".into(),
                problem: format!("none is left for the {what}s; there is {}", list(header)),
                hint: "give the table two columns or more; those of a CSV file are separated by `,`, `;` or a tab",
            });
        }
    }
    Ok([inputs, targets])
}

/// Whether a column is named `x`, or `x` and something that goes on with no letter: `x1`, `x_a`; not `xray`.
fn is_numbered(column: &str, letter: char) -> bool {
    column.strip_prefix(letter).is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
}

fn check_header(name: &str, header: &[String]) -> Result<(), DataError> {
    // There may be a hundred thousand columns, and each is to be looked at once.
    let mut known = HashSet::new();
    match header.iter().find(|column| !column.is_empty() && !known.insert(*column)) {
        Some(twice) => Err(column_error(name, twice, "is named twice in the header")),
        None => Ok(()),
    }
}

/// The positions of the columns that are asked for, each once.
fn select(name: &str, header: &[String], asked: &[Column]) -> Result<Vec<usize>, DataError> {
    let mut chosen: Vec<usize> = Vec::new();
    let mut taken = HashSet::new();
    for column in asked {
        let matching: Vec<usize> = match column {
            Column::Position(position) => (0..header.len()).filter(|at| at + 1 == *position).collect(),
            Column::Name(pattern) => {
                let stem = pattern.strip_suffix('*');
                if stem.unwrap_or(pattern).contains('*') {
                    return Err(column_error(name, pattern, "is a pattern with `*` before its end"));
                }
                let matches = |column: &String| stem.map_or(column == pattern, |stem| column.starts_with(stem));
                (0..header.len()).filter(|at| matches(&header[*at])).collect()
            }
        };
        if matching.is_empty() {
            return Err(DataError::MissingColumn {
                file: name.into(),
                column: column.to_string(),
                available: list(header),
                hint: "name what is there by `inputs = [...]` and `targets = [...]` beside `path`",
            });
        }
        chosen.extend(matching.into_iter().filter(|at| taken.insert(*at)));
    }
    Ok(chosen)
}

fn list(header: &[String]) -> String {
    header.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ")
}

fn column_error(name: &str, column: &str, problem: &str) -> DataError {
    let hint = "give every column its own name and use it once, by `inputs = [...]` and `targets = [...]`; `*` only ends a pattern";
    DataError::Column { file: name.into(), column: column.into(), problem: problem.into(), hint }
}
