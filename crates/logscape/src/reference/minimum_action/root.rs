//! Momentum and time of one segment of a path, the root of `v = μ 𝓗_p(x, p)`, `𝓗(x, p) = 0`.

use super::blocks::{cholesky, solve};
use super::hamiltonian::LocalHamiltonian;
use crate::operator::{axpy, dot, scale};
use faer::Mat;

/// Most steps to the root.
const STEPS: usize = 200;
/// Square of the last step, relative to that of the root, in the metric of the noise; steps shrink quadratically.
const PRECISION: f64 = 1e-12;
/// The same where steps shrink no more, which below this only the rounding of `𝓗` can stop them from.
const ROUNDED: f64 = 1e-6;

/// The root of one segment.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// `p` (`n`).
    pub(super) momentum: Vec<f64>,
    /// `μ`.
    pub(super) time: f64,
}

/// `𝓗`, `𝓗_p` and the Cholesky factor of `𝓗_pp` at `p`, with the floor `½ f p²`. None where they are not finite.
pub(super) fn floored(local: &dyn LocalHamiltonian, p: &[f64], floor: f64) -> Option<(f64, Vec<f64>, Mat<f64>)> {
    let (value, mut velocity, mut variance) = local.in_momentum(p);
    axpy(floor, p, &mut velocity);
    (0..p.len()).for_each(|i| variance[(i, i)] += floor);
    let value = value + 0.5 * floor * dot(p, p);
    let finite = value.is_finite() && velocity.iter().all(|v| v.is_finite());
    if finite { Some((value, velocity, cholesky(variance)?)) } else { None }
}

/// The root for the segment `v` by steps from `start`, each to the root of the second-order expansion about the last. Steps
/// are as long as the expansion may hold.
pub(super) fn root(local: &dyn LocalHamiltonian, v: &[f64], start: &[f64], floor: f64) -> Option<Segment> {
    let mut p = start.to_vec();
    let mut last = f64::INFINITY;
    for taken in 1..=STEPS {
        let (value, velocity, factor) = floored(local, &p, floor)?;
        let (along, back) = (solve(&factor, v), solve(&factor, &velocity));
        let stretch = dot(v, &along);
        let rate = ((dot(&velocity, &back) - 2.0 * value).max(0.0) / stretch).sqrt();
        let mut d: Vec<f64> = along.iter().zip(&back).map(|(a, b)| rate * a - b).collect();
        // ‖d‖² in the metric of the noise, dᵀ 𝓗_pp d, where 𝓗_pp d = rate·v − 𝓗_p.
        let decrement = rate * dot(&d, v) - dot(&d, &velocity);
        let share = local.longest_step(&p, &d);
        scale(share, &mut d);
        axpy(1.0, &d, &mut p);
        if !rate.is_finite() || p.iter().any(|p| !p.is_finite()) {
            return None;
        }
        let step = if share == 1.0 { decrement / (rate * rate * stretch) } else { f64::INFINITY };
        if step <= PRECISION || (step <= ROUNDED && (decrement >= last || taken == STEPS)) {
            return (rate > 0.0).then(|| Segment { momentum: p, time: 1.0 / rate });
        }
        last = decrement;
    }
    None
}
