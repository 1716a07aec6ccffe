//! The Lyapunov exponent, from long runs of renormalised displacements.

use super::products::{Origin, Products};
use super::{InterpolationConfig, larger, mean};
use crate::random::{Purpose, stream};
use crate::{Estimate, Interrupted, Stop};
use rayon::prelude::*;

/// Steps of one run in units of those of a population, and the part of that, one in so many, which goes before and is not counted: a
/// displacement that starts along stiff directions has to lose them.
const LONGER: (usize, usize) = (64, 2);

/// `λ`, the mean of independent runs, from the origin that has the larger; none where a factor maps a displacement to 0.
///
/// # Errors
/// On an interrupt.
pub(super) fn lyapunov(
    products: &Products,
    config: &InterpolationConfig,
    stop: &Stop,
) -> Result<Option<Estimate>, Interrupted> {
    let epoch = products.epoch();
    let steps = (LONGER.0 * config.steps).next_multiple_of(epoch);
    let before = (steps / LONGER.1).next_multiple_of(epoch);
    let run = |group: usize, from: Origin| {
        let mut displacement = products.start(stream(config.seed, Purpose::Products, group as u64), from);
        let mut room = products.room();
        let mut sum = 0.0;
        for step in 0..before + steps {
            if step.is_multiple_of(64) {
                stop.check()?;
            }
            let growth = products.step(&mut displacement, &mut room);
            if step >= before {
                sum += growth;
            }
        }
        Ok(sum / steps as f64)
    };
    let mut found: Vec<Estimate> = Vec::new();
    for from in Origin::ALL {
        let runs = (0..config.groups).into_par_iter().map(|group| run(group, from));
        let means: Vec<f64> = runs.collect::<Result<_, Interrupted>>()?;
        found.extend(means.iter().all(|mean| mean.is_finite()).then(|| mean(&means)));
    }
    Ok(found.into_iter().reduce(larger))
}
