//! Things that pass or fail, one after the other, and what they took.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::suite::Tally;
use crate::{cargo, cpu, workspace};

/// CPU time that all steps of `cargo xtask test` should take at most, builds included.
const BUDGET: Duration = Duration::from_secs(20 * 60);

/// Tests whose times are printed.
const SLOWEST: usize = 10;

/// Something that passes or fails.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    name: &'static str,
    work: Work,
}

#[derive(Clone, Copy)]
enum Work {
    /// Arguments and extra environment.
    Cargo(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// A check of the packages of the workspace at this root.
    Packages(fn(&Path, &[PathBuf]) -> bool),
    /// Tests; whether all passed, and what ran.
    Tests(fn() -> (bool, Tally)),
}

impl Step {
    /// A cargo invocation.
    pub(crate) const fn cargo(name: &'static str, arguments: &'static [&'static str]) -> Self {
        Self { name, work: Work::Cargo(arguments, &[]) }
    }

    /// The same with extra environment.
    pub(crate) const fn with(self, environment: &'static [(&'static str, &'static str)]) -> Self {
        match self.work {
            Work::Cargo(arguments, _) => Self { name: self.name, work: Work::Cargo(arguments, environment) },
            _ => self,
        }
    }

    /// Something that reads the packages of the workspace.
    pub(crate) const fn packages(name: &'static str, check: fn(&Path, &[PathBuf]) -> bool) -> Self {
        Self { name, work: Work::Packages(check) }
    }

    /// Something that runs tests.
    pub(crate) const fn tests(name: &'static str, run: fn() -> (bool, Tally)) -> Self {
        Self { name, work: Work::Tests(run) }
    }

    fn run(&self, tally: &mut Tally) -> bool {
        match self.work {
            Work::Cargo(arguments, environment) => cargo::run(arguments, environment),
            Work::Packages(check) => match workspace::root() {
                Ok(root) => check(&root, &workspace::packages(&root)),
                Err(error) => {
                    eprintln!("xtask: {error}");
                    false
                }
            },
            Work::Tests(run) => {
                let (sound, tests) = run();
                tally.add(tests);
                sound
            }
        }
    }
}

/// What a step came to.
struct Outcome {
    name: &'static str,
    sound: bool,
    /// None where it cannot be known.
    cpu: Option<Duration>,
}

/// Runs the steps, all of them, so that one sees at once all that there is to mend; false where one fails.
pub(crate) fn run(steps: &[Step]) -> bool {
    let (outcomes, _) = run_all(steps);
    // One step has said so itself.
    if steps.len() > 1 {
        say_failed(&outcomes);
    }
    outcomes.iter().all(|outcome| outcome.sound)
}

/// The same; then prints the slowest tests, the CPU time of each step, and as the last line how many tests passed, failed
/// and were skipped.
pub(crate) fn run_with_summary(steps: &[Step]) -> bool {
    let (outcomes, tally) = run_all(steps);
    println!();
    println!("{} tests ran, {} were skipped", tally.passed + tally.failed, tally.skipped);
    if tally.times.is_empty() {
        println!("the slowest tests are not known: cargo-nextest, which takes the times, did not run");
    } else {
        println!("the slowest tests, those in the documentation aside:");
        for (seconds, name) in tally.slowest(SLOWEST) {
            println!("{seconds:8.2} s  {name}");
        }
    }
    print_cpu(&outcomes);
    say_failed(&outcomes);
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    outcomes.iter().all(|outcome| outcome.sound)
}

fn run_all(steps: &[Step]) -> (Vec<Outcome>, Tally) {
    let mut tally = Tally::default();
    let outcome = |step: &Step| {
        let before = cpu::taken();
        let sound = step.run(&mut tally);
        let cpu = cpu::taken().zip(before).map(|(after, before)| after.saturating_sub(before));
        Outcome { name: step.name, sound, cpu }
    };
    (steps.iter().map(outcome).collect(), tally)
}

fn say_failed(outcomes: &[Outcome]) {
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.sound).map(|outcome| outcome.name).collect();
    if !failed.is_empty() {
        println!("failed: {}", failed.join(", "));
    }
}

fn print_cpu(outcomes: &[Outcome]) {
    let Some(times) = outcomes.iter().map(|outcome| outcome.cpu).collect::<Option<Vec<_>>>() else {
        println!("CPU time is not known: there is no /proc");
        return;
    };
    let seconds = |time: &Duration| format!("{:.1} s", time.as_secs_f64());
    let total: Duration = times.iter().sum();
    println!("CPU time, builds included:");
    for (outcome, time) in outcomes.iter().zip(&times) {
        println!("{:>10}  {}", seconds(time), outcome.name);
    }
    println!("{:>10}  in all", seconds(&total));
    if let Some(warning) = over_budget(total) {
        println!("{warning}");
    }
}

fn over_budget(total: Duration) -> Option<String> {
    let minutes = |time: Duration| time.as_secs_f64() / 60.0;
    (total > BUDGET).then(|| {
        format!("warning: {:.1} CPU-minutes are more than the budget of {:.0}", minutes(total), minutes(BUDGET))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_more_than_the_budget_is_warned_of() {
        assert_eq!(over_budget(Duration::from_secs(1200)), None);
        let warning = "warning: 20.5 CPU-minutes are more than the budget of 20";
        assert_eq!(over_budget(Duration::from_secs(1230)).as_deref(), Some(warning));
    }

    #[test]
    fn one_failing_step_does_not_hide_the_next() {
        const BAD: Step = Step::packages("bad", |_, _| false);
        const GOOD: Step = Step::packages("good", |_, _| true);
        let (outcomes, _) = run_all(&[BAD, GOOD]);
        assert_eq!(outcomes.iter().map(|outcome| outcome.sound).collect::<Vec<_>>(), [false, true]);
        assert!(!run(&[BAD, GOOD]) && run(&[GOOD, GOOD]));
    }
}
