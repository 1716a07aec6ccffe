//! One setting: its laws, what was measured, and the verdict.

use super::dynamics::DynamicsView;
use super::escape::EscapeView;
use super::interpolation::InterpolationView;
use super::stationary::{SeriesView, stationary_law};
use super::words::{or_dash, setting_name, through_saddles};
use crate::figures::number;
use crate::record::{Record, SettingRecord};
use serde::Serialize;

/// One setting as the page shows it.
#[derive(Serialize)]
pub(super) struct SettingView {
    name: String,
    law: String,
    stationary: Option<String>,
    /// Statistics of the stationary ensemble of SGD.
    statistics: Vec<SeriesView>,
    /// The other dynamics.
    dynamics: Vec<DynamicsView>,
    /// What holds near a minimum that interpolates.
    interpolation: Option<InterpolationView>,
    escape: Option<EscapeView>,
}

impl SettingView {
    fn new(setting: &SettingRecord, through_saddles: bool) -> Self {
        let law = &setting.law;
        let stable = if law.linearly_stable { "linearly stable" } else { "linearly unstable" };
        let growth = law.mean_square_growth.map_or_else(String::new, |growth| {
            let stable = if growth > 1.0 { "unstable" } else { "stable" };
            format!(", and {stable} in mean square, where E|θ−θ*|² grows by {} per step", number(growth))
        });
        Self {
            name: setting_name(setting),
            law: if setting.interpolation.is_some() {
                format!("The fit interpolates: no temperature, φ or critical dimension; {stable}.")
            } else {
                format!(
                    "Temperature T = {} (with measured s: {}), φ = {} ({}), critical dimension n_c = {} ({}); {stable}{growth}.",
                    or_dash(law.temperature),
                    or_dash(law.temperature_measured),
                    or_dash(law.phi),
                    or_dash(law.phi_measured),
                    or_dash(law.critical_dimension),
                    or_dash(law.critical_dimension_measured)
                )
            },
            stationary: setting.stationary.as_ref().map(stationary_law),
            statistics: setting.stationary.as_ref().map_or_else(Vec::new, SeriesView::all),
            dynamics: DynamicsView::all(setting),
            interpolation: setting.interpolation.as_ref().map(InterpolationView::new),
            escape: setting.escape.as_ref().map(|escape| EscapeView::new(escape, through_saddles)),
        }
    }
}

/// Every setting.
pub(super) fn settings(record: &Record) -> Vec<SettingView> {
    let through_saddles = through_saddles(record);
    record.results.settings.iter().map(|setting| SettingView::new(setting, through_saddles)).collect()
}
