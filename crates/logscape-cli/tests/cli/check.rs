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
    assert_eq!((code, words.as_str()), (Some(0), "1 setting, at most 0.0e0 replica-steps in all\n"));
    assert!(printed.contains("seed = 3"), "{printed}");
    assert_eq!(check(&printed, &[]), (Some(0), printed.clone(), words));
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
    for (name, work) in
        [("digits", "2 settings"), ("linear", "2 settings"), ("sinusoid", "at most 1.2e9 replica-steps")]
    {
        let new = Command::new(env!("CARGO_BIN_EXE_logscape")).args(["new", name]).output().expect("it starts");
        let (code, _, words) = check(&String::from_utf8(new.stdout).expect("UTF-8"), &[]);
        assert_eq!(code, Some(0), "{words}");
        assert!(words.contains(work), "{words}");
    }
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
            assert!(check(&text, &[&set]).1.contains(option.name), "{set}");
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
