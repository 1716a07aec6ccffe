//! Small studies, and their records.

use jsonschema::{Draft, Validator};
use logscape::Stop;
use logscape_study::record::schema;
use logscape_study::{Destination, Event, Record, parse, run};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

pub(crate) const SINUSOID: &str = r#"name = "sinusoid"
seed = 7

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 100, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }

[minimum]
start = [5.5]

[sgd]
learning_rate = 0.1
batch_size = [1, 50]

[escape]
region = "dividing-surface"
replicas = 20
max_steps = 2_000
"#;

pub(crate) const LINEAR: &str = r#"name = "linear"

[problem]
kind = "linear-regression"
data.synthetic = { kind = "linear-teacher", samples = 100, spectrum = [1.0, 0.1], teacher = [1.0, -0.5], noise = 1.0 }

[sgd]
learning_rate = 0.2
batch_size = 1
sampling = "without-replacement"

[stationary]
replicas = 8
burn_in = 100
steps = 2_000
thin = 10

[escape]
region = { loss-factor = 1.5 }
replicas = 20
max_steps = 5_000
"#;

/// The sinusoid with other dynamics beside SGD, and paths.
pub(crate) const BESIDE: &str = r#"name = "beside"
seed = 7

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 60, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }

[minimum]
start = [5.5]

[sgd]
learning_rate = 0.1
batch_size = 1

[[dynamics]]
kind = "sgd"
name = "sgd-float32"
precision = "float32"

[[dynamics]]
kind = "heavy-ball"
momentum = 0.5

[[dynamics]]
kind = "decoupled-noise-sde"
scheme = "milstein"

[[dynamics]]
kind = "log-landscape-sde"

[stationary]
replicas = 16
burn_in = 100
steps = 2_000
thin = 10

[escape]
region = "dividing-surface"
replicas = 400
max_steps = 50_000

[output]
trajectories = { every = 50, replicas = 3, steps = 2_000 }
"#;

/// A minimum of phase retrieval, between whose two signs lie two saddles.
pub(crate) const PHASES: &str = r#"name = "phases"

[problem]
kind = "phase-retrieval"
data.synthetic = { kind = "phase-retrieval", samples = 60, dim = 2, noise = 0.3 }

[sgd]
learning_rate = 0.02
batch_size = 1

[saddle]
searches = 4
reach = 0.5

[escape]
region = "dividing-surface"
replicas = 10
max_steps = 2_000
"#;

/// A deep minimum: about 10^8 steps for SGD, which splitting finds in a few hundred thousand, and an equation beside it.
pub(crate) const DEEP: &str = r#"name = "deep"
seed = 7

[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 60, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.3 }

[minimum]
start = [3.0]

[sgd]
learning_rate = 0.2
batch_size = 1

[[dynamics]]
kind = "log-landscape-sde"

[escape]
region = "dividing-surface"
method = "splitting"
rare = { trajectories = 100, repeats = 6, max_cost = 10_000_000 }
"#;

/// Hears nothing.
pub(crate) fn silent(_: &Event) {}

/// A finished run: its record in memory, its folder, and its results as JSON.
pub(crate) struct Finished {
    pub(crate) record: Record,
    pub(crate) folder: TempDir,
    pub(crate) results: Value,
}

pub(crate) fn finished(study: &str) -> Finished {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let destination = Destination::new(folder.path().join("record"));
    let study = parse("study.toml", study, &[]).expect("a good study");
    let (record, place) = run(&study, Path::new(""), &destination, &Stop::new(), &silent).expect("the run ends");
    let text = fs::read_to_string(place.join("results.json")).expect("there are results");
    Finished { record, folder, results: serde_json::from_str(&text).expect("results are JSON") }
}

pub(crate) static SINUSOID_RUN: LazyLock<Finished> = LazyLock::new(|| finished(SINUSOID));

pub(crate) static LINEAR_RUN: LazyLock<Finished> = LazyLock::new(|| finished(LINEAR));

pub(crate) static BESIDE_RUN: LazyLock<Finished> = LazyLock::new(|| finished(BESIDE));

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::options().with_draft(Draft::Draft202012).build(schema().as_value()).expect("the schema is a schema")
});

/// What the schema finds wrong, one line each with its place.
pub(crate) fn complaints(results: &Value) -> Vec<String> {
    VALIDATOR.iter_errors(results).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
