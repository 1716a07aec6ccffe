//! What the command says, word by word: `INSTA_UPDATE=always cargo test -p logscape-cli --test cli words` writes it anew, and a
//! change is looked at before it is kept.

use std::fs;
use std::process::Command;

fn logscape(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    let output = command.env("NO_COLOR", "1").env("COLUMNS", "100").args(arguments).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    format!("$ logscape {}\n{}{}", arguments.join(" "), text(output.stdout), text(output.stderr))
}

#[test]
fn help_of_every_command() {
    let top = logscape(&["--help"]);
    let commands = top.split("Commands:\n").nth(1).expect("a list of commands").lines();
    let names = commands.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    let mut said = top.clone();
    for name in names.filter(|name| *name != "help") {
        said.push_str("\n---\n\n");
        said.push_str(&logscape(&[name, "--help"]));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn lists_of_what_there_is() {
    insta::assert_snapshot!([["dynamics"], ["cite"]].map(|arguments| logscape(&arguments)).join("\n"));
}

const STUDY: &str = r#"name = "wave"
seed = 7

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 40, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }

[minimum]
start = [5.5]

[sgd]
learning_rate = 0.1
batch_size = 1

[escape]
region = "dividing-surface"
replicas = 20
max_steps = 1000
"#;

/// What is wrong with the study, one mistake at a time.
const MISTAKES: [(&str, &str); 14] = [
    ("seed = 7", "seed = -7"),
    ("seed = 7", "sede = 7"),
    ("kind = \"sinusoid\"\n", "kind = \"sinus\"\n"),
    ("kind = \"sinusoid\"\n", "kind = \"sinusoid\"\nrank = 2\n"),
    ("samples = 40", "samples = 0"),
    ("kind = \"sinusoid\", samples", "kind = \"wave\", samples"),
    ("data.synthetic", "data.syntetic"),
    ("start = [5.5]", "start = [5.5, 1.0]"),
    ("learning_rate = 0.1", "learning_rate = \"0.1:0.01:3\""),
    ("learning_rate = 0.1", "learning_rate = 0.1\nprecision = \"float16\""),
    ("batch_size = 1", "batch_size = 0"),
    ("region = \"dividing-surface\"", "region = \"dividing\""),
    ("replicas = 20", "replicas = 0"),
    ("max_steps = 1000", "max_steps = 1000\ntheories = [\"kramer\"]"),
];

#[test]
fn every_mistake_is_told_with_its_place_and_a_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("study.toml");
    let said = MISTAKES.map(|(good, bad)| {
        fs::write(&path, STUDY.replacen(good, bad, 1)).expect("the study is written");
        let out = folder.path().join("out");
        let said = logscape(&["run", &path.to_string_lossy(), "--out", &out.to_string_lossy()]);
        assert!(!out.exists() && said.contains("hint: ") | said.contains("help: "), "{said}");
        let said = said.split_once('\n').expect("a line with the command").1;
        format!("{bad}\n\n{}", said.replace(&*folder.path().to_string_lossy(), "FOLDER"))
    });
    insta::assert_snapshot!(said.join("\n---\n\n"));
}
