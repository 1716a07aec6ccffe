//! The saddles around a minimum.

use super::minimum::THETA_LIMIT;
use logscape::landscape::{Attempt, Certificate, SaddleSearch};
use logscape::model::Minimum;
use logscape::{Barrier, Instanton, WayOut};
use serde::{Deserialize, Serialize};

/// The saddles that were found, and what was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SaddlesRecord {
    /// Saddles of the basin; none if no search found one.
    pub found: Vec<SaddleRecord>,
    /// The searches in words.
    pub summary: String,
    /// Every search.
    pub attempts: Vec<Attempt>,
}

/// One certified saddle. Its path is in the table `energy_paths`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SaddleRecord {
    /// Parameters; absent above 10,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theta: Option<Vec<f64>>,
    /// Loss `L^s`, in squared units of the target.
    pub loss: f64,
    /// `L^s − L*`.
    pub barrier: f64,
    /// `ln(L^s/L*)`.
    pub log_barrier: Option<f64>,
    /// Gradient norm, in units of loss per parameter.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub gradient_norm: f64,
    /// Curvature of the minimum along the direction in which the path leaves, in units of loss per squared parameter.
    pub curvature_minimum: f64,
    /// The negative Hessian eigenvalue, in the same unit.
    #[cfg_attr(feature = "schema", schemars(extend("exclusiveMaximum" = 0)))]
    pub curvature_saddle: f64,
    /// `½ Σ_⊥ ln(h_i*/h_i^s)`; null where it is not known.
    pub ln_transverse_ratio: Option<f64>,
    /// One-sample noise at the minimum along the direction in which the path leaves.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub noise_minimum: f64,
    /// One-sample noise at the saddle along its unstable direction.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub noise_saddle: f64,
    /// Quasi-potential `V_1` of the chain for batches of one, drawn with replacement: `ln(steps) ≈ B V_1/η`. Null where it is
    /// not known, with the reason in `note`.
    pub quasi_potential: Option<f64>,
    /// Estimate of its error.
    #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
    pub quasi_potential_error: Option<f64>,
    /// `ln(κ e^{V/η})` of the rate over this saddle (per unit `t`), in continuous time.
    pub ln_prefactor: Option<f64>,
    /// What discrete time adds to it, for batches of one; batches of `B` have `B` times that.
    pub ln_prefactor_step: Option<f64>,
    /// Why there is no quasi-potential, or no prefactor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Loss of the minimum beyond.
    pub other_loss: f64,
    /// What makes it a way out.
    pub certificate: Certificate,
}

impl SaddlesRecord {
    /// The record of a search and of the barrier that came of it.
    pub fn new(minimum: &Minimum, search: &SaddleSearch, barrier: &Barrier) -> Self {
        let ways: &[WayOut] = if let Barrier::Saddles { ways_out, .. } = barrier { ways_out } else { &[] };
        let known = |way: &WayOut, of: fn(&Instanton) -> f64| way.instanton.as_ref()?.as_ref().ok().map(of);
        let prefactor = |way: &WayOut| way.instanton.as_ref()?.as_ref().ok()?.prefactor.clone().ok();
        let found = search.saddles.iter().zip(ways).map(|(saddle, way)| SaddleRecord {
            theta: (saddle.theta.len() <= THETA_LIMIT).then(|| saddle.theta.clone()),
            loss: saddle.loss,
            barrier: saddle.loss - minimum.loss,
            log_barrier: Some((saddle.loss / minimum.loss).ln()).filter(|height| height.is_finite()),
            gradient_norm: saddle.gradient_norm,
            curvature_minimum: way.curvature_minimum,
            curvature_saddle: way.curvature_saddle,
            ln_transverse_ratio: way.ln_transverse_ratio,
            noise_minimum: way.noise_minimum,
            noise_saddle: way.noise_saddle,
            quasi_potential: known(way, |found| found.quasi_potential),
            quasi_potential_error: known(way, |found| found.error),
            ln_prefactor: prefactor(way).map(|found| found.ln_rate),
            ln_prefactor_step: prefactor(way).map(|found| found.ln_step),
            note: match &way.instanton {
                Some(Ok(found)) => found.prefactor.clone().err(),
                Some(Err(reason)) => Some(reason.clone()),
                None => Some("the problem is too large for it".to_owned()),
            },
            other_loss: saddle.other_loss,
            certificate: saddle.certificate,
        });
        Self { found: found.collect(), summary: search.summary(), attempts: search.attempts.clone() }
    }
}
