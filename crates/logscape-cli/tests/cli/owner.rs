//! A folder belongs to one run at a time.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// Direct simulation of replicas that hardly leave: some seconds of work.
const STUDY: &str = r#"name = "two-runs"
seed = 1

[problem]
kind = "linear-regression"
data.synthetic = { kind = "linear-teacher", samples = 100, spectrum = [1.0, 0.5], teacher = [1.0, -0.5], noise = 1.0 }

[sgd]
learning_rate = 0.05
batch_size = 1

[escape]
region = { loss-factor = 30.0 }
method = "direct"
replicas = 64
max_steps = 300_000
check_every = 10
theories = ["kramers"]
"#;

fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("study.toml"), STUDY).expect("the study is written");
    folder
}

fn command(folder: &TempDir, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    command.arg("run").arg(folder.path().join("study.toml")).arg("--out").arg(folder.path().join("out")).args(more);
    command.env("NO_COLOR", "1").stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Starts a run and waits until it is at work.
fn at_work(folder: &TempDir) -> Child {
    let child = command(folder, &[]).spawn().expect("the command starts");
    while !folder.path().join("out.partial/checkpoint/study.toml").exists() {
        sleep(Duration::from_millis(5));
    }
    child
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Names in the folder, in order.
fn listing(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).expect("a folder");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_second_run_is_refused_while_the_first_is_at_work() {
    let folder = place();
    let mut first = at_work(&folder);
    for more in [&[][..], &["--resume"], &["--force", "--set", "seed=2"], &["--force"]] {
        let second = command(&folder, more).output().expect("the command starts");
        let said = words(&second);
        assert_eq!(second.status.code(), Some(2), "{more:?}: {said}");
        assert!(said.contains("a run is at work in ") && said.contains(&format!("(process {})", first.id())), "{said}");
        assert!(said.contains("hint: ") && !said.contains("--force") && !said.contains("--resume"), "{said}");
        assert!(first.try_wait().expect("its state").is_none(), "the first run ended too early to tell");
    }
    let first = first.wait_with_output().expect("it ends");
    assert_eq!(first.status.code(), Some(0), "{}", words(&first));
    assert_eq!(listing(&folder), ["out", "study.toml"]);
    assert!(folder.path().join("out/results.json").is_file());
}

#[test]
fn a_run_that_was_killed_owns_nothing() {
    let folder = place();
    let mut first = at_work(&folder);
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
    assert!(folder.path().join("out.partial.lock").is_file());
    let fresh = command(&folder, &[]).output().expect("the command starts");
    let said = words(&fresh);
    assert!(fresh.status.code() == Some(2) && said.contains("unfinished run") && said.contains("--resume"), "{said}");
    let resumed = command(&folder, &["--resume"]).output().expect("the command starts");
    assert_eq!(resumed.status.code(), Some(0), "{}", words(&resumed));
    assert_eq!(listing(&folder), ["out", "study.toml"]);
}

#[test]
fn a_run_that_ended_before_it_noted_its_study_is_in_no_ones_way() {
    let folder = place();
    fs::create_dir_all(folder.path().join("out.partial/checkpoint")).expect("a folder");
    // A file of another's, by the name that a lock could have.
    fs::write(folder.path().join("out.lock"), "precious").expect("it is written");
    let output = command(&folder, &[]).output().expect("the command starts");
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    assert_eq!(listing(&folder), ["out", "out.lock", "study.toml"]);
    assert_eq!(fs::read(folder.path().join("out.lock")).expect("it is there"), b"precious");
}

#[test]
fn of_runs_that_start_together_one_goes_on() {
    let folder = place();
    let start = |_| command(&folder, &[]).spawn().expect("the command starts");
    let all: Vec<Child> = (0..8).map(start).collect();
    let ended: Vec<Output> = all.into_iter().map(|child| child.wait_with_output().expect("it ends")).collect();
    let codes: Vec<Option<i32>> = ended.iter().map(|output| output.status.code()).collect();
    let said: String = ended.iter().map(words).collect();
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{codes:?}: {said}");
    assert_eq!(codes.iter().filter(|code| **code == Some(2)).count(), 7, "{codes:?}: {said}");
    assert_eq!(listing(&folder), ["out", "study.toml"]);
}
