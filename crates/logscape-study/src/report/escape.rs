//! The escape of a setting.

use super::verdict::VerdictView;
use super::words::{capital, interval};
use crate::figures::number;
use crate::record::{CommittedRecord, EscapeRecord, LookBias};
use crate::text::noun;
use logscape::ensemble::COMMITTED;
use serde::Serialize;

/// The escape of one setting.
#[derive(Serialize)]
pub(super) struct EscapeView {
    measured: String,
    /// Committed escapes, in one sentence.
    committed: Option<String>,
    /// By how much boundaries were moved, in one sentence.
    moved: Option<String>,
    verdict: VerdictView,
}

impl EscapeView {
    pub(super) fn new(escape: &EscapeRecord, through_saddles: bool) -> Self {
        let measured = &escape.measured;
        let steps = match (&measured.mean_steps, &measured.log10_mean_steps) {
            (Some(steps), Some(log10)) => format!("{} steps, log₁₀ {}", interval(steps), interval(log10)),
            _ => format!("{} steps with 95 % confidence", measured.bound()),
        };
        let exponential = measured.weibull.as_ref().map_or_else(String::new, |check| {
            format!(" Weibull shape {} (1 for a constant rate).", interval(&check.shape))
        });
        let probability = measured.rare.as_ref().and_then(|rare| Some((rare, rare.flux?, rare.probability?)));
        let probability = probability.map_or_else(String::new, |(rare, flux, probability)| {
            format!(
                " Excursions from home per step: {}; probability that one gets out: {}, over {} {} of the score `{}`.",
                interval(&flux),
                interval(&probability),
                number(rare.levels),
                noun("level", rare.levels == 1.0),
                rare.score
            )
        });
        let looks = measured.look_bias.as_ref().and_then(LookBias::warning);
        let looks = looks.map_or_else(String::new, |warning| format!(" {}.", capital(&warning)));
        let median = measured.quantiles.iter().find(|quantile| quantile.share == 0.5).and_then(|median| median.value);
        let median = median.map_or_else(String::new, |steps| format!(" Median {} steps.", interval(&steps)));
        let measured = match &escape.impossible {
            Some(reason) => format!("Escape is impossible: {reason}. Nothing was run."),
            None => format!(
                "Measured mean escape time ({}, since {}): {steps}. {}.{looks}{probability}{median}{exponential}",
                measured.method,
                measured.why,
                capital(&measured.ends())
            ),
        };
        Self {
            measured,
            committed: escape.committed.as_ref().map(committed),
            moved: moved(escape),
            verdict: VerdictView::new(escape, through_saddles),
        }
    }
}

/// What was measured of committed escapes.
fn committed(record: &CommittedRecord) -> String {
    let measured = &record.measured;
    let steps = match (&measured.mean_steps, &measured.log10_mean_steps) {
        (Some(steps), Some(log10)) => format!("{} steps, log₁₀ {}", interval(steps), interval(log10)),
        _ => format!("{} steps with 95 % confidence", measured.bound()),
    };
    let factor = record.factor.as_ref().map_or_else(String::new, |factor| {
        format!(", {} times as many as to the dividing surface (2 for small steps)", interval(factor))
    });
    let far = if record.fall > 1.0 {
        format!(
            " The barrier is low: by the curvature at the saddle the loss falls {} times as far to the moved surface as it rose from \
             the minimum, so that the surface may lie beyond the next minimum.",
            number((100.0 * record.fall).round() / 100.0)
        )
    } else {
        String::new()
    };
    format!(
        "Committed escapes, that is, passages of the surface moved outward by {COMMITTED} standard deviations of the walk at the \
         saddle, take {steps}{factor}. {}.{far}",
        capital(&measured.ends())
    )
}

/// By how much theories moved the boundary outward; none where none did.
fn moved(escape: &EscapeRecord) -> Option<String> {
    let shifts = || escape.predictions.values().flat_map(|prediction| prediction.boundary_shift.iter().copied());
    let (low, high) = (shifts().fold(f64::INFINITY, f64::min), shifts().fold(0.0, f64::max));
    let range = if number(low) == number(high) { number(low) } else { format!("{} to {}", number(low), number(high)) };
    shifts().next().map(|_| {
        format!(
            "Steps overshoot a boundary: before they apply, the theories move it outward by 0.5826 η √(C/B) = {range} (in units \
             of the parameters), each with its own noise there."
        )
    })
}
