//! Complete records, and the pages that are drawn from them.

use super::{Target, WRONG};
use crate::input::Input;
use logscape::Stop;
use logscape_study::expect::findings;
use logscape_study::summary::summary;
use logscape_study::{Destination, Event, Record, Results, parse, report, run};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;

pub(super) const RECORD: Target = Target {
    name: "record",
    good,
    pack: Some(seal),
    read,
    names: &["study.toml", "results.json", "manifest.json", "tables", SUMS],
    time: Duration::from_secs(1),
    beside: 32 << 20,
    memory: 0,
};

/// The file of checksums.
const SUMS: &str = "SHA256SUMS";

/// Escapes, stationary laws, dynamics and paths, in a grid that has a phase diagram.
const LINE: &str = include_str!("line.toml");

/// Saddles and splitting.
const PHASES: &str = include_str!("phases.toml");

fn good() -> Vec<Input> {
    [LINE, PHASES].map(record).into()
}

/// The record of a study, with times that are the same in every run.
fn record(study: &str) -> Input {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("record");
    let study = parse("study.toml", study, &[]).expect("a good study");
    let destination = Destination::new(place.clone());
    let (mut record, _) = run(&study, Path::new(""), &destination, &Stop::new(), &silent).expect("the run ends");
    let mut input = Input::read(&place).expect("a record");
    input.0.retain(|name, _| !name.starts_with("figures/") && !name.starts_with("ensembles/") && name != "report.html");
    let manifest = &mut record.manifest;
    manifest.seconds.values_mut().for_each(|seconds| *seconds = 1.0);
    manifest.threads = 1;
    (manifest.started, manifest.finished) = ("2000-01-01T00:00:00Z".to_owned(), "2000-01-01T00:00:01Z".to_owned());
    input.and("manifest.json", serde_json::to_vec_pretty(&record.manifest).expect("JSON"))
}

/// Gives the files, but for the checksums themselves, the checksums of what they hold now.
fn seal(input: &mut Input) {
    input.0.remove(SUMS);
    let lines: Vec<String> = input.0.iter().map(|(name, bytes)| format!("{}  {name}\n", sha256(bytes))).collect();
    input.0.insert(SUMS.to_owned(), lines.concat().into_bytes());
}

/// The checksum in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let digits: Vec<String> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

/// Hears nothing.
pub(super) fn silent(_: &Event) {}

fn read(folder: &Path) -> Result<(), String> {
    let record = Record::read(folder).map_err(|error| error.to_string())?;
    let text =
        serde_json::to_string(&record.results).map_err(|error| format!("{WRONG}it cannot be written: {error}"))?;
    let again = Results::from_json(&text, record.study.sgd.sampling);
    if again.is_err() {
        return Err(format!("{WRONG}it is not read back"));
    }
    if summary(&record.results).is_empty() || findings(&record.study, &record.results).is_err() {
        return Err(format!("{WRONG}there is nothing to say of it"));
    }
    report::pages(&record).map(|_| ()).map_err(|error| format!("{WRONG}it cannot be drawn: {error}"))
}
