//! What is counted is named in the singular where there is one of it.

use std::fs;
use std::process::Command;

/// One of everything that may be one: parameters, outliers, replicas, threads, settings.
const STUDY: &str = r#"name = "one"
seed = 7

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 40, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }

[minimum]
start = [5.5]

[sgd]
learning_rate = 0.1
batch_size = 1

[stationary]
replicas = 1
burn_in = 10
steps = 1_000

[escape]
region = "dividing-surface"
replicas = 1
max_steps = 1
"#;

/// Words after `1` that end in `s` and are no plural.
const SINGULAR: [&str; 4] = ["is", "was", "has", "loss"];

/// Every `1 things` in the words.
fn plurals(words: &str) -> Vec<String> {
    // A page's tags are no words.
    let plain: String = words.split('<').map(|part| part.split_once('>').map_or(part, |(_, after)| after)).collect();
    let bare = |word: &str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_owned();
    // A study has a number and the name of the next field in lines of their own.
    let pairs = plain.lines().flat_map(|line| {
        let line: Vec<&str> = line.split_whitespace().collect();
        line.windows(2).map(|pair| (pair[0].trim_start_matches('(').to_owned(), bare(pair[1]))).collect::<Vec<_>>()
    });
    let wrong = pairs.filter(|(count, thing)| {
        *count == "1" && thing.len() > 2 && thing.ends_with('s') && !SINGULAR.contains(&thing.as_str())
    });
    wrong.map(|(count, thing)| format!("{count} {thing}")).collect()
}

#[test]
fn one_thing_is_named_in_the_singular_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |text: &str, arguments: &[&str]| {
        fs::write(folder.path().join("study.toml"), text).expect("the study is written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
        let output = command.current_dir(folder.path()).args(arguments).output().expect("the command starts");
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8")).concat()
    };
    let mut said = run(STUDY, &["run", "study.toml", "--out", "one", "--threads", "1"]);
    said += &fs::read_to_string(folder.path().join("one/report.html")).expect("a report");
    said += &run(STUDY, &["check", "study.toml"]);
    for (good, bad) in [
        ("start = [5.5]", "start = [5.5, 1.0]"),
        ("\"dividing-surface\"", "{ box = [[5.0, 6.0], [0.0, 1.0]] }"),
        ("replicas = 1\nmax_steps = 1", "replicas = 100\nmax_steps = 1000\nrare.repeats = 1"),
        ("replicas = 1\nmax_steps = 1", "replicas = 100\nmax_steps = 1000\nrare.trajectories = 1"),
    ] {
        said += &run(&STUDY.replacen(good, bad, 1), &["run", "study.toml", "--out", "wrong"]);
    }
    for counted in ["1 parameter,", "1 outlier,", "1 replica ", "1 thread", "1 setting ", "1 step,", "1 excursion "] {
        assert!(said.contains(counted), "{counted}: {said}");
    }
    // A single replica has no interval, and the summary says why there is no exponent.
    assert!(said.contains(", not measurable: "), "{said}");
    assert_eq!(plurals(&said), Vec::<String>::new());
    assert_eq!(plurals("<p>1 replicas</p> (1 steps, 11 steps, 1 step, 1 is"), ["1 replicas", "1 steps"]);
}
