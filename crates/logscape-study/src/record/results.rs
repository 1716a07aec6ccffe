//! The summary of a run, as `results.json` holds it. Numbers are finite or null.

use super::VerdictRecord;
use crate::stages::Rare;
use logscape::dynamics::Options;
use logscape::engine::TimeUnit;
use logscape::ensemble::Region;
use logscape::landscape::{Attempt, Certificate, SaddleSearch};
use logscape::model::Decoupling;
use logscape::model::Minimum;
use logscape::stats::{Observation, RateEstimate, SeriesSummary, WeibullCheck, kaplan_meier, survival_quantile};
use logscape::theory::{Prediction, Stationary};
use logscape::verdict::Measured;
use logscape::{Barrier, Estimate, Geometry, Instanton, Verdict, WayOut};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Parameters above which `theta` is left out of the results.
const THETA_LIMIT: usize = 10_000;

/// The whole summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Name of the study.
    pub study: String,
    /// Version of the program.
    pub version: String,
    /// The minimum.
    pub minimum: MinimumRecord,
    /// Curvature and noise there.
    pub geometry: GeometryRecord,
    /// The ways out of a minimum in several dimensions, where the study's region is made from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saddles: Option<SaddlesRecord>,
    /// One entry per learning rate and batch size.
    pub settings: Vec<SettingRecord>,
}

/// The minimum of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MinimumRecord {
    /// Parameters; absent above 10,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theta: Option<Vec<f64>>,
    /// Loss `L*`.
    pub loss: f64,
    /// Gradient norm.
    pub gradient_norm: f64,
    /// Whether the gradient norm met the tolerance.
    pub converged: bool,
    /// Number of negative eigenvalues; 0 at a minimum.
    pub index: usize,
    /// Parameters `P`.
    pub parameters: usize,
    /// Samples `N`.
    pub samples: usize,
    /// How it was found.
    pub method: String,
}

impl MinimumRecord {
    /// The record of a minimum with its geometry.
    pub fn new(minimum: &Minimum, geometry: &Geometry) -> Self {
        Self {
            theta: (minimum.theta.len() <= THETA_LIMIT).then(|| minimum.theta.clone()),
            loss: minimum.loss,
            gradient_norm: minimum.gradient_norm,
            converged: minimum.converged,
            index: geometry.index,
            parameters: geometry.parameters,
            samples: geometry.samples,
            method: minimum.method.clone(),
        }
    }
}

/// The geometry of a run; spectrum and noise per direction are in the tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeometryRecord {
    /// Number of outliers `n`.
    pub outliers: usize,
    /// The rule that chose them.
    pub outlier_rule: String,
    /// Ratio of the last outlier to the first bulk eigenvalue; null without a bulk.
    pub gap: Option<f64>,
    /// Typical outlier curvature `h*`.
    pub h_star: Estimate,
    /// Leading eigenvalues of the Hessian, descending; all of them in the table `spectrum`.
    pub eigenvalues: Vec<f64>,
    /// Whether the table holds the whole spectrum.
    pub complete: bool,
    /// Noise strength `s`.
    pub noise_strength: Estimate,
    /// Decoupling measures.
    pub decoupling: Decoupling,
    /// Quantiles (50, 90, 99, 100 %) over the samples of one sample's curvature `‖J_μ J_μᵀ‖`.
    pub sample_curvature: [f64; 4],
}

impl From<&Geometry> for GeometryRecord {
    fn from(geometry: &Geometry) -> Self {
        let outliers = &geometry.outliers;
        let leading = (2 * outliers.count).max(50).min(geometry.eigenvalues.len());
        Self {
            outliers: outliers.count,
            outlier_rule: outliers.rule.clone(),
            gap: Some(outliers.gap).filter(|gap| gap.is_finite()),
            h_star: outliers.h_star,
            eigenvalues: geometry.eigenvalues[..leading].to_vec(),
            complete: geometry.complete,
            noise_strength: geometry.noise_strength,
            decoupling: geometry.decoupling.clone(),
            sample_curvature: geometry.sample_curvature,
        }
    }
}

