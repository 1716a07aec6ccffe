//! Stationary ensembles: series that remember, skewed and heavy tails, and the exponent of the loss.

use crate::table::Table;
use logscape::random::{Purpose, stream};
use logscape::stats::{BlockMeans, Histogram, OpenBlocks, Scale, loss_law, quantile, summarise};
use rand::Rng;
use rand_distr::{Distribution, Exp1, Gamma, StandardNormal};
use std::error::Error;

/// Independent groups, as a study has.
const GROUPS: u64 = 16;

pub(crate) fn rows(table: Table) -> Result<(), Box<dyn Error>> {
    for length in [500, 4_000] {
        let a: f64 = 0.9;
        let from = format!("normal, memory of 19 steps, {GROUPS} × {length}");
        let exact = [("mean", 1.0), ("standard deviation", 1.0), ("autocorrelation time", (1.0 + a) / (1.0 - a))];
        table.rows(&from, exact, |seed| {
            let groups: Vec<BlockMeans> = (0..GROUPS)
                .map(|group| {
                    let mut rng = stream(seed, Purpose::Check, group);
                    let mut x: f64 = StandardNormal.sample(&mut rng);
                    means((0..length).map(|_| {
                        let push: f64 = StandardNormal.sample(&mut rng);
                        x = a * x + (1.0 - a * a).sqrt() * push;
                        1.0 + x
                    }))
                })
                .collect();
            let found = summarise(&groups);
            [found.map(|found| found.mean), found.map(|found| found.deviation), found.and_then(|found| found.time)]
        });
    }
    for length in [50, 500] {
        let skewed = format!("exponential, {GROUPS} × {length}");
        independent(table, &skewed, length, [1.0, 1.0, 10.0_f64.ln()], None, &|mut rng| Exp1.sample(&mut rng))?;
        // BetaPrime(1, b), whose distribution function is 1 − (1 + u)^−b.
        for b in [20.0_f64, 8.0, 5.0, 3.5] {
            let from = format!("loss in 2 directions with φ = {}, {GROUPS} × {length}", 1.0 + b);
            let (top, below) = (Gamma::new(1.0, 1.0)?, Gamma::new(b, 1.0)?);
            let exact = [1.0 / (b - 1.0), (b / (b - 2.0)).sqrt() / (b - 1.0), 10.0_f64.powf(1.0 / b) - 1.0];
            let draw = |mut rng: &mut dyn Rng| top.sample(&mut rng) / below.sample(&mut rng);
            independent(table, &from, length, exact, Some(1.0 + b), &draw)?;
        }
    }
    Ok(())
}

/// Independent values with this mean, standard deviation and quantile of 90 %, and this exponent, if they are losses.
fn independent(
    table: Table,
    from: &str,
    length: u64,
    [mean, deviation, most]: [f64; 3],
    exponent: Option<f64>,
    draw: &(dyn Fn(&mut dyn Rng) -> f64 + Sync),
) -> Result<(), Box<dyn Error>> {
    let bins = Histogram::new(Scale::Logarithmic, 1e-6 * mean, 1e6 * mean, 240)?;
    let groups = |seed: u64| -> Vec<Vec<f64>> {
        let group = |group| {
            let mut rng = stream(seed, Purpose::Check, group);
            (0..length).map(|_| draw(&mut rng)).collect()
        };
        (0..GROUPS).map(group).collect()
    };
    let histograms = |groups: &[Vec<f64>]| -> Vec<Histogram> {
        let filled = |group: &Vec<f64>| {
            let mut bins = bins.clone();
            group.iter().for_each(|&x| bins.add(x));
            bins
        };
        groups.iter().map(filled).collect()
    };
    table.rows(from, [("mean", mean), ("standard deviation", deviation), ("quantile of 90 %", most)], |seed| {
        let groups = groups(seed);
        let found = summarise(&groups.iter().map(|group| means(group.iter().copied())).collect::<Vec<_>>());
        let histograms = histograms(&groups);
        let most = quantile(&histograms, 0.9);
        let heavy = exponent.is_some() && loss_law(&histograms, 2.0, 1.0).is_ok_and(|law| law.lacks_fourth_moment(2.0));
        let found = found.map(|found| if heavy { found.without_fourth_moment() } else { found });
        [found.map(|found| found.mean), found.map(|found| found.deviation), most]
    });
    if let Some(exponent) = exponent {
        table.rows(from, [("tail exponent φ", exponent)], |seed| {
            [loss_law(&histograms(&groups(seed)), 2.0, 1.0).ok().map(|law| law.exponent)]
        });
    }
    Ok(())
}

/// The sums that an ensemble keeps of these values.
fn means(values: impl Iterator<Item = f64>) -> BlockMeans {
    let (mut means, mut open) = (BlockMeans::new(1.0), OpenBlocks::default());
    values.for_each(|x| means.add(&mut open, x));
    means
}
