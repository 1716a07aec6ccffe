//! A setting near a minimum that interpolates.

use super::words::interval;
use crate::figures::number;
use crate::record::{InterpolationRecord, StartEscapeRecord, StartRecord};
use serde::Serialize;

/// What holds near a minimum that interpolates.
#[derive(Serialize)]
pub(super) struct InterpolationView {
    /// The products, in words.
    products: String,
    /// The escapes from starts, or why there are none, in words.
    escape: Option<String>,
    starts: Vec<StartView>,
}

/// A row of the table of starts.
#[derive(Serialize)]
struct StartView {
    loss: String,
    ratio: String,
    counts: String,
    probability: String,
    predicted: String,
    undecided: u64,
}

impl InterpolationView {
    pub(super) fn new(record: &InterpolationRecord) -> Self {
        let escape = record.escape.as_ref().map(escape);
        let reason =
            record.escape_reason.as_ref().map(|reason| format!("No escapes from starts at a given loss: {reason}."));
        let level = record.escape.as_ref().and_then(|escape| escape.level);
        let starts = record.escape.iter().flat_map(|escape| &escape.starts);
        Self {
            products: products(record),
            escape: escape.or(reason),
            starts: starts.map(|start| row(start, level)).collect(),
        }
    }
}

/// The products, in words.
fn products(record: &InterpolationRecord) -> String {
    let products = &record.products;
    let (exponent, words) = match &products.lyapunov {
        None => ("−∞".to_owned(), "a batch can end the distance to the minimum at once"),
        Some(lyapunov) if lyapunov.ci95[1] < 0.0 => {
            (interval(lyapunov), "SGD that starts near the minimum ends in it almost surely")
        }
        Some(lyapunov) if lyapunov.ci95[0] > 0.0 => (interval(lyapunov), "SGD that starts near the minimum leaves it"),
        Some(lyapunov) => (interval(lyapunov), "whether SGD ends in the minimum is not told apart from the opposite"),
    };
    let growth = &products.mean_square_growth;
    let squares = if growth.ci95[0] > 1.0 {
        "mean losses grow without bound, whatever single replicas do"
    } else if growth.ci95[1] <= 1.0 {
        "mean losses shrink"
    } else {
        "mean losses are at the edge of growing"
    };
    let alpha = match (&products.alpha, &products.alpha_reason) {
        (Some(alpha), _) => format!("The escape exponent is α = {}.", interval(alpha)),
        (None, Some(reason)) => format!("There is no escape exponent α: {reason}."),
        (None, None) => String::new(),
    };
    format!(
        "Lyapunov exponent λ = {exponent} per step: {words}. Growth of the mean square of a displacement {} per step: {squares}. {alpha}",
        interval(growth)
    )
}

/// The escapes from starts, in words.
fn escape(record: &StartEscapeRecord) -> String {
    let slope = match (&record.slope, &record.slope_predicted) {
        (Some(slope), Some(predicted)) => format!(
            " The probability goes as a power {} of the start's loss, where α/2 = {} is predicted as that goes to 0.",
            interval(slope),
            interval(predicted)
        ),
        _ => String::new(),
    };
    format!(
        "Replicas of SGD started around the minimum at a loss L₀, displaced by Σ Jᵀξ with normal ξ; they escape where they reach \
         the region's boundary{} before their loss has fallen to {} of L₀.{slope}",
        record.level.map_or_else(String::new, |level| format!(", at the loss L_c = {},", number(level))),
        number(record.collapse)
    )
}

fn row(start: &StartRecord, level: Option<f64>) -> StartView {
    let no_level = || "no L_c is known".to_owned();
    StartView {
        loss: number(start.loss),
        ratio: level.map_or_else(no_level, |level| number(start.loss / level)),
        counts: format!("{} of {}", start.ends.escaped, start.ends.escaped + start.ends.collapsed),
        probability: start.probability.as_ref().map_or_else(|| "no replica did either".to_owned(), interval),
        predicted: match (&start.predicted, level) {
            (Some(predicted), _) => interval(predicted),
            (None, Some(_)) => "there is no α".to_owned(),
            (None, None) => no_level(),
        },
        undecided: start.ends.undecided,
    }
}
