//! A record knows what it was made from, and nothing else is mixed into it.

use sha2::{Digest, Sha256};
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

const STUDY: &str = r#"name = "line"
seed = 1

[problem]
kind = "linear-regression"
data = { path = "data.csv" }

[sgd]
learning_rate = 0.1
batch_size = 1

[escape]
region = { loss-factor = 3.0 }
method = "direct"
replicas = 16
max_steps = 200
"#;

const DATA: &str = "x,y\n1,1.1\n2,1.8\n3,3.2\n-1,-0.7\n-2,-2.1\n";

fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("study.toml"), STUDY).expect("the study is written");
    fs::write(folder.path().join("data.csv"), DATA).expect("the data are written");
    folder
}

fn run(folder: &TempDir, out: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    command.current_dir(folder).args(["run", "study.toml", "--out", out]).args(more);
    command.output().expect("the command starts")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn sha256(bytes: &[u8]) -> String {
    let digits = b"0123456789abcdef".map(char::from);
    Sha256::digest(bytes).iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| digits[usize::from(half)]).collect()
}

#[test]
fn the_manifest_tells_data_version_and_study() {
    let folder = place();
    let output = run(&folder, "out", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let read = |name: &str| fs::read(folder.path().join("out").join(name)).expect("it is there");
    let manifest = String::from_utf8(read("manifest.json")).expect("UTF-8");
    // Two numbers a sample, `x` first, behind the counts of inputs, targets and samples.
    let counts = [1_u64, 1, 5].map(u64::to_le_bytes);
    let numbers = [1.0_f64, 2.0, 3.0, -1.0, -2.0, 1.1, 1.8, 3.2, -0.7, -2.1].map(f64::to_le_bytes);
    for part in [
        format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION")),
        format!("\"data\": \"{}\"", sha256(&[counts.concat(), numbers.concat()].concat())),
        "\"path\": \"data.csv\"".to_owned(),
        format!("\"bytes\": {}", DATA.len()),
        format!("\"sha256\": \"{}\"", sha256(DATA.as_bytes())),
        format!("\"study_sha256\": \"{}\"", sha256(&read("study.toml"))),
    ] {
        assert!(manifest.contains(&part), "{part} is missing in {manifest}");
    }
}

#[test]
fn data_that_have_changed_are_named() {
    let folder = place();
    assert_eq!(run(&folder, "old", &[]).status.code(), Some(0));
    fs::write(folder.path().join("data.csv"), DATA.replace("3.2", "3.25")).expect("the data are corrected");
    let more = ["--set", "escape.replicas=32", "--extend", "old"];
    let output = run(&folder, "new", &more);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let bytes = format!("data.csv has {} bytes, and had {}", DATA.len() + 1, DATA.len());
    assert!(said.contains("the data have changed since") && said.contains(&bytes), "{said}");
    assert!(!folder.path().join("new").exists() && !folder.path().join("new.partial").exists());
    // Other bytes for the same numbers are the same data.
    fs::write(folder.path().join("data.csv"), DATA.replace("3.2", "3.20")).expect("the data are written");
    let output = run(&folder, "new", &more);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
}

#[test]
fn another_version_is_refused_unless_told() {
    let folder = place();
    assert_eq!(run(&folder, "old", &[]).status.code(), Some(0));
    // As a version before this one would have left it.
    let origin = folder.path().join("old/ensembles/identity.checkpoint");
    let text = fs::read_to_string(&origin).expect("it is there");
    let json = text.split_once('\n').expect("a checksum").1.replace(env!("CARGO_PKG_VERSION"), "0.0.1");
    fs::write(&origin, format!("{}\n{json}", sha256(json.as_bytes()))).expect("it is written");
    let more = ["--set", "escape.replicas=32", "--extend", "old"];
    let output = run(&folder, "new", &more);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in ["by version 0.0.1 of logscape", env!("CARGO_PKG_VERSION"), "--allow-other-version"] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    let output = run(&folder, "new", &[&more[..], &["--allow-other-version"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let manifest = fs::read_to_string(folder.path().join("new/manifest.json")).expect("it is there");
    assert!(manifest.contains("\"version\": \"0.0.1\""), "{manifest}");
}
