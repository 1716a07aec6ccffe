//! The manifest of a record: what ran, where, when, for how long, and by which conventions.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the program.
    pub version: String,
    /// Seed of every random stream.
    pub seed: u64,
    /// Operating system and architecture.
    pub platform: String,
    /// Threads that ran replicas; results do not depend on it.
    pub threads: usize,
    /// When the run, or its last resumption, began, in UTC.
    pub started: String,
    /// When it ended.
    pub finished: String,
    /// Seconds of wall time per stage; a stage taken from a checkpoint is absent.
    pub seconds: BTreeMap<String, f64>,
    /// What the numbers mean.
    pub conventions: BTreeMap<String, String>,
    /// `complete`.
    pub status: String,
}

impl Manifest {
    /// The manifest of a run that began at `started` and is complete now.
    pub fn complete(seed: u64, started: SystemTime, stages: &[(String, Duration)]) -> Self {
        let text = |time| humantime::format_rfc3339_seconds(time).to_string();
        let conventions = [
            ("loss", "mean over samples of half the squared residual norm"),
            ("time", "t = learning_rate * steps; rates are per unit t, escape times in steps"),
            ("noise", "covariance of one sample's gradient; a batch has C/B with replacement"),
            ("stochastic integral", "Ito"),
            ("intervals", "95 %"),
        ];
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            threads: rayon::current_num_threads(),
            started: text(started),
            finished: text(SystemTime::now()),
            seconds: stages.iter().map(|(stage, time)| (stage.clone(), time.as_secs_f64())).collect(),
            conventions: conventions.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            status: "complete".to_owned(),
        }
    }
}