/// The saddles that were found, and what was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
pub struct SaddleRecord {
    /// Parameters; absent above 10,000 of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theta: Option<Vec<f64>>,
    /// Loss `L^s`.
    pub loss: f64,
    /// `L^s − L*`.
    pub barrier: f64,
    /// `ln(L^s/L*)`.
    pub log_barrier: Option<f64>,
    /// Gradient norm.
    pub gradient_norm: f64,
    /// Curvature of the minimum along the direction in which the path leaves.
    pub curvature_minimum: f64,
    /// The negative eigenvalue.
    pub curvature_saddle: f64,
    /// `½ Σ_⊥ ln(h_i*/h_i^s)`; null where it is not known.
    pub ln_transverse_ratio: Option<f64>,
    /// One-sample noise at the minimum along the direction in which the path leaves.
    pub noise_minimum: f64,
    /// One-sample noise at the saddle along its unstable direction.
    pub noise_saddle: f64,
    /// Quasi-potential `V_1` of the chain for batches of one, drawn with replacement: `ln(steps) ≈ B V_1/η`. Null where it is
    /// not known, with the reason in `note`.
    pub quasi_potential: Option<f64>,
    /// Estimate of its error.
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

/// One learning rate and batch size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingRecord {
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch_size: usize,
    /// Predicted stationary law, and stability.
    #[serde(flatten)]
    pub law: Stationary,
    /// Measured stationary law, where the study asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stationary: Option<StationaryRecord>,
    /// The same of the dynamics beside SGD.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stationary_dynamics: Vec<DynamicsStationary>,
    /// Escape, where the study asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape: Option<EscapeRecord>,
}

/// The stationary law of one setting: `φ` of `P(θ) ∝ L^−φ`, predicted and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StationaryRecord {
    /// `φ` with noise strength 1, as published.
    pub tail_exponent_predicted: Option<f64>,
    /// `φ` with the measured noise strength.
    pub tail_exponent_predicted_measured: Option<f64>,
    /// `φ` fitted to the histogram of the loss; null with the reason in `note`.
    pub tail_exponent: Option<Estimate>,
    /// Largest distance between the distribution functions of the loss and of the fitted law; 0 is a perfect fit.
    pub distance: Option<f64>,
    /// Why there is no fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Losses sampled.
    pub samples: u64,
    /// Replicas that diverged.
    pub diverged: u64,
    /// Mean, spread and autocorrelation of `excess_loss` (`L − L*`), `log_loss` (`ln L`) and `displacement_K`; null without any
    /// spread.
    #[serde(default)]
    pub statistics: BTreeMap<String, Option<SeriesRecord>>,
    /// Quantiles of `L − L*`.
    #[serde(default)]
    pub excess_loss_quantiles: Vec<QuantileRecord>,
}

/// A quantity along the stationary ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeriesRecord {
    /// Mean.
    pub mean: Estimate,
    /// Standard deviation.
    pub deviation: Estimate,
    /// Integrated autocorrelation time `1 + 2Σρ` in steps of SGD; null where the replicas are too short to tell.
    pub autocorrelation_steps: Option<Estimate>,
    /// Independent values that the samples are worth.
    pub effective_samples: Option<f64>,
}

impl SeriesRecord {
    /// A summary of values that are so many steps apart.
    pub fn new(summary: &SeriesSummary, steps: f64) -> Self {
        let in_steps = |time: Estimate| Estimate { value: steps * time.value, ci95: time.ci95.map(|end| steps * end) };
        Self {
            mean: summary.mean,
            deviation: summary.deviation,
            autocorrelation_steps: summary.time.map(in_steps),
            effective_samples: summary.effective(),
        }
    }
}

/// A quantile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QuantileRecord {
    /// Share of what lies below it.
    pub share: f64,
    /// Where it is; null where the measurement does not reach.
    pub value: Option<Estimate>,
}

/// The stationary law of a dynamics beside SGD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DynamicsStationary {
    /// Its name in the study.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its clock: the statistics are averages over steps of that.
    pub clock: TimeUnit,
    /// What was measured.
    #[serde(flatten)]
    pub law: StationaryRecord,
}

/// The escape of a dynamics beside SGD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DynamicsEscape {
    /// Its name in the study.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The options that the study gives it.
    pub options: Options,
    /// Its clock.
    pub clock: TimeUnit,
    /// Length of its steps: 1 for a chain, else in `t` or `τ`.
    pub step: f64,
    /// What it did, in steps of SGD: `t/η` for an SDE.
    pub measured: MeasuredRecord,
    /// Mean escape time `t`; null without an escape.
    pub mean_time: Option<Estimate>,
    /// Mean escape time `τ`, for the logarithmic landscape.
    pub mean_landscape_time: Option<Estimate>,
    /// `log10` of its mean escape time over that of SGD; null where either is unknown.
    pub decades_from_sgd: Option<Estimate>,
}

