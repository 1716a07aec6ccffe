//! What a study of many settings says is short.

use std::fs;
use std::process::Command;

/// Ten learning rates by ten batch sizes.
const STUDY: &str = r#"name = "hundred"
seed = 7

[problem]
kind = "linear-regression"
data.synthetic = { kind = "linear-teacher", samples = 100, spectrum = [1.0, 1.0], teacher = [1.0, -0.5], noise = 1.0 }

[sgd]
learning_rate = "0.01:0.1:10"
batch_size = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

[stationary]
replicas = 4
burn_in = 10
steps = 100

[escape]
region = { loss-factor = 2.0 }
replicas = 4
max_steps = 100
"#;

#[test]
fn the_log_and_the_summary_of_a_hundred_settings_stay_under_150_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("study.toml"), STUDY).expect("the study is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    let command = command.current_dir(folder.path()).args(["run", "study.toml", "--out", "hundred"]);
    let output = command.output().expect("the command starts");
    let [summary, log] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
    assert!(output.status.success(), "{log}");
    let settings = summary.lines().filter(|line| line.starts_with("eta = ")).count();
    assert_eq!(settings, 100, "{summary}");
    assert!(summary.lines().count() + log.lines().count() < 150, "{log}{summary}");
    assert!(log.contains("setting 1 of 100: ") && log.contains("\n100 settings in "), "{log}");
}

#[test]
fn the_version_is_that_of_logscape() {
    let output = Command::new(env!("CARGO_BIN_EXE_logscape")).arg("--version").output().expect("the command starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), concat!("logscape ", env!("CARGO_PKG_VERSION"), "\n"));
}
