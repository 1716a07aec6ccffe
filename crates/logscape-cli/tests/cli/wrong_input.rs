//! Wrong input and a refusing system: one clear message with a hint, the right exit code, and nothing left behind.

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

const STUDY: &str = r#"name = "line"

[problem]
kind = "linear-regression"
data = { path = "data.csv" }

[minimum]
tolerance = 1e-8

[sgd]
learning_rate = 0.1
batch_size = 1
sampling = "with-replacement"

[escape]
region = { loss-factor = 2.0 }
replicas = 4
max_steps = 1_000
"#;

const NETWORK: &str = r#"name = "network"

[problem]
kind = "mlp"
hidden = [2]
activation = "tanh"
data = { path = "images" }

[minimum]
init = "lecun"

[sgd]
learning_rate = 0.1
batch_size = 1
"#;

/// A folder with a study and its data, and beside them the empty folder where records are to go.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(study: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        place.write("study.toml", study.as_bytes());
        place.write("data.csv", b"x,y\n1,1.1\n2,1.8\n3,3.2\n-1,-0.7\n-2,-2.1\n");
        fs::create_dir(place.path("records")).expect("a folder for records");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("the file is written");
    }

    /// `logscape run study.toml --out OUT` with more arguments.
    fn run(&self, out: &str, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
        command.env("NO_COLOR", "1").arg("run").arg(self.path("study.toml")).arg("--out").arg(self.path(out));
        command.args(more).output().expect("the command starts")
    }

    /// Runs, and checks that it is refused with one message that has every part, and that no record is begun.
    #[track_caller]
    fn refuses(&self, more: &[&str], parts: &[&str]) {
        let output = self.run("records/out", more);
        check_refusal(&output, 2, parts);
        assert_eq!(listing(&self.path("records")), Vec::<String>::new(), "something is left");
    }
}

/// Runs, and checks that it is refused with one message that has every part, and that what was computed before is kept.
#[track_caller]
fn refuses_after_stages(place: &Place, parts: &[&str]) {
    let output = place.run("records/out", &[]);
    check_refusal(&output, 2, &[parts, &["note: finished stages are kept in", "records/out.partial"]].concat());
    assert_eq!(listing(&place.path("records")), ["out.partial"]);
}

/// One message with all parts and a hint, no panic, nothing on standard output.
#[track_caller]
fn check_refusal(output: &Output, code: i32, parts: &[&str]) {
    let words = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{words}");
    assert!(output.stdout.is_empty(), "something is on standard output");
    // Miette breaks lines at 80 columns and draws a bar before what it carries over.
    let flat: String = words.split_whitespace().filter(|word| !["│", "|"].contains(word)).collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(flat.contains(part), "`{part}` is missing in\n{words}");
    }
    let messages = words.lines().filter(|line| ["error: ", "  × ", "  x "].iter().any(|start| line.starts_with(start)));
    assert_eq!(messages.count(), 1, "not one message:\n{words}");
    let hints =
        words.lines().map(str::trim_start).filter(|line| line.starts_with("hint: ") || line.starts_with("help: "));
    assert_eq!(hints.count(), 1, "not one hint:\n{words}");
    assert!(!words.contains("panicked"), "{words}");
}

/// Names in a folder, in order.
fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_good_study_runs() {
    let place = Place::new(STUDY);
    let output = place.run("records/out", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(listing(&place.path("records")), ["out"]);
}

#[test]
fn a_misspelt_field_is_named() {
    Place::new(&STUDY.replace("batch_size", "batchsize"))
        .refuses(&[], &["unknown field `batchsize`", "study.toml:12:1", "did you mean `batch_size`?"]);
}

#[test]
fn a_missing_study_is_named() {
    let place = Place::new(STUDY);
    fs::remove_file(place.path("study.toml")).expect("the study is there");
    place.refuses(&[], &["cannot read study", "study.toml", "give the path of a study file"]);
}

#[test]
fn a_missing_data_file_is_named() {
    Place::new(&STUDY.replace("data.csv", "none.csv")).refuses(&[], &["problem.data", "none.csv", "check the path"]);
    Place::new(&STUDY.replace("data.csv", "none")).refuses(&[], &["problem.data.path", "none", "check the path"]);
}

#[test]
fn a_hole_and_a_nan_in_the_data_are_named_by_line_and_column() {
    let place = Place::new(STUDY);
    place.write("data.csv", b"x,y\n1,1\n2,\n3,3\n");
    place.refuses(&[], &["data.csv: line 3, column `y`", "hole", "fill in or drop the line"]);
    place.write("data.csv", b"x,y\n1,1\n2,2\nNaN,3\n");
    place.refuses(&[], &["data.csv: line 4, column `x`", "`NaN`", "NaN and infinities are not accepted"]);
}

/// An NPY file of bytes.
fn npy(dtype: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), bytes].concat()
}

