//! `cargo xtask bench coverage [--seeds N] [PART]...`: how often the 95 % intervals of a record cover.
//!
//! Each row draws data or simulates with so many seeds, by the functions that a study calls, and counts intervals with the number
//! that is exact inside. A side on which an interval has no end counts as covering, and how many have none is in the table.

mod escape;
mod geometry;
mod interpolation;
mod stationary;
mod table;

use std::env;
use std::error::Error;
use table::Table;

/// Parts of the table, each in a file.
const PARTS: [&str; 4] = ["escape", "stationary", "geometry", "interpolation"];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (seeds, asked) = match arguments[..] {
        ["--seeds", count, ref parts @ ..] => (count.parse()?, parts),
        ref parts => (1000, parts),
    };
    if asked.iter().any(|part| !PARTS.contains(part)) {
        return Err(format!("usage: cargo xtask bench coverage [--seeds N] [{}]...", PARTS.join(" | ")).into());
    }
    let wanted = |part: &str| asked.is_empty() || asked.contains(&part);
    let table = Table { seeds };
    println!("{seeds} seeds; everything in per cent. The interval of a coverage of 95 is 1.4 at a thousand.\n");
    println!("| estimate | from | covers | exact is below | exact is above | no upper end | no estimate |");
    println!("|---|---|---|---|---|---|---|");
    if wanted("escape") {
        escape::rows(table)?;
    }
    if wanted("stationary") {
        stationary::rows(table)?;
    }
    if wanted("geometry") {
        geometry::rows(table);
    }
    if wanted("interpolation") {
        interpolation::rows(table)?;
    }
    Ok(())
}
