//! Study files with what the command line puts over them.

use super::record::silent;
use super::{Target, WRONG};
use crate::input::Input;
use logscape::{Stop, problem};
use logscape_study::template::of_kind;
use logscape_study::{load, parse};
use miette::Report;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A file of overrides, one a line.
const SET: &str = "set";

pub(super) const STUDY: Target = Target {
    name: "study",
    good,
    pack: None,
    read,
    names: &["study.toml", "--set"],
    time: Duration::from_secs(1),
    beside: 32 << 20,
    memory: 0,
};

const SHIPPED: [&str; 7] = [
    include_str!("../../../studies/digits.toml"),
    include_str!("../../../studies/linear.toml"),
    include_str!("../../../studies/sinusoid.toml"),
    include_str!("../../../studies/sinusoid-deep.toml"),
    include_str!("../../../studies/phase-retrieval.toml"),
    include_str!("../../../studies/teacher-student.toml"),
    include_str!("../../../studies/mnist.toml"),
];

/// Every table, and fields that no shipped study has.
const ALL: &str = include_str!("all.toml");

/// Overrides of all kinds.
const OVERRIDES: &str = "sgd.batch_size=[1,4]\nsgd.learning_rate=\"0.01:1:7log\"\nescape.region={ ball = 1.0 }\nproblem.data.path=x.csv\n\
    name=plain\nseed=12\nescape.rare.repeats=4\ndynamics=[{ kind = \"sgld\", temperature = 0.1 }]\n";

fn good() -> Vec<Input> {
    let file = |text: &str| Input::of("study.toml", text);
    let mut good: Vec<Input> = SHIPPED.into_iter().chain([ALL]).map(file).collect();
    let stop = Stop::new();
    good.extend(problem::all().iter().filter_map(|kind| of_kind(kind, &stop, &silent).ok()).map(|text| file(&text)));
    good.extend([SHIPPED[1], ALL].map(|text| file(text).and(SET, OVERRIDES)));
    good
}

fn read(folder: &Path) -> Result<(), String> {
    let overrides = fs::read(folder.join(SET)).unwrap_or_default();
    let overrides: Vec<String> = String::from_utf8_lossy(&overrides).lines().map(str::to_owned).collect();
    let study = load(&folder.join("study.toml"), &overrides).map_err(|error| format!("{:?}", Report::new(error)))?;
    let written = toml::to_string(&study).map_err(|error| format!("{WRONG}it cannot be written: {error}"))?;
    match parse("written", &written, &[]) {
        // By their text: generators refuse numbers such as NaN, which is not itself, when they are asked for data.
        Ok(again) if toml::to_string(&again).is_ok_and(|again| again == written) && !study.most_steps().is_nan() => {
            Ok(())
        }
        Ok(_) => Err(format!("{WRONG}it is read back as another one")),
        Err(error) => Err(format!("{WRONG}it is not read back: {error}")),
    }
}
