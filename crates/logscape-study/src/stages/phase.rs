//! The plane of learning rates and batch sizes around a study's grid: what theory says at each point of it.

use super::Known;
use crate::asked::{EscapeTable, Study};
use crate::record::{PhaseRow, SettingRecord};
use logscape::theory::{Stationary, TheoryOptions, all_with};
use logscape::{Barrier, Geometry, SgdSettings};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Points along each axis.
const POINTS: usize = 25;
/// How far the plane reaches beyond the study's grid, as a factor.
const MARGIN: f64 = 2.0;

/// `log10` of the predicted mean steps to the region's event.
pub(crate) const STEPS: &str = "log10_mean_steps";
/// `n_c` with the measured noise strength.
pub(crate) const CRITICAL_DIMENSION: &str = "critical_dimension_measured";
/// Growth of `E|θ|²` per step.
pub(crate) const GROWTH: &str = "mean_square_growth";

/// The distinct learning rates and batch sizes of points, each ascending.
pub(crate) fn grid_of(points: impl Iterator<Item = (f64, u64)>) -> (Vec<f64>, Vec<u64>) {
    let (mut rates, mut batches): (Vec<f64>, Vec<u64>) = points.unzip();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    batches.sort_unstable();
    batches.dedup();
    (rates, batches)
}

/// Whether settings with escape times have two learning rates and two batch sizes or more.
fn spans_plane(settings: &[SettingRecord]) -> bool {
    let (rates, batches) = grid(settings);
    rates.len() > 1 && batches.len() > 1
}

fn grid(settings: &[SettingRecord]) -> (Vec<f64>, Vec<u64>) {
    let settings = settings.iter().filter(|setting| setting.escape.is_some());
    grid_of(settings.map(|setting| (setting.sgd.learning_rate, setting.sgd.batch_size as u64)))
}

/// The table `phase_diagram`: what theory says around the grid of settings, where that spans a plane.
pub(super) fn phase_diagram(study: &Study, known: &Known, settings: &[SettingRecord]) -> Vec<PhaseRow> {
    match (&study.escape, &known.barrier) {
        (Some(table), Some(barrier)) if spans_plane(settings) => {
            rows(table, &known.geometry.value, &barrier.value, settings)
        }
        _ => Vec::new(),
    }
}

/// Its rows: the stationary law's numbers, and the mean steps that the theory which most settings
/// trust predicts, around settings that span a plane.
fn rows(table: &EscapeTable, geometry: &Geometry, barrier: &Barrier, settings: &[SettingRecord]) -> Vec<PhaseRow> {
    let (rates, batches) = grid(settings);
    let ([least, .., largest], [smallest, .., most]) = (&rates[..], &batches[..]) else { return Vec::new() };
    let Some(SgdSettings { sampling, .. }) = settings.first().map(|setting| setting.sgd) else { return Vec::new() };
    let theory = preferred(settings);
    let theories = all_with(&TheoryOptions { xi: table.xi });
    let theory = theory.and_then(|name| theories.iter().find(|theory| theory.name() == name));
    let rates = spread(least / MARGIN, largest * MARGIN);
    let sizes = spread((*smallest as f64 / MARGIN).max(1.0), *most as f64 * MARGIN);
    let mut batches: Vec<u64> = sizes.into_iter().map(|b| b.round() as u64).collect();
    batches.dedup();
    let points: Vec<(f64, u64)> = rates.iter().flat_map(|&rate| batches.iter().map(move |&b| (rate, b))).collect();
    let rows = points.par_iter().map(|&(learning_rate, batch_size)| {
        let sgd = SgdSettings { learning_rate, batch_size: batch_size as usize, sampling };
        let law = Stationary::predict(geometry, &sgd);
        let steps = theory.and_then(|theory| theory.predict(geometry, barrier, &sgd).log10_mean_steps);
        let name = theory.map_or("", |theory| theory.name());
        let values = [
            (STEPS, name, steps),
            (CRITICAL_DIMENSION, "", law.critical_dimension_measured),
            (GROWTH, "", law.mean_square_growth),
        ];
        let known = values.into_iter().filter_map(|(quantity, theory, value)| Some((quantity, theory, value?)));
        known
            .map(|(quantity, theory, value)| PhaseRow {
                learning_rate,
                batch_size,
                quantity: quantity.to_owned(),
                theory: theory.to_owned(),
                value,
            })
            .collect::<Vec<_>>()
    });
    rows.flatten().collect()
}

/// The theory that most settings trust; where none does, the one that is nearest in most. Ties go by name.
fn preferred(settings: &[SettingRecord]) -> Option<String> {
    let verdicts = || settings.iter().filter_map(|setting| Some(&setting.escape.as_ref()?.verdict));
    most(verdicts().filter_map(|verdict| verdict.trusted.clone()))
        .or_else(|| most(verdicts().filter_map(|verdict| verdict.best.clone())))
}

/// The most frequent name, the first by alphabet of equals.
fn most(names: impl Iterator<Item = String>) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(name, _)| name)
}

/// Numbers between two others in equal ratios, both included.
fn spread(low: f64, high: f64) -> Vec<f64> {
    (0..POINTS).map(|k| low * (high / low).powf(k as f64 / (POINTS - 1) as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_name_wins() {
        let of = |names: &[&str]| most(names.iter().map(|name| (*name).to_owned()));
        assert_eq!(of(&["b", "a", "b"]).as_deref(), Some("b"));
        assert_eq!(of(&["b", "a", "b", "a"]).as_deref(), Some("a"));
        assert_eq!(of(&[]), None);
    }
}
