//! Kramers' (Arrhenius') rate with the noise frozen at the minimum.

use super::exponent::{Exit, exits, exponent_checks};
use super::{Assumption, Prediction, Theory, ln_sum, overshoot, regime_checks, with_transverse};
use crate::{Barrier, Geometry, Path, SgdSettings};
use statrs::function::gamma::ln_gamma;
use std::f64::consts::{LN_2, TAU};

/// `κ = (√(h_e*|h_e^s|)/2π) Π_⊥√(h_i*/h_i^s) exp(−ΔL/D0)`, `D0 = η C_e*/2B` (which is `η s L* h_e*/B`), per unit `t`.
///
/// Through a level or the ends of an interval: inward drift times the Gaussian density, integrated over the boundary.
#[derive(Debug, Clone, Copy)]
pub struct Kramers;

/// `ln κ` through the level `ΔL` above the minimum of an `n`-dimensional basin of curvature `h` at frozen diffusion `D0`:
/// drift `h r`, density `(h/2πD0)^{n/2} e^{−ΔL/D0}` and sphere `2π^{n/2} r^{n−1}/Γ(n/2)` give
/// `κ = h (2/Γ(n/2)) (ΔL/D0)^{n/2} e^{−ΔL/D0}`.
pub fn kramers_level_ln_rate(dimension: usize, curvature: f64, rise: f64, diffusion: f64) -> f64 {
    let half = 0.5 * dimension as f64;
    let barrier = rise / diffusion;
    curvature.ln() + LN_2 - ln_gamma(half) + half * barrier.ln() - barrier
}

/// What it rests on: the noise at the minimum everywhere, the same in all directions.
const ASSUMED: [Assumption; 4] =
    [Assumption::SmallSteps, Assumption::SmallSamples, Assumption::EqualOutliers, Assumption::ProportionalNoise];

/// Values of a path that the boundary-flux formulas need.
pub(super) struct Boundary {
    /// Loss at the minimum.
    pub(super) loss_minimum: f64,
    /// Curvature at the minimum.
    pub(super) curvature: f64,
    /// One-sample noise at the minimum.
    pub(super) noise: f64,
    /// `(loss, outward slope)` at each end, moved outward by the overshoot.
    pub(super) ends: [(f64, f64); 2],
    /// By how much each end was moved.
    pub(super) shift: [f64; 2],
}

/// Reads the ends of an interval off its path; `noise_at(C*, L_end/L*)` is the theory's noise at an end.
pub(super) fn boundary(
    path: &Path,
    [lower, upper]: [f64; 2],
    batch: f64,
    sgd: &SgdSettings,
    noise_at: fn(f64, f64) -> f64,
) -> Result<Boundary, String> {
    use crate::reference::Cubic;
    let on = |y: &Vec<f64>| Cubic::new(&path.position, y.clone()).map_err(|e| e.to_string());
    let (loss, slope) = (on(&path.loss)?, on(&path.gradient)?);
    let (curvature, noise) = (on(&path.curvature)?.value(path.minimum), on(&path.noise)?.value(path.minimum));
    let loss_minimum = loss.value(path.minimum);
    let (first, last) = loss.range();
    let moved = |at: f64, sign: f64| {
        let shift = overshoot(noise_at(noise, loss.value(at) / loss_minimum), batch, sgd);
        (at + sign * shift).clamp(first, last)
    };
    let [left, right] = [moved(lower, -1.0), moved(upper, 1.0)];
    let ends = [(loss.value(left), -slope.value(left)), (loss.value(right), slope.value(right))];
    if ends.iter().any(|e| e.1.is_nan() || e.1 <= 0.0) {
        return Err("the loss does not rise through the ends of the interval".to_owned());
    }
    Ok(Boundary { loss_minimum, curvature, noise, ends, shift: [lower - left, right - upper] })
}

impl Theory for Kramers {
    fn name(&self) -> &'static str {
        "kramers"
    }

    fn reference(&self) -> &'static str {
        "Kramers 1940; Langer 1969; for SGD Jastrzębski et al. 2017"
    }

    fn formula(&self) -> &'static str {
        "κ = (√(h*|h^s|)/2π) Π_⊥√(h_i*/h_i^s) e^{−ΔL/D₀}, D₀ = ηC*/2B"
    }

    fn regime(&self) -> &'static str {
        "noise frozen at the minimum and weak, D₀ ≪ ΔL; saddles, intervals, loss levels"
    }

    fn predict(&self, geometry: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Prediction {
        if let Some(none) = Prediction::where_interpolating(self, geometry, barrier, sgd) {
            return none;
        }
        let batch = sgd.effective_batch_size(geometry.samples);
        let per_noise = sgd.learning_rate / (2.0 * batch);
        let mut warnings = regime_checks(geometry, sgd, &ASSUMED);
        warnings.extend(exponent_checks(&exits(geometry, barrier, sgd), true, Exit::frozen));
        let mut shifts = Vec::new();
        let ln_rate = match barrier {
            Barrier::Saddles { ways_out, .. } => with_transverse(ways_out, &mut warnings).map(|ways| {
                ln_sum(ways.iter().map(|(way, transverse)| {
                    0.5 * (way.curvature_minimum * -way.curvature_saddle).ln() - TAU.ln() + transverse
                        - (way.loss - geometry.loss) / (per_noise * way.noise_minimum)
                }))
            }),
            Barrier::Interval { path, lower, upper } => boundary(path, [*lower, *upper], batch, sgd, |noise, _| noise)
                .map(|b| {
                    shifts = b.shift.to_vec();
                    let d0 = per_noise * b.noise;
                    ln_sum(b.ends.iter().map(|(loss, slope)| {
                        slope.ln() + 0.5 * (b.curvature / (TAU * d0)).ln() - (loss - b.loss_minimum) / d0
                    }))
                }),
            Barrier::Other { reason } => Err(reason.clone()),
            Barrier::Level { loss } => {
                let h = geometry.outliers.h_star.value;
                let noise = 2.0 * geometry.strength() * geometry.loss * h;
                let shift = overshoot(noise, batch, sgd);
                shifts = vec![shift];
                let radius = (2.0 * (loss - geometry.loss) / h).sqrt() + shift;
                let rise = 0.5 * h * radius * radius;
                Ok(kramers_level_ln_rate(geometry.outliers.count, h, rise, per_noise * noise))
            }
        };
        Prediction::from_rate(self, ln_rate, barrier, warnings, sgd).with_shift(shifts)
    }
}
