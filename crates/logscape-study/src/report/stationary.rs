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

/// The fitted stationary law, in words.
pub(super) fn stationary_law(stationary: &StationaryRecord) -> String {
    let Some(phi) = &stationary.tail_exponent else {
        return format!("Stationary law: no fit; {}.", reason(stationary));
    };
    let distance = stationary.distance.map_or_else(String::new, |distance| {
        format!("; distribution functions differ by up to {}", number((1000.0 * distance).round() / 1000.0))
    });
    let fit = format!("φ = {} fitted to {}{distance}", interval(phi), count(stationary.samples, "loss"));
    if stationary.is_poor() {
        format!("Stationary law: none of the form L^−φ describes the losses. The best one, {fit}, means little.")
    } else if stationary.is_heavy() {
        format!(
            "Stationary law: {fit}. So heavy a tail leaves the standard deviation of the loss without an upper end; quantiles do not mind."
        )
    } else {
        format!("Stationary law: {fit}.")
    }
}
