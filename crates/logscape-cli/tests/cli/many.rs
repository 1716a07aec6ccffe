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
learning_rate = "0.03:0.3:10"
batch_size = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

[stationary]
replicas = 4
burn_in = 10
steps = 100

[escape]
region = { loss-factor = 2.0 }
replicas = 4
max_steps = 200
"#;

#[test]
fn a_hundred_settings_are_told_in_less_than_150_lines_and_at_a_glance_on_the_page() {
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

    let read = |name: &str| fs::read_to_string(folder.path().join("hundred").join(name)).expect("a file");
    let results: serde_json::Value = serde_json::from_str(&read("results.json")).expect("results");
    let settings = results["settings"].as_array().expect("settings");
    let steps = |setting: &serde_json::Value| setting["escape"]["measured"]["mean_steps"]["value"].as_f64();
    let seen = settings.iter().filter_map(steps).count();
    assert!(0 < seen && seen < 100, "{seen} is no test");
    let page = read("report.html");
    let words = format!("<li>Of 100 settings, escape is measured in {seen}, is not seen in {}", 100 - seen);
    assert!(page.contains(&words), "{words}");
    let plain = page.split("<h2>").find(|part| part.starts_with("In plain words")).expect("plain words");
    assert!(plain.matches("<li>").count() <= 10, "{plain}");
    for number in [1, 100] {
        assert_eq!(page.matches(&format!("<a href=\"#setting-{number}\">")).count(), 1);
        assert_eq!(page.matches(&format!("<h3 id=\"setting-{number}\">")).count(), 1);
    }
    assert_eq!(page.matches("<a href=\"#setting-").count(), 100);
}

#[test]
fn the_version_is_that_of_logscape() {
    let output = Command::new(env!("CARGO_BIN_EXE_logscape")).arg("--version").output().expect("the command starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), concat!("logscape ", env!("CARGO_PKG_VERSION"), "\n"));
}