/// Arrays that are not read say what to do, and what is saved so runs.
#[test]
fn hints_about_arrays_work_when_followed() {
    let place = Place::new(&STUDY.replace("data.csv", "x.npy"));
    let inputs = npy("|i1", "(5,)", &[1, 2, 3, 0xff, 0xfe]);
    place.write("x.npy", &inputs);
    place.refuses(&[], &["no targets beside these inputs", "y.npy", "put inputs in `x.npy` and targets in `y.npy`"]);
    let ones: Vec<u8> = [1.1_f32, 1.8, 3.2, -0.7, -2.1].iter().flat_map(|y| y.to_le_bytes()).collect();
    for (targets, told, hint) in [
        (npy("<f4", "(1, 5)", &ones), "rows of targets: found 1, wanted 5", "`y.T`"),
        (npy("|O", "(5,)", &ones), "y.npy: dtype: found |O", "np.array(a.tolist(), dtype=\"f8\")"),
        (npy("<c8", "(5,)", &[&ones[..], &ones].concat()), "y.npy: dtype: found <c8", "np.abs(a)"),
        (npy("<f4", "(4,)", &ones[..16]), "found 4, wanted 5", "as many rows of targets as of inputs"),
        (npy("<f4", "(5,)", &ones[..16]), "y.npy: truncated", "copy or download the file again"),
    ] {
        place.write("y.npy", &targets);
        place.refuses(&[], &[told, hint]);
    }
    place.write("y.npy", &npy("<f4", "(5,)", &ones));
    place
        .refuses(&["--set", "problem.data.inputs=1"], &["column `1` is asked for", "leave out `inputs` and `targets`"]);
    let output = place.run("records/out", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn truncated_idx_files_are_named() {
    let words = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let images = [words(&[0x803, 3, 2, 2]), vec![7; 12]].concat();
    let labels = [words(&[0x801, 3]), vec![0, 1, 0]].concat();
    let place = Place::new(NETWORK);
    fs::create_dir(place.path("images")).expect("a folder for images");
    let (image_file, label_file) = ("images/train-images-idx3-ubyte", "images/train-labels-idx1-ubyte");
    place.write(label_file, &labels);
    for (bytes, told) in
        [(&images[..20], "images take 12 bytes, found 4"), (&images[..10], "rows take 4 bytes, found 2")]
    {
        place.write(image_file, bytes);
        place.refuses(&[], &["problem.data", image_file, "truncated", told, "copy or download the file again"]);
    }
    place.write(image_file, &images);
    place.write(label_file, &labels[..9]);
    place.refuses(&[], &[label_file, "truncated", "labels take 3 bytes, found 1"]);
}

#[test]
fn batches_that_cannot_be_drawn_are_refused() {
    let empty = Place::new(&STUDY.replace("batch_size = 1", "batch_size = 0"));
    empty.refuses(&[], &["sgd.batch_size", "study.toml:12:14", "use a batch size of 1 or more"]);
    let large =
        STUDY.replace("batch_size = 1", "batch_size = [2, 6]").replace("with-replacement", "without-replacement");
    Place::new(&large).refuses(&[], &["sgd.batch_size", "a batch of 6", "5 samples", "use smaller batches"]);
    let training = "[minimum.train]\nlearning_rate = 0.1\nbatch_size = 6\nsteps = 10\n\n[sgd]";
    Place::new(&STUDY.replace("[sgd]", training)).refuses(&[], &["minimum", "the number of samples", "smaller"]);
}

#[test]
fn a_negative_learning_rate_is_refused() {
    let place = Place::new(&STUDY.replace("learning_rate = 0.1", "learning_rate = -0.1"));
    place
        .refuses(&[], &["sgd.learning_rate: -0.1 is not positive", "study.toml:11:17", "use a positive learning rate"]);
}

#[test]
fn a_start_of_the_wrong_length_is_refused() {
    let place = Place::new(&STUDY.replace("tolerance = 1e-8", "start = [1.0, 2.0]"));
    place.refuses(&[], &["minimum.start: 2 numbers", "has 1 parameter", "one number for each parameter"]);
}

#[test]
fn names_of_activations_and_initialisations_are_checked_in_their_place() {
    let place = Place::new(&NETWORK.replace("tanh", "tahn"));
    place.refuses(&[], &["unknown variant `tahn`", "study.toml:6:14", "did you mean `tanh`?"]);
    let place = Place::new(&NETWORK.replace("lecun", "lecunn"));
    place.refuses(&[], &["unknown variant `lecunn`", "study.toml:10:8", "did you mean `lecun`?"]);
}

#[test]
fn a_region_that_does_not_fit_costs_no_stage_that_was_finished() {
    let place = Place::new(&STUDY.replace("{ loss-factor = 2.0 }", "\"dividing-surface\""));
    refuses_after_stages(&place, &["escape.region: no barrier found", "name another region"]);
    place.write("study.toml", STUDY.as_bytes());
    let output = place.run("records/out", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(listing(&place.path("records")), ["out"]);
}

/// The study with a line of options for splitting.
fn rare(options: &str) -> String {
    STUDY.replace("[escape]\n", &format!("[escape]\nmethod = \"splitting\"\nrare = {{ {options} }}\n"))
}

#[test]
fn too_little_splitting_is_refused() {
    for (options, parts) in [
        ("trajectories = 9", ["escape.rare.trajectories: 9 excursions", "use 10 or more"]),
        ("repeats = 2", ["escape.rare.repeats: 2 repeats", "use 3 to 65536"]),
        ("cut = 1.0", ["escape.rare.cut: 1 is no share", "between 0 and 1"]),
        ("max_cost = 0", ["escape.rare.max_cost: no step", "use 1 or more"]),
        ("score = \"comittor\"", ["unknown variant `comittor`", "did you mean `committor`?"]),
        ("trajectory = 10", ["unknown field `trajectory`", "did you mean `trajectories`?"]),
    ] {
        Place::new(&rare(options)).refuses(&[], &parts);
    }
    Place::new(&STUDY.replace("[escape]\n", "[escape]\nmethod = \"spliting\"\n"))
        .refuses(&[], &["unknown variant `spliting`", "did you mean `splitting`?"]);
}

#[test]
fn splitting_needs_a_minimum_a_saddle_and_a_score_that_the_problem_has() {
    // In one dimension: a parabola has no barrier top.
    let study = rare("repeats = 3").replace("{ loss-factor = 2.0 }", "\"dividing-surface\"");
    refuses_after_stages(&Place::new(&study), &["escape.region: no barrier found", "name another region"]);
    // A box around something else.
    let study = rare("repeats = 3").replace("{ loss-factor = 2.0 }", "{ box = [[2.0, 3.0]] }");
    refuses_after_stages(&Place::new(&study), &["escape", "minimum", "hint: "]);
    // In two dimensions no saddle is there, and no committor is known.
    let plane = |study: &str| {
        let place = Place::new(study);
        place.write("data.csv", b"x1,x2,y\n1,0,1.1\n0,1,1.8\n1,1,3.2\n-1,1,0.7\n-2,1,-1.1\n");
        place
    };
    let study = rare("repeats = 3").replace("{ loss-factor = 2.0 }", "\"dividing-surface\"");
    refuses_after_stages(&plane(&study), &["escape.region: a dividing surface needs a saddle", "search more widely"]);
    let study = rare("score = \"committor\"");
    refuses_after_stages(
        &plane(&study),
        &["escape.rare.score: the committor is known on the line alone", "use score = \"auto\""],
    );
}

/// At `θ = 0` phase retrieval has a stationary point that is a maximum: the search leaves it, and splitting starts at the
/// minimum that it finds.
#[test]
fn a_start_that_is_no_minimum_is_left_before_splitting_begins() {
    let study = rare("trajectories = 100, repeats = 3, max_cost = 1_000_000")
        .replace("linear-regression", "phase-retrieval")
        .replace("tolerance = 1e-8", "start = [0.0]")
        .replace("{ loss-factor = 2.0 }", "{ ball = 0.5 }")
        .replace("learning_rate = 0.1", "learning_rate = 0.01");
    let place = Place::new(&study);
    place.write("data.csv", b"x,y\n1,1.1\n2,4.2\n3,8.7\n-1,0.8\n-2,3.9\n");
    let output = place.run("records/out", &["--json"]);
    let results = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for part in ["\"converged\": true", "\"index\": 0", "\"method\": \"splitting\""] {
        assert!(results.contains(part), "{part} is missing in {results}");
    }
    assert!(!results.contains("not_found"), "{results}");
}

/// At a minimum without noise nothing moves: the record says that the score stayed.
#[test]
fn a_score_that_never_rises_is_told_in_the_record() {
    let place = Place::new(&rare("repeats = 3, max_cost = 100_000"));
    place.write("data.csv", b"x1,x2,y\n1,0,1\n1,0,1.000000001\n0.5,0.5,1\n0.5,0.5,1.000000001\n");
    let still = rare("repeats = 3, max_cost = 100_000").replace("{ loss-factor = 2.0 }", "{ ball = 1.0 }");
    place.write("study.toml", still.replace("learning_rate = 0.1", "learning_rate = 1e-300").as_bytes());
    let output = place.run("records/out", &["--json"]);
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{words}");
    let results: String = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(results.contains("\"not_found\"") && results.contains("stayed at"), "{results}");
}

#[test]
fn other_kinds_of_values_and_broken_toml_have_a_hint_and_a_place() {
    Place::new(&STUDY.replace("max_steps = 1_000", "max_steps = \"many\""))
        .refuses(&[], &["invalid type: string \"many\"", "study.toml:18:13", "expected here"]);
    Place::new(&STUDY.replace("[escape]", "[escape")).refuses(&[], &["study.toml:15", "[section]"]);
}

#[test]
fn an_override_without_a_value_is_refused() {
    Place::new(STUDY)
        .refuses(&["--set", "sgd.batch_size"], &["--set sgd.batch_size", "no `=`", "--set section.field=value"]);
}

#[test]
fn a_record_that_is_there_is_not_touched() {
    let place = Place::new(STUDY);
    fs::create_dir(place.path("records/out")).expect("a folder");
    place.write("records/out/results.json", b"precious");
    check_refusal(&place.run("records/out", &[]), 2, &["records/out exists already", "choose another --out"]);
    assert_eq!(listing(&place.path("records")), ["out"]);
    assert_eq!(listing(&place.path("records/out")), ["results.json"]);
    assert_eq!(fs::read(place.path("records/out/results.json")).expect("it is there"), b"precious");
}

#[test]
fn a_place_that_cannot_be_written_is_a_failure_of_the_system() {
    let place = Place::new(STUDY);
    place.write("records/file", b"a file, not a folder");
    let output = place.run("records/file/out", &[]);
    check_refusal(&output, 1, &["cannot write the record", "records/file/out", "may you write there?"]);
    assert_eq!(listing(&place.path("records")), ["file"]);
    assert_eq!(fs::read(place.path("records/file")).expect("it is there"), b"a file, not a folder");
}

/// Runs the study with its record on a disk of the given size, then lists the disk; none where that is not permitted.
fn run_on_a_disk(place: &Place, size: &str, then: &str) -> Option<Output> {
    let script = format!(
        "mount -t tmpfs -o size={size} none \"$2\" || exit 99; \"$1\" run \"$3\" --out \"$2/out\"; code=$?; {then} \
         ls -A \"$2\" | sed 's/^/left: /' >&2; exit $code"
    );
    let mut command = Command::new("unshare");
    command.env("NO_COLOR", "1").args(["-rm", "sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_logscape")]);
    let output = command.arg(place.path("records")).arg(place.path("study.toml")).output().ok()?;
    let permitted = output.status.code() != Some(99) && !output.stderr.starts_with(b"unshare: ");
    if !permitted {
        println!("skipped: no disk can be mounted here: {}", String::from_utf8_lossy(&output.stderr));
    }
    permitted.then_some(output)
}

#[test]
fn a_full_disk_is_told_and_keeps_no_half_record() {
    let place = Place::new(STUDY);
    let Some(output) = run_on_a_disk(&place, "4k", "") else { return };
    check_refusal(&output, 1, &["cannot write the record", "is there space"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("left: "), "something is left");
}

#[test]
fn a_disk_that_fills_up_later_keeps_finished_stages_for_a_resumption() {
    let place = Place::new(STUDY);
    let more = "mount -o remount,size=1m \"$2\"; \"$1\" run \"$3\" --out \"$2/out\" --resume --json >&2;";
    let Some(full) = run_on_a_disk(&place, "20k", "") else { return };
    check_refusal(&full, 1, &["cannot write the record", "No space left on device", "left: out.partial"]);
    let Some(resumed) = run_on_a_disk(&place, "20k", more) else { return };
    let words = String::from_utf8_lossy(&resumed.stderr);
    assert!(words.contains("\"study\": \"line\"") && words.ends_with("left: out\n"), "{words}");
}
