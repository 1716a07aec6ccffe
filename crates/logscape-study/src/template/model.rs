//! Which problem suits a data set: candidates in the order in which they are tried.

use crate::error::RunError;
use logscape::data::Dataset;
use logscape::network::Network;
use logscape::problem::{GivenOptions, Kind, LinearRegression, Mlp, Registered, by_name};
use serde_json::{Value, json};

/// Distinct whole numbers that are taken for classes.
const FEW: usize = 10;
/// Those of arrays of integers, with as many samples each.
const MANY: (usize, usize) = (100, 10);
/// Widths of the hidden layer that are tried for classes.
const WIDTHS: [usize; 2] = [8, 4];
/// The share of the targets' variance that their mean may have without an intercept.
const CENTRED: f64 = 0.01;

/// A problem that may suit.
pub(super) struct Candidate {
    pub(super) kind: &'static Kind,
    pub(super) options: GivenOptions,
    /// Why this one.
    pub(super) why: String,
}

impl Candidate {
    pub(super) fn new(kind: &'static Kind, why: &str) -> Self {
        Self { kind, options: kind.needed(), why: why.to_owned() }
    }

    fn perceptron(hidden: &[usize], why: &str) -> Option<Self> {
        let mut candidate = Self::new(by_name(Mlp::NAME)?, why);
        candidate.options.insert("hidden".to_owned(), json!(hidden));
        Some(candidate)
    }

    /// Layers with so many hidden units, and an output for each target.
    fn layers(kind: &'static Kind, hidden: &[usize], outputs: usize, why: &str) -> Self {
        let mut candidate = Self::new(kind, why);
        let below = hidden.iter().flat_map(|width| [json!({ "linear": width }), json!("tanh")]);
        let layers: Vec<Value> = below.chain([json!({ "linear": outputs })]).collect();
        candidate.options.insert("layers".to_owned(), Value::Array(layers));
        candidate
    }
}

/// What to try, best first; the last is taken in any case.
///
/// # Errors
/// Never for the kinds that there are.
pub(super) fn candidates(data: &Dataset, kind: Option<&'static Kind>) -> Result<Vec<Candidate>, RunError> {
    let one = |row: &[f64]| row.iter().all(|y| *y == 0.0 || *y == 1.0) && row.iter().sum::<f64>() == 1.0;
    let classes =
        !data.classes.is_empty() || data.target_dim > 1 && data.targets.chunks_exact(data.target_dim).all(one);
    let line = "one layer, f = W x + b";
    let found: Option<Vec<Candidate>> = match kind {
        Some(kind) if kind.name == Network::NAME => {
            let deep = WIDTHS.iter().map(|width| {
                Candidate::layers(kind, &[*width], data.target_dim, &format!("a network with {width} hidden units"))
            });
            let flat = Candidate::layers(
                kind,
                &[],
                data.target_dim,
                &format!("{line}: with hidden units no minimum was found soon"),
            );
            Some(deep.chain([flat]).collect())
        }
        Some(kind) if kind.name != Mlp::NAME => Some(vec![Candidate::new(kind, kind.equation)]),
        None if !classes && data.target_dim == 1 && !needs_intercept(data) => {
            by_name(LinearRegression::NAME).map(|kind| {
                vec![Candidate::new(kind, "a line through the origin, f = θ·x, as the targets' mean is near 0")]
            })
        }
        None if !classes => {
            let why = format!(
                "linear regression with an intercept, which `{}` has none of: {line}; `hidden = [8]` makes it a network",
                LinearRegression::NAME
            );
            Candidate::perceptron(&[], &why).map(|candidate| vec![candidate])
        }
        _ => {
            let deep = WIDTHS.iter().map(|width| {
                Candidate::perceptron(
                    &[*width],
                    &format!("a network with {width} hidden units; `hidden` has their numbers"),
                )
            });
            let flat = Candidate::perceptron(&[], &format!("{line}: with hidden units no minimum was found soon"));
            deep.chain([flat]).collect()
        }
    };
    found.ok_or_else(|| RunError::input("problem.kind", "there is no such problem".to_owned()))
}

/// Whether the mean of the targets counts, and no input makes an intercept.
fn needs_intercept(data: &Dataset) -> bool {
    let n = data.targets.len() as f64;
    let mean = data.targets.iter().sum::<f64>() / n;
    let variance = data.targets.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n;
    let constant = |at: usize| {
        let first = data.inputs[at];
        first != 0.0 && data.inputs.iter().skip(at).step_by(data.input_dim).all(|x| *x == first)
    };
    mean * mean > CENTRED * variance && !(0..data.input_dim).any(constant)
}

/// Whether a column of targets that are numbers holds classes: few whole ones.
pub(super) fn holds_classes(data: &Dataset) -> bool {
    if data.target_dim > 1 || !data.targets.iter().all(|y| y.fract() == 0.0) {
        return false;
    }
    let mut distinct: Vec<f64> = Vec::new();
    for y in &data.targets {
        if let Err(at) = distinct.binary_search_by(|x| x.total_cmp(y)) {
            distinct.insert(at, *y);
            if distinct.len() > MANY.0 {
                return false;
            }
        }
    }
    let number = distinct.len();
    let counted = data.labels.is_some() && number * MANY.1 <= data.len();
    // Two of each, lest numbers of rows are taken for classes.
    number > 1 && (number <= FEW && 2 * number <= data.len() || counted)
}
