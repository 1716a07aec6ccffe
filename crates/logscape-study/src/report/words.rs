//! Numbers and words as the page shows them.

use crate::asked::RegionText;
use crate::figures::number;
use crate::record::{Record, SettingRecord};
use crate::text::ends;
use logscape::Estimate;

/// `1.02 [0.98, 1.06]`.
pub(super) fn interval(estimate: &Estimate) -> String {
    let [low, high] = estimate.ci95;
    if low == high {
        return number(estimate.value);
    }
    format!("{} {}", number(estimate.value), ends(estimate, number))
}

/// The words with a capital letter first.
pub(super) fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `+0.31`, with a true minus sign.
pub(super) fn signed(x: f64) -> String {
    format!("{x:+.2}").replace('-', "−")
}

/// Typeset minus signs: those before a digit.
pub(super) fn typeset(words: &str) -> String {
    let mut letters = words.chars().peekable();
    let mut before = ' ';
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        let sign = letter == '-' && !before.is_alphanumeric() && letters.peek().is_some_and(char::is_ascii_digit);
        text.push(if sign { '−' } else { letter });
        before = letter;
    }
    text
}

pub(super) fn setting_name(setting: &SettingRecord) -> String {
    format!("Learning rate η = {}, batch size B = {}", number(setting.sgd.learning_rate), setting.sgd.batch_size)
}

/// Whether the study's event is the passage of a surface through saddles, from which half of the arrivals fall back.
pub(super) fn through_saddles(record: &Record) -> bool {
    let region = record.study.escape.as_ref().map(|escape| &escape.region);
    matches!(region, Some(RegionText::DividingSurface | RegionText::Quench))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_signs_are_typeset_and_hyphens_are_not() {
        let words = typeset("trust log-landscape-2, off by -0.12 [-0.20, +0.05] decades");
        assert_eq!(words, "trust log-landscape-2, off by −0.12 [−0.20, +0.05] decades");
    }
}
