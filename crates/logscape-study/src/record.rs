//! The record of a run: `results.json` and its folder, written so that it is whole or absent.

use crate::schema::Study;
use logscape::ensemble::Region;
use logscape::stats::RateEstimate;
use logscape::theory::{Prediction, Stationary};
use logscape::{Estimate, Geometry};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The summary of a run, as `results.json` holds it. Numbers are finite or null.
#[derive(Debug, Serialize)]
pub struct Results {
    /// Name of the study.
    pub study: String,
    /// Version of the program.
    pub version: &'static str,
    /// The minimum.
    pub minimum: MinimumRecord,
    /// Curvature and noise there.
    pub geometry: Geometry,
    /// One entry per learning rate and batch size.
    pub settings: Vec<SettingRecord>,
}

/// The minimum of a run.
#[derive(Debug, Serialize)]
pub struct MinimumRecord {
    /// Parameters; absent above 10,000 of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theta: Option<Vec<f64>>,
    /// Loss `L*`.
    pub loss: f64,
    /// Gradient norm.
    pub gradient_norm: f64,
    /// Whether the gradient norm met the tolerance.
    pub converged: bool,
    /// Number of negative eigenvalues; 0 at a minimum.
    pub index: usize,
    /// Parameters `P`.
    pub parameters: usize,
    /// Samples `N`.
    pub samples: usize,
}

/// One learning rate and batch size.
#[derive(Debug, Serialize)]
pub struct SettingRecord {
    /// `η`.
    pub learning_rate: f64,
    /// `B`.
    pub batch_size: usize,
    /// Predicted stationary law.
    #[serde(flatten)]
    pub law: Stationary,
    /// Escape, where the study asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escape: Option<EscapeRecord>,
}

/// Escape under one setting: predictions beside the measurement.
#[derive(Debug, Serialize)]
pub struct EscapeRecord {
    /// What escape means.
    pub region: Region,
    /// Prediction of each theory, by name.
    pub predictions: BTreeMap<String, PredictionRecord>,
    /// What SGD did; null without an event.
    pub measured: RateEstimate,
    /// `log10` of the measured mean steps; null without an event.
    pub log10_mean_steps: Option<Estimate>,
    /// Error of each theory, `log10(predicted/measured)` mean steps; null where either is unknown.
    pub error_decades: BTreeMap<String, Option<f64>>,
    /// The theory with the smallest error.
    pub best: Option<String>,
}

/// One theory's numbers.
#[derive(Debug, Serialize)]
pub struct PredictionRecord {
    /// Committed escapes per unit `t`.
    pub rate: Option<f64>,
    /// Mean steps to the region's event.
    pub mean_steps: Option<f64>,
    /// The same as a logarithm, which cannot overflow.
    pub log10_mean_steps: Option<f64>,
    /// Which assumptions fail.
    pub warnings: Vec<String>,
}

impl From<&Prediction> for PredictionRecord {
    fn from(prediction: &Prediction) -> Self {
        Self {
            rate: prediction.rate(),
            mean_steps: prediction.mean_steps(),
            log10_mean_steps: prediction.log10_mean_steps,
            warnings: prediction.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Why a record cannot be written.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The folder is there already.
    #[error("{} exists already; choose another --out, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// The system refused.
    #[error("cannot write the record {}: {source}", path.display())]
    Write {
        /// The folder of the record.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A record's folder, kept under a temporary name beside its place until it is whole.
#[derive(Debug)]
pub struct RecordFolder {
    place: PathBuf,
    staging: tempfile::TempDir,
}

impl RecordFolder {
    /// Reserves `place`, before anything is computed.
    ///
    /// # Errors
    /// If `place` exists and `force` is off, or its parent cannot be written.
    pub fn create(place: &Path, force: bool) -> Result<Self, RecordError> {
        if place.exists() && !force {
            return Err(RecordError::Exists(place.to_path_buf()));
        }
        let write = |source| RecordError::Write { path: place.to_path_buf(), source };
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(write)?;
        let staging = tempfile::Builder::new().prefix(".logscape-").tempdir_in(parent).map_err(write)?;
        Ok(Self { place: place.to_path_buf(), staging })
    }

    /// Writes study and results, and moves the whole to its place.
    ///
    /// # Errors
    /// If the system refuses; then nothing is left behind.
    pub fn finish(self, study: &Study, results: &Results) -> Result<PathBuf, RecordError> {
        let write = |source| RecordError::Write { path: self.place.clone(), source };
        let staging = self.staging.path();
        let study = toml::to_string(study).map_err(|error| write(io::Error::other(error)))?;
        let results = serde_json::to_string_pretty(results).map_err(|error| write(io::Error::other(error)))?;
        for (name, text) in [("study.toml", study), ("results.json", results + "\n")] {
            let path = staging.join(name);
            fs::write(&path, text).and_then(|()| fs::File::open(&path)?.sync_all()).map_err(write)?;
        }
        // Set aside, not deleted, until the new record has its place.
        let aside = staging.with_extension("old");
        let replaced = self.place.exists();
        if replaced {
            fs::rename(&self.place, &aside).map_err(write)?;
        }
        fs::rename(staging, &self.place).map_err(write)?;
        if replaced {
            fs::remove_dir_all(&aside).map_err(write)?;
        }
        Ok(self.place.clone())
    }
}
