//! Runs of every method that are killed at random moments, several times each, and resumed on another number of threads: what comes
//! out are the bytes of a run on one thread to which nothing happened.
//!
//! `cargo xtask kills` does many; without it, a few studies are killed once.

use logscape::random::{Purpose, stream};
use rand::RngExt;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs, str};
use tempfile::TempDir;

/// A study for each method, dynamics and kind of problem: name and text.
const STUDIES: [(&str, &str); 11] = [
    ("direct", include_str!("killed/direct.toml")),
    ("splitting", include_str!("killed/splitting.toml")),
    ("forward-flux", include_str!("killed/forward-flux.toml")),
    ("auto", include_str!("killed/auto.toml")),
    ("equations", include_str!("killed/equations.toml")),
    ("network", include_str!("killed/network.toml")),
    ("factors", include_str!("killed/factors.toml")),
    ("saddles", include_str!("killed/saddles.toml")),
    ("interpolating", include_str!("killed/interpolating.toml")),
    ("training", include_str!("killed/training.toml")),
    ("line", include_str!("killed/line.toml")),
];

/// Those that are killed in every test of the workspace; the tests of `--resume` kill `direct` and `splitting`.
const ALWAYS: [&str; 5] = ["forward-flux", "equations", "network", "factors", "training"];

/// The most kills of one run before it may end.
const MOST: u64 = 4;

/// A number that `cargo xtask kills` gives, or another.
fn told<T: str::FromStr>(name: &str, otherwise: T) -> T {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What was done to a study.
#[derive(Default)]
struct Tally {
    runs: u64,
    kills: u64,
    /// Kills that left an ensemble to go on with.
    within: u64,
}

/// A study, and what it comes to.
struct Whole {
    folder: TempDir,
    /// Wall time without a kill.
    takes: Duration,
    outcome: BTreeMap<String, Vec<u8>>,
}

impl Whole {
    /// Runs the study on one thread.
    fn of(study: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("study.toml"), study).expect("the study is written");
        let begun = Instant::now();
        let output = command(folder.path(), "whole", &["--threads", "1"]).output().expect("the command starts");
        ends_well(&output);
        let outcome = outcome(&folder.path().join("whole"));
        assert!(outcome.contains_key("results.json") && outcome.len() > 1, "{:?}", outcome.keys());
        Self { takes: begun.elapsed(), outcome, folder }
    }

    /// A run of the study that is killed so many times, if it does not end before.
    #[track_caller]
    fn killed(&self, name: &str, kills: u64, random: &mut impl RngExt, tally: &mut Tally) {
        let place = self.folder.path().join(name);
        let partial = self.folder.path().join(format!("{name}.partial"));
        tally.runs += 1;
        let mut said = String::new();
        for kill in 0..=kills {
            let threads = random.random_range(1..=3).to_string();
            said += &threads;
            said += " threads; ";
            // Killed before it had noted its study, a run has nothing to resume.
            let mode = if partial.join("checkpoint/study.toml").exists() { "--resume" } else { "--force" };
            let more = [mode, "--checkpoint-every", "0.02", "--threads", &threads];
            let mut command = command(self.folder.path(), name, &more);
            if kill == kills {
                ends_well(&command.output().expect("the command starts"));
            } else {
                let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts");
                let share = if kill == 0 { 1.0 } else { 0.7 };
                if !killed_after(child, self.takes.mul_f64(share * random.random::<f64>())) {
                    break;
                }
                tally.kills += 1;
                tally.within += u64::from(has_ensembles(&partial));
            }
        }
        let found = outcome(&place);
        assert_eq!(found.keys().collect::<Vec<_>>(), self.outcome.keys().collect::<Vec<_>>(), "{name}: {said}");
        for (file, bytes) in &found {
            assert!(
                *bytes == self.outcome[file],
                "{name}: {file} differs after {said}{}",
                differs(bytes, &self.outcome[file])
            );
        }
        assert!(!partial.exists(), "{name} has left something");
        fs::remove_dir_all(place).expect("removed");
    }
}

fn command(folder: &Path, out: &str, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logscape"));
    command.current_dir(folder).args(["run", "study.toml", "--out", out]).args(more);
    command
}

#[track_caller]
fn ends_well(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Kills the process at that moment; false where it has ended before, and well.
#[track_caller]
fn killed_after(mut child: Child, moment: Duration) -> bool {
    sleep(moment);
    child.kill().expect("the command can be killed");
    let status = child.wait().expect("the command ends");
    assert!(matches!(status.code(), None | Some(0)), "{status}");
    status.code().is_none()
}

/// Whether a run that was killed has left ensembles, beside what tells where they are from.
fn has_ensembles(partial: &Path) -> bool {
    fs::read_dir(partial.join("ensembles")).is_ok_and(|files| files.count() > 1)
}

/// Results and tables by name; study and manifest tell of the run, not of what it came to.
fn outcome(record: &Path) -> BTreeMap<String, Vec<u8>> {
    let tables = fs::read_dir(record.join("tables")).expect("there are tables");
    let files: Vec<PathBuf> =
        tables.map(|entry| entry.expect("an entry").path()).chain([record.join("results.json")]).collect();
    let name = |file: &PathBuf| file.strip_prefix(record).expect("it is within").display().to_string();
    files.iter().map(|file| (name(file), fs::read(file).expect("the file is there"))).collect()
}

/// The first line in which texts differ.
fn differs(a: &[u8], b: &[u8]) -> String {
    let (Ok(a), Ok(b)) = (str::from_utf8(a), str::from_utf8(b)) else { return String::new() };
    let pair = a.lines().zip(b.lines()).enumerate().find(|(_, (a, b))| a != b);
    pair.map_or_else(String::new, |(line, (a, b))| format!("\nline {}: {a}\ninstead: {b}", line + 1))
}

#[test]
fn every_method_killed_at_random_comes_to_the_bytes_of_a_run_on_one_thread() {
    let (count, seed): (u64, u64) = (told("LOGSCAPE_KILLS", 0), told("LOGSCAPE_SEED", 1));
    let chosen = STUDIES.into_iter().filter(|(name, _)| count > 0 || ALWAYS.contains(name));
    let mut all: Vec<_> = chosen.map(|(name, study)| (name, Whole::of(study), Tally::default())).collect();
    let (most, count) = if count > 0 { (MOST, count) } else { (1, 3) };
    let mut random = stream(seed, Purpose::Check, 0);
    let killed = |all: &[(&str, Whole, Tally)]| all.iter().map(|(_, _, tally)| tally.kills).sum::<u64>();
    for number in 0.. {
        for (name, whole, tally) in &mut all {
            let kills = random.random_range(1..=most);
            whole.killed(&format!("{name}-{number}"), kills, &mut random, tally);
        }
        if killed(&all) >= count {
            break;
        }
    }
    println!("seed {seed}: study, runs, kills, kills that left an ensemble");
    for (name, _, Tally { runs, kills, within }) in &all {
        println!("{name:<16}{runs:>6}{kills:>6}{within:>6}");
    }
    println!("{} kills, and every run came to the bytes of one on one thread", killed(&all));
}