/// Distance of distribution functions above which a fitted law does not describe the loss.
const POOR_FIT: f64 = 0.1;

impl StationaryRecord {
    /// Whether there is a fit, but its law is not that of the loss, so that `φ` means little.
    pub fn is_poor(&self) -> bool {
        self.distance.is_some_and(|distance| distance > POOR_FIT)
    }
}

/// Escape under one setting: predictions beside the measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EscapeRecord {
    /// What escape means.
    pub region: Region,
    /// Prediction of each theory, by name.
    pub predictions: BTreeMap<String, PredictionRecord>,
    /// What SGD did.
    pub measured: MeasuredRecord,
    /// Committed escapes, where the study asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<CommittedRecord>,
    /// What the dynamics beside SGD did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dynamics: Vec<DynamicsEscape>,
    /// Predictions against the measurement.
    pub verdict: VerdictRecord,
}

/// Committed escapes through a dividing surface: passages of the same surface, moved outward to where few fall back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommittedRecord {
    /// The region with its surfaces moved outward by three standard deviations of the walk at each saddle.
    pub region: Region,
    /// How far the loss falls from a saddle to its moved surface by the curvature there, over how far it rises from the minimum to
    /// the saddle; the largest of all saddles. Above 1 the surface may lie beyond the next minimum, and the factor then tells of
    /// more than falling back.
    pub fall: f64,
    /// What SGD did.
    pub measured: MeasuredRecord,
    /// Mean steps per committed escape over those to the dividing surface; 2 for small steps. Null where either is unknown.
    pub factor: Option<Estimate>,
}

/// One theory's numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictionRecord {
    /// Committed escapes per unit `t`.
    pub rate: Option<f64>,
    /// The same per step.
    #[serde(default)]
    pub rate_per_step: Option<f64>,
    /// `log10` of the mean steps per committed escape, which cannot overflow.
    #[serde(default)]
    pub log10_committed_steps: Option<f64>,
    /// Mean steps to the region's event.
    pub mean_steps: Option<f64>,
    /// The same as a logarithm, which cannot overflow.
    pub log10_mean_steps: Option<f64>,
    /// How far the boundary was moved outward for the overshoot of discrete steps, in units of the parameters: the ends of an
    /// interval, or the radius of a level; nowhere at saddles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boundary_shift: Vec<f64>,
    /// Which assumptions fail.
    pub warnings: Vec<String>,
}

