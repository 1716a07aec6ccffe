//! The pages of a record: its figures.

use crate::figures;
use crate::record::Record;

/// The pages of a record as path within its folder and text.
pub fn pages(record: &Record) -> Vec<(String, String)> {
    let drawn = figures::all(record).into_iter().flatten();
    drawn.map(|figure| (format!("figures/{}.svg", figure.name), figure.svg)).collect()
}
