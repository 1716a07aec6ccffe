//! Signals are heard in every stage, and nobody who stops listening makes a run panic.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Within this a signal is heard; beside it, a loaded machine takes time to start and to end processes.
const HEARD: Duration = Duration::from_millis(2_500);

const LINE: &str = r#"name = "line"
seed = 1

[problem]
kind = "linear-regression"
data = { path = "data.csv" }

[sgd]
learning_rate = 0.1
batch_size = 1

[escape]
region = { loss-factor = 3.0 }
method = "direct"
replicas = 16
max_steps = 200
"#;

/// Training that would take hours.
const TRAINING: &str = r#"name = "training"

[problem]
kind = "mlp"
hidden = [16]
data = { builtin = "digits" }

[minimum]
train = { learning_rate = 0.001, batch_size = 8, steps = 500_000_000 }

[sgd]
learning_rate = 0.01
batch_size = 1
"#;

/// Splitting of a network, of which each look comes after 20,000 steps of each of sixteen lanes.
const SPLITTING: &str = r#"name = "splitting"

[problem]
kind = "mlp"
hidden = [4]
data = { builtin = "digits", limit = 40 }

[minimum]
max_iterations = 1
tolerance = 1e6
accept = true

[sgd]
learning_rate = 1e-4
batch_size = 1

[escape]
region = { loss-factor = 1e6 }
method = "splitting"
check_every = 20_000
theories = ["kramers"]
rare = { trajectories = 100, repeats = 6, max_cost = 1_000_000_000_000 }
"#;

fn place(study: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("study.toml"), study).expect("the study is written");
    fs::write(folder.path().join("data.csv"), "x,y\n1,1.1\n2,1.8\n3,3.2\n-1,-0.7\n-2,-2.1\n").expect("data");
    folder
}

fn command(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    command.current_dir(folder).args(["run", "study.toml", "--out", "out"]).stdout(Stdio::null());
    command
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().expect("`kill` starts");
    assert!(sent.success());
}

/// Reads until a line begins so.
fn wait_for(lines: &mut BufReader<ChildStderr>, words: &str) -> String {
    let mut said = String::new();
    while !said.lines().any(|line| line.starts_with(words)) {
        let length = lines.read_line(&mut said).expect("words");
        assert!(length > 0, "`{words}` was never said:\n{said}");
    }
    said
}

/// Sends the signal, and expects the run to end soon, by itself.
#[track_caller]
fn ends_soon(mut child: Child, mut lines: BufReader<ChildStderr>, name: &str) -> String {
    let sent = Instant::now();
    signal(&child, name);
    let code = child.wait().expect("it ends").code();
    let took = sent.elapsed();
    let mut said = String::new();
    lines.read_to_string(&mut said).expect("words");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("error: interrupted"), "{said}");
    assert!(took < HEARD, "heard after {took:?}");
    said
}

