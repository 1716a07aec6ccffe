//! The verdict of a setting as the page shows it: theories by the size of their error, each with its bar.

use super::words::{capital, typeset};
use crate::record::{EscapeRecord, Judgement};
use logscape::theory;
use logscape::verdict::{ErrorDecades, TOLERANCE};
use serde::Serialize;

/// Half of the width of a bar in units of its drawing.
const HALF: f64 = 100.0;
/// The widest that the scale of the bars becomes, in decades; errors beyond it have an arrow.
const WIDEST: f64 = 3.0;

/// A verdict.
#[derive(Serialize)]
pub(super) struct VerdictView {
    /// In one sentence.
    text: String,
    /// How the sentence is marked: `holds` where a theory is trusted, `fails` where none holds, else `open`.
    mark: &'static str,
    /// Checks that failed for several theories; rows name them by their number, from 1.
    regime: Vec<String>,
    /// End of the scale of the bars.
    scale: String,
    /// Corners of the band of a factor of two, and its width.
    band: [String; 2],
    /// Whether a committed escape is more than an arrival.
    committed: bool,
    rows: Vec<TheoryView>,
}

/// A row of the table of theories.
#[derive(Serialize)]
struct TheoryView {
    theory: String,
    trusted: bool,
    steps: String,
    committed: String,
    error: String,
    standing: &'static str,
    bar: Option<Bar>,
    warnings: String,
}

/// An error drawn: ends of its interval, its value, and on which sides it goes on beyond the scale.
#[derive(Serialize)]
struct Bar {
    from: String,
    to: String,
    at: Option<String>,
    left: bool,
    right: bool,
}

impl VerdictView {
    /// The verdict on an escape; `through_saddles` says whether half of the arrivals at its event fall back.
    pub(super) fn new(escape: &EscapeRecord, through_saddles: bool) -> Self {
        let verdict = &escape.verdict;
        let mut names: Vec<&str> = theory::all().iter().map(|theory| theory.name()).collect();
        names.retain(|name| escape.predictions.contains_key(*name));
        let empty = Judgement::default();
        let judgement = |name: &str| verdict.theories.get(name).unwrap_or(&empty);
        let error = |name: &str| {
            let (value, judgement) = (verdict.error_decades.get(name).copied().flatten(), judgement(name));
            ErrorDecades::from_parts(value, judgement.at_least, judgement.at_most)
        };
        let rank = |name: &str| ErrorDecades::rank(error(name));
        names.sort_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(std::cmp::Ordering::Equal));
        let sizes = names.iter().flat_map(|name| [judgement(name).at_least, judgement(name).at_most]).flatten();
        // A little further than the furthest, whose mark is then whole.
        let reach = (1.1 * sizes.map(f64::abs).fold(0.5, f64::max)).min(WIDEST);
        let regime = common_checks(escape);
        let rows = names.iter().map(|name| {
            let judgement = judgement(name);
            TheoryView {
                theory: (*name).to_owned(),
                trusted: verdict.trusted.as_deref() == Some(name),
                steps: decimal(escape.predictions[*name].log10_mean_steps),
                committed: decimal(escape.predictions[*name].log10_committed_steps),
                error: error(name).map_or_else(|| "none".to_owned(), |error| typeset(&error.to_string())),
                standing: if verdict.vetoed_by.contains_key(*name) { VETOED } else { standing(judgement) },
                bar: error(name).map(|error| Bar::new(&error, reach)),
                warnings: own_checks(judgement, verdict.vetoed_by.get(*name).map_or(&[], Vec::as_slice), &regime),
            }
        });
        let text = typeset(&verdict.text);
        Self {
            mark: match &verdict.trusted {
                Some(_) => "holds",
                None if !verdict.agrees.is_empty() => "open",
                None if names.iter().any(|name| standing(judgement(name)) == OPEN) => "open",
                None => "fails",
            },
            rows: rows.collect(),
            text: capital(&text),
            regime,
            scale: format!("{reach:.1}"),
            band: [place(-TOLERANCE, reach), format!("{:.1}", 2.0 * HALF * (TOLERANCE / reach).min(1.0))],
            committed: through_saddles,
        }
    }
}

