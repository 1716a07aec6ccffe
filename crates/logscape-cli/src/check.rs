//! `logscape check`: what a study comes to, in words on standard error, and the study itself on standard output.

use crate::outcome::{BAD_INPUT, FAILED, fail, print, tell};
use crate::progress::Terminal;
use crate::{signals, words};
use logscape::model::memory::in_words;
use logscape_study::asked::EscapeMethod;
use logscape_study::text::{count, rounded};
use logscape_study::{Examination, Study, examine};
use std::fmt::Display;
use std::path::Path;

/// Values of a grid that are told one by one.
const TOLD: usize = 6;

/// Reads the data, makes the problem, tells what will run and how long it takes at most, and prints the study with every default
/// filled in.
pub(crate) fn check(study: &Study, base: &Path) -> u8 {
    let events = Terminal::of(&study.sgd.grid());
    let found = examine(study, base, &signals::stop(None), &events);
    events.clear();
    let found = match found {
        Ok(found) => found,
        Err(error) => return fail(&error.to_string(), if error.is_bad_input() { BAD_INPUT } else { FAILED }),
    };
    told(study, &found).iter().for_each(|line| tell(line));
    match toml::to_string(study) {
        Ok(text) => print(&text),
        Err(error) => fail(&error.to_string(), FAILED),
    }
}

/// What will run, how long it takes, and how much memory.
fn told(study: &Study, found: &Examination) -> Vec<String> {
    let Examination { inputs, searched, training, steps, seconds, memory, products } = found;
    let mut lines = vec![format!("samples: {} each", count(*inputs, "input"))];
    if let (Some(cost), Some(table)) = (training, &study.minimum.train) {
        let (steps, optimiser) = (count(cost.steps, "step"), table.optimiser.name());
        let measured = match cost.measurements {
            0 => String::new(),
            measurements => format!(" and {} of all data", count(measurements, "measurement")),
        };
        lines.push(format!("training: {steps} of {optimiser}{measured}, about {}", words::duration(cost.seconds)));
    }
    if !searched {
        lines.push(
            "minimum: not known within a second; what depends on it and its saddles is checked by the run".to_owned(),
        );
    }
    let (rates, batches) = (&study.sgd.learning_rate.0, &study.sgd.batch_size.0);
    let rates: Vec<String> = rates.iter().map(|rate| rounded(*rate)).collect();
    let others = study.dynamics.iter().map(|table| table.name.as_str());
    let dynamics: Vec<&str> = ["sgd"].into_iter().chain(others).collect();
    lines.extend(products.as_ref().map(words::product_cost));
    lines.push(if study.sgd.is_absent() {
        "runs: none, as the study has no section [sgd]: the minimum and its geometry alone are measured".to_owned()
    } else {
        format!(
            "runs: {} (learning rate {}; batch size {}) of {}",
            count(study.sgd.settings(), "setting"),
            list(&rates),
            list(batches),
            dynamics.join(", ")
        )
    });
    if let Some(table) = &study.stationary {
        let steps = table.burn_in.saturating_add(table.steps);
        lines.push(format!("stationary: {}, {} each", count(table.replicas, "replica"), count(steps, "step")));
    }
    if let Some(table) = &study.escape {
        let direct = format!("{}, at most {} each", count(table.replicas, "replica"), count(table.max_steps, "step"));
        let rare = format!(
            "{} of {}, at most {} each",
            count(table.rare.repeats, "repeat"),
            count(table.rare.trajectories, "trajectory"),
            count(table.rare_cost(), "replica-step")
        );
        lines.push(match table.method {
            EscapeMethod::Auto => format!("escape: {direct}; where too few escape, splitting, {rare}"),
            EscapeMethod::Direct => format!("escape: {direct}"),
            EscapeMethod::Splitting => format!("escape: splitting, {rare}"),
            EscapeMethod::ForwardFlux => format!("escape: forward flux sampling, {rare}"),
        });
    }
    if *steps > 0.0 {
        let rests = if *searched {
            "if no replica escapes, by some steps of each ensemble here and now"
        } else {
            "by some steps of SGD from where the search starts"
        };
        let time = words::duration(*seconds);
        lines.push(format!("time: ensembles at most about {time}, {steps:.1e} replica-steps, {rests}"));
    }
    lines.push(format!("memory: about {}", in_words(*memory)));
    lines
}

fn list(values: &[impl Display]) -> String {
    match values {
        [first, second, .., last] if values.len() > TOLD => {
            format!("{first}, {second}, …, {last}, {} in all", values.len())
        }
        values => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}
