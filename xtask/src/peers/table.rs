//! The rows of the comparison, as text and as JSON.

use serde_json::{Value, json};

/// One peer at one work in one precision.
pub(super) struct Row {
    work: &'static str,
    precision: String,
    peer: &'static str,
    /// Whether its check agreed; none where there was nothing to compare with.
    pub(super) agrees: Option<bool>,
    ours: Vec<f64>,
    theirs: Vec<f64>,
    /// Our rate over the peer's, by pairs.
    ratios: Vec<f64>,
    /// Our rate over the bound, by pairs.
    fractions: Vec<f64>,
}

impl Row {
    pub(super) fn new(work: &'static str, precision: &str, peer: &'static str, agrees: Option<bool>) -> Self {
        let (ours, theirs, ratios, fractions) = Default::default();
        Self { work, precision: precision.into(), peer, agrees, ours, theirs, ratios, fractions }
    }

    /// Adds one pair of runs, and the rate that the floor measured beside it allows.
    pub(super) fn add(&mut self, ours: Option<f64>, theirs: f64, bound: Option<f64>) {
        self.theirs.push(theirs);
        if let Some(ours) = ours {
            self.ours.push(ours);
            self.ratios.push(ours / theirs);
            self.fractions.extend(bound.map(|bound| ours / bound));
        }
    }

    fn value(&self) -> Value {
        json!({
            "work": self.work,
            "precision": self.precision,
            "ours": median(&self.ours),
            "peer": self.peer,
            "peer_rate": median(&self.theirs),
            "ratio": median(&self.ratios),
            "floor_fraction": median(&self.fractions),
            "check": self.agrees,
        })
    }

    fn line(&self) -> String {
        let rate = |rates: &[f64]| median(rates).map_or("-".into(), |x| format!("{x:.3e}"));
        let number = |values: &[f64]| median(values).map_or("-".into(), |x| format!("{x:.3}"));
        let check = match self.agrees {
            Some(true) => "agrees",
            Some(false) => "DIFFERS",
            None => "-",
        };
        format!(
            "{:<18} {:<9} {:<13} {:>10} {:>10} {:>8} {:>9}  {check}\n",
            self.work,
            self.precision,
            self.peer,
            rate(&self.ours),
            rate(&self.theirs),
            number(&self.ratios),
            number(&self.fractions),
        )
    }
}

/// Rates are replica-steps, or whatever else the work consists of, per second.
pub(super) fn text(rows: &[Row]) -> String {
    let head = format!(
        "{:<18} {:<9} {:<13} {:>10} {:>10} {:>8} {:>9}  check\n",
        "work", "precision", "peer", "ours /s", "peer /s", "ratio", "of floor"
    );
    head + &rows.iter().map(Row::line).collect::<String>()
}

pub(super) fn json(rows: &[Row]) -> String {
    format!("{:#}\n", Value::Array(rows.iter().map(Row::value).collect()))
}

/// The middle value; none of none.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_quotes_the_median_of_the_pairs_ratios() {
        let mut row = Row::new("linear", "f64", "numba", Some(true));
        // The machine slows down by half; the pairs' ratios do not see it, the ratio of medians would.
        row.add(Some(8.0), 4.0, Some(16.0));
        row.add(Some(8.0), 2.0, Some(8.0));
        row.add(Some(4.0), 2.0, Some(8.0));
        let value = row.value();
        assert_eq!(value["ratio"], 2.0);
        assert_eq!(value["floor_fraction"], 0.5);
        assert_eq!(value["peer_rate"], 2.0);
    }

    #[test]
    fn a_work_that_we_lack_has_null_for_us_and_the_peers_rate() {
        let mut row = Row::new("sde", "f32", "jax", None);
        row.add(None, 3.0, Some(10.0));
        let value = row.value();
        assert!(value["ours"].is_null() && value["ratio"].is_null() && value["floor_fraction"].is_null());
        assert_eq!(value["peer_rate"], 3.0);
    }
}
