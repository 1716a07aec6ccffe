//! What a killed run has left, damaged before it is resumed or reported.

use super::record::{sha256, silent};
use super::{Target, WRONG};
use crate::input::Input;
use logscape::Stop;
use logscape_study::{Destination, Event, Study, parse, report, run};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

pub(super) const CHECKPOINT: Target = Target {
    name: "checkpoint",
    good,
    pack: None,
    read,
    names: &["out"],
    time: Duration::from_secs(3),
    beside: 64 << 20,
    memory: 0,
};

/// Checkpoints whose checksums fit what somebody has put there.
pub(super) const FORGED: Target = Target { name: "forged", pack: Some(seal), read: read_any, ..CHECKPOINT };

/// Unfinished runs whose checksums fit what somebody has put there, and their pages.
pub(super) const UNFINISHED: Target =
    Target { name: "unfinished", good: good_unfinished, pack: Some(seal), read: read_unfinished, ..CHECKPOINT };

static STUDY: LazyLock<Study> =
    LazyLock::new(|| parse("study.toml", include_str!("killed.toml"), &[]).expect("a good study"));

/// Results of a run that nothing happened to.
static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let destination = Destination::new(folder.path().join("out"));
    run(&STUDY, Path::new(""), &destination, &Stop::new(), &silent).expect("the run ends");
    fs::read(folder.path().join("out/results.json")).expect("results")
});

/// What is left by a run of `study` that is interrupted when it says so.
fn left_at(study: &Study, moment: fn(&Event) -> bool) -> Input {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut destination = Destination::new(folder.path().join("out"));
    destination.checkpoint_every = Duration::ZERO;
    let stop = Stop::new();
    let until = |event: &Event| {
        if moment(event) {
            stop.request();
        }
    };
    run(study, Path::new(""), &destination, &stop, &until).expect_err("it is interrupted");
    Input::read(folder.path()).expect("an unfinished run").and("out.partial.lock", "12345\n")
}

fn is_geometry(event: &Event) -> bool {
    matches!(event, Event::Geometry { .. })
}

fn is_second_setting(event: &Event) -> bool {
    matches!(event, Event::Setting { number: 1, .. })
}

fn good() -> Vec<Input> {
    [is_geometry, is_second_setting].map(|moment| left_at(&STUDY, moment)).into()
}

/// With figures; and with saddles, a barrier and splitting.
fn good_unfinished() -> Vec<Input> {
    let study = |text: &str, rates: &str| {
        parse("study.toml", text, &[format!("sgd.learning_rate={rates}")]).expect("a good study")
    };
    let line = study(include_str!("line.toml"), "[0.05, 0.1]");
    let phases = study(include_str!("phases.toml"), "[0.01, 0.02]");
    vec![left_at(&line, is_geometry), left_at(&line, is_second_setting), left_at(&phases, is_second_setting)]
}

/// Gives each checkpoint the checksum of what it holds now.
fn seal(input: &mut Input) {
    for (name, bytes) in &mut input.0 {
        if name.ends_with(".checkpoint")
            && let Some(end) = bytes.iter().position(|byte| *byte == b'\n')
        {
            let sum = sha256(&bytes[end + 1..]);
            bytes.splice(..end, sum.into_bytes());
        }
    }
}

/// Resumes the run; its results are those of the whole one, if it has any.
fn read(folder: &Path) -> Result<(), String> {
    read_any(folder)?;
    let results = fs::read(folder.join("out/results.json")).map_err(|error| format!("{WRONG}{error}"))?;
    if results == *WHOLE { Ok(()) } else { Err(format!("{WRONG}its results are others")) }
}

fn read_any(folder: &Path) -> Result<(), String> {
    let mut destination = Destination::new(folder.join("out"));
    destination.resume = true;
    run(&STUDY, Path::new(""), &destination, &Stop::new(), &silent).map(|_| ()).map_err(|error| error.to_string())
}

fn read_unfinished(folder: &Path) -> Result<(), String> {
    report::draw(&folder.join("out.partial")).map(|_| ()).map_err(|error| error.to_string())
}
