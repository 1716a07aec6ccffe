//! The leading exponent of an escape time, `V/η` in `ln(steps) ≈ V/η`: a theory's own, against what the noise makes of it.
//!
//! A prefactor can cost a factor of a few, a wrong exponent costs decades: a theory that agrees with a measurement although its
//! exponent is another does so by chance.

use super::{Warning, ln_sum};
use crate::reference::{Cubic, ReferenceError};
use crate::{Barrier, Geometry, Path, Sampling, SgdSettings, WayOut};
use std::f64::consts::{LN_10, LOG10_2};

/// Largest error of an exponent (decades of the mean number of steps): a third of the factor of two within which a theory holds.
/// At half the learning rate the error is twice as large, and a third is left to the prefactor.
const TOLERANCE: f64 = LOG10_2 / 3.0;
/// Smallest exponent of a rate that is small against one over the time in the basin.
const BARRIER: f64 = 3.0;

/// One way out, as exponents see it.
pub(super) struct Exit {
    /// `L^s/L*`, or the ratio at the end of an interval or at a level.
    ratio: f64,
    /// `2B L*/(ηC*)`: an exponent is this times an integral over `L/L*`.
    scale: f64,
    /// `C^s/C*`.
    noise_ratio: f64,
    /// `C*/(2L*h*)` along the way.
    strength: f64,
    /// `(2B/η) ∫ L'/C dθ` with the noise of each point, where that is known all along.
    gaussian: Option<f64>,
    /// The exponent that the noise makes: of the chain as `η → 0` where its law is known all along, infinite where no batch leads
    /// out; else of a diffusion whose noise is a power of the loss with the values at both ends.
    noise: f64,
}

impl Exit {
    /// Between two ends, with the noise of one sample at both.
    fn new(losses: [f64; 2], noises: [f64; 2], curvature: f64, per_step: f64) -> Self {
        let (ratio, noise_ratio) = (losses[1] / losses[0], noises[1] / noises[0]);
        let scale = losses[0] / (per_step * noises[0]);
        // ∫ r^{−γ} dr from 1 to r, with C ∝ L^γ.
        let rest = 1.0 - noise_ratio.ln() / ratio.ln();
        let integral = if rest.abs() < 1e-9 { ratio.ln() } else { (ratio.powf(rest) - 1.0) / rest };
        let strength = noises[0] / (2.0 * losses[0] * curvature);
        Self { ratio, scale, noise_ratio, strength, gaussian: None, noise: scale * integral }
    }

    /// Noise as at the minimum everywhere: `ΔL/D₀`.
    pub(super) fn frozen(&self) -> f64 {
        self.scale * (self.ratio - 1.0)
    }

    /// Noise as the loss: `ln(L^s/L*)/T` with the noise strength `s` along the way.
    pub(super) fn decoupled(&self) -> f64 {
        self.scale * self.ratio.ln()
    }

    /// The same with `s = 1`.
    pub(super) fn published(&self) -> f64 {
        self.strength * self.decoupled()
    }

    /// Noise between that of minimum and saddle: `1/C = ξ/C* + (1−ξ)/C^s`.
    pub(super) fn weighed(&self, xi: f64) -> f64 {
        self.frozen() * (xi + (1.0 - xi) / self.noise_ratio)
    }

    /// Noise of each point, and Gaussian; NaN where it is not known.
    pub(super) fn measured(&self) -> f64 {
        self.gaussian.unwrap_or(f64::NAN)
    }

    /// Of the chain, as far as that is known.
    pub(super) fn chain(&self) -> f64 {
        self.noise
    }
}

