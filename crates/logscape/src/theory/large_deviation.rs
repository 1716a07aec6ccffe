//! Escape as a large deviation of the chain itself, with the whole distribution of per-sample slopes.

use super::exponent::{Exit, exits, exponent_checks};
use super::{Assumption, Prediction, Theory, Warning, ln_sum, regime_checks};
use crate::reference::cumulant::{BatchCumulant, CumulantError};
use crate::reference::large_deviation::{Ends, ascend, projected_quasi_potential};
use crate::reference::{Cubic, ReferenceError};
use crate::{Barrier, Geometry, Instanton, Path, Sampling, SgdSettings, WayOut};
use std::f64::consts::{LN_10, TAU};

/// `η tr C/(4BΔL)` above which noise is told not to be weak.
const WEAK: f64 = 0.5;
/// Share of the exponent above which a prefactor is told to be no small part of it.
const STRONG: f64 = 0.5;
/// Share of the rate from which on a saddle counts.
const SHARE: f64 = 0.1;
/// Error of quasi-potential and prefactor (decades of the mean number of steps) above which it is told.
const DECADES: f64 = 0.1;

/// `κ` of the chain, for batches that are independent of each other: with replacement, or a fresh subset every step. Shuffled
/// epochs are not covered.
///
/// In one dimension quasi-potential and prefactor are exact as `η → 0`, see [`crate::reference::large_deviation`]. So they are in
/// several: the sum over saddles of `κ = K e^{−V/η}` with the quasi-potential `V = B V_1` of the chain's own path (its
/// [`Instanton`](crate::Instanton)) and the [prefactor](crate::reference::minimum_action::prefactor) `K` that the noise has
/// along it. Where `K` is not known, Langer's `(|h_e^s|/2π) √(det H*/|det H^s|)` stands for it, with a warning, and
/// `√(h_e*|h_e^s|)/2π` where determinants are not known either.
///
/// Where the chain's path is not known (the problem is large, or fresh subsets of more than one sample, to which `V = B V_1`
/// does not apply), the quasi-potential is that of motion along the minimum-energy path alone
/// ([`projected_quasi_potential`]), with a warning.
#[derive(Debug, Clone, Copy)]
pub struct LargeDeviation;

