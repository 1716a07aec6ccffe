//! What has been computed is not lost at the end: places and values are checked before the work, and what is left by a kill, or by a
//! refusal, is complete or can be gone on with.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Twenty parameters, so that many points of a path are more numbers than are kept.
const STUDY: &str = r#"name = "wide"
seed = 1

[problem]
kind = "linear-regression"
data.synthetic = { kind = "linear-teacher", samples = 60, spectrum = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], teacher = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], noise = 1.0 }

[sgd]
learning_rate = [0.01, 0.02]
batch_size = 1

[escape]
region = { loss-factor = 3.0 }
method = "direct"
replicas = 4
max_steps = 50
theories = ["kramers"]
"#;

fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("work")).expect("a folder");
    fs::write(folder.path().join("work/study.toml"), STUDY).expect("the study is written");
    folder
}

/// Runs in the folder `work`.
fn run(folder: &TempDir, out: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    command.current_dir(folder.path().join("work")).args(["run", "study.toml", "--out", out]).args(more);
    command.output().expect("the command starts")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn refused(output: &Output, parts: &[&str]) {
    let said = words(output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in parts.iter().chain(&["hint: "]) {
        assert!(said.contains(part), "`{part}` is missing in\n{said}");
    }
}

#[track_caller]
fn complete(output: &Output) -> String {
    let said = words(output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

/// Names in a folder, in order.
fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Files of the unfinished run whose names begin like this.
fn kept(folder: &TempDir, below: &str, stage: &str) -> usize {
    let names = listing(&folder.path().join("work").join(below));
    names.iter().filter(|name| name.starts_with(stage)).count()
}

/// The record's results.
fn results(folder: &TempDir, out: &str) -> Vec<u8> {
    fs::read(folder.path().join("work").join(out).join("results.json")).expect("there are results")
}

#[test]
fn a_wrong_value_is_found_before_the_first_setting_and_the_corrected_study_goes_on() {
    let folder = place();
    // 4 paths of 10^5 points and 2 to spare, each of 20 numbers; shares of batches of 1 and of 50 from 60 samples.
    let too_many = "output.trajectories={ every = 1, replicas = 8, steps = 100_000 }";
    let share = "dynamics=[{ kind = \"multiplicative-sparse\", share = 0.1 }]";
    for (set, more, parts) in [
        (too_many, "seed=1", ["output.trajectories", "10^7 are the most"]),
        (share, "sgd.batch_size=[1, 50]", ["dynamics multiplicative-sparse", "share"]),
    ] {
        let set = ["--set", set, "--set", more];
        let output = run(&folder, "out", &set);
        refused(&output, &parts);
        let said = words(&output);
        assert!(said.contains("note: finished stages are kept in out.partial"), "{said}");
        assert!(!said.contains("setting 1 of"), "a setting had begun:\n{said}");
        assert_eq!(
            (kept(&folder, "out.partial/checkpoint", "geometry-"), kept(&folder, "out.partial/ensembles", "escape-")),
            (1, 0)
        );
        // Again the same: refused again, and nothing is lost.
        refused(&run(&folder, "out", &set), &parts);
    }
    // The corrected study takes up what there is.
    complete(&run(&folder, "out", &[]));
    let manifest = fs::read_to_string(folder.path().join("work/out/manifest.json")).expect("a manifest");
    assert!(manifest.contains("\"setting-1\"") && !manifest.contains("\"geometry\""), "{manifest}");
    assert_eq!(listing(&folder.path().join("work")), ["out", "study.toml"]);
    complete(&run(&folder, "whole", &[]));
    assert!(results(&folder, "out") == results(&folder, "whole"));
}

#[test]
fn a_place_that_no_record_can_be_moved_to_is_refused_before_the_work() {
    let folder = place();
    let work = folder.path().join("work");
    let here = work.to_str().expect("a path").to_owned();
    symlink("nowhere", work.join("broken")).expect("a link");
    fs::create_dir(work.join("elsewhere")).expect("a folder");
    symlink("elsewhere", work.join("link")).expect("a link");
    fs::create_dir(work.join("notes")).expect("a folder");
    fs::write(work.join("notes/thesis.tex"), "precious").expect("it is written");
    fs::write(work.join("letter"), "precious").expect("it is written");
    let long = "x".repeat(250);
    let deep: String = "d/".repeat(2030) + "out";
    let there = || {
        let mut names = listing(&work);
        // Folders on the way to a place stay.
        names.retain(|name| name != "d");
        names
    };
    let before = there();
    for (out, more, part) in [
        ("broken", &[][..], "is a link to nowhere"),
        ("broken", &["--force"], "is a link to nowhere"),
        ("link", &["--force"], "is a link"),
        (".", &["--force"], "has no name of its own"),
        ("..", &["--force"], "has no name of its own"),
        (&here, &["--force"], "is the current folder"),
        ("../work", &["--force"], "is the current folder"),
        ("notes", &["--force"], "holds something that is no record"),
        ("letter", &["--force"], "holds something that is no record"),
        (&long, &[], "is too long for the file system"),
        (&deep, &[], "is too long for the file system"),
    ] {
        let output = run(&folder, out, more);
        refused(&output, &[part]);
        assert!(!words(&output).contains("problem: "), "{out}: work had begun");
        assert_eq!(there(), before, "{out}");
    }
    assert_eq!(fs::read(work.join("notes/thesis.tex")).expect("it is there"), b"precious");
    assert_eq!(fs::read(work.join("letter")).expect("it is there"), b"precious");
    // An empty folder, and a record, are replaced.
    complete(&run(&folder, "elsewhere", &["--force"]));
    complete(&run(&folder, "elsewhere", &["--force", "--set", "seed=2"]));
    assert_eq!(there(), before);
}

/// The states that a kill leaves between two steps of the end.
#[test]
fn whatever_a_kill_leaves_at_the_end_is_complete_or_can_be_gone_on_with() {
    let folder = place();
    let work = folder.path().join("work");
    let path = |name: &str| -> PathBuf { work.join(name) };
    complete(&run(&folder, "out", &[]));
    let whole = results(&folder, "out");
    let note = |below: &str| {
        fs::create_dir(path(below).join("checkpoint")).expect("a folder");
        fs::copy(path(below).join("study.toml"), path(below).join("checkpoint/study.toml")).expect("a note");
    };
    // All is written, and nothing moved.
    fs::rename(path("out"), path("out.partial")).expect("moved");
    note("out.partial");
    refused(&run(&folder, "out", &[]), &["unfinished run", "--resume"]);
    complete(&run(&folder, "out", &["--resume"]));
    assert_eq!(listing(&work), ["out", "study.toml"]);
    assert!(results(&folder, "out") == whole && !path("out/checkpoint").exists());
    // It is moved, and its notes are still there.
    note("out");
    refused(&run(&folder, "out", &["--resume"]), &["out is complete already"]);
    refused(&run(&folder, "out", &[]), &["out exists already"]);
    // Before it was moved, an old record was set aside.
    fs::rename(path("out"), path("out.partial")).expect("moved");
    fs::write(path("out.partial/checkpoint/replaces"), "").expect("a note");
    fs::create_dir(path("out.partial.old")).expect("an old record");
    complete(&run(&folder, "out", &["--resume"]));
    assert_eq!(listing(&work), ["out", "study.toml"]);
    // A new one is in its place, and the old one still there.
    fs::create_dir(path("out.partial.old")).expect("an old record");
    fs::write(path("out.partial.old/results.json"), "").expect("an old record");
    complete(&run(&folder, "out", &["--force"]));
    assert_eq!(listing(&work), ["out", "study.toml"]);
    // Complete without notes, as earlier versions could leave it.
    fs::rename(path("out"), path("out.partial")).expect("moved");
    for more in [&[][..], &["--resume"]] {
        refused(&run(&folder, "out", more), &["out.partial holds a complete record", "move it to out"]);
    }
    assert!(path("out.partial/results.json").is_file());
}

#[test]
fn what_comes_to_the_place_meanwhile_is_not_replaced() {
    let folder = place();
    let work = folder.path().join("work");
    complete(&run(&folder, "out", &[]));
    fs::rename(work.join("out"), work.join("out.partial")).expect("moved");
    fs::create_dir(work.join("out.partial/checkpoint")).expect("a folder");
    fs::copy(work.join("out.partial/study.toml"), work.join("out.partial/checkpoint/study.toml")).expect("a note");
    fs::create_dir(work.join("out")).expect("a folder");
    fs::write(work.join("out/results.json"), "precious").expect("it is written");
    refused(&run(&folder, "out", &["--resume"]), &["out exists already"]);
    assert_eq!(fs::read(work.join("out/results.json")).expect("it is there"), b"precious");
    assert!(work.join("out.partial/results.json").is_file());
}
