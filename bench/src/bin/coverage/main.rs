//! `cargo xtask bench coverage [--seeds N] [PART]...`: how often the 95 % intervals of a record cover.
//!
//! Each row draws data or simulates with so many seeds, by the functions that a study calls, and counts intervals with the number
//! that is exact inside. A side on which an interval has no end counts as covering, and how many have none is in the table.

mod escape;
mod geometry;
mod interpolation;
mod stationary;

use logscape::Estimate;
use rayon::prelude::*;
use std::env;
use std::error::Error;

/// Parts of the table, each in a file.
const PARTS: [&str; 4] = ["escape", "stationary", "geometry", "interpolation"];

/// Prints rows with so many seeds each.
#[derive(Debug, Clone, Copy)]
struct Table {
    seeds: u64,
}

impl Table {
    /// One row for each of the estimates that `measure` makes, which have these names and exact values. None is withheld.
    fn rows<const K: usize>(
        self,
        from: &str,
        exact: [(&str, f64); K],
        measure: impl Fn(u64) -> [Option<Estimate>; K] + Sync + Send,
    ) {
        let found: Vec<[Option<Estimate>; K]> = (0..self.seeds).into_par_iter().map(measure).collect();
        for (k, (name, exact)) in exact.into_iter().enumerate() {
            let given: Vec<Estimate> = found.iter().filter_map(|row| row[k]).collect();
            let share = |count: usize| 100.0 * count as f64 / given.len().max(1) as f64;
            let below = share(given.iter().filter(|estimate| exact < estimate.ci95[0]).count());
            let above = share(given.iter().filter(|estimate| exact > estimate.ci95[1]).count());
            let endless = share(given.iter().filter(|estimate| estimate.ci95[1] == f64::INFINITY).count());
            let none = 100.0 * (1.0 - given.len() as f64 / found.len() as f64);
            let covered = 100.0 - below - above;
            println!("| {name} | {from} | {covered:.1} | {below:.1} | {above:.1} | {endless:.1} | {none:.1} |");
        }
    }
}

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
