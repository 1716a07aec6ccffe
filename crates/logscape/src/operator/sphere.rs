//! Random vectors.

use super::{norm, scale};
use crate::random::{Purpose, stream};
use rand_distr::{Distribution, StandardNormal};

/// A vector that is uniform on the unit sphere.
pub(crate) fn on_sphere(dim: usize, seed: u64, index: u64) -> Vec<f64> {
    let mut rng = stream(seed, Purpose::Probe, index);
    let mut vector: Vec<f64> = (0..dim).map(|_| StandardNormal.sample(&mut rng)).collect();
    let length = norm(&vector);
    scale(1.0 / length, &mut vector);
    vector
}