impl Bar {
    fn new(error: &ErrorDecades, reach: f64) -> Self {
        let (low, high) = (error.at_least().unwrap_or(f64::NEG_INFINITY), error.at_most());
        Self {
            from: place(low, reach),
            to: place(high, reach),
            at: error.value().filter(|error| error.abs() <= reach).map(|error| place(error, reach)),
            left: low < -reach,
            right: high > reach,
        }
    }
}

/// Where an error is drawn, from 0 to twice [`HALF`].
fn place(error: f64, reach: f64) -> String {
    format!("{:.1}", HALF * (1.0 + (error / reach).clamp(-1.0, 1.0)))
}

fn decimal(log10: Option<f64>) -> String {
    log10.map_or_else(|| "none".to_owned(), |x| typeset(&format!("{x:.2}")))
}

/// Words where the measurement does not tell whether a theory holds.
const OPEN: &str = "cannot be told";
/// Words where a theory holds and is not trusted.
const VETOED: &str = "agrees, not trusted";

fn standing(judgement: &Judgement) -> &'static str {
    match (judgement.holds, judgement.at_most) {
        (Some(true), _) => "holds",
        (Some(false), _) => "fails",
        (None, Some(_)) => OPEN,
        (None, None) if judgement.not_applicable.is_some() => "does not apply",
        (None, None) => "nothing to compare",
    }
}

/// The failed checks that several theories rest on.
fn common_checks(escape: &EscapeRecord) -> Vec<String> {
    let mut seen = Vec::new();
    let mut common = Vec::new();
    for check in escape.verdict.theories.values().flat_map(checks) {
        if !seen.contains(&check) {
            seen.push(check);
        } else if !common.contains(&check) {
            common.push(check);
        }
    }
    common
}

fn checks(judgement: &Judgement) -> Vec<String> {
    judgement.failed_checks.iter().map(ToString::to_string).collect()
}

/// What is wrong with a theory: the common checks by number, and what it has alone.
fn own_checks(judgement: &Judgement, refuted: &[String], common: &[String]) -> String {
    let place = |check: &String| common.iter().position(|other| other == check);
    let (shared, own): (Vec<String>, Vec<String>) =
        checks(judgement).into_iter().partition(|check| place(check).is_some());
    let mut numbers: Vec<usize> = shared.iter().filter_map(place).map(|number| number + 1).collect();
    numbers.sort_unstable();
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let mut words = match &numbers[..] {
        [] => Vec::new(),
        [one] => vec![format!("check {one} below")],
        several => vec![format!("checks {} below", several.join(", "))],
    };
    words.extend(own);
    words.extend(refuted.iter().filter(|reason| !checks(judgement).contains(reason)).cloned());
    words.extend(judgement.not_applicable.iter().map(|reason| format!("not applicable: {reason}")));
    typeset(&words.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_end_at_the_scale() {
        let bar = |value, low, high, reach| {
            Bar::new(&ErrorDecades::from_parts(value, low, high).expect("an upper end"), reach)
        };
        let inside = bar(Some(0.5), Some(-0.5), Some(1.0), 1.0);
        assert_eq!((&*inside.from, &*inside.to, inside.at.as_deref()), ("50.0", "200.0", Some("150.0")));
        assert!(!inside.left && !inside.right);
        let beyond = bar(Some(22.0), Some(21.9), Some(22.1), 3.0);
        assert_eq!((&*beyond.from, &*beyond.to, beyond.at.as_deref()), ("200.0", "200.0", None));
        assert!(beyond.right && !beyond.left);
        let bounded = bar(None, None, Some(0.0), 1.0);
        assert_eq!((&*bounded.from, &*bounded.to, bounded.left), ("0.0", "100.0", true));
        assert!(ErrorDecades::from_parts(None, None, None).is_none());
    }
}
