//! The manifest of a record: what ran, where, when, for how long, and by which conventions.

use super::hash::sha256;
use crate::asked::Study;
use crate::warning::Warning;
use logscape::data::Standardised;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// A file of data, as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Where it was.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// What a record was made from, beside its study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Version of the program that made the parts that are kept. That of the program, unless it went on with what another
    /// version had begun.
    pub version: String,
    /// SHA-256 of the numbers that were read or drawn; of what the problem does at its start, for one of the caller's own.
    pub data: String,
    /// The files that they were read from.
    #[serde(default)]
    pub files: Vec<DataFile>,
    /// Which columns of them.
    #[serde(default, skip_serializing_if = "DataColumns::is_empty")]
    pub columns: DataColumns,
}

/// What was taken of data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DataColumns {
    /// Names of the columns of inputs, or of their array.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// Names of the columns that targets were read from, or of their array.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The classes, in the order of the one-hot targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// What was taken from each input by `standardise`: parameters are those of `(x − mean)/deviation`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standardised: Vec<Standardised>,
}

impl DataColumns {
    /// Whether nothing has a name, and nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.targets.is_empty() && self.classes.is_empty() && self.standardised.is_empty()
    }
}

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the program.
    pub version: String,
    /// What the numbers were made from; absent in early records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// SHA-256 of `study.toml`; absent in early records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study_sha256: Option<String>,
    /// Seed of every random stream.
    pub seed: u64,
    /// Operating system and architecture.
    pub platform: String,
    /// Threads that ran replicas; results do not depend on it.
    pub threads: usize,
    /// What in the data is likely not meant so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// When the run, or its last resumption, began, in UTC.
    pub started: String,
    /// When it ended.
    pub finished: String,
    /// Seconds of wall time per stage, less those for which it was paused; a stage taken from a checkpoint is absent.
    pub seconds: BTreeMap<String, f64>,
    /// What the numbers mean.
    pub conventions: BTreeMap<String, String>,
    /// `complete`; `unfinished` where a page is drawn of a run that has not ended.
    pub status: String,
}

impl Manifest {
    /// The manifest of a run of `study` on what `origin` says, which began at `started` and is complete now.
    pub fn complete(
        study: &Study,
        origin: Origin,
        warnings: Vec<Warning>,
        started: SystemTime,
        stages: &[(String, Duration)],
    ) -> Self {
        let conventions = [
            ("loss", "mean over samples of half the squared residual norm, unless the study names another loss"),
            ("time", "t = learning_rate * steps; rates are per unit t, escape times in steps"),
            ("noise", "covariance of one sample's gradient; a batch has C/B with replacement"),
            ("stochastic integral", "Ito"),
            ("intervals", "95 %"),
        ];
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            origin: Some(origin),
            study_sha256: toml::to_string(study).ok().map(|text| sha256(text.as_bytes())),
            seed: study.seed,
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            threads: rayon::current_num_threads(),
            warnings,
            started: in_words(started),
            finished: in_words(SystemTime::now()),
            seconds: stages.iter().map(|(stage, time)| (stage.clone(), time.as_secs_f64())).collect(),
            conventions: conventions.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            status: "complete".to_owned(),
        }
    }
}

impl Manifest {
    /// That of a run that has not ended `now`.
    pub(crate) fn unfinished(study: &Study, origin: Origin, warnings: Vec<Warning>, now: SystemTime) -> Self {
        Self { status: "unfinished".to_owned(), ..Self::complete(study, origin, warnings, now, &[]) }
    }
}

/// The time in UTC, or that the clock is wrong, where it is out of the range of years with four digits.
fn in_words(time: SystemTime) -> String {
    /// Seconds from 1970 to the end of the year 9999.
    const LAST: u64 = 253_402_300_799;
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since.as_secs() <= LAST => humantime::format_rfc3339_seconds(time).to_string(),
        Ok(_) => "unknown: the clock is after the year 9999".to_owned(),
        Err(_) => "unknown: the clock is before 1970".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_told() {
        let at = |seconds: i64| {
            let away = Duration::from_secs(seconds.unsigned_abs());
            in_words(if seconds < 0 { SystemTime::UNIX_EPOCH - away } else { SystemTime::UNIX_EPOCH + away })
        };
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(253_402_300_799), "9999-12-31T23:59:59Z");
        assert_eq!(at(-1), "unknown: the clock is before 1970");
        assert_eq!(at(253_402_300_800), "unknown: the clock is after the year 9999");
    }
}
