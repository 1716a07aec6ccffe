//! Predictions: one file per theory family, all behind one trait.
//!
//! A new theory is a file with its [`Theory`] and one line in `registry.rs`; names in studies and records, colours, and the
//! table of the book follow from that list.

mod diffusion_theory;
mod exponent;
mod kramers;
mod large_deviation;
mod log_landscape;
mod quadrature;
mod regime;
mod registry;
pub mod stationary;

pub use diffusion_theory::DiffusionTheory;
pub use kramers::{Kramers, kramers_level_ln_rate};
pub use large_deviation::LargeDeviation;
pub use log_landscape::{LogLandscape, refined_level_ln_rate};
pub use quadrature::Quadrature;
pub use regime::{Assumption, Warning, regime_checks};
pub use registry::{Build, THEORIES, TheoryOptions, all, all_with, by_name, names};
pub use stationary::Stationary;

pub use crate::model::NoiseModel;

use crate::{Barrier, Geometry, SgdSettings, WayOut};
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_10;

/// A theory of escape.
pub trait Theory: Send + Sync {
    /// Name in records, such as `log-landscape`.
    fn name(&self) -> &'static str;
    /// Where the formula comes from.
    fn reference(&self) -> &'static str;
    /// What it says, in one line of symbols: `κ` per unit `t`, or the mean time.
    fn formula(&self) -> &'static str;
    /// What it assumes and which events it covers, in one line.
    fn regime(&self) -> &'static str;
    /// The prediction for one barrier and one setting. Where the theory does not apply the numbers are `None` and a
    /// [`Warning::NotApplicable`] says why.
    fn predict(&self, geometry: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Prediction;
}

/// What a theory says about one barrier and one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Name of the theory.
    pub theory: String,
    /// `ln κ`, committed escapes per unit `t`, summed over the ways out.
    pub ln_rate: Option<f64>,
    /// `log10` of the mean number of steps to the region's event: `½/(ηκ)` to a dividing surface through saddles (half of
    /// the arrivals fall back), `1/(ηκ)` to a level or the ends of an interval; exact integrals give themselves.
    pub log10_mean_steps: Option<f64>,
    /// Power of `L^s/L*` in the escape time, for theories that have one (of the way out with the largest rate).
    pub exponent: Option<f64>,
    /// How far each boundary was moved outward for the overshoot of discrete steps (parameter units): the ends of an interval,
    /// lower first, or the radius of a level. Empty where nothing was moved, as at saddles, whose surfaces are smooth.
    #[serde(default)]
    pub boundary_shift: Vec<f64>,
    /// Which assumptions fail.
    pub warnings: Vec<Warning>,
}

impl Prediction {
    /// `κ`, if known and within the range of `f64`.
    pub fn rate(&self) -> Option<f64> {
        self.ln_rate.map(f64::exp).filter(|k| k.is_finite() && *k > 0.0)
    }

    /// Committed escapes per step, `ηκ`, if known and within the range of `f64`.
    pub fn rate_per_step(&self, learning_rate: f64) -> Option<f64> {
        self.ln_rate.map(|ln| (ln + learning_rate.ln()).exp()).filter(|k| k.is_finite() && *k > 0.0)
    }

    /// `log10` of the mean number of steps per committed escape, `1/(ηκ)`.
    pub fn log10_committed_steps(&self, learning_rate: f64) -> Option<f64> {
        self.ln_rate.map(|ln| -(ln + learning_rate.ln()) / LN_10).filter(|d| d.is_finite())
    }

    /// Mean number of steps, if known and within the range of `f64`.
    pub fn mean_steps(&self) -> Option<f64> {
        self.log10_mean_steps.map(|d| 10.0_f64.powf(d)).filter(|n| n.is_finite() && *n > 0.0)
    }

    /// The same with the shifts of its boundary, if it has numbers.
    fn with_shift(mut self, shift: Vec<f64>) -> Self {
        if self.ln_rate.is_some() {
            self.boundary_shift = shift;
        }
        self
    }

