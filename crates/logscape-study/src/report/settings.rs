//! One setting: its laws, what was measured, and the verdict.

use super::dynamics::DynamicsView;
use super::escape::EscapeView;
use super::interpolation::InterpolationView;
use super::stationary::{SeriesView, stationary_law};
use super::words::{setting_name, through_saddles};
use crate::figures::number;
use crate::record::{Record, SettingRecord};
use logscape::theory::Stationary;
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
        Self {
            name: setting_name(setting),
            law: if setting.interpolation.is_some() {
                format!("The fit interpolates: no temperature, φ or critical dimension; {stable}.")
            } else {
                format!("{}; {stable}{}.", powers(law), growth(law))
            },
            stationary: setting.stationary.as_ref().map(stationary_law),
            statistics: setting.stationary.as_ref().map_or_else(Vec::new, SeriesView::all),
            dynamics: DynamicsView::all(setting),
            interpolation: setting.interpolation.as_ref().map(InterpolationView::new),
            escape: setting.escape.as_ref().map(|escape| EscapeView::new(escape, through_saddles)),
        }
    }
}

/// The temperature and the powers of the loss that follow from it, or why there are none.
fn powers(law: &Stationary) -> String {
    let published = [law.temperature, law.phi, law.critical_dimension];
    let measured = [law.temperature_measured, law.phi_measured, law.critical_dimension_measured];
    let words = |[temperature, phi, dimension]: [String; 3]| {
        format!("Temperature T = {temperature}, φ = {phi}, critical dimension n_c = {dimension}")
    };
    match (all(published), all(measured)) {
        (Some(published), Some(measured)) => {
            let [t, phi, dimension] = measured.map(number);
            let [published_t, published_phi, published_dimension] = published.map(number);
            words([
                format!("{published_t} (with measured s: {t})"),
                format!("{published_phi} ({phi})"),
                format!("{published_dimension} ({dimension})"),
            ])
        }
        (Some(published), None) => {
            format!("{}; none with the measured s, as η s h*/B is no positive number", words(published.map(number)))
        }
        (None, _) => "No temperature, φ or critical dimension, as η h*/B is no positive number".to_owned(),
    }
}

/// All three, where each is known.
fn all([a, b, c]: [Option<f64>; 3]) -> Option<[f64; 3]> {
    Some([a?, b?, c?])
}

/// The growth of second moments, where it is known.
fn growth(law: &Stationary) -> String {
    law.mean_square_growth.map_or_else(String::new, |growth| {
        let stable = if growth > 1.0 { "unstable" } else { "stable" };
        format!(", and {stable} in mean square, where each step multiplies E|θ−θ*|² by {}", number(growth))
    })
}

/// Every setting.
pub(super) fn settings(record: &Record) -> Vec<SettingView> {
    let through_saddles = through_saddles(record);
    record.results.settings.iter().map(|setting| SettingView::new(setting, through_saddles)).collect()
}
