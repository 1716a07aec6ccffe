//! Classes: what distinct labels there are, in which order, and which sample has which.

use std::collections::HashMap;

/// The largest integer up to which `f64` holds every integer, `2⁵³`.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Labels of samples, one after the other.
#[derive(Debug, Default)]
pub(super) struct Classes {
    /// The number of each name, in the order of their first samples.
    numbers: HashMap<String, u32>,
    of: Vec<u32>,
}

impl Classes {
    /// Adds a sample's label, a whole number (`1` is `1.0`) or text.
    ///
    /// # Errors
    ///
    /// What is wanted in its place.
    pub(super) fn push(&mut self, label: &str) -> Result<(), &'static str> {
        // Most labels are those of samples before.
        if let Some(number) = self.numbers.get(label) {
            self.of.push(*number);
            return Ok(());
        }
        let name = match label.parse::<f64>() {
            Ok(value) if value.fract() == 0.0 && value.abs() <= MAX_EXACT => format!("{value:.0}"),
            Ok(_) => return Err("a class, which is a whole number or text"),
            Err(_) if label.is_empty() => return Err("a class, not a hole"),
            Err(_) => label.to_owned(),
        };
        let next = self.numbers.len() as u32;
        self.of.push(*self.numbers.entry(name).or_insert(next));
        Ok(())
    }

    /// The names in order, of numbers where all are and of text otherwise, and the place in it of each sample's.
    pub(super) fn sorted(self) -> (Vec<String>, Vec<u32>) {
        let mut names: Vec<(String, u32)> = self.numbers.into_iter().collect();
        let values: Option<HashMap<u32, f64>> =
            names.iter().map(|(name, number)| Some((*number, name.parse().ok()?))).collect();
        match values {
            Some(values) => names.sort_by(|(_, a), (_, b)| values[a].total_cmp(&values[b])),
            None => names.sort(),
        }
        let mut place = vec![0; names.len()];
        for (at, (_, number)) in names.iter().enumerate() {
            place[*number as usize] = at as u32;
        }
        let of = self.of.into_iter().map(|number| place[number as usize]).collect();
        (names.into_iter().map(|(name, _)| name).collect(), of)
    }
}