/// The ways out of a barrier. Empty where one of them lacks a number.
pub(super) fn exits(geometry: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Vec<Exit> {
    let per_step = sgd.learning_rate / (2.0 * sgd.effective_batch_size(geometry.samples));
    let found: Option<Vec<Exit>> = match barrier {
        Barrier::Saddles { path: Some(path), .. } => {
            let ends = path.position.first().zip(path.position.last());
            ends.and_then(|(&lower, &upper)| along(path, [lower, upper], per_step, sgd).ok())
        }
        Barrier::Interval { path, lower, upper } => along(path, [*lower, *upper], per_step, sgd).ok(),
        Barrier::Saddles { ways_out, path: None } => {
            Some(ways_out.iter().map(|way| over(way, geometry.loss, per_step, sgd)).collect())
        }
        Barrier::Level { loss } => {
            let h = geometry.outliers.h_star.value;
            let noise = 2.0 * geometry.strength() * geometry.loss * h;
            let exponent = geometry.decoupling.as_ref().map_or(f64::NAN, |found| found.scaling_exponent.value);
            let at_level = noise * (loss / geometry.loss).powf(exponent);
            Some(vec![Exit::new([geometry.loss, *loss], [noise, at_level], h, per_step)])
        }
        Barrier::Other { .. } => None,
    };
    found.unwrap_or_default()
}

/// Over a saddle in several dimensions.
fn over(way: &WayOut, loss: f64, per_step: f64, sgd: &SgdSettings) -> Exit {
    let noises = [way.noise_minimum, way.noise_saddle];
    let mut exit = Exit::new([loss, way.loss], noises, way.curvature_minimum, per_step);
    if let (Some(Ok(found)), true) = (&way.instanton, independent(sgd)) {
        exit.noise = found.quasi_potential / (2.0 * per_step);
    }
    exit
}

/// To both ends on the line.
fn along(path: &Path, ends: [f64; 2], per_step: f64, sgd: &SgdSettings) -> Result<Vec<Exit>, ReferenceError> {
    let on = |y: &[f64]| Cubic::new(&path.position, y.to_vec());
    let (loss, curvature, noise) = (on(&path.loss)?, on(&path.curvature)?, on(&path.noise)?);
    let slope_over_noise: Vec<f64> = path.gradient.iter().zip(&path.noise).map(|(g, c)| g / c).collect();
    let slope_over_noise = on(&slope_over_noise)?;
    let to = |(side, end): (usize, f64)| {
        let at = |y: &Cubic| [y.value(path.minimum), y.value(end)];
        let mut exit = Exit::new(at(&loss), at(&noise), curvature.value(path.minimum), per_step);
        let gaussian = slope_over_noise.integral(path.minimum, end) / per_step;
        exit.gaussian = Some(gaussian);
        exit.noise = match path.quasi_potential.get(side) {
            Some(found) if independent(sgd) => found.map_or(f64::INFINITY, |found| found / (2.0 * per_step)),
            _ => gaussian,
        };
        exit
    };
    Ok(ends.into_iter().enumerate().map(to).collect())
}

/// Whether batches are drawn independently of each other, so that the chain has a quasi-potential. Fresh subsets have one of
/// their own, for which that of draws with replacement with the same covariance stands here.
fn independent(sgd: &SgdSettings) -> bool {
    sgd.sampling != Sampling::EpochShuffle
}

/// The checks of a theory whose exponent over one way out is `exponent`: the sum over the ways is that of the noise within the
/// tolerance of a verdict, and, for a `rate`, not small. Numbers that are not finite are not checked.
pub(super) fn exponent_checks(exits: &[Exit], rate: bool, exponent: impl Fn(&Exit) -> f64) -> Vec<Warning> {
    let total = |of: &dyn Fn(&Exit) -> f64| -ln_sum(exits.iter().map(|exit| -of(exit)));
    let own = total(&exponent);
    let mut warnings = Vec::new();
    if !own.is_finite() {
        return warnings;
    }
    if rate && own < BARRIER {
        warnings.push(Warning::SmallBarrier { value: own, limit: BARRIER });
    }
    if !exits.is_empty() && exits.iter().all(|exit| exit.noise == f64::INFINITY) {
        warnings.push(Warning::OutOfReach);
    }
    let value = (own - total(&Exit::chain)).abs() / LN_10;
    if value.is_finite() && value > TOLERANCE {
        warnings.push(Warning::QuasiPotential { value, limit: TOLERANCE });
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One way out with these losses, where the noise is a power of the loss.
    fn exit(ratio: f64, power: f64, temperature: f64) -> Exit {
        // T = ηC*/(2BL*), so that ηC*/2B = T for L* = 1 and per-step factor 1.
        Exit::new([1.0, ratio], [temperature, temperature * ratio.powf(power)], 1.0, 1.0)
    }

    #[test]
    fn exponents_have_their_closed_forms() {
        let constant = exit(3.0, 0.0, 0.1);
        assert!((constant.frozen() - 20.0).abs() < 1e-12 && (constant.chain() - 20.0).abs() < 1e-12);
        let proportional = exit(3.0, 1.0, 0.1);
        let expected = 3.0_f64.ln() / 0.1;
        assert!((proportional.decoupled() - expected).abs() < 1e-12 && (proportional.chain() - expected).abs() < 1e-9);
        // ∫ r^{-2} dr from 1 to 3.
        assert!((exit(3.0, 2.0, 0.1).chain() - 20.0 / 3.0).abs() < 1e-12);
        // s = C*/(2L*h*) = 0.05 along the way, and the published exponent has s = 1.
        assert!((proportional.published() - 0.05 * expected).abs() < 1e-12);
        assert!(
            (proportional.weighed(1.0) - 20.0).abs() < 1e-12 && (proportional.weighed(0.0) - 20.0 / 3.0).abs() < 1e-12
        );
    }

    #[test]
    fn a_theory_with_another_exponent_is_told() {
        let found = |temperature| exponent_checks(&[exit(3.0, 1.0, temperature)], true, Exit::frozen);
        // (2 − ln 3)/T nats.
        let [Warning::QuasiPotential { value, .. }] = found(0.1)[..] else { panic!("{:?}", found(0.1)) };
        assert!((value - (2.0 - 3.0_f64.ln()) / 0.1 / LN_10).abs() < 1e-9);
        // At a temperature of 5 the difference is 0.078 decades, and the barrier no longer high.
        assert!(matches!(found(5.0)[..], [Warning::SmallBarrier { .. }]), "{:?}", found(5.0));
        assert_eq!(exponent_checks(&[exit(3.0, 1.0, 0.1)], true, Exit::decoupled), vec![]);
        // Two alike ways out are ln 2 faster by either.
        let two = [exit(3.0, 1.0, 0.1), exit(3.0, 1.0, 0.1)];
        assert_eq!(exponent_checks(&two, true, Exit::decoupled), vec![]);
    }

    #[test]
    fn where_every_sample_pushes_back_only_a_way_that_is_open_counts() {
        let closed = || Exit { noise: f64::INFINITY, ..exit(3.0, 1.0, 0.1) };
        assert_eq!(exponent_checks(&[closed(), closed()], true, Exit::decoupled), vec![Warning::OutOfReach]);
        // The open one has the whole rate, which two ways by Gaussian noise double: 0.301 decades.
        let [Warning::QuasiPotential { value, .. }] =
            exponent_checks(&[closed(), exit(3.0, 1.0, 0.1)], true, Exit::decoupled)[..]
        else {
            panic!("told")
        };
        assert!((value - LOG10_2).abs() < 1e-9);
    }
}
