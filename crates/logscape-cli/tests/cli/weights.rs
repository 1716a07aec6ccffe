//! Parameters from files and into records, and a study whose curvature alone is measured.

use assert_cmd::Command;
use std::fs;
use std::process::Output;
use tempfile::TempDir;

/// Written by Python's safetensors library, with the names that PyTorch gives the tensors of these layers; the loss is that of a
/// script in NumPy.
const WEIGHTS: &[u8] = include_bytes!("../../../logscape/src/network/sequential.safetensors");
const LOSS: f64 = 13.198_525_991_841_962;

const STUDY: &str = r#"name = "weights"
[problem]
kind = "network"
input = [1, 4, 4]
layers = [{ conv2d = 2, kernel = 3 }, "batch-norm", "relu", "flatten", { linear = 2 }]
data = { path = "data.csv", targets = ["a", "b"] }
[minimum]
start = "weights.safetensors"
search = false
"#;

fn place() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let names: Vec<String> = (0..16).map(|k| format!("x{k}")).collect();
    let row = |(sample, targets): (u32, &str)| {
        let pixels: Vec<String> = (0..16).map(|k| format!("{:?}", (f64::from(16 * sample + k) * 0.7).sin())).collect();
        format!("{},{targets}", pixels.join(","))
    };
    let rows: Vec<String> = (0..).zip(["1,0", "0,1", "1,0"]).map(row).collect();
    let rows = format!("{},a,b\n{}\n", names.join(","), rows.join("\n"));
    fs::write(folder.path().join("data.csv"), rows).expect("the data");
    fs::write(folder.path().join("weights.safetensors"), WEIGHTS).expect("the weights");
    folder
}

