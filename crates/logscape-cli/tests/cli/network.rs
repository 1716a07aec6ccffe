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

/// Three classes of points in the plane that overlap.
fn classes() -> String {
    let row = |k: u32| {
        let (class, turn) = (k % 3, f64::from(k));
        let centre = 2.1 * f64::from(class);
        format!("{:.6},{:.6},{class}\n", centre.cos() + (1.7 * turn).sin(), centre.sin() + (2.3 * turn).cos())
    };
    "x1,x2,label\n".to_owned() + &(0..90).map(row).collect::<String>()
}

#[test]
fn classes_by_cross_entropy_come_to_a_page_that_says_what_holds_for_them() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("classes.csv"), classes()).expect("the data");
    let study = "name = \"classes\"\n[problem]\nkind = \"network\"\nlayers = [{ linear = 3 }]\nloss = \"cross-entropy\"\n\
                 data = { path = \"classes.csv\", inputs = [\"x1\", \"x2\"], targets = [\"label\"], one_hot = true }\n\
                 [minimum]\naccept = true\n[sgd]\nlearning_rate = 0.1\nbatch_size = 4\n\
                 [escape]\nregion = { loss-factor = 1.2 }\nreplicas = 20\nmax_steps = 10_000\n";
    let output = run(&folder, study);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{words}");
    let results = fs::read_to_string(folder.path().join("record/results.json")).expect("results");
    let results: serde_json::Value = serde_json::from_str(&results).expect("JSON");
    assert_eq!(results["minimum"]["output_loss"], "cross-entropy");
    let theta: Vec<f64> = serde_json::from_value(results["minimum"]["theta"].clone()).expect("parameters");
    // Loss and accuracy by hand, with rows as the file has them.
    let (mut loss, mut right) = (0.0, 0);
    for line in classes().lines().skip(1) {
        let row: Vec<f64> = line.split(',').map(|x| x.parse().expect("a number")).collect();
        let scores: Vec<f64> =
            (0..3).map(|k| theta[2 * k] * row[0] + theta[2 * k + 1] * row[1] + theta[6 + k]).collect();
        let own = scores[row[2] as usize];
        loss += scores.iter().map(|score| score.exp()).sum::<f64>().ln() - own;
        right += usize::from(scores.iter().all(|&score| score <= own));
    }
    let of = |field: &str| results["minimum"][field].as_f64().expect("a number");
    assert!((of("loss") / (loss / 90.0) - 1.0).abs() < 1e-12 && (of("accuracy") - right as f64 / 90.0).abs() < 1e-12);
    assert!(right > 50 && right < 90, "{right}");
    // Probabilities of a model that is right up to its fit.
    let ratio = results["geometry"]["fisher"]["trace_ratio"].as_f64().expect("a ratio");
    assert!((0.5..1.5).contains(&ratio), "{ratio}");
    let page = fs::read_to_string(folder.path().join("record/report.html")).expect("a page");
    for words in
        ["cross-entropy of classes and softmax", "Accuracy", "Fisher’s identity would have", "1 where the model"]
    {
        assert!(page.contains(words) || page.contains(&words.replace('’', "&#x27;")), "{words}");
    }
    let summary = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(summary.contains(", accuracy "), "{summary}");

    let labels = study.replace(", one_hot = true", "").replace("linear = 3", "linear = 1");
    fs::remove_dir_all(folder.path().join("record")).expect("the record goes");
    let words = String::from_utf8_lossy(&run(&folder, &labels).stderr).into_owned();
    assert!(words.contains("no probabilities") && words.contains("hint: one_hot = true"), "{words}");
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
        ("kernel = 2 }", "kernel = [2] }", "[2] are no sides; give one number, or two as [height, width]"),
        ("{ linear = 2 }", "{ linear = 2, scale = false }", "this layer has no `scale`"),
        ("\"tanh\"", "{ layer-norm = true, epsilon = 0 }", "layer 1: `epsilon` is 0; use more than 0"),
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
