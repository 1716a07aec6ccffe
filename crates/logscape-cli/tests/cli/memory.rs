//! What would take more memory than there is is refused before it is allocated, with how much that would be.

use std::fs;
use std::io::Write;
use std::process::Command;
use tempfile::TempDir;

const LINE: &str = r#"name = "line"

[problem]
kind = "linear-regression"
data.synthetic = { kind = "linear-teacher", samples = 60, spectrum = [1.0, 1.0], teacher = [1.0, -0.5], noise = 1.0 }

[sgd]
learning_rate = 0.2
batch_size = 1

[escape]
region = { loss-factor = 2.0 }
method = "direct"
replicas = 40
max_steps = 300
"#;

const NETWORK: &str = r#"name = "network"

[problem]
kind = "mlp"
hidden = [2]
data = { path = "." }

[sgd]
learning_rate = 0.01
batch_size = 1
"#;

fn place(study: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("study.toml"), study).expect("the study is written");
    folder
}

/// Expects one refusal with all parts, and nothing left.
#[track_caller]
fn refuses(folder: &TempDir, more: &[&str], parts: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    command.current_dir(folder).args(["run", "study.toml", "--out", "out"]).args(more);
    let output = command.output().expect("the command starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    // As one line, where lines are broken within a frame.
    let said = said.split_whitespace().filter(|word| *word != "|").collect::<Vec<_>>().join(" ");
    // A field of the file is shown in it, with help.
    let hint = if said.contains("[study.toml:") { "help: " } else { "hint: " };
    for part in parts.iter().chain(&["of memory, and the limit is ", hint, "--memory"]) {
        assert!(said.contains(part), "`{part}` is missing in\n{said}");
    }
    assert!(!folder.path().join("out").exists() && !folder.path().join("out.partial").exists());
}

#[test]
fn sizes_of_a_study_are_checked_before_anything_is_computed() {
    let folder = place(LINE);
    let threads = ["--threads", "2"];
    for (set, parts) in [
        // A number of four bytes for each of sixteen lanes of two threads.
        ("sgd.batch_size=[1, 99_999_999_999_999]", ["sgd.batch_size", "13 PB"]),
        ("escape.replicas=1_000_000_000_000", ["escape.replicas", "200 TB"]),
        // The most that a whole number can be.
        ("sgd.batch_size=9_223_372_036_854_775_807", ["sgd.batch_size", "1.2 ZB"]),
    ] {
        refuses(&folder, &[&["--set", set][..], &threads].concat(), &parts);
    }
    let splitting = ["--set", "escape.method=splitting", "--set", "escape.rare.trajectories=1_000_000_000_000"];
    refuses(&folder, &splitting, &["escape.rare.trajectories", "216 TB"]);
    let grid = ["--set", "sgd.learning_rate=0.01:0.1:10000", "--set", "sgd.batch_size=1:10000:10000"];
    refuses(&folder, &grid, &["sgd: the results of 100000000 settings", "410 GB"]);
    refuses(&folder, &["--set", "stationary={ replicas = 1_000_000_000_000 }"], &["stationary.replicas", "16 TB"]);
    // The limit is what one says: 100,000 samples of two inputs and a target.
    let samples = "problem.data.synthetic.samples=100_000";
    refuses(&folder, &["--set", samples, "--memory", "1MB"], &["linear teacher", "2.4 MB", "1.0 MB"]);
}

#[test]
fn generated_data_beyond_the_limit_are_refused_by_every_generator() {
    for (generator, parts) in [
        (
            "kind = \"sinusoid\", samples = 200_000_000, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3",
            ["sinusoid", "3.2 GB"],
        ),
        ("kind = \"phase-retrieval\", samples = 200_000_000, dim = 1, noise = 0.3", ["phase retrieval", "3.2 GB"]),
        (
            "kind = \"matrix-factorisation\", samples = 200_000_000, rows = 20_000, columns = 20_000, rank = 1, noise = 0.3",
            ["matrix factorisation", "4.8 GB"],
        ),
        (
            "kind = \"matrix-factorisation\", samples = 20, rows = 20_000, columns = 20_000, rank = 2_000, noise = 0.3",
            ["a teacher of 80000000 parameters", "640 MB"],
        ),
        (
            "kind = \"teacher-student\", samples = 20, input_dim = 4_000, hidden = 20_000, target_dim = 1, gain = 1.0, noise = 0.3",
            ["a teacher of 80020000 parameters", "640 MB"],
        ),
    ] {
        let (before, rest) = LINE.split_once("{ kind").expect("it has a generator");
        let after = rest.split_once(" }").expect("which ends").1;
        refuses(&place(&format!("{before}{{ {generator} }}{after}")), &["--memory", "500MB"], &parts);
    }
}

#[test]
fn labels_that_are_too_large_for_rows_of_targets_are_refused() {
    let study = NETWORK.replace("{ path = \".\" }", "{ path = \"x.npy\", one_hot = true }");
    let folder = place(&study);
    let array = |descr: &str, shape: &str, bytes: &[u8]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((header.len() as u16).to_le_bytes());
        file.extend(header.as_bytes());
        file.extend(bytes);
        file
    };
    let inputs: Vec<u8> = (0..200_000).flat_map(|k| f64::from(k).to_le_bytes()).collect();
    let labels: Vec<u8> = (0..200_000_i64).flat_map(i64::to_le_bytes).collect();
    fs::write(folder.path().join("x.npy"), array("<f8", "(200000, 1)", &inputs)).expect("inputs");
    fs::write(folder.path().join("y.npy"), array("<i8", "(200000,)", &labels)).expect("labels");
    refuses(&folder, &[], &["problem.data", "200000 targets for each of 200000 samples", "320 GB"]);
}

