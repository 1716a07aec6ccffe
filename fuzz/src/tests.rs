//! Each reader, at a few inputs and at those that it once failed at; and that failures are seen.

use super::*;
use input::Input;
use judge::judge;
use search::{Count, Found, search};
use std::fs;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use worker::{keep, prepare, scratch};

/// Tries the target's inputs.
fn tried(target: &Target, inputs: u64) -> Result<Count, Box<Found>> {
    prepare();
    let folder = scratch().expect("a folder");
    search(target, 1, 0..inputs, &folder.path().join("input"), |_, _| ControlFlow::Continue(()))
}

#[track_caller]
fn holds(name: &str, inputs: u64) {
    let target = by_name(name).expect("a target");
    match tried(&target, inputs) {
        Ok(count) => assert!(count.taken > 0 && count.taken < count.tried, "{count:?} is no test"),
        Err(found) => {
            let kept = keep(&target, 1, found.number, &found.input).expect("it is kept");
            panic!("{}; the input is kept in {}", found.failure, kept.display());
        }
    }
}

#[test]
fn studies_and_overrides() {
    holds("study", 1_500);
}

#[test]
fn tables_of_text() {
    holds("csv", 4_000);
}

#[test]
fn tables_of_columns() {
    holds("parquet", 2_000);
}

#[test]
fn tables_of_columns_in_batches() {
    holds("arrow", 2_000);
}

#[test]
fn arrays() {
    holds("npy", 4_000);
}

#[test]
fn archives_of_arrays() {
    holds("npz", 2_000);
}

#[test]
fn images() {
    holds("idx", 4_000);
}

#[test]
fn packed_images() {
    holds("idx-gz", 2_000);
}

#[test]
fn parameters_of_networks() {
    holds("weights", 2_000);
}

#[test]
fn records() {
    holds("record", 150);
}

#[test]
fn checkpoints() {
    holds("checkpoint", 100);
}

#[test]
fn forged_checkpoints() {
    holds("forged", 100);
}

#[test]
fn unfinished_runs() {
    holds("unfinished", 60);
}

/// Every input that a reader once failed at: `failed/TARGET/NAME/`.
#[test]
fn what_once_failed() {
    prepare();
    let folder = scratch().expect("a folder");
    let entries = |path: &Path| fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut tried = 0;
    for of_target in entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("failed")) {
        let name = of_target.file_name().and_then(|name| name.to_str()).expect("a name");
        let target = by_name(name).expect("a target");
        for kept in entries(&of_target) {
            let input = Input::read(&kept).expect("an input");
            let judged = judge(&target, &input, &folder.path().join("input"));
            assert!(judged.is_ok(), "{}: {}", kept.display(), judged.expect_err("a failure"));
            tried += 1;
        }
    }
    assert!(tried > 0);
}

/// Each column is looked at once, not beside each other one.
#[test]
fn a_table_with_very_many_columns() {
    prepare();
    let folder = scratch().expect("a folder");
    let names: Vec<String> = (0..100_000).map(|k| format!("x{k},")).collect();
    let input = Input::of("data.csv", format!("{}y\n{}1\n", names.concat(), "1,".repeat(100_000)));
    let judged = judge(&by_name("csv").expect("a target"), &input, &folder.path().join("input"));
    assert_eq!(judged, Ok(true));
}

/// A reader of numbers, one a line, that fails at some of them.
const BAD: Target = Target {
    name: "bad",
    good: || vec![Input::of("numbers", "12\n13\n14\n15\n")],
    pack: None,
    read: |folder| {
        let text = fs::read_to_string(folder.join("numbers")).map_err(|error| format!("numbers: {error}"))?;
        for line in text.lines() {
            match line.parse::<i64>() {
                Ok(-1) => panic!("minus one"),
                Ok(0) => drop(vec![1_u8; 1 << 20]),
                Ok(255) => drop((0..10_000_000_u64).map(black_box).sum::<u64>()),
                Ok(_) => {}
                Err(error) if line == "nan" => return Err(format!("numbers: {error:?}")),
                Err(error) if line == "inf" => return Err(format!("{error}")),
                Err(error) => return Err(format!("numbers: {error}")),
            }
        }
        Ok(())
    },
    names: &["numbers"],
    time: Duration::from_millis(20),
    beside: 1 << 16,
    memory: 0,
};

#[test]
fn every_kind_of_failure_is_seen() {
    prepare();
    let folder = scratch().expect("a folder");
    let place = folder.path().join("input");
    for (text, kind) in
        [("1\n-1\n", "panic"), ("1\n0\n", "memory"), ("255\n", "slow"), ("nan\n", "debug"), ("inf\n", "unnamed")]
    {
        let failure = judge(&BAD, &Input::of("numbers", text), &place).expect_err("a failure");
        assert_eq!(failure.kind, kind, "{failure}");
    }
    assert_eq!(judge(&BAD, &Input::of("numbers", "1\n"), &place), Ok(true));
    assert_eq!(judge(&BAD, &Input::of("numbers", "one\n"), &place), Ok(false));
    assert_eq!(judge(&BAD, &Input::default(), &place), Ok(false));
}

#[test]
fn a_failure_is_found_and_made_smaller() {
    let found = tried(&BAD, 10_000).expect_err("it fails at some");
    // One line is changed, and the others are as they were.
    let text = found.input.0["numbers"].clone();
    let same =
        text.split(|byte| *byte == b'\n').filter(|line| [&b"12"[..], b"13", b"14", b"15"].contains(line)).count();
    assert!(same >= 3, "{:?}", String::from_utf8_lossy(&text));
    // The number alone says what was tried.
    let numbers = found.number..=found.number;
    let folder = scratch().expect("a folder");
    let again = search(&BAD, 1, numbers, &folder.path().join("input"), |_, _| ControlFlow::Continue(()));
    assert_eq!(again.expect_err("it fails").input, found.input);
}

#[test]
fn arguments_are_read() {
    let read = |line: &str| Arguments::read(line.split_whitespace().map(str::to_owned));
    let some = read("csv npy --inputs 5 --seed 3").expect("arguments");
    assert_eq!((some.targets.len(), some.plan.inputs, some.plan.seed, some.plan.time), (2, Some(5), 3, None));
    assert_eq!(read("").expect("arguments").targets.len(), TARGETS.len());
    for wrong in ["cvs", "--inputs", "--inputs x", "--threads 0", "--seconds -1", "--input folder"] {
        assert!(read(wrong).is_none(), "{wrong}");
    }
}