    /// The prediction of a theory whose rate is made from noise at the minimum, or a ratio to its loss, where the fit interpolates:
    /// none, for that reason.
    pub fn where_interpolating(
        theory: &dyn Theory,
        geometry: &Geometry,
        barrier: &Barrier,
        sgd: &SgdSettings,
    ) -> Option<Self> {
        let reason = format!("the fit interpolates, {}", geometry.interpolating.as_ref()?);
        Some(Self::from_rate(theory, Err(reason), barrier, Vec::new(), sgd))
    }

    /// A prediction from `ln κ` (per unit `t`, summed over the ways out), or from the reason why there is none; a value that
    /// is no finite number becomes a warning.
    pub fn from_rate(
        theory: &dyn Theory,
        ln_rate: Result<f64, String>,
        barrier: &Barrier,
        warnings: Vec<Warning>,
        sgd: &SgdSettings,
    ) -> Self {
        let mut prediction = Self {
            theory: theory.name().to_owned(),
            ln_rate: None,
            log10_mean_steps: None,
            exponent: None,
            boundary_shift: Vec::new(),
            warnings,
        };
        let reason = match ln_rate {
            Ok(ln_rate) => {
                let ln_steps = -ln_rate - sgd.learning_rate.ln() - ln_arrivals(barrier);
                if ln_steps.is_finite() && ln_rate.is_finite() {
                    prediction.ln_rate = Some(ln_rate);
                    prediction.log10_mean_steps = Some(ln_steps / LN_10);
                    return prediction;
                }
                "a number that the formula needs is missing or out of its range".to_owned()
            }
            Err(reason) => reason,
        };
        prediction.warnings.push(Warning::NotApplicable { reason });
        prediction
    }
}

/// `ln` of the arrivals at the region's event for each committed escape: 2 at a barrier top, 1 elsewhere.
fn ln_arrivals(barrier: &Barrier) -> f64 {
    if matches!(barrier, Barrier::Saddles { .. }) { 2.0_f64.ln() } else { 0.0 }
}

/// `ln Σ e^{x}`; `−∞` for none.
fn ln_sum(logs: impl Iterator<Item = f64>) -> f64 {
    let logs: Vec<f64> = logs.collect();
    let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !high.is_finite() || logs.iter().any(|x| x.is_nan()) {
        return f64::NAN;
    }
    high + logs.iter().map(|x| (x - high).exp()).sum::<f64>().ln()
}

/// The ways out with known `½ Σ_⊥ ln(h_i*/h_i^s)`, beside it, and a warning if others are left out; an error where none is
/// known, or the lowest is not, which is likely to carry most of the rate.
fn with_transverse<'a>(ways_out: &'a [WayOut], warnings: &mut Vec<Warning>) -> Result<Vec<(&'a WayOut, f64)>, String> {
    let known: Vec<_> = ways_out.iter().filter_map(|way| Some((way, way.ln_transverse_ratio?))).collect();
    let lowest = |losses: &mut dyn Iterator<Item = f64>| losses.fold(f64::INFINITY, f64::min);
    let least = lowest(&mut ways_out.iter().map(|way| way.loss));
    if lowest(&mut known.iter().map(|(way, _)| way.loss)) > least {
        let reason = "the transverse curvatures at the lowest saddle are not known: the problem is too large, or its flat \
                      directions differ at both ends";
        return Err(reason.to_owned());
    }
    if known.len() < ways_out.len() {
        warnings.push(Warning::WaysLeftOut { value: (ways_out.len() - known.len()) as f64, limit: 0.0 });
    }
    Ok(known)
}

/// Expected overshoot of a discrete walk beyond a boundary, `0.5826 η √Σ_B` for a step's noise covariance `Σ_B = C/B` along
/// the normal (Chernoff 1965; Siegmund 1985): a boundary is moved outward by it before a continuous formula is applied.
fn overshoot(noise: f64, batch: f64, sgd: &SgdSettings) -> f64 {
    0.5826 * sgd.learning_rate * (noise / batch).sqrt()
}

#[cfg(test)]
mod tests;