fn logscape(folder: &TempDir, study: &str, arguments: &[&str]) -> Output {
    fs::write(folder.path().join("study.toml"), study).expect("the study");
    let mut command = Command::cargo_bin("logscape").expect("the program");
    command.current_dir(folder.path()).args(arguments).output().expect("it starts")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn results(folder: &TempDir, record: &str) -> serde_json::Value {
    let text = fs::read_to_string(folder.path().join(record).join("results.json")).expect("results");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn weights_of_pytorch_start_a_study_and_those_of_a_record_another() {
    let folder = place();
    let output = logscape(&folder, STUDY, &["curvature", "study.toml", "--out", "record"]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let found = results(&folder, "record");
    let loss = found["minimum"]["loss"].as_f64().expect("a loss");
    assert!((loss / LOSS - 1.0).abs() < 1e-12, "{loss}");
    assert_eq!(
        (found["settings"].as_array().map(Vec::len), found["curvature"].as_array().map(Vec::len)),
        (Some(0), Some(3))
    );
    let summary = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(summary.contains("gauss-newton ") && summary.contains("trace = "), "{summary}");
    let page = fs::read_to_string(folder.path().join("record/report.html")).expect("a page");
    assert!(page.contains("<td>H</td>") && page.contains("The study names none"), "{page}");
    let manifest = fs::read_to_string(folder.path().join("record/manifest.json")).expect("a manifest");
    assert!(manifest.contains("weights.safetensors") && manifest.contains("data.csv"), "{manifest}");

    // The record's own weights, in double precision and with the statistics, are the same point.
    let again = STUDY.replace("weights.safetensors", "record/minimum.safetensors");
    let output = logscape(&folder, &again, &["run", "study.toml", "--out", "again"]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let again = results(&folder, "again");
    assert_eq!(again["minimum"]["loss"], found["minimum"]["loss"]);
    assert_eq!(again["minimum"]["theta"], found["minimum"]["theta"]);
    assert_eq!(again["geometry"], found["geometry"]);
    let record = folder.path().join("record/minimum.safetensors");
    let bytes = |name: &str| fs::read(folder.path().join(name).join("minimum.safetensors")).expect("weights");
    assert!(bytes("record") == bytes("again"));

    // What was changed is not the record's.
    let mut changed = fs::read(&record).expect("weights");
    *changed.last_mut().expect("a byte") ^= 1;
    fs::write(&record, changed).expect("it is written");
    let output = logscape(&folder, STUDY, &["report", "record"]);
    assert!(words(&output).contains("minimum.safetensors"), "{}", words(&output));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn weights_that_do_not_fit_are_refused_by_tensor_and_nothing_is_left() {
    let folder = place();
    for (from, to, told) in [
        ("linear = 2", "linear = 2 }, { linear = 2", "there is no tensor `5.weight`; the file has 0.bias"),
        ("conv2d = 2", "conv2d = 4", "the tensor `0.weight` has the shape [2, 1, 3, 3], the problem's [4, 1, 3, 3]"),
        (", \"batch-norm\"", "", "there is no tensor `3.weight`"),
        ("weights.safetensors", "missing.safetensors", "hint: check the path, which starts at the study's folder"),
        ("\"weights.safetensors\"", "\"data.csv\"", "this is no whole safetensors file"),
        ("\"weights.safetensors\"", "7", "a list of numbers, or the path of a safetensors file"),
    ] {
        assert!(STUDY.contains(from));
        for command in ["run", "check"] {
            let more: &[&str] = if command == "run" { &["--out", "record"] } else { &[] };
            let output = logscape(&folder, &STUDY.replace(from, to), &[&[command, "study.toml"], more].concat());
            let words = words(&output);
            assert!(words.contains(told), "{to}: {words}");
            assert_eq!(output.status.code(), Some(2), "{words}");
            assert!(!folder.path().join("record").exists() && !folder.path().join("record.partial").exists());
        }
    }
    fs::write(folder.path().join("weights.safetensors"), &WEIGHTS[..WEIGHTS.len() - 3]).expect("a part");
    let output = logscape(&folder, STUDY, &["run", "study.toml", "--out", "record"]);
    assert!(words(&output).contains("no whole safetensors file"), "{}", words(&output));
}

#[test]
fn other_problems_have_weights_too_and_another_file_of_them_is_no_work_to_go_on_with() {
    let folder = place();
    let line = "name = \"line\"\n[problem]\nkind = \"linear-regression\"\ndata = { path = \"data.csv\", inputs = [\"x0\", \"x1\"], targets = [\"a\"] }\n";
    let output = logscape(&folder, line, &["run", "study.toml", "--out", "first"]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let from = |file: &str| format!("{line}[minimum]\nstart = \"{file}\"\n");
    let output = logscape(&folder, &from("first/minimum.safetensors"), &["run", "study.toml", "--out", "second"]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let theta = |record: &str| -> Vec<f64> {
        serde_json::from_value(results(&folder, record)["minimum"]["theta"].clone()).expect("parameters")
    };
    for (first, second) in theta("first").iter().zip(theta("second")) {
        assert!((first - second).abs() < 1e-14 * first.abs().max(1.0), "{first} {second}");
    }
    let output = logscape(&folder, &from("weights.safetensors"), &["check", "study.toml"]);
    assert!(words(&output).contains("there is no tensor `theta`"), "{}", words(&output));

    // A run that is stopped has the weights among what it is made from.
    let slow = from("first/minimum.safetensors")
        + "[sgd]\nlearning_rate = 0.01\nbatch_size = 1\n[escape]\nregion = { loss-factor = 1e9 }\nreplicas = 4\nmax_steps = 1_000_000_000\n";
    fs::write(folder.path().join("study.toml"), &slow).expect("the study");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_logscape"))
        .current_dir(folder.path())
        .args(["run", "study.toml", "--out", "slow"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let begun = std::time::Instant::now();
    let kept = folder.path().join("slow.partial/ensembles/identity.checkpoint");
    while !kept.exists() && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let weights = folder.path().join("first/minimum.safetensors");
    let mut changed = fs::read(&weights).expect("weights");
    *changed.last_mut().expect("a byte") ^= 1;
    fs::write(&weights, changed).expect("it is written");
    let output = logscape(&folder, &slow, &["run", "study.toml", "--out", "slow", "--resume"]);
    let words = words(&output);
    assert!(
        words.contains("the data have changed") && words.contains("minimum.safetensors has other bytes"),
        "{words}"
    );
    assert_eq!(output.status.code(), Some(2), "{words}");
}
