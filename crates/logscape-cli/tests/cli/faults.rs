//! Faults of the system and of files, made for real: a disk that is full, a file that is cut off or has other bytes, a lock that was
//! left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A study with every kind of file, a second of work at most.
const STUDY: &str = include_str!("killed/direct.toml");

fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("study.toml"), STUDY).expect("the study is written");
    folder
}

/// A small run of the study.
const SMALL: [&str; 6] =
    ["--set", "escape.replicas=30", "--set", "stationary.steps=500", "--set", "escape.max_steps=500"];

fn command(folder: &TempDir, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("NO_COLOR", "1").args(arguments);
    command
}

/// Runs `logscape`.
fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    command(folder, env!("CARGO_BIN_EXE_logscape"), arguments).output().expect("the command starts")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn complete(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", words(output));
}

/// Files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// What a record says, without what tells of the run itself.
fn outcome(record: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let told = |path: &PathBuf| path.starts_with(record.join("tables")) || path.ends_with("results.json");
    let name = |path: &PathBuf| path.strip_prefix(record).expect("it is within").to_path_buf();
    let read = |path: &PathBuf| (name(path), fs::read(path).expect("it is there"));
    files(record).iter().filter(|path| told(path)).map(read).collect()
}

/// A file system that takes no more than so many blocks of 512 bytes in one file: the next write is refused.
#[test]
fn on_a_full_disk_a_run_ends_in_words_and_is_completed_when_there_is_space() {
    let folder = place();
    complete(&run(&folder, &[&["run", "study.toml", "--out", "whole"][..], &SMALL].concat()));
    let whole = outcome(&folder.path().join("whole"));
    let mut ended = Vec::new();
    for blocks in [0, 1, 2, 8, 24, 64, 200] {
        let out = format!("out-{blocks}");
        let line = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let arguments =
            [&["-c", &line, env!("CARGO_BIN_EXE_logscape"), "run", "study.toml", "--out", &out][..], &SMALL];
        let full = command(&folder, "sh", &arguments.concat()).output().expect("`sh` starts");
        let said = words(&full);
        assert!(!said.contains("panicked") && !folder.path().join(&out).exists(), "{blocks}: {said}");
        assert_eq!(full.status.code(), Some(1), "{blocks}: {said}");
        assert!(said.contains("cannot write the record") && said.contains("is there space"), "{blocks}: {said}");
        let partial = folder.path().join(format!("{out}.partial"));
        let goes_on = partial.join("checkpoint/study.toml").exists();
        let mode = if goes_on { "--resume" } else { "--force" };
        complete(&run(&folder, &[&["run", "study.toml", "--out", &out, mode][..], &SMALL].concat()));
        assert!(outcome(&folder.path().join(&out)) == whole, "{blocks}: other bytes");
        ended.push(goes_on);
    }
    // From the first file to the last page.
    assert!(ended.contains(&true) && ended.contains(&false), "{ended:?}");
}

/// What is wrong with one file, in words, and the file.
fn damages(bytes: &[u8]) -> [Vec<u8>; 4] {
    let mut flipped = bytes.to_vec();
    flipped[bytes.len() / 2] ^= 1;
    [flipped, bytes[..bytes.len() / 2].to_vec(), Vec::new(), [bytes, &bytes[..1]].concat()]
}

#[test]
fn a_record_of_which_a_byte_has_changed_is_not_read() {
    let folder = place();
    complete(&run(&folder, &[&["run", "study.toml", "--out", "out"][..], &SMALL].concat()));
    let record = folder.path().join("out");
    let more = ["run", "study.toml", "--out", "more", "--extend", "out", "--set", "escape.replicas=40"];
    let more = [&more[..], &SMALL[2..]].concat();
    let refuses = |name: &str| {
        for arguments in [&["report", "out"][..], &more] {
            let output = run(&folder, arguments);
            let said = words(&output);
            assert_eq!(output.status.code(), Some(2), "{name}: {said}");
            assert!(said.contains(name) && said.contains("hint: ") && !said.contains("panicked"), "{name}: {said}");
            assert!(!folder.path().join("more").exists() && !folder.path().join("more.partial").exists());
        }
    };
    let mut tried = 0;
    for path in files(&record) {
        let name = path.strip_prefix(&record).expect("it is within").display().to_string();
        if name.starts_with("figures") || name.starts_with("ensembles") || name == "report.html" {
            continue;
        }
        let good = fs::read(&path).expect("it is there");
        for bad in damages(&good) {
            fs::write(&path, bad).expect("it is written");
            refuses(if name == "SHA256SUMS" { "out" } else { &name });
        }
        fs::remove_file(&path).expect("removed");
        if name != "SHA256SUMS" {
            refuses("out");
        }
        fs::write(&path, good).expect("it is written");
        tried += 1;
    }
    assert!(tried >= 8, "{tried} files");
    complete(&run(&folder, &["report", "out"]));
    complete(&run(&folder, &more));
}

/// The sums are those that everyone can check.
#[test]
fn checksums_of_a_record_are_those_of_sha256sum() {
    let folder = place();
    complete(&run(&folder, &[&["run", "study.toml", "--out", "out"][..], &SMALL].concat()));
    let mut check = Command::new("sha256sum");
    let Ok(output) = check.current_dir(folder.path().join("out")).args(["--check", "--strict", "SHA256SUMS"]).output()
    else {
        println!("skipped: there is no sha256sum");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for name in
        ["study.toml", "results.json", "manifest.json", "tables/spectrum.parquet", "tables/escape_times.parquet"]
    {
        assert!(said.contains(&format!("{name}: OK")), "{said}");
    }
}

/// Ensembles of a record, which extending it reads.
#[test]
fn a_damaged_ensemble_is_named_when_a_record_is_extended() {
    let folder = place();
    complete(&run(&folder, &[&["run", "study.toml", "--out", "out"][..], &SMALL].concat()));
    let more = ["run", "study.toml", "--out", "more", "--extend", "out", "--set", "escape.replicas=40"];
    let more = [&more[..], &SMALL[2..]].concat();
    for (number, path) in files(&folder.path().join("out/ensembles")).iter().enumerate() {
        let good = fs::read(path).expect("it is there");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let bad = damages(&good).into_iter().enumerate().filter(|(kind, _)| number == 0 || *kind == number % 4);
        for (_, bad) in bad {
            fs::write(path, bad).expect("it is written");
            let output = run(&folder, &more);
            let said = words(&output);
            assert_eq!(output.status.code(), Some(2), "{name}: {said}");
            assert!(said.contains(&name) && said.contains("checksum") && !said.contains("panicked"), "{name}: {said}");
            // What was begun is in no one's way.
            let _ = fs::remove_dir_all(folder.path().join("more.partial"));
        }
        fs::write(path, good).expect("it is written");
    }
    complete(&run(&folder, &more));
}

/// A lock without an owner, whatever it says, is no owner.
#[test]
fn a_lock_that_was_left_behind_holds_nobody_up() {
    let folder = place();
    for text in ["", "1\n", "99999999999999999999", "\u{0}\u{1}nobody"] {
        fs::write(folder.path().join("out.partial.lock"), text).expect("it is written");
        complete(&run(&folder, &[&["run", "study.toml", "--out", "out", "--force"][..], &SMALL].concat()));
        assert!(!folder.path().join("out.partial.lock").exists());
    }
}