/// `ln κ` summed over the tops that the path spans.
fn over_tops(path: &Path, cumulant: &BatchCumulant, sgd: &SgdSettings) -> Result<f64, ReferenceError> {
    let curvature = Cubic::new(&path.position, path.curvature.clone())?;
    let noise = Cubic::new(&path.position, path.noise.clone())?;
    let ends = |top: f64| Ends {
        curvature_minimum: curvature.value(path.minimum),
        curvature_top: curvature.value(top),
        noise_minimum: noise.value(path.minimum),
        noise_top: noise.value(top),
    };
    let climb = |rightward: bool| {
        ascend(&path.position, &path.sample_slopes, path.minimum, rightward, cumulant, sgd.learning_rate, &ends)
    };
    match (climb(false), climb(true)) {
        (Ok(left), Ok(right)) => Ok(ln_sum([left.ln_rate, right.ln_rate].into_iter())),
        // A side where every sample pushes back is closed to the chain.
        (Ok(open), Err(ReferenceError::OneSided { .. })) | (Err(ReferenceError::OneSided { .. }), Ok(open)) => {
            Ok(open.ln_rate)
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// The ways out over saddles in several dimensions, as far as they are known.
#[derive(Default)]
struct Rates {
    /// `ln κ` over each.
    terms: Vec<f64>,
    /// Of each, `|ln K|`, in units of the two curvatures along the path, over the exponent.
    strengths: Vec<f64>,
    /// Largest error of a quasi-potential with its prefactor (decades).
    error: f64,
    /// Ways out with the quasi-potential of the minimum-energy path, and why the first of them has.
    projected: (usize, String),
    /// What prefactors are made of that are not exact.
    made_of: Vec<&'static str>,
    /// Why the first prefactor along a known path is not known.
    unknown: Option<String>,
    /// Why the last way out that has none has no rate.
    closed: Option<String>,
}

impl Rates {
    /// Adds the rate over one saddle.
    fn add(&mut self, way: &WayOut, sgd: &SgdSettings) {
        let (action, instanton) = match own_action(way, sgd) {
            Ok((action, instanton)) => (action, Some(instanton)),
            Err(reason) => match along_path(way, sgd) {
                Ok(action) => {
                    if self.projected.0 == 0 {
                        self.projected.1 = reason;
                    }
                    self.projected.0 += 1;
                    (action, None)
                }
                Err(more) => {
                    self.closed = Some(format!("{reason}; {more}"));
                    return;
                }
            },
        };
        let batch = sgd.batch_size as f64;
        let mut error = instanton.map_or(0.0, |found| batch * found.error / sgd.learning_rate);
        let along = 0.5 * (way.curvature_minimum * -way.curvature_saddle).ln() - TAU.ln();
        let (ln_prefactor, made_of) = match (instanton.map(|found| &found.prefactor), way.ln_transverse_ratio) {
            (Some(Ok(found)), _) => {
                error += found.errors[0] + batch * found.errors[1];
                (found.ln_rate + batch * found.ln_step, None)
            }
            (_, Some(transverse)) => (along + transverse, Some("the Hessian's determinants at both ends (Langer)")),
            (_, None) => (along, Some("the curvatures of the path at both ends, without those across it")),
        };
        self.error = self.error.max(error / LN_10);
        if let Some(made_of) = made_of.filter(|made_of| !self.made_of.contains(made_of)) {
            self.made_of.push(made_of);
        }
        if let Some(Err(reason)) = instanton.map(|found| &found.prefactor) {
            self.unknown.get_or_insert_with(|| reason.clone());
        }
        let exponent = action / sgd.learning_rate;
        self.terms.push(ln_prefactor - exponent);
        self.strengths.push((ln_prefactor - along).abs() / exponent);
    }

    /// `ln κ`, with the warnings that go with it.
    fn sum(self, warnings: &mut Vec<Warning>) -> Result<f64, String> {
        if self.terms.is_empty() {
            return Err(self.closed.unwrap_or_else(|| "there is no way out".to_owned()));
        }
        if let Some(reason) = self.closed {
            warnings.push(Warning::WayClosed { reason });
        }
        if self.error > DECADES {
            warnings.push(Warning::ActionError { value: self.error, limit: DECADES });
        }
        if let (count @ 1.., reason) = self.projected {
            warnings.push(Warning::ProjectedAction { count, reason });
        }
        if !self.made_of.is_empty() {
            let reason = self.unknown.map_or_else(String::new, |reason| format!(" ({reason})"));
            warnings.push(Warning::ApproximatePrefactor { made_of: self.made_of.join("; ") + &reason });
        }
        let ln_rate = ln_sum(self.terms.iter().copied());
        let counts = self.terms.iter().map(|term| term - ln_rate >= SHARE.ln());
        let value =
            counts.zip(&self.strengths).filter(|(counts, _)| *counts).fold(0.0, |most: f64, (_, &s)| most.max(s));
        if value > STRONG {
            warnings.push(Warning::StrongPrefactor { value, limit: STRONG });
        }
        Ok(ln_rate)
    }
}

/// The chain's own path over the saddle with its quasi-potential for these batches; or why there is none.
fn own_action<'a>(way: &'a WayOut, sgd: &SgdSettings) -> Result<(f64, &'a Instanton), String> {
    match &way.instanton {
        _ if sgd.sampling != Sampling::WithReplacement && sgd.batch_size > 1 => {
            Err("the chain's own path is known for batches drawn with replacement".to_owned())
        }
        Some(Ok(found)) => Ok((sgd.batch_size as f64 * found.quasi_potential, found)),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err("the problem is too large to look for the chain's own path".to_owned()),
    }
}

/// Quasi-potential of motion along the minimum-energy path alone.
fn along_path(way: &WayOut, sgd: &SgdSettings) -> Result<f64, String> {
    let path = way.path.as_ref().ok_or("no minimum-energy path is known")?;
    let samples = path.sample_slopes.first().map_or(0, Vec::len);
    let law = BatchCumulant::new(samples, sgd).map_err(|e| e.to_string())?;
    projected_quasi_potential(&path.position, &path.sample_slopes, path.minimum, &law).map_err(|e| e.to_string())
}

impl Theory for LargeDeviation {
    fn name(&self) -> &'static str {
        "large-deviation"
    }

    fn reference(&self) -> &'static str {
        "Freidlin, Wentzell; minibatch chain with WKB prefactor, in several dimensions after Bouchet, Reygner 2016"
    }

    fn formula(&self) -> &'static str {
        "κ = K e^{−V/η}, V = min ∫p·dθ over 𝓗(θ, p) = 0"
    }

    fn regime(&self) -> &'static str {
        "the chain itself in weak noise, η → 0, with batches that are independent of each other; saddles"
    }

    fn predict(&self, geometry: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Prediction {
        if let Some(none) = Prediction::where_interpolating(self, geometry, barrier, sgd) {
            return none;
        }
        let mut warnings = regime_checks(geometry, sgd, &[Assumption::SmallSteps]);
        warnings.extend(exponent_checks(&exits(geometry, barrier, sgd), true, Exit::chain));
        let ln_rate = match barrier {
            Barrier::Saddles { path: Some(path), .. } => {
                let samples = path.sample_slopes.first().map_or(0, Vec::len);
                BatchCumulant::new(samples, sgd)
                    .map_err(|e| e.to_string())
                    .and_then(|cumulant| over_tops(path, &cumulant, sgd).map_err(|e| e.to_string()))
            }
            Barrier::Saddles { .. } if sgd.sampling == Sampling::EpochShuffle => {
                Err(CumulantError::EpochShuffle.to_string())
            }
            Barrier::Saddles { ways_out, path: None } => {
                let barrier = ways_out.iter().map(|way| way.loss - geometry.loss).fold(f64::INFINITY, f64::min);
                let trace: f64 = geometry.directions.iter().map(|direction| direction.noise.value).sum();
                let batch = sgd.effective_batch_size(geometry.samples);
                let excess = sgd.learning_rate * trace / (4.0 * batch * barrier);
                if excess > WEAK {
                    warnings.push(Warning::NoiseAboveBarrier { value: excess, limit: WEAK });
                }
                let mut rates = Rates::default();
                ways_out.iter().for_each(|way| rates.add(way, sgd));
                rates.sum(&mut warnings)
            }
            Barrier::Other { reason } => Err(reason.clone()),
            Barrier::Interval { .. } | Barrier::Level { .. } => {
                Err("the prefactor is known over barrier tops only".to_owned())
            }
        };
        Prediction::from_rate(self, ln_rate, barrier, warnings, sgd)
    }
}
