//! Looks through the data for what is likely not meant so.

use crate::warning::{RowNumber, TOLD, Warning};
use logscape::Problem;
use logscape::data::Dataset;
use logscape::problem::{LinearRegression, MatrixFactorisation, Registered};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

/// Rows from which numbers that rise by one are taken for numbers of the rows.
const ROWS: usize = 8;
/// How many times as large as the smallest the largest input may be: above, SGD at a stable learning rate takes more than
/// 10⁴ times as long along the smallest.
const UNLIKE: f64 = 100.0;
/// Names of columns that number rows, in small letters and without other marks.
const IDENTIFIERS: [&str; 11] =
    ["id", "ids", "uid", "uuid", "index", "idx", "row", "rowid", "rownumber", "rownames", "unnamed0"];

/// What is told of data for a problem of this kind.
pub(crate) fn of_data(data: &Dataset, kind: &str) -> Vec<Warning> {
    // Only a table's columns have a meaning of their own: those of images are often black, or all alike.
    let named = data.input_names.len() == data.input_dim && kind != MatrixFactorisation::NAME;
    let mut warnings = if named { of_inputs(data, kind) } else { Vec::new() };
    warnings.extend(of_targets(data));
    warnings.extend(small_classes(data));
    warnings
}

/// The first of many warnings about inputs, and how many more there are.
pub(crate) fn shortened(warnings: Vec<Warning>) -> Vec<Warning> {
    let (mut inputs, others): (Vec<Warning>, Vec<Warning>) =
        warnings.into_iter().partition(|warning| input_of(warning).is_some());
    let more = inputs.len().saturating_sub(TOLD);
    inputs.truncate(TOLD);
    inputs.extend((more > 0).then_some(Warning::More { warnings: more }));
    inputs.into_iter().chain(others).collect()
}

/// What is told of a problem, whatever it was made from.
pub(crate) fn of_problem(problem: &dyn Problem) -> Option<Warning> {
    let (parameters, samples, outputs) = (problem.dim(), problem.samples(), problem.outputs());
    (parameters > samples * outputs).then_some(Warning::MoreParameters { parameters, samples, outputs })
}

/// The numbers of one column.
fn column(values: &[f64], dim: usize, at: usize) -> impl Iterator<Item = f64> + Clone + '_ {
    values.iter().skip(at).step_by(dim).copied()
}

fn of_inputs(data: &Dataset, kind: &str) -> Vec<Warning> {
    let names = &data.input_names;
    let of = |at: usize| column(&data.inputs, data.input_dim, at);
    let others = |at: usize| {
        let others = names.iter().enumerate().filter(|(k, _)| *k != at).map(|(_, name)| name.clone());
        // One more than is told shows that there are more.
        others.take(TOLD + 1).collect()
    };
    let alone = data.input_dim == 1;
    // A constant makes the intercept of a linear regression.
    let mut intercepts = usize::from(kind == LinearRegression::NAME);
    let (mut warnings, mut sizes, mut seen) = (Vec::new(), Vec::new(), HashMap::new());
    for (at, name) in names.iter().enumerate() {
        let column = name.clone();
        let value = data.inputs[at];
        if data.len() > 1 && of(at).all(|x| x == value) {
            let is_intercept = value != 0.0 && intercepts > 0;
            intercepts -= usize::from(is_intercept);
            if !is_intercept {
                warnings.push(Warning::ConstantInput { column, value, others: others(at) });
            }
            continue;
        }
        sizes.push((root_mean_square(of(at)), name));
        let mut hasher = DefaultHasher::new();
        of(at).for_each(|x| hasher.write_u64(x.to_bits()));
        let first = *seen.entry(hasher.finish()).or_insert(at);
        if first != at && of(at).eq(of(first)) {
            warnings.push(Warning::SameInput { column, as_column: names[first].clone(), others: others(at) });
        } else if let Some(looks) = row_number(name, of(at)).filter(|_| !alone) {
            warnings.push(Warning::RowNumberInput { column, looks, others: others(at) });
        }
    }
    let told: HashSet<&String> = warnings.iter().filter_map(input_of).collect();
    sizes.retain(|(_, name)| !told.contains(name));
    sizes.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    if let [(small, smallest), .., (large, largest)] = sizes[..]
        && large > UNLIKE * small
    {
        let (smallest, largest) = (smallest.clone(), largest.clone());
        warnings.push(Warning::UnlikeScales { smallest, small, largest, large });
    }
    warnings
}

/// The input that a warning is about, which is better left out.
pub(crate) fn input_of(warning: &Warning) -> Option<&String> {
    match warning {
        Warning::ConstantInput { column, .. }
        | Warning::RowNumberInput { column, .. }
        | Warning::SameInput { column, .. } => Some(column),
        _ => None,
    }
}

fn root_mean_square(values: impl Iterator<Item = f64> + Clone) -> f64 {
    // The largest is taken out, so that no square overflows.
    let largest = values.clone().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), x| (sum + (x / largest).powi(2), count + 1.0));
    largest * f64::sqrt(sum / count)
}

fn of_targets(data: &Dataset) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let classes = !data.classes.is_empty();
    for at in (0..data.target_dim).filter(|_| !classes && data.len() > 1) {
        let value = data.targets[at];
        let of = column(&data.targets, data.target_dim, at);
        let name = data.target_names.get(at).filter(|_| data.target_names.len() == data.target_dim);
        if of.clone().all(|y| y == value) {
            let column = name.cloned().unwrap_or_else(|| (at + 1).to_string());
            warnings.push(Warning::ConstantTarget { column, value: value.to_string() });
        } else if let Some(name) = name.filter(|_| data.input_names.len() == data.input_dim)
            && let Some(looks) = row_number(name, of)
        {
            warnings.push(Warning::RowNumberTarget { column: name.clone(), looks });
        }
    }
    if let [only] = &data.classes[..] {
        let column = data.target_names.first().cloned().unwrap_or_else(|| "1".to_owned());
        warnings.push(Warning::ConstantTarget { column, value: only.clone() });
    }
    warnings
}

fn small_classes(data: &Dataset) -> Option<Warning> {
    let mut sizes = vec![0_usize; data.classes.len()];
    for label in data.labels.iter().flatten() {
        if let Some(size) = sizes.get_mut(*label as usize) {
            *size += 1;
        }
    }
    let small = data.classes.iter().zip(sizes).filter(|(_, size)| *size < 2);
    let classes: Vec<String> = small.map(|(class, _)| class.clone()).collect();
    (!classes.is_empty()).then(|| Warning::SmallClasses { column: data.target_names.first().cloned(), classes })
}

/// What a column that numbers or dates rows looks like.
fn row_number(name: &str, values: impl Iterator<Item = f64> + Clone) -> Option<RowNumber> {
    if !values.clone().all(|x| x.fract() == 0.0) {
        return None;
    }
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let words = name.to_lowercase();
    if plain == "year" || words.ends_with("_year") {
        return Some(RowNumber::Year);
    }
    if IDENTIFIERS.contains(&plain.as_str()) || words.ends_with("_id") || words.ends_with(" id") {
        return Some(RowNumber::Identifier);
    }
    let rises = values.clone().zip(values.clone().skip(1)).all(|(x, next)| next == x + 1.0);
    (rises && values.take(ROWS).count() == ROWS).then_some(RowNumber::Rises)
}

#[cfg(test)]
mod tests;
