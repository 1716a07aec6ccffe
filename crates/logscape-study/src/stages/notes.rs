//! What a run notes while it goes on, beside the outputs of its stages, so that it can be reported before it has ended.
//!
//! Notes stand among those outputs, by the hash of the study's text, and are dropped with them when the record is complete.

use super::assemble::assemble;
use super::barrier::{asked, needs_saddles};
use super::predict::Predict;
use super::setting::Surveyed;
use super::training::Train;
use super::{Context, Known, Saddles, Stage};
use super::{barrier::FindBarrier, geometry::MeasureGeometry, minimum::FindMinimum, saddles::FindSaddles};
use crate::asked::{CurvatureTable, Study};
use crate::error::RunError;
use crate::matrices::MatrixCurvature;
use crate::record::{RecordError, Results, SettingRecord, Tables};
use crate::store::{Kept, Key, Store};
use crate::warning::Warning;
use logscape::theory::Prediction;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Name of the note of what is known when settings begin.
const KNOWN: &str = "known";
/// Name of the note of the matrices that were looked at.
const CURVATURE: &str = "curvature";
/// Name of the note of a finished setting.
const SETTING: &str = "setting";

/// The stages before the settings, by the keys of what they made, and what the data gave rise to.
#[derive(Serialize, Deserialize)]
struct KnownNote {
    #[serde(default)]
    training: Option<Key>,
    minimum: Key,
    geometry: Key,
    saddles: Option<Key>,
    barrier: Option<Key>,
    #[serde(default)]
    warnings: Vec<Warning>,
}

/// A finished setting. Paths are left out: they may be long, and no page shows them.
#[derive(Serialize, Deserialize)]
struct SettingNote<R, T> {
    record: R,
    predictions: Option<Key>,
    tables: T,
}

/// Notes what is known.
pub(super) fn note_known(context: &Context, known: &Known) -> Result<(), RunError> {
    let note = KnownNote {
        training: known.training.as_ref().map(|training| training.key.clone()),
        minimum: known.minimum.key.clone(),
        geometry: known.geometry.key.clone(),
        saddles: known.saddles.as_ref().map(|found| found.key.clone()),
        barrier: known.barrier.as_ref().map(|found| found.key.clone()),
        warnings: context.warnings.to_vec(),
    };
    let key = context.outputs.key(KNOWN, &text(context.study))?;
    context.outputs.save(KNOWN, &key, &note)?;
    Ok(())
}

/// Notes what is known of matrices.
pub(super) fn note_curvature(context: &Context, found: &[MatrixCurvature]) -> Result<(), RunError> {
    let key = context.outputs.key(CURVATURE, &text(context.study))?;
    context.outputs.save(CURVATURE, &key, &found)?;
    Ok(())
}

/// Notes a finished setting.
pub(super) fn note_setting(context: &Context, number: usize, found: &mut Surveyed) -> Result<(), RunError> {
    let paths = std::mem::take(&mut found.tables.trajectories);
    let predictions = found.predictions.as_ref().map(|kept| kept.key.clone());
    let key = context.outputs.key(SETTING, &(text(context.study), number))?;
    let note = SettingNote { record: &found.record, predictions, tables: &found.tables };
    context.outputs.save(SETTING, &key, &note)?;
    found.tables.trajectories = paths;
    Ok(())
}

fn text(study: &Study) -> String {
    toml::to_string(study).unwrap_or_default()
}

/// What a run has come to.
pub(crate) struct SoFar {
    /// Results with the settings that are finished, the first ones of the grid.
    pub(crate) results: Results,
    /// Their tables, without paths.
    pub(crate) tables: Tables,
    /// Stages before the settings that are not finished.
    pub(crate) missing: Vec<&'static str>,
    /// Warnings of the data.
    pub(crate) warnings: Vec<Warning>,
}

/// What the run of `study` that keeps its outputs in `store` has come to; none before the minimum is measured.
///
/// # Errors
/// If a note, or what it names, cannot be read.
pub(crate) fn so_far(store: &Store, study: &Study) -> Result<Option<SoFar>, RecordError> {
    let text = text(study);
    let Some(note) = store.load::<KnownNote>(KNOWN, &store.key(KNOWN, &text)?)? else { return Ok(None) };
    let known = Known {
        training: note.training.map(|key| kept(store, Train::NAME, key)).transpose()?,
        minimum: kept(store, FindMinimum::NAME, note.minimum)?,
        geometry: kept(store, MeasureGeometry::NAME, note.geometry)?,
        curvature: store.load(CURVATURE, &store.key(CURVATURE, &text)?)?.unwrap_or_default(),
        saddles: note.saddles.map(|key| kept::<Saddles>(store, FindSaddles::NAME, key)).transpose()?,
        barrier: note.barrier.map(|key| kept(store, FindBarrier::NAME, key)).transpose()?,
    };
    let mut surveyed = Vec::new();
    // Settings follow each other.
    for number in 0..study.sgd.settings() {
        let key = store.key(SETTING, &(&text, number))?;
        let Some(note) = store.load::<SettingNote<SettingRecord, Tables>>(SETTING, &key)? else { break };
        let SettingNote { record, predictions, tables } = note;
        let predictions = predictions.map(|key| kept::<Vec<Prediction>>(store, Predict::NAME, key)).transpose()?;
        surveyed.push(Surveyed { record, predictions, tables });
    }
    let missing = missing(study, &known);
    let (results, tables) = assemble(study, &store.origin().columns, &known, surveyed);
    Ok(Some(SoFar { results, tables, missing, warnings: note.warnings }))
}

fn kept<T: DeserializeOwned>(store: &Store, stage: &str, key: Key) -> Result<Kept<T>, RecordError> {
    Ok(Kept { value: store.load_present(stage, &key)?, key })
}

/// The stages that come before the settings and that are not among what is known.
fn missing(study: &Study, known: &Known) -> Vec<&'static str> {
    let minimum = &known.minimum.value;
    let mut missing = Vec::new();
    if study.curvature.as_ref().is_some_and(|table| !is_whole(table, &known.curvature)) {
        missing.push(CURVATURE);
    }
    let (Some(escape), None) = (asked(study, minimum), &known.barrier) else { return missing };
    if known.saddles.is_none() && needs_saddles(&escape.region, minimum.theta.len()) {
        missing.push(FindSaddles::NAME);
    }
    missing.push(FindBarrier::NAME);
    missing
}

/// Whether all matrices are known of which a study asks.
fn is_whole(table: &CurvatureTable, found: &[MatrixCurvature]) -> bool {
    let known = |found: &MatrixCurvature| {
        found.eigenvalues.complete
            || !found.eigenvalues.interrupted
                && (found.sums.is_some() || table.trace_products == 0)
                && (found.density.is_some() || table.density_probes == 0)
    };
    found.len() == table.matrices.len() * (1 + table.layers.len()) && found.iter().all(known)
}
