//! The saddles of a study as the page shows them.

use super::words::capital;
use crate::figures::{number, power_of_ten};
use crate::record::{SaddleRecord, SaddlesRecord};
use logscape::landscape::{Certificate, FarSide};
use serde::Serialize;
use std::f64::consts::LN_10;

/// The saddles, and how they were looked for.
#[derive(Serialize)]
pub(super) struct SaddlesView {
    /// The searches in words.
    summary: String,
    rows: Vec<SaddleView>,
    /// Why numbers are missing.
    reasons: Vec<&'static str>,
}

/// One saddle.
#[derive(Serialize)]
struct SaddleView {
    loss: String,
    barrier: String,
    log_barrier: String,
    curvatures: [String; 2],
    noise: [String; 2],
    transverse: String,
    other_loss: String,
    certificate: String,
    climb: String,
}

impl From<&SaddlesRecord> for SaddlesView {
    fn from(saddles: &SaddlesRecord) -> Self {
        let mut reasons = Vec::new();
        if saddles.found.iter().any(|saddle| saddle.log_barrier.is_none()) {
            reasons.push("There is no log barrier where Lˢ/L* is no positive number.");
        }
        if saddles.found.iter().any(|saddle| saddle.ln_transverse_ratio.is_none()) {
            reasons.push(
                "The transverse ratio is known where both spectra are whole and all transverse curvatures positive.",
            );
        }
        Self { summary: capital(&saddles.summary), rows: saddles.found.iter().map(SaddleView::from).collect(), reasons }
    }
}

impl From<&SaddleRecord> for SaddleView {
    fn from(saddle: &SaddleRecord) -> Self {
        let both = |minimum, at_saddle| [number(minimum), number(at_saddle)];
        Self {
            loss: number(saddle.loss),
            barrier: number(saddle.barrier),
            log_barrier: saddle.log_barrier.map_or_else(|| "none".to_owned(), number),
            curvatures: both(saddle.curvature_minimum, saddle.curvature_saddle),
            noise: both(saddle.noise_minimum, saddle.noise_saddle),
            transverse: saddle.ln_transverse_ratio.map_or_else(|| "not known".to_owned(), transverse),
            other_loss: number(saddle.other_loss),
            certificate: certificate(&saddle.certificate),
            climb: climb(saddle),
        }
    }
}

/// The ratio with this logarithm, of any size.
fn transverse(ln: f64) -> String {
    if ln.abs() < 700.0 { number(ln.exp()) } else { power_of_ten((ln / LN_10).round() as i64) }
}

/// The chain's own path: its quasi-potential and prefactor, or why they are not known.
fn climb(saddle: &SaddleRecord) -> String {
    let note = saddle.note.as_deref().unwrap_or_default();
    let Some(action) = saddle.quasi_potential else { return format!("quasi-potential not known: {note}") };
    let error = saddle.quasi_potential_error.map_or_else(String::new, |error| format!(" ± {}", number(error)));
    let prefactor = match (saddle.ln_prefactor, saddle.ln_prefactor_step) {
        (Some(rate), Some(step)) => {
            let sign = if step < 0.0 { '−' } else { '+' };
            format!("ln κ + V/η = {} {sign} {} B", number(rate), number(step.abs()))
        }
        _ => format!("prefactor not known: {note}"),
    };
    format!("quasi-potential V/B = {}{error}, {prefactor}", number(action))
}

/// Index, and where the gradient flow ends.
fn certificate(certificate: &Certificate) -> String {
    let Certificate { negative, flat, complete, distance, gradient_norms: [home, beyond], far_side } = certificate;
    let spectrum = if *complete { "the whole spectrum" } else { "the lowest eigenvalues" };
    let flat = if *flat == 0 { String::new() } else { format!(" and {flat} flat") };
    let there = match far_side {
        FarSide::Minimum => "in another minimum",
        FarSide::Descent => "not yet in a minimum, to which Newton steps downhill lead",
        FarSide::OutOfRange => "not yet in a minimum, and Newton steps downhill leave the range of the search",
    };
    let norms = [number(*home), number(*beyond)].join(" and ");
    format!(
        "{negative} negative{flat} in {spectrum}; gradient flow ends {} from this minimum on one side, on the other {there} \
         (gradient norms {norms})",
        number(*distance)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_of_any_size_are_shown() {
        assert_eq!(transverse(0.5_f64.ln()), "0.5");
        assert_eq!(transverse(1000.0 * LN_10), "10¹⁰⁰⁰");
        assert_eq!(transverse(-2000.3 * LN_10), "10⁻²⁰⁰⁰");
    }
}
