//! The saddles of a study as the page shows them.

use super::words::{capital, or_dash};
use crate::figures::number;
use crate::record::{SaddleRecord, SaddlesRecord};
use logscape::landscape::{Certificate, FarSide};
use serde::Serialize;

/// The saddles, and how they were looked for.
#[derive(Serialize)]
pub(super) struct SaddlesView {
    /// The searches in words.
    summary: String,
    rows: Vec<SaddleView>,
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
        Self { summary: capital(&saddles.summary), rows: saddles.found.iter().map(SaddleView::from).collect() }
    }
}

impl From<&SaddleRecord> for SaddleView {
    fn from(saddle: &SaddleRecord) -> Self {
        let both = |minimum, at_saddle| [number(minimum), number(at_saddle)];
        Self {
            loss: number(saddle.loss),
            barrier: number(saddle.barrier),
            log_barrier: or_dash(saddle.log_barrier),
            curvatures: both(saddle.curvature_minimum, saddle.curvature_saddle),
            noise: both(saddle.noise_minimum, saddle.noise_saddle),
            transverse: or_dash(saddle.ln_transverse_ratio.map(f64::exp).filter(|ratio| ratio.is_finite())),
            other_loss: number(saddle.other_loss),
            certificate: certificate(&saddle.certificate),
            climb: climb(saddle),
        }
    }
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