#[test]
fn a_network_that_is_too_wide_is_refused() {
    let folder = place(&NETWORK.replace("{ path = \".\" }", "{ builtin = \"digits\" }"));
    // (64 + 1 + 10) weights for each unit, and 10 biases; 50 vectors of them.
    refuses(&folder, &["--set", "problem.hidden=[1_000_000_000]"], &["75000000010 parameters", "30 TB"]);
    refuses(
        &folder,
        &["--set", "problem.hidden=[9_223_372_036_854_775_807, 9_223_372_036_854_775_807]"],
        &["parameters"],
    );
}

#[test]
fn factors_of_too_high_a_rank_are_refused() {
    let synthetic = "{ synthetic = { kind = \"matrix-factorisation\", samples = 60, rows = 9, columns = 8, rank = 2, noise = 0.3 } }";
    let study =
        NETWORK.replace("\"mlp\"", "\"matrix-factorisation\"").replace("hidden = [2]", "rank = 1_000_000_000_000");
    refuses(&place(&study.replace("{ path = \".\" }", synthetic)), &[], &["17000000000000 parameters", "6.8 PB"]);
}

/// A file of a few kilobytes that unpacks to a hundred times the limit.
#[test]
fn packed_images_are_not_unpacked_beyond_the_limit() {
    let folder = place(NETWORK);
    let words = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let write = |name: &str, header: &[u32], bytes: usize| {
        let file = fs::File::create(folder.path().join(name)).expect("a file");
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        packed.write_all(&words(header)).expect("it is written");
        packed.write_all(&vec![0; bytes]).expect("it is written");
        packed.finish().expect("it is written");
    };
    write("train-images-idx3-ubyte.gz", &[0x803, 100_000, 10, 10], 10_000_000);
    write("train-labels-idx1-ubyte.gz", &[0x801, 100_000], 100_000);
    refuses(&folder, &["--memory", "20MB"], &["train-images-idx3-ubyte.gz", "10000000 numbers", "90 MB", "20 MB"]);
}

/// A file of 800 bytes with two pages of a million zeros: 24 MB for what is read of them, and 24.8 for a page with what its decoder keeps.
#[test]
fn packed_pages_are_not_unpacked_beyond_the_limit() {
    let folder = place(&NETWORK.replace("{ path = \".\" }", "\"zeros.parquet\""));
    fs::write(folder.path().join("zeros.parquet"), include_bytes!("zeros.parquet")).expect("it is written");
    refuses(&folder, &["--memory", "20MB"], &["zeros.parquet", "1000000 × 2 numbers", "24 MB", "20 MB"]);
    refuses(&folder, &["--memory", "24.5MB"], &["zeros.parquet", "a page would take 25 MB"]);
}

#[test]
fn a_limit_that_is_no_size_is_refused() {
    let folder = place(LINE);
    for bad in ["8", "8 parsecs", "-1GB", "0GB", "nanGB", "1e30GB", "GB"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
        let output = command
            .current_dir(&folder)
            .args(["run", "study.toml", &format!("--memory={bad}")])
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{bad}: {said}");
        assert!(said.contains("500MB or 8GB"), "{bad}: {said}");
    }
}
