//! A network of convolutions from a study to a page, and what is wrong with one told at its place.

use assert_cmd::Command;
use std::fs;
use std::process::Output;
use tempfile::TempDir;

const STUDY: &str = r#"name = "convolutions"
seed = 3

[problem]
kind = "network"
input = [1, 4, 4]
layers = [
    { conv2d = 2, kernel = 2 }, "tanh",
    { residual = [{ conv2d = 2, kernel = 1 }, "gelu"] },
    { avg-pool2d = 2, stride = 1 }, "flatten", { linear = 2 },
]
data = { synthetic = { kind = "teacher-student", samples = 60, input_dim = 16, hidden = 3, target_dim = 2, gain = 1.0, noise = 0.5 } }

[minimum]
init = "lecun"

[sgd]
learning_rate = 0.05
batch_size = 8

[escape]
region = { loss-factor = 1.3 }
replicas = 4
max_steps = 20_000
"#;

fn run(folder: &TempDir, study: &str) -> Output {
    fs::write(folder.path().join("study.toml"), study).expect("a file");
    let mut command = Command::cargo_bin("logscape").expect("the program");
    command.current_dir(folder.path()).args(["run", "study.toml", "--out", "record"]).output().expect("it starts")
}

#[test]
fn a_network_of_convolutions_comes_to_a_page() {
    let folder = TempDir::new().expect("a folder");
    let output = run(&folder, STUDY);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{words}");
    let record = folder.path().join("record");
    let results = fs::read_to_string(record.join("results.json")).expect("results");
    let results: serde_json::Value = serde_json::from_str(&results).expect("JSON");
    // Kernels of 8 + 4 weights and 2 + 2 biases, and 2 outputs of 8 numbers with biases.
    assert_eq!(results["minimum"]["parameters"], 34);
    assert_eq!(results["minimum"]["theta"].as_array().map(Vec::len), Some(34));
    assert!(fs::metadata(record.join("report.html")).expect("a page").len() > 10_000);
    let resolved = fs::read_to_string(record.join("study.toml")).expect("the study");
    assert!(resolved.contains("{ residual = [{ conv2d = 2, kernel = 1 }, \"gelu\"] }"), "{resolved}");
}

#[test]
fn what_does_not_fit_is_told_with_its_layer() {
    let folder = TempDir::new().expect("a folder");
    for (from, to, told) in [
        ("\"tanh\"", "\"tahn\"", "there is no layer `tahn`"),
        ("\"flatten\", ", "", "layer 4: `linear` needs a row of numbers"),
        ("{ conv2d = 2, kernel = 1 }", "{ conv2d = 2, kernel = 9 }", "layer 2.0: windows of 9"),
        ("{ linear = 2 }", "{ linear = 3 }", "end with { linear = 2 }"),
        ("input = [1, 4, 4]", "input = [1, 4, 5]", "have 20 numbers"),
        ("kernel = 2 }", "kernal = 2 }", "unknown field `kernal`"),
    ] {
        let output = run(&folder, &STUDY.replacen(from, to, 1));
        // The message is broken into lines.
        let words = String::from_utf8_lossy(&output.stderr).replace("\n  |", "");
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(2), "{to}: {words}");
        assert!(words.contains(told), "{to}: {words}");
        assert!(!folder.path().join("record").exists() && !folder.path().join("record.partial").exists(), "{to}");
    }
}
