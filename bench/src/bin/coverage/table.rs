//! The table.

use logscape::Estimate;
use rayon::prelude::*;

/// Prints rows with so many seeds each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) seeds: u64,
}

impl Table {
    /// One row for each of the estimates that `measure` makes, which have these names and exact values. None is withheld.
    pub(crate) fn rows<const K: usize>(
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
