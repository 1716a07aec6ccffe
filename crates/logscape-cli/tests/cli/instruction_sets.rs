//! Processors with other vector instructions: the same events, and numbers that differ by rounding.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A network whose minimum is well determined, so that rounding does not grow.
const STUDY: &str = r#"name = "processors"
seed = 7
[problem]
kind = "mlp"
hidden = [1]
activation = "tanh"
data.synthetic = { kind = "teacher-student", samples = 80, input_dim = 2, hidden = 2, target_dim = 1, gain = 1.0, noise = 0.3 }
[sgd]
learning_rate = 0.4
batch_size = 2
[stationary]
replicas = 16
burn_in = 20
steps = 20
[escape]
region = { loss-factor = 1.5 }
method = "direct"
replicas = 16
max_steps = 300
[output]
figures = []
"#;

const EMULATOR: &str = "qemu-x86_64";

/// Runs the study, on a processor of this name if there is one; returns `results.json` and the table of escape times.
fn run(folder: &Path, processor: Option<&str>) -> (Value, Vec<u8>) {
    let program = env!("CARGO_BIN_EXE_logscape");
    let mut command = match processor {
        Some(name) => {
            let mut emulated = Command::new(EMULATOR);
            emulated.args(["-cpu", name, program]);
            emulated
        }
        None => Command::new(program),
    };
    let out = folder.join(processor.unwrap_or("here"));
    command.current_dir(folder).args(["run", "study.toml", "--threads", "1", "--out"]).arg(&out);
    let output = command.output().expect("the command starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = fs::read_to_string(out.join("results.json")).expect("results");
    let escapes = fs::read(out.join("tables/escape_times.parquet")).expect("a table");
    (serde_json::from_str(&results).expect("JSON"), escapes)
}

/// Asserts that two values differ by rounding alone, but for a gradient that is nothing else.
fn differ_by_rounding(here: &Value, there: &Value, place: &str) {
    match (here, there) {
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(a.len(), b.len(), "{place}");
            for (name, value) in a.iter().filter(|(name, _)| *name != "gradient_norm") {
                differ_by_rounding(value, &b[name], &format!("{place}.{name}"));
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{place}");
            a.iter().zip(b).for_each(|(a, b)| differ_by_rounding(a, b, place));
        }
        (Value::Number(a), Value::Number(b)) => {
            let [a, b] = [a, b].map(|x| x.as_f64().expect("a number"));
            assert!((a - b).abs() <= 1e-9 * a.abs().max(b.abs()), "{place}: {a} here, {b} there");
        }
        _ => assert_eq!(here, there, "{place}"),
    }
}

#[test]
fn other_vector_instructions_give_the_same_escapes_and_numbers_but_for_rounding() {
    if Command::new(EMULATOR).arg("--version").output().is_err() {
        println!("skipped: there is no {EMULATOR}, which Debian has in qemu-user");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("study.toml"), STUDY).expect("the study is written");
    let (here, escapes) = run(folder.path(), None);
    // With AVX2 and without AVX at all.
    for processor in ["Haswell", "Nehalem"] {
        let (there, escaped) = run(folder.path(), Some(processor));
        differ_by_rounding(&here, &there, processor);
        assert!(escapes == escaped, "replicas escape at other steps on {processor}");
    }
}
