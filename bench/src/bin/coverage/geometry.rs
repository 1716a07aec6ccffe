//! Noise and curvature at minima of linear regression on few and many samples.

use crate::table::Table;
use logscape::geometry::{GeometryConfig, measure};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::problem::LinearRegression;
use logscape::random::{Purpose, stream};
use logscape::{Estimate, Stop};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

pub(crate) fn rows(table: Table) {
    for samples in [10, 50, 200, 1_000, 5_000] {
        rows_of(table, &format!("normal input, {samples} samples"), samples, 1.0, &|mut rng| {
            StandardNormal.sample(&mut rng)
        });
    }
    for carriers in [3, 10, 30] {
        let share = f64::from(carriers) / 200.0;
        let from = format!("an input that about {carriers} of 200 samples have");
        rows_of(table, &from, 200, 1.0, &|mut rng| {
            let small: f64 = StandardNormal.sample(&mut rng);
            let has = rng.random_bool(share);
            0.05 * small + if has { ((1.0 - 0.0025) / share).sqrt() } else { 0.0 }
        });
    }
}

/// One input with the mean square `h`, and normal label noise that is independent of it: `C = h`, `L = ½`, `s = 1`.
fn rows_of(table: Table, from: &str, samples: usize, h: f64, input: &(dyn Fn(&mut dyn Rng) -> f64 + Sync)) {
    let config = GeometryConfig { resamples: 1000, scaling_points: 3, ..GeometryConfig::default() };
    table.rows(from, [("typical curvature h*", h), ("noise C", h), ("noise strength s", 1.0)], |seed| {
        let mut rng = stream(seed, Purpose::Check, samples as u64);
        let inputs: Vec<f64> = (0..samples).map(|_| input(&mut rng)).collect();
        let targets = (0..samples).map(|_| StandardNormal.sample(&mut rng)).collect();
        estimates(inputs, targets, &GeometryConfig { seed, ..config })
    });
}

fn estimates(inputs: Vec<f64>, targets: Vec<f64>, config: &GeometryConfig) -> [Option<Estimate>; 3] {
    let find = || {
        let problem = LinearRegression::new(inputs, targets, 1).ok()?;
        let minimum = find_minimum(&problem, &[0.0], &MinimumConfig::default(), &Stop::new()).ok()?;
        measure(&problem, &minimum, config, &Stop::new()).ok()
    };
    find().map_or([None; 3], |found| {
        [Some(found.outliers.h_star), found.directions.first().map(|along| along.noise), found.noise_strength]
    })
}
