//! Broken input for every reader of logscape: study files, data in every format, records and checkpoints. `cargo xtask fuzz` runs it.
//!
//! Good input is spoilt at random, by bytes and by words, and given to the reader, which must end within a second, take no more memory
//! than it may, and say what is wrong in words that name the file. Seed, target and number say what an input is.

mod case;
mod edit;
mod input;
mod judge;
mod memory;
mod search;
mod supervise;
mod target;
mod worker;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::available_parallelism;
use std::time::Duration;
use std::{env, io};
use supervise::supervise;
use target::{TARGETS, Target, by_name};
use worker::{Plan, again, work};

const USAGE: &str = "usage: cargo xtask fuzz [TARGET]... [--seconds N | --inputs N] [--seed S] [--threads N]
       cargo xtask fuzz TARGET --input FOLDER

Of each target so many inputs are tried, or for so long [default: 10 seconds]. An input at which a reader fails is kept in
target/fuzz, and what is printed tries it again.";

/// What the command line says.
struct Arguments {
    targets: Vec<Target>,
    plan: Plan,
    /// An input to try again.
    input: Option<PathBuf>,
    /// The number of a process, and where it is to note what it does.
    worker: Option<(u64, PathBuf)>,
}

impl Arguments {
    /// None where they are wrong.
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let threads = available_parallelism().map_or(1, |threads| threads.get() as u64);
        let mut plan = Plan { seed: 1, workers: threads, inputs: None, time: None };
        let (mut targets, mut input, mut first, mut note) = (Vec::new(), None, None, None);
        while let Some(word) = words.next() {
            if let Some(target) = by_name(&word) {
                targets.push(target);
                continue;
            }
            let value = words.next()?;
            let number = value.parse();
            match &*word {
                "--seconds" => plan.time = Some(Duration::try_from_secs_f64(value.parse().ok()?).ok()?),
                "--inputs" => plan.inputs = Some(number.ok()?),
                "--seed" => plan.seed = number.ok()?,
                "--threads" => plan.workers = number.ok().filter(|threads| *threads > 0)?,
                "--input" => input = Some(PathBuf::from(value)),
                "--worker" => first = Some(number.ok()?),
                "--note" => note = Some(PathBuf::from(value)),
                _ => return None,
            }
        }
        if targets.is_empty() {
            targets = TARGETS.to_vec();
        }
        if plan.inputs.is_none() && plan.time.is_none() {
            plan.time = Some(Duration::from_secs(10));
        }
        (input.is_none() || targets.len() == 1).then_some(Self { targets, plan, input, worker: first.zip(note) })
    }
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read(env::args().skip(1)) else {
        eprintln!("{USAGE}\n\ntargets: {}", TARGETS.map(|target| target.name).join(", "));
        return ExitCode::from(2);
    };
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether no reader failed.
fn run(arguments: &Arguments) -> io::Result<bool> {
    let Arguments { targets, plan, input, worker } = arguments;
    if let Some(input) = input {
        return again(&targets[0], input);
    }
    if let Some((first, note)) = worker {
        return work(&targets[0], *plan, *first, note);
    }
    let program = env::current_exe()?;
    let mut sound = true;
    for target in targets {
        let begin = |first: u64, note: &Path| {
            let mut command = Command::new(&program);
            // A run that is resumed needs no more threads than its process has.
            command
                .env("RAYON_NUM_THREADS", "1")
                .arg(target.name)
                .args(env::args().skip(1).filter(|word| by_name(word).is_none()));
            command.args(["--worker", &first.to_string()]).arg("--note").arg(note);
            command
        };
        sound &= supervise(target, *plan, begin)?;
    }
    Ok(sound)
}

#[cfg(test)]
mod tests;
