//! A run that is ended, by Ctrl-C or by force, is completed by `--resume` with the very bytes of an uninterrupted run.

use logscape::random::{Purpose, stream};
use rand::RngExt;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Instant;
use tempfile::TempDir;

/// The last stage, the second setting, takes most of the time.
const STUDY: &str = r#"name = "sinusoid"
seed = 7

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 200, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }

[minimum]
start = [5.5]

[sgd]
learning_rate = [0.1, 0.05]
batch_size = 1

[stationary]
replicas = 8
burn_in = 100
steps = 5_000

[escape]
region = "dividing-surface"
replicas = 1_500
max_steps = 200_000
"#;

/// A small study with a chain and an equation beside SGD, and paths.
const BESIDE: &str = r#"name = "beside"
seed = 7

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 40, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }

[minimum]
start = [5.5]

[sgd]
learning_rate = [0.2, 0.15]
batch_size = 1

[[dynamics]]
kind = "heavy-ball"
momentum = 0.5

[[dynamics]]
kind = "log-landscape-sde"

[stationary]
replicas = 20
burn_in = 100
steps = 1_000

[escape]
region = "dividing-surface"
replicas = 40
max_steps = 2_000

[output]
trajectories = { every = 50, steps = 1_000 }
"#;

/// A minimum that direct simulation would not leave, with a chain in single precision beside SGD.
const DEEP: &str = r#"name = "deep"
seed = 7

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 60, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }

[minimum]
start = [3.0]

[sgd]
learning_rate = [0.2, 0.05]
batch_size = 1

[[dynamics]]
kind = "sgd"
name = "sgd-float32"
precision = "float32"

[escape]
region = "dividing-surface"
method = "splitting"
rare = { trajectories = 150, repeats = 6, max_cost = 100_000_000 }
"#;

fn place() -> TempDir {
    place_of(STUDY)
}

fn place_of(study: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("study.toml"), study).expect("the study is written");
    folder
}

fn command(folder: &TempDir, out: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    command.arg("run").arg(folder.path().join("study.toml")).arg("--out").arg(folder.path().join(out)).args(more);
    command
}

fn run(folder: &TempDir, out: &str, more: &[&str]) -> Output {
    command(folder, out, more).output().expect("the command starts")
}

/// Runs to the end; returns the folder of the record.
#[track_caller]
fn complete(folder: &TempDir, out: &str, more: &[&str]) -> PathBuf {
    let output = run(folder, out, more);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    folder.path().join(out)
}

/// Results and tables by name; study and manifest tell of the run, not of its outcome.
fn outcome(record: &Path) -> BTreeMap<String, Vec<u8>> {
    let tables = fs::read_dir(record.join("tables")).expect("there are tables");
    let files = tables.map(|entry| entry.expect("an entry").path()).chain([record.join("results.json")]);
    files
        .map(|file| (file.display().to_string().split_off(record.display().to_string().len()), file))
        .map(read)
        .collect()
}

fn read((name, file): (String, PathBuf)) -> (String, Vec<u8>) {
    (name, fs::read(file).expect("the file is there"))
}

/// What a folder of checkpoints holds of a stage.
fn kept(folder: &Path, stage: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).expect("there are checkpoints").map(|entry| entry.expect("an entry").path());
    let of_stage = |file: &PathBuf| {
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        name.strip_prefix(stage).is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".checkpoint"))
    };
    let mut files: Vec<PathBuf> = files.filter(of_stage).collect();
    files.sort();
    files
}