impl PredictionRecord {
    fn new(prediction: &Prediction, learning_rate: f64) -> Self {
        Self {
            rate: prediction.rate(),
            rate_per_step: prediction.rate_per_step(learning_rate),
            log10_committed_steps: prediction.log10_committed_steps(learning_rate),
            mean_steps: prediction.mean_steps(),
            log10_mean_steps: prediction.log10_mean_steps,
            boundary_shift: prediction.boundary_shift.clone(),
            warnings: prediction.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A measured escape time. Every unit is steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRecord {
    /// How: `direct`, `splitting` or `forward-flux`.
    pub method: String,
    /// Why in this way.
    #[serde(default)]
    pub why: String,
    /// Mean steps to the event; null without one.
    pub mean_steps: Option<Estimate>,
    /// Its logarithm.
    pub log10_mean_steps: Option<Estimate>,
    /// One-sided 95 % lower bound of the mean steps.
    pub mean_steps_lower_bound: f64,
    /// Replicas that escaped; null unless `direct`, like all that tells of single escapes.
    pub escaped: Option<u64>,
    /// Replicas still inside at the end.
    pub censored: Option<u64>,
    /// Replicas that diverged, or trajectories.
    pub diverged: u64,
    /// Steps at risk, summed over replicas.
    pub exposure: Option<f64>,
    /// Check that the times are exponential.
    pub weibull: Option<WeibullCheck>,
    /// Quantiles of the times (Kaplan–Meier).
    #[serde(default)]
    pub quantiles: Vec<QuantileRecord>,
    /// What the rate is made of, unless `direct`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rare: Option<RareRecord>,
}

/// What a rate by splitting or forward flux sampling is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RareRecord {
    /// Score that told how far a replica was.
    pub score: String,
    /// Trajectories of each repeat, on average.
    pub trajectories: u64,
    /// Independent repeats that were done.
    pub repeats: u64,
    /// Repeats in which no trajectory reached the exit; they count as zeros.
    pub extinct: u64,
    /// Trajectories at the exit, in all repeats.
    pub reached: u64,
    /// Excursions from home per step of the dynamics.
    pub flux: Option<Estimate>,
    /// Probability that one reaches the exit.
    pub probability: Option<Estimate>,
    /// Levels of a repeat, on average.
    pub levels: f64,
    /// Replica-steps of all repeats and their pilot.
    pub cost: u64,
    /// Why there is no rate, and what was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_found: Option<String>,
}

fn log10(steps: Estimate) -> Estimate {
    Estimate { value: steps.value.log10(), ci95: steps.ci95.map(f64::log10) }
}

impl MeasuredRecord {
    /// The record of direct simulation, with quantiles of the times behind it.
    pub(crate) fn direct(rate: &RateEstimate, times: &[Observation], why: String) -> Self {
        let curve = kaplan_meier(times);
        let quantile = |share| QuantileRecord { share, value: survival_quantile(&curve, share) };
        Self {
            method: "direct".to_owned(),
            why,
            mean_steps: rate.mean_steps,
            log10_mean_steps: rate.mean_steps.map(log10),
            mean_steps_lower_bound: rate.mean_steps_lower_bound,
            escaped: Some(rate.escaped),
            censored: Some(rate.censored),
            diverged: rate.diverged,
            exposure: Some(rate.exposure),
            weibull: rate.weibull,
            quantiles: [0.1, 0.5, 0.9].map(quantile).to_vec(),
            rare: None,
        }
    }

    /// The record of repeats that give this mean number of steps of SGD, or this lower bound without a rate.
    pub(crate) fn rare(rare: &Rare, (mean, lower): (Option<Estimate>, f64), why: String) -> Self {
        let rate = &rare.rate;
        let record = rate.repeats.as_ref().map(|repeats| RareRecord {
            score: rare.score.name().to_owned(),
            trajectories: rare.run.trajectories as u64,
            repeats: repeats.repeats,
            extinct: repeats.extinct,
            reached: rate.escaped,
            flux: repeats.flux,
            probability: repeats.probability,
            levels: repeats.levels,
            cost: repeats.cost,
            not_found: rare.not_found(),
        });
        Self {
            method: rate.method.clone(),
            why,
            mean_steps: mean,
            log10_mean_steps: mean.map(log10),
            mean_steps_lower_bound: mean.map_or(lower, |mean| mean.ci95[0]),
            escaped: None,
            censored: None,
            diverged: rate.diverged,
            exposure: None,
            weibull: None,
            quantiles: Vec::new(),
            rare: record,
        }
    }

    /// How the replicas ended, in words, or what the repeats took.
    pub fn ends(&self) -> String {
        let count = |number: Option<u64>| number.unwrap_or_default();
        match &self.rare {
            None => {
                let (escaped, censored) = (count(self.escaped), count(self.censored));
                format!("{escaped} escaped, {censored} censored, {} diverged", self.diverged)
            }
            Some(rare) => match &rare.not_found {
                Some(reason) => reason.clone(),
                None => format!(
                    "{}, {} repeats of {} trajectories, {} extinct, {:.1e} replica-steps",
                    self.method, rare.repeats, rare.trajectories, rare.extinct, rare.cost as f64
                ),
            },
        }
    }
}

impl EscapeRecord {
    /// Puts predictions beside a measurement at this learning rate.
    pub fn new(region: Region, predictions: &[Prediction], measured: MeasuredRecord, learning_rate: f64) -> Self {
        let verdict = Verdict::new(predictions, Measured::new(measured.mean_steps, measured.mean_steps_lower_bound));
        Self {
            region,
            predictions: predictions
                .iter()
                .map(|p| (p.theory.clone(), PredictionRecord::new(p, learning_rate)))
                .collect(),
            measured,
            committed: None,
            dynamics: Vec::new(),
            verdict: VerdictRecord::from(&verdict),
        }
    }
}