#[test]
fn training_hears_a_signal_and_keeps_its_steps() {
    for name in ["-TERM", "-INT"] {
        let folder = place(TRAINING);
        let mut child = command(&folder).stderr(Stdio::piped()).spawn().expect("the command starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
        wait_for(&mut lines, "problem:");
        sleep(Duration::from_millis(300));
        let said = ends_soon(child, lines, name);
        assert!(said.contains("what was done is kept in out.partial") && said.contains("--resume"), "{said}");
        let steps = || {
            let files = fs::read_dir(folder.path().join("out.partial/ensembles")).expect("a folder");
            let mut names = files.map(|file| file.expect("an entry").path());
            let kept = names.find(|path| path.display().to_string().contains("training-")).expect("a training");
            let text = fs::read_to_string(kept).expect("text");
            let digits = text.split("\"steps\":").nth(1).expect("its steps").split(',').next().unwrap_or_default();
            digits.parse::<u64>().expect("a number")
        };
        let before = steps();
        assert!(before > 0, "{before}");
        // What the hint says goes on from there.
        let mut again = command(&folder).arg("--resume").stderr(Stdio::piped()).spawn().expect("the command starts");
        let mut lines = BufReader::new(again.stderr.take().expect("a pipe"));
        wait_for(&mut lines, "problem:");
        sleep(Duration::from_millis(300));
        ends_soon(again, lines, name);
        assert!(steps() > before, "{before}");
    }
}

/// Data that come from a pipe into which nobody writes.
#[test]
fn reading_hears_a_signal() {
    let folder = place(LINE);
    fs::remove_file(folder.path().join("data.csv")).expect("removed");
    let made = Command::new("mkfifo").arg(folder.path().join("data.csv")).status().expect("`mkfifo` starts");
    assert!(made.success());
    let mut child = command(&folder).stderr(Stdio::piped()).spawn().expect("the command starts");
    let lines = BufReader::new(child.stderr.take().expect("a pipe"));
    while !folder.path().join("out.partial/checkpoint/study.toml").exists() {
        sleep(Duration::from_millis(5));
    }
    sleep(Duration::from_millis(100));
    let said = ends_soon(child, lines, "-TERM");
    assert!(said.contains("kept in out.partial") && said.contains("--resume"), "{said}");
    // What the hint says is done.
    fs::remove_file(folder.path().join("data.csv")).expect("removed");
    fs::write(folder.path().join("data.csv"), "x,y\n1,1.1\n2,1.8\n3,3.2\n").expect("data");
    let status = command(&folder).arg("--resume").stderr(Stdio::null()).status().expect("the command starts");
    assert_eq!(status.code(), Some(0));
}

/// A table of which more and more comes: it ends where it is, and nothing stays behind.
#[test]
fn a_table_half_read_is_given_up() {
    let folder = place(LINE);
    let data = folder.path().join("data.csv");
    fs::remove_file(&data).expect("removed");
    let made = Command::new("mkfifo").arg(&data).status().expect("`mkfifo` starts");
    assert!(made.success());
    let mut child = command(&folder).stderr(Stdio::piped()).spawn().expect("the command starts");
    let lines = BufReader::new(child.stderr.take().expect("a pipe"));
    let writer = thread::spawn(move || {
        let mut pipe = File::options().write(true).open(data).expect("the command reads");
        let mut rows = 0;
        // Until nobody reads any more.
        while pipe.write_all(b"x,y\n1,1.1\n").is_ok() {
            rows += 1;
            sleep(Duration::from_millis(1));
        }
        rows
    });
    sleep(Duration::from_millis(300));
    let said = ends_soon(child, lines, "-INT");
    assert!(writer.join().expect("no panic") > 1);
    assert!(said.contains("nothing was kept") && !folder.path().join("out.partial").exists(), "{said}");
}

#[test]
fn splitting_hears_a_signal() {
    let folder = place(SPLITTING);
    let mut child = command(&folder).stderr(Stdio::piped()).spawn().expect("the command starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    wait_for(&mut lines, "setting 1 of 1");
    sleep(Duration::from_millis(500));
    let said = ends_soon(child, lines, "-TERM");
    assert!(said.contains("kept in out.partial") && said.contains("--resume"), "{said}");
}

#[test]
fn a_hangup_is_ignored_under_nohup() {
    let folder = place(&LINE.replace("max_steps = 200", "max_steps = 400_000").replace("3.0", "1000.0"));
    // What `nohup` does, without its files.
    let mut child = Command::new("sh")
        .current_dir(&folder)
        .args(["-c", "trap '' HUP; exec \"$0\" run study.toml --out out", env!("CARGO_BIN_EXE_logscape")])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    let said = wait_for(&mut lines, "setting 1 of 1");
    assert!(child.try_wait().expect("its state").is_none(), "it ended too early to tell: {said}");
    signal(&child, "-HUP");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("words");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{said}{rest}");
    assert!(folder.path().join("out/results.json").is_file());
}

/// A file that takes no byte.
fn full() -> File {
    File::options().write(true).open("/dev/full").expect("Linux has one")
}

#[test]
fn a_broken_standard_error_or_output_does_not_panic() {
    let folder = place(LINE);
    let status = command(&folder).stderr(full()).status().expect("the command starts");
    assert_eq!(status.code(), Some(0));
    assert!(folder.path().join("out/results.json").is_file());
    // The record is there already: bad input, said to nobody.
    assert_eq!(command(&folder).stderr(full()).status().expect("it starts").code(), Some(2));
    // What was to be printed is lost, which is a failure, said or not.
    let failed = command(&folder).arg("--force").stdout(full()).output().expect("it starts");
    let said = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write to standard output"), "{said}");
    let status = command(&folder).arg("--force").stdout(full()).stderr(full()).status().expect("it starts");
    assert_eq!(status.code(), Some(1));
    for arguments in [&["check", "study.toml"][..], &["cite"], &["nonsense"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
        let status = command.current_dir(&folder).args(arguments).stdout(full()).stderr(full()).status();
        assert!(matches!(status.expect("it starts").code(), Some(1 | 2)), "{arguments:?}");
    }
}

#[test]
fn times_between_checkpoints_that_would_not_work_are_refused_and_the_others_work() {
    let folder = place(LINE);
    for bad in ["1e-9", "0", "-1", "0.009", "1e10", "1e19", "inf", "nan", "often"] {
        let output = command(&folder).arg(format!("--checkpoint-every={bad}")).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{bad}: {said}");
        assert!(said.contains("between 0.01 and 1e9 seconds") || said.contains("a number of seconds"), "{said}");
    }
    for good in ["0.01", "1e9"] {
        let output = command(&folder).args(["--force", "--checkpoint-every", good]).output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{good}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_check_hears_of_it_too() {
    let folder = place(TRAINING);
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    let child = command.arg("check").arg(folder.path().join("study.toml")).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("it starts");
    let mut words = BufReader::new(child.stderr.take().expect("its words"));
    let mut line = String::new();
    words.read_line(&mut line).expect("a line on the problem");
    assert!(line.starts_with("problem: "), "{line}");
    let begun = Instant::now();
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(signal.success());
    let code = child.wait().expect("it ends").code();
    assert!(begun.elapsed() < HEARD, "{:?}", begun.elapsed());
    let mut rest = String::new();
    words.read_to_string(&mut rest).expect("words");
    assert!(code == Some(1) && rest.contains("error: interrupted"), "{code:?}: {rest}");
}