#[track_caller]
fn assert_same_outcome(a: &Path, b: &Path) {
    let (a, b) = (outcome(a), outcome(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    assert!(a.contains_key("/results.json") && a.len() > 1, "{:?}", a.keys());
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{name} differs");
    }
}

/// Starts a run, sends it SIGINT when it says the words, and returns its exit code and all of its words.
fn interrupted_at(folder: &TempDir, words: &str) -> (Option<i32>, String) {
    let mut child = command(folder, "out", &[]).stderr(Stdio::piped()).spawn().expect("the command starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !said.lines().any(|line| line.starts_with(words)) {
        let length = lines.read_line(&mut said).expect("words");
        assert!(length > 0, "`{words}` was never said:\n{said}");
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("`kill` starts");
    assert!(sent.success());
    lines.read_to_string(&mut said).expect("words");
    (child.wait().expect("the command ends").code(), said)
}

#[test]
fn an_interrupted_run_is_completed_by_resume_as_if_nothing_had_been() {
    let folder = place();
    let (code, said) = interrupted_at(&folder, "setting 2 of 2:");
    assert_eq!(code, Some(1), "{said}");
    for part in ["error: interrupted", "out.partial", "hint: continue with the same command and --resume"] {
        assert!(said.contains(part), "`{part}` is missing in\n{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    assert!(folder.path().join("out.partial").is_dir() && !folder.path().join("out").exists());

    let again = run(&folder, "out", &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("unfinished run"));

    // Without --resume too, which would only be refused next.
    for resume in [&["--resume"][..], &[]] {
        let other = run(&folder, "out", &[resume, &["--set", "seed=8"]].concat());
        assert_eq!(other.status.code(), Some(2));
        let words = String::from_utf8_lossy(&other.stderr);
        assert!(words.contains("an unfinished run of another study") && words.contains("hint: "), "{words}");
    }

    let finished = run(&folder, "out", &["--resume"]);
    let words = String::from_utf8_lossy(&finished.stderr);
    assert_eq!(finished.status.code(), Some(0), "{words}");
    let ensembles = words.matches("escape: 1500 replicas ended").count();
    assert_eq!(ensembles, 1, "the finished setting's ensemble was run again:\n{words}");
    assert!(!folder.path().join("out.partial").exists());
    assert_same_outcome(&folder.path().join("out"), &complete(&folder, "whole", &[]));
}

#[test]
fn an_interrupt_before_the_last_stage_keeps_the_geometry() {
    let folder = place();
    let (code, said) = interrupted_at(&folder, "geometry:");
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(kept(&folder.path().join("out.partial/checkpoint"), "geometry").len(), 1);
    assert_same_outcome(&complete(&folder, "out", &["--resume"]), &complete(&folder, "whole", &[]));
}

/// A process that is ended with this value.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg(unix)]
fn a_run_is_reported_while_it_is_at_work_and_after_it_was_killed() {
    let folder = place();
    let mut child = Running(command(&folder, "out", &[]).stderr(Stdio::piped()).spawn().expect("the command starts"));
    let mut said = String::new();
    let mut lines = BufReader::new(child.0.stderr.take().expect("a pipe"));
    while !said.lines().any(|line| line.starts_with("setting 2 of 2:")) {
        assert!(lines.read_line(&mut said).expect("words") > 0, "{said}");
    }
    let stopped = Command::new("kill").args(["-STOP", &child.0.id().to_string()]).status().expect("`kill` starts");
    assert!(stopped.success());
    let lock = folder.path().join("out.partial.lock");
    let owner = fs::read_to_string(&lock).expect("the lock of its owner");
    let report = || {
        let partial = folder.path().join("out.partial");
        let output = Command::new(env!("CARGO_BIN_EXE_logscape")).arg("report").arg(partial).output();
        let output = output.expect("the command starts");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{words}");
        let named = "the run is not finished: 1 of 2 settings finished; missing: learning rate 0.05, batch size 1";
        assert_eq!(words.trim(), named);
        let page = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        assert_eq!(page, folder.path().join("out.partial.html"));
        fs::read_to_string(page).expect("the page")
    };
    let at_work = report();
    assert!(at_work.contains("This run is not finished.") && at_work.contains("learning rate 0.05, batch size 1"));
    assert_eq!(fs::read_to_string(&lock).expect("the lock of its owner"), owner);
    let other = run(&folder, "out", &["--resume"]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("a run is at work"), "the owner has its lock");
    drop(child);
    report();
    let record = complete(&folder, "out", &["--resume"]);
    assert_same_outcome(&record, &complete(&folder, "whole", &[]));
    let names = |place: &Path| {
        let entries = fs::read_dir(place).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        entries.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(&record), names(&folder.path().join("whole")));
    assert!(!folder.path().join("out.partial.html").exists());
}

/// Kills the run so many times, each time a random while after it was resumed, and completes it. Goes on, later into the run,
/// until a kill has hit an ensemble.
fn kill_and_complete(study: &str, kills: usize) {
    let folder = place_of(study);
    let begun = Instant::now();
    let whole = complete(&folder, "whole", &[]);
    let takes = begun.elapsed();
    println!("{takes:?} without a kill");
    let mut random = stream(kills as u64, Purpose::Check, 0);
    let (mut killed, mut within, mut run) = (0, 0, 0);
    let enough = |killed: usize, within: usize| killed >= kills && (within > 0 || killed >= 20 * kills);
    while !enough(killed, within) {
        run += 1;
        let out = format!("out-{run}");
        let place = folder.path().join(&out);
        let partial = folder.path().join(format!("{out}.partial"));
        while !place.exists() && !enough(killed, within) {
            // Most of a resumed run is its start, so a tenth of a run gets somewhere, and a third at a few kills.
            let share = if killed >= kills {
                1.0
            } else if kills < 20 {
                0.3
            } else {
                0.1
            };
            let moment = takes.mul_f64(share * random.random::<f64>());
            let mut child = command(&folder, &out, &[mode(&partial), "--checkpoint-every", "0.02"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the command starts");
            sleep(moment);
            child.kill().expect("the command can be killed");
            child.wait().expect("the command ends");
            killed += 1;
            // Beside what tells where ensembles are from.
            let files = fs::read_dir(partial.join("ensembles"));
            within += usize::from(files.is_ok_and(|files| files.count() > 1));
        }
        if !place.exists() {
            complete(&folder, &out, &[mode(&partial)]);
        }
        assert_same_outcome(&place, &whole);
        assert!(!partial.exists());
    }
    println!("{run} runs; {within} of {killed} kills with an ensemble under way");
    assert!(within > 0, "no kill hit an ensemble");
}

#[test]
fn a_run_killed_fifty_times_is_completed_with_the_bytes_of_an_uninterrupted_one() {
    kill_and_complete(STUDY, 50);
}

#[test]
fn splitting_killed_at_random_is_completed_with_the_bytes_of_an_uninterrupted_run() {
    kill_and_complete(DEEP, 6);
}

#[test]
fn repeats_of_splitting_are_interrupted_and_added_as_if_nothing_had_been() {
    let folder = place_of(DEEP);
    let whole = complete(&folder, "whole", &[]);
    assert_same_outcome(&complete(&folder, "one", &["--threads", "1"]), &whole);
    let (code, said) = interrupted_at(&folder, "setting 2 of 2:");
    assert_eq!(code, Some(1), "{said}");
    // Of the first setting, in both precisions.
    assert!(kept(&folder.path().join("out.partial/ensembles"), "rare").len() >= 2);
    assert_same_outcome(&complete(&folder, "out", &["--resume"]), &whole);
    let more = |repeats| ["--set", repeats, "--set", "sgd.learning_rate=[0.2, 0.05]"];
    let record = whole.to_str().expect("a path");
    let extended = complete(&folder, "more", &[&more("escape.rare.repeats=9")[..], &["--extend", record]].concat());
    assert_same_outcome(&extended, &complete(&folder, "nine", &more("escape.rare.repeats=9")));
    // Fewer, or with another budget, are not an extension.
    for other in ["escape.rare.repeats=5", "escape.rare.max_cost=1_000"] {
        let output = run(&folder, "wrong", &[&more(other)[..], &["--extend", record]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains("cannot be extended"), "{said}");
    }
}

/// Killed before it had noted its study, a run has nothing to resume.
fn mode(partial: &Path) -> &'static str {
    if partial.join("checkpoint/study.toml").exists() { "--resume" } else { "--force" }
}

#[test]
fn a_damaged_checkpoint_is_refused_and_can_be_computed_again() {
    let folder = place();
    let (code, said) = interrupted_at(&folder, "setting 2 of 2:");
    assert_eq!(code, Some(1), "{said}");
    let partial = folder.path().join("out.partial");
    for (place, stage) in [("checkpoint", "geometry"), ("ensembles", "escape")] {
        let path = kept(&partial.join(place), stage).remove(0);
        let good = fs::read(&path).expect("a checkpoint");
        // One digit changes; the end is missing; nothing is left.
        let mut changed = good.clone();
        let digit = changed.iter().rposition(|&byte| byte == b'1').expect("a digit 1");
        changed[digit] = b'2';
        for bad in [changed, good[..good.len() / 2].to_vec(), Vec::new()] {
            fs::write(&path, bad).expect("it is written");
            let output = run(&folder, "out", &["--resume"]);
            let words = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{words}");
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            assert!(words.contains(name) && words.contains("checksum") && words.contains("hint: delete"), "{words}");
        }
        fs::remove_file(&path).expect("it is deleted");
    }
    assert_same_outcome(&complete(&folder, "out", &["--resume"]), &complete(&folder, "whole", &[]));
}

#[test]
fn replicas_added_to_a_record_give_the_bytes_of_a_run_with_all_of_them() {
    let folder = place();
    let few = ["--set", "stationary.replicas=20", "--set", "escape.replicas=150"];
    let many = ["--set", "stationary.replicas=45", "--set", "escape.replicas=400"];
    let record = complete(&folder, "few", &few);
    let record = record.to_str().expect("a path");
    let extended = complete(&folder, "extended", &[&many[..], &["--extend", record]].concat());
    assert_same_outcome(&extended, &complete(&folder, "many", &many));
    // From here on again, and not to fewer, to other settings, or from nowhere.
    let extended = extended.to_str().expect("a path");
    for (wrong, words) in [
        (
            &["--set", "escape.replicas=399", "--set", "stationary.replicas=45", "--extend", extended][..],
            "cannot be extended",
        ),
        (&[&many[..], &["--set", "seed=8", "--extend", record]].concat(), "cannot be extended"),
        (&[&many[..], &["--extend", "nowhere"]].concat(), "nowhere"),
    ] {
        let output = run(&folder, "wrong", wrong);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(words) && said.contains("hint: "), "{said}");
        assert!(!folder.path().join("wrong.partial").exists());
    }
}

#[test]
fn dynamics_beside_sgd_are_resumed_and_extended_as_if_nothing_had_been() {
    let folder = place_of(BESIDE);
    let few = complete(&folder, "few", &[]);
    let many = ["--set", "stationary.replicas=45", "--set", "escape.replicas=100"];
    let whole = complete(&folder, "many", &many);
    // Two settings of three dynamics.
    assert_eq!(kept(&few.join("ensembles"), "escape").len(), 6);
    let few = few.to_str().expect("a path");
    assert_same_outcome(&complete(&folder, "extended", &[&many[..], &["--extend", few]].concat()), &whole);
    // What ran beside SGD is part of the study.
    let other = run(&folder, "other", &[&many[..], &["--set", "dynamics=[]", "--extend", few]].concat());
    assert_eq!(other.status.code(), Some(2));
    let threads = complete(&folder, "one", &[&many[..], &["--threads", "1"]].concat());
    assert_same_outcome(&threads, &whole);
    let (code, said) = interrupted_at(&folder, "setting 2 of 2:");
    assert_eq!(code, Some(1), "{said}");
    assert_same_outcome(&complete(&folder, "out", &["--resume"]), Path::new(few));
}

#[test]
fn data_that_are_missing_on_resumption_do_not_cost_the_finished_stages() {
    let folder = place();
    let data: Vec<String> = (1..40)
        .map(|k| f64::from(k) / 13.0)
        .map(|x| format!("{x},{}\n", (3.0 * x).sin() + 0.2 * (70.0 * x).sin()))
        .collect();
    fs::write(folder.path().join("data.csv"), format!("x,y\n{}", data.concat())).expect("the data are written");
    let synthetic = STUDY.lines().find(|line| line.starts_with("data.synthetic")).expect("a line of data");
    let study = STUDY
        .replace(synthetic, "data = { path = \"data.csv\" }")
        .replace("[0.1, 0.05]", "0.02")
        .replace("\"dividing-surface\"", "{ ball = 1.0 }");
    fs::write(folder.path().join("study.toml"), study).expect("the study is written");
    let (code, said) = interrupted_at(&folder, "setting 1 of 1:");
    assert_eq!(code, Some(1), "{said}");
    fs::rename(folder.path().join("data.csv"), folder.path().join("away.csv")).expect("the data are moved");
    let output = run(&folder, "out", &["--resume"]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(kept(&folder.path().join("out.partial/checkpoint"), "geometry").len(), 1);
    fs::rename(folder.path().join("away.csv"), folder.path().join("data.csv")).expect("the data come back");
    complete(&folder, "out", &["--resume"]);
}

#[test]
fn data_that_have_changed_are_refused_by_resume_and_extend() {
    let folder = place();
    let numbers = |shift: f64| {
        let rows = (1..40).map(|k| f64::from(k) / 13.0);
        let rows = rows.map(|x| format!("{x},{}\n", (3.0 * x).sin() + 0.2 * (70.0 * x).sin() + shift));
        format!("x,y\n{}", rows.collect::<String>())
    };
    let data = folder.path().join("data.csv");
    fs::write(&data, numbers(0.0)).expect("the data are written");
    let synthetic = STUDY.lines().find(|line| line.starts_with("data.synthetic")).expect("a line of data");
    let study = STUDY.replace(synthetic, "data = { path = \"data.csv\" }").replace("[0.1, 0.05]", "0.02");
    let study = study.replace("\"dividing-surface\"", "{ ball = 1.0 }");
    fs::write(folder.path().join("study.toml"), study).expect("the study is written");
    let (code, said) = interrupted_at(&folder, "setting 1 of 1:");
    assert_eq!(code, Some(1), "{said}");
    let small = ["--set", "escape.max_steps=100", "--set", "stationary.steps=100"];
    let record = complete(&folder, "record", &small);
    fs::write(&data, numbers(1e-9)).expect("the data are corrected");
    let more = [&small[..], &["--set", "escape.replicas=2_000", "--extend", record.to_str().expect("a path")]].concat();
    for arguments in [&["--resume"][..], &more[..]] {
        let out = if arguments.len() == 1 { "out" } else { "more" };
        let output = run(&folder, out, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("the data have changed since") && said.contains("hint: "), "{said}");
    }
    assert!(!folder.path().join("more.partial").exists());
    // The old data go on as if nothing had been.
    fs::write(&data, numbers(0.0)).expect("the data come back");
    complete(&folder, "out", &["--resume"]);
    complete(&folder, "more", &more);
}

#[test]
fn results_and_tables_do_not_depend_on_threads() {
    let folder = place();
    let one = complete(&folder, "one", &["--threads", "1"]);
    let two = complete(&folder, "two", &["--threads", "2"]);
    assert_same_outcome(&one, &two);
}

#[test]
fn there_must_be_something_to_resume() {
    let folder = place();
    let output = run(&folder, "out", &["--resume"]);
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("no unfinished run") && words.contains("without --resume"), "{words}");
    assert_eq!(fs::read_dir(folder.path()).expect("the folder is there").count(), 1);
}
