//! What is measured where fits interpolate, against sums over all pairs of samples.

use crate::table::Table;
use logscape::interpolation::{InterpolationConfig, share, stability};
use logscape::problem::LinearRegression;
use logscape::random::{Purpose, stream};
use logscape::{Sampling, SgdSettings, Stop};
use rand::RngExt;
use std::error::Error;

pub(crate) fn rows(table: Table) -> Result<(), Box<dyn Error>> {
    for (starts, probability) in [(100, 0.03), (100, 0.5), (1_000, 0.01)] {
        let from = format!("{starts} starts, of which {probability} escape");
        table.rows(&from, [("escape probability", probability)], |seed| {
            let mut rng = stream(seed, Purpose::Check, starts);
            let escaped = (0..starts).filter(|_| rng.random_bool(probability)).count() as u64;
            [share(escaped, starts)]
        });
    }
    let x = [0.3_f64, 1.1, 1.9, 0.7, 1.5, 2.1];
    let problem = LinearRegression::new(x.to_vec(), x.to_vec(), 1)?;
    let settings = SgdSettings { learning_rate: 0.7, batch_size: 2, sampling: Sampling::WithReplacement };
    let factors: Vec<f64> =
        x.iter().flat_map(|a| x.iter().map(move |b| (1.0 - 0.35 * (a * a + b * b)).abs())).collect();
    let mean = |f: &dyn Fn(f64) -> f64| factors.iter().map(|&x| f(x)).sum::<f64>() / factors.len() as f64;
    // The moments of order 0 and of the root are 1, those between smaller.
    let (mut low, mut high) = (0.05, 100.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if mean(&|x| x.powf(middle)) < 1.0 { low = middle } else { high = middle }
    }
    let exact = [("Lyapunov exponent", mean(&f64::ln)), ("exponent α", low)];
    table.rows("products of 2 of 6 samples, 12 groups of 128 clones", exact, |seed| {
        let config = InterpolationConfig { groups: 12, clones: 128, steps: 32, seed };
        let found = stability(&problem, &[1.0], &settings, &config, &Stop::new()).ok();
        found.map_or([None; 2], |found| [found.lyapunov, found.alpha])
    });
    Ok(())
}
