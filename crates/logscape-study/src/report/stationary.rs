//! The stationary law of a setting.

use super::words::interval;
use crate::figures::number;
use crate::record::{SeriesRecord, StationaryRecord};
use crate::summary::reason;
use crate::text::count;
use serde::Serialize;

/// A quantity along the stationary ensemble.
#[derive(Serialize)]
pub(super) struct SeriesView {
    name: String,
    mean: String,
    deviation: String,
    time: String,
    effective: String,
}

impl SeriesView {
    pub(super) fn all(stationary: &StationaryRecord) -> Vec<Self> {
        let samples = stationary.samples;
        let row = |(name, series): (&String, &Option<SeriesRecord>)| {
            let name = name.replace('_', " ");
            series
                .as_ref()
                .map_or_else(|| Self::unknown(name.clone(), samples), |series| Self::new(name.clone(), series))
        };
        stationary.statistics.iter().map(row).collect()
    }

    fn new(name: String, series: &SeriesRecord) -> Self {
        Self {
            name,
            mean: interval(&series.mean),
            deviation: interval(&series.deviation),
            time: series
                .autocorrelation_steps
                .as_ref()
                .map_or_else(|| "not known: replicas are too short to tell".to_owned(), interval),
            effective: series
                .effective_samples
                .map_or_else(|| "not known without that time".to_owned(), |n| number(n.round())),
        }
    }

    /// A quantity without a summary, after so many samples.
    fn unknown(name: String, samples: u64) -> Self {
        let reason =
            if samples == 0 { "no replica was sampled" } else { "no spread between samples, or too few replicas" };
        let not_known = || "not known".to_owned();
        Self {
            name,
            mean: format!("not known: {reason}"),
            deviation: not_known(),
            time: not_known(),
            effective: not_known(),
        }
    }
}

/// The order of the first moment of the excess loss that is infinite, up to which intervals of its standard deviation are seen to cover
/// less often than they say (the book's table of coverage).
const HEAVY: f64 = 8.0;

/// The fitted stationary law around a minimum with so many outliers, in words.
pub(super) fn stationary_law(stationary: &StationaryRecord, outliers: usize) -> String {
    let Some(phi) = &stationary.tail_exponent else {
        return format!("Stationary law: no fit; {}.", reason(stationary));
    };
    let distance = stationary.distance.map_or_else(String::new, |distance| {
        format!("; distribution functions differ by up to {}", number((1000.0 * distance).round() / 1000.0))
    });
    let fit = format!("φ = {} fitted to {}{distance}", interval(phi), count(stationary.samples, "loss"));
    if stationary.is_poor() {
        format!("Stationary law: none of the form L^−φ describes the losses. The best one, {fit}, means little.")
    } else if phi.value - 0.5 * outliers as f64 <= HEAVY {
        format!(
            "Stationary law: {fit}. With so heavy a tail, intervals of standard deviations of the loss cover in 82 to 93 of 100 \
             cases; means and quantiles do not mind."
        )
    } else {
        format!("Stationary law: {fit}.")
    }
}
