//! `logscape check`: exit codes, and where its words and data go.

use assert_cmd::Command;
use std::fs;

const STUDY: &str = "name = \"a\"\n[problem]\nkind = \"mlp\"\ndata = { builtin = \"digits\", one_hot = true }\n\
                     [sgd]\nlearning_rate = 0.1\nbatch_size = 1\n";

/// Exit code, standard output and standard error of `logscape check` on the text.
fn check(text: &str, overrides: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("study.toml");
    fs::write(&path, text).expect("the study is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    command.env("NO_COLOR", "1").arg("check").arg(&path);
    for assignment in overrides {
        command.args(["--set", assignment]);
    }
    let output = command.output().expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_good_study_is_printed_and_reads_back() {
    let (code, printed, words) = check(STUDY, &["seed=3"]);
    assert_eq!(code, Some(0), "{words}");
    for part in [
        "problem: 650 parameters, 1797 samples, 10 outputs",
        "samples: 64 inputs each",
        "runs: 1 setting (learning rate 0.1; batch size 1) of sgd",
        "memory: about ",
    ] {
        assert!(words.contains(part), "`{part}` is missing in\n{words}");
    }
    assert!(!words.contains("time: "), "nothing is simulated: {words}");
    assert!(printed.contains("seed = 3"), "{printed}");
    assert_eq!(check(&printed, &[]).1, printed);
}

#[test]
fn a_check_tells_how_long_training_takes() {
    let train = "{ optimiser = \"adam\", learning_rate = 0.01, batch_size = 100, epochs = 1000 }";
    let (code, printed, words) = check(STUDY, &[&format!("minimum.train={train}")]);
    assert_eq!(code, Some(0), "{words}");
    // Seventeen whole batches of 1797 samples.
    assert!(words.contains("\ntraining: 17000 steps of adam, about "), "{words}");
    assert!(printed.contains("[minimum.train]\noptimiser = \"adam\"\nlearning_rate = 0.01\n"), "{printed}");
    assert!(!check(STUDY, &[]).2.contains("training: "));
    // Measured at the start and after each 1000 of them.
    let words = check(STUDY, &[&format!("minimum.train={}", train.replace(" }", ", measure_every = 1000 }"))]).2;
    assert!(words.contains("\ntraining: 17000 steps of adam and 18 measurements of all data, about "), "{words}");
}

#[test]
fn a_wrong_value_ends_with_code_2_and_names_file_line_and_mend() {
    let (code, printed, words) = check(&STUDY.replace("batch_size = 1", "batch_size = 0"), &[]);
    assert_eq!((code, printed.as_str()), (Some(2), ""));
    for part in ["sgd.batch_size", "study.toml:7", "use a batch size of 1 or more"] {
        assert!(words.contains(part), "`{part}` is missing in\n{words}");
    }
    assert!(!words.contains("panicked"), "{words}");
}

#[test]
fn a_misspelt_field_and_a_missing_file_end_with_code_2() {
    let (code, _, words) = check(&STUDY.replace("kind", "knid"), &[]);
    assert_eq!(code, Some(2));
    assert!(words.contains("did you mean `kind`?"), "{words}");
    let output = Command::new(env!("CARGO_BIN_EXE_logscape")).args(["check", "none.toml"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("none.toml"));
}

#[test]
fn every_shipped_study_is_valid_and_its_most_work_is_counted() {
    // 3 · 2 settings of 1000 replicas of 100,000 steps, and 21 twentieths of that for splitting.
    for (name, work) in [("digits", "2 settings"), ("linear", "2 settings"), ("sinusoid", "1.2e9 replica-steps")] {
        let new = Command::new(env!("CARGO_BIN_EXE_logscape")).args(["new", name]).output().expect("it starts");
        let (code, _, words) = check(&String::from_utf8(new.stdout).expect("UTF-8"), &[]);
        assert_eq!(code, Some(0), "{words}");
        assert!(words.contains(work) && words.contains("time: ensembles at most about "), "{words}");
        assert!(!words.contains("warning: "), "a false alarm: {words}");
    }
}

/// A study of a line through the origin, of which a table `data.csv` is in the folder.
const LINE: &str = "name = \"line\"\n[problem]\nkind = \"linear-regression\"\ndata = \"data.csv\"\n[minimum]\ntolerance = 1e-8\n\
                    [sgd]\nlearning_rate = 0.1\nbatch_size = [1, 2]\n[[dynamics]]\nkind = \"heavy-ball\"\nmomentum = 0.5\n\
                    [escape]\nregion = { loss-factor = 3.0 }\nreplicas = 4\nmax_steps = 1000\n";
const TABLE: &str = "size,one,price\n1,1,1.1\n2,1,1.8\n3,1,3.2\n-1,1,-0.7\n-2,1,-2.1\n";

/// A folder with the study and the table, and `logscape COMMAND` on the study in it.
fn in_folder(study: &str, table: &str) -> (tempfile::TempDir, impl Fn(&str) -> (Option<i32>, String) + use<>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("study.toml"), study).expect("writable");
    fs::write(folder.path().join("data.csv"), table).expect("writable");
    let place = folder.path().to_path_buf();
    let logscape = move |command: &str| {
        let mut logscape = Command::new(env!("CARGO_BIN_EXE_logscape"));
        logscape.env("NO_COLOR", "1").current_dir(&place).args([command, "study.toml"]);
        let output = logscape.output().expect("the command starts");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    (folder, logscape)
}

#[test]
fn a_check_reads_the_data_and_tells_what_will_run() {
    let (folder, logscape) = in_folder(&LINE.replace("linear-regression", "mlp"), TABLE);
    let (code, words) = logscape("check");
    assert_eq!(code, Some(0), "{words}");
    for part in [
        "data: inputs size, one; targets price\n",
        "problem: 3 parameters, 5 samples, 1 output\n",
        "warning: input `one` is 1 in every sample, which tells nothing\n  hint: leave it out: `inputs = [\"size\"]` in [problem.data]\n",
        "samples: 2 inputs each\n",
        "runs: 2 settings (learning rate 0.1; batch size 1, 2) of sgd, heavy-ball\n",
        "escape: 4 replicas, at most 1000 steps each; where too few escape, splitting, 20 repeats of 1000 trajectories",
    ] {
        assert!(words.contains(part), "`{part}` is missing in\n{words}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "something is left");
    // The run tells the same warning, and its record and page keep it.
    let (code, said) = logscape("run");
    let warning = "warning: input `one` is 1 in every sample";
    assert!(code == Some(0) && said.contains(warning), "{said}");
    let runs =
        fs::read_dir(folder.path().join("runs")).expect("records").next().expect("one").expect("readable").path();
    let manifest = fs::read_to_string(runs.join("manifest.json")).expect("a manifest");
    assert!(
        manifest.contains("\"warning\": \"constant-input\"") && manifest.contains("\"column\": \"one\""),
        "{manifest}"
    );
    let page = fs::read_to_string(runs.join("report.html")).expect("a page");
    assert!(page.contains("input `one` is 1 in every sample, which tells nothing"), "the page does not tell");
    // As the hint says.
    let study = fs::read_to_string(folder.path().join("study.toml")).expect("the study");
    let mended = study.replace("\"data.csv\"", "{ path = \"data.csv\", inputs = [\"size\"] }");
    fs::write(folder.path().join("study.toml"), mended).expect("writable");
    let (code, words) = logscape("check");
    assert!(code == Some(0) && !words.contains("warning"), "{words}");
}

#[test]
fn more_parameters_than_numbers_to_fit_are_told() {
    let network = LINE
        .replace("kind = \"linear-regression\"", "kind = \"mlp\"\nhidden = [4]")
        .replace("[minimum]\n", "[minimum]\naccept = true\n");
    let (_folder, logscape) = in_folder(&network, TABLE);
    let (_, words) = logscape("check");
    assert!(words.contains("warning: 17 parameters for 5 numbers to fit (5 samples of 1 output)"), "{words}");
    assert!(words.contains("hint: use a smaller network"), "{words}");
    let (_folder, logscape) = in_folder(&network.replace("hidden = [4]", "hidden = [1]"), TABLE);
    assert!(!logscape("check").1.contains("to fit"), "5 parameters");
}

/// A check refuses what the run refuses before it simulates, in the same words and with the same code.
#[test]
fn a_check_refuses_what_a_run_refuses() {
    for (from, to, words) in [
        ("data.csv", "none.csv", "none.csv: cannot be read"),
        ("\"data.csv\"", "{ path = \"data.csv\", targets = \"cost\" }", "nothing is named `cost`"),
        ("\"data.csv\"", "{ path = \"data.csv\", limit = 9 }", "`n` is 9"),
        ("batch_size = [1, 2]", "batch_size = 9\nsampling = \"without-replacement\"", "a batch of 9 cannot be drawn"),
        ("tolerance = 1e-8", "start = [1.0]", "minimum.start: 1 number, but the problem has 2 parameters"),
        ("tolerance = 1e-8", "train = { learning_rate = 0.1, batch_size = 9, steps = 1 }", "minimum.train: "),
        ("linear-regression", "sinusoid", "a sinusoid has 1 input, not 2"),
        ("{ loss-factor = 3.0 }", "\"dividing-surface\"", "a dividing surface needs a saddle"),
        ("{ loss-factor = 3.0 }", "{ box = [[0.0, 1.0]] }", "the box has 1 side"),
        ("{ loss-factor = 3.0 }", "{ box = [[5.0, 6.0], [5.0, 6.0]] }", "escape: "),
        ("momentum = 0.5", "momentum = 1.5", "dynamics heavy-ball: "),
        (
            "max_steps = 1000",
            "max_steps = 1000\nrare = { score = \"committor\" }",
            "the committor is known on the line alone",
        ),
    ] {
        let (folder, logscape) = in_folder(&LINE.replace(from, to), TABLE);
        let refusal = |command: &str| {
            let (code, said) = logscape(command);
            let at = said.find("error: ").unwrap_or_else(|| panic!("{command} with {to} goes on: {said}"));
            // A run that was refused later says where it keeps what was finished.
            (code, said[at..].split("\n  note: ").next().unwrap_or_default().trim_end().to_owned())
        };
        let checked = refusal("check");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "something is left");
        assert!(checked.1.contains(words), "{to}: {}", checked.1);
        assert_eq!(checked, refusal("run"), "{to}");
    }
}

/// Where no replica escapes, the ensembles take what the check says, within what a loaded machine does to either.
#[test]
fn the_time_that_a_check_tells_is_that_of_the_run() {
    let study = LINE
        .replace("max_steps = 1000", "max_steps = 300_000\nmethod = \"direct\"")
        .replace("3.0", "1e9")
        .replace("replicas = 4", "replicas = 64")
        .replace("batch_size = [1, 2]", "batch_size = 1");
    let (folder, logscape) = in_folder(&study, TABLE);
    let (code, words) = logscape("check");
    assert_eq!(code, Some(0), "{words}");
    let told = words.split("ensembles at most about ").nth(1).and_then(|rest| rest.split(" s,").next());
    let told: f64 = told.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{words}"));
    assert_eq!(logscape("run").0, Some(0));
    let runs =
        fs::read_dir(folder.path().join("runs")).expect("records").next().expect("one").expect("readable").path();
    let manifest = fs::read_to_string(runs.join("manifest.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let taken = manifest["seconds"]["setting-0"].as_f64().expect("seconds");
    // Told in whole seconds, rounded up.
    assert!(told >= taken / 5.0 && told - 1.0 <= 5.0 * taken, "told {told} s, taken {taken} s");
}

#[test]
fn every_problem_has_a_study_to_start_from() {
    for kind in logscape::problem::all() {
        let new = Command::new(env!("CARGO_BIN_EXE_logscape")).args(["new", kind.name]).output().expect("it starts");
        let text = String::from_utf8(new.stdout).expect("UTF-8");
        let (code, printed, words) = check(&text, &[]);
        assert_eq!(code, Some(0), "{}: {words}\n{text}", kind.name);
        assert!(printed.contains(&format!("kind = \"{}\"", kind.name)), "{printed}");
        for option in kind.options {
            let set = format!("problem.{}={}", option.name, option.example);
            // Other options make other minima.
            let anywhere = ["minimum={ accept = true }", "escape.region={ ball = 0.1 }"];
            let (code, printed, words) = check(&text, &[&set, anywhere[0], anywhere[1]]);
            assert!(code == Some(0) && printed.contains(option.name), "{set}: {words}");
        }
    }
}

/// Each kind refuses the options of the others, and values that it cannot have, and says what it has.
#[test]
fn options_of_a_problem_are_its_own() {
    for (set, parts) in [
        ("problem.amplitude=true", ["problem.amplitude: `mlp` has no option `amplitude`", "hidden, activation"]),
        ("problem.hidden=[0]", ["problem.hidden: a layer of width 0", "use widths of 1 or more"]),
        ("problem.hidden=3", ["problem.hidden: invalid type", "give a value of the kind that is expected here"]),
        ("problem.hiden=[3]", ["unknown field `hiden`", "did you mean `hidden`?"]),
        ("problem.activation=tahn", ["problem.activation: unknown variant `tahn`", "did you mean `tanh`?"]),
        ("problem.kind=matrix-factorisation", ["problem.rank: a matrix factorisation needs it", "add rank = 2"]),
        ("problem.kind=mpl", ["unknown variant `mpl`", "did you mean `mlp`?"]),
    ] {
        let (code, _, words) = check(STUDY, &[set]);
        assert_eq!(code, Some(2), "{set}");
        // Long lines are wrapped, with a bar before what goes on.
        let words = words.split_whitespace().filter(|word| !["|", "│"].contains(word)).collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(words.contains(part), "{set}: {words}");
        }
    }
}

#[test]
fn a_dry_run_is_a_check() {
    let logscape = |first: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_logscape")).args(first).output().expect("the command starts").stdout
    };
    assert_eq!(logscape(&["run", "--dry-run"]), logscape(&["check"]));
}

#[test]
fn reproducing_tells_what_is_met_and_what_is_missed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let reproduce = |loss: &str| {
        let expect = format!("expect=[{{ what = \"minimum.loss\", between = {loss}, because = \"noise is 1\" }}]");
        let output = Command::new(env!("CARGO_BIN_EXE_logscape"))
            .args(["reproduce", "linear", "--set", &expect, "--set", "stationary.steps=500"])
            .args(["--set", "escape.replicas=4", "--out"])
            .arg(folder.path())
            .output()
            .expect("the command starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // Label noise of variance 1 leaves half of that as loss; its relative error is √(2/500).
    let (code, words) = reproduce("[0.4, 0.6]");
    assert!(code == Some(0) && words.contains("linear: met") && words.contains("noise is 1"), "{words}");
    let (code, words) = reproduce("[0.7, 0.8]");
    assert!(code == Some(1) && words.contains("linear: MISSED"), "{words}");
    assert!(folder.path().join("linear/report.html").is_file());
}
