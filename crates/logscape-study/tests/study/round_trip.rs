//! What is written can be read.

use crate::schema::runs::{BESIDE, DEEP, LINEAR_RUN, PHASES, SINUSOID_RUN, complaints, finished};
use logscape::Stop;
use logscape_study::summary::summary;
use logscape_study::{Destination, Event, Record, Results, RunError, parse, report, run};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Results of every kind of study, so that every type of the record is there.
static ALL: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let more = [BESIDE, DEEP, PHASES].map(|study| finished(study).results);
    [&SINUSOID_RUN.results, &LINEAR_RUN.results].into_iter().cloned().chain(more).collect()
});

/// Places of all numbers, and of all nulls, where a number may be missing.
fn numbers(place: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| numbers(&format!("{place}/{key}"), field, found));
        }
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(k, one)| numbers(&format!("{place}/{k}"), one, found));
        }
        Value::Number(_) | Value::Null => found.push(place.to_owned()),
        Value::Bool(_) | Value::String(_) => {}
    }
}

/// What may stand for a number: the ends of its range, and null.
fn extremes(number: &Value) -> Vec<Value> {
    let reals = [5e-324, f64::MIN_POSITIVE, 0.1, -5e-324, 1.0 - f64::EPSILON / 2.0];
    let large = [f64::MAX, -f64::MAX, -0.0, 1e22];
    match number {
        _ if number.is_u64() => vec![json!(0), json!(1), json!(1_u64 << 53), json!(u64::MAX), Value::Null],
        Value::Null => reals.map(|x| json!(x)).into_iter().chain([Value::Null]).collect(),
        _ => reals.into_iter().chain(large).map(|x| json!(x)).chain([Value::Null]).collect(),
    }
}

proptest! {
    #![proptest_config(Config { cases: 400, rng_seed: RngSeed::Fixed(22), failure_persistence: None, ..Config::default() })]

    #[test]
    fn results_that_the_schema_accepts_are_read_and_written_as_they_are(
        which in 0_usize..5,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
    ) {
        let mut results = ALL[which].clone();
        let mut places = Vec::new();
        numbers("", &results, &mut places);
        for (place, value) in changes {
            let number = results.pointer_mut(place.get::<String>(&places)).expect("a number");
            let extremes = extremes(number);
            let before = std::mem::replace(number, value.get(&extremes).clone());
            if !complaints(&results).is_empty() {
                *results.pointer_mut(place.get::<String>(&places)).expect("a number") = before;
            }
        }
        let text = results.to_string();
        let sampling = logscape::Sampling::WithReplacement;
        let read = Results::from_json(&text, sampling);
        prop_assert!(read.is_ok(), "{:?} in {text}", read.err());
        prop_assert_eq!(serde_json::to_value(read.expect("results")).expect("JSON"), results);
    }
}

#[test]
fn a_box_with_open_sides_is_read_back() {
    let study = r#"name = "open"
[problem]
kind = "linear-regression"
data.synthetic = { kind = "linear-teacher", samples = 50, spectrum = [1.0, 1.0], teacher = [1.0, 0.0], noise = 1.0 }
[sgd]
learning_rate = 0.05
batch_size = 1
[escape]
region = { box = [[-inf, 2.0], [-2.0, inf]] }
method = "direct"
replicas = 20
max_steps = 50
"#;
    let finished = finished(study);
    let place = finished.folder.path().join("record");
    assert_eq!(Record::read(&place).expect("a record"), finished.record);
    assert_eq!(complaints(&finished.results), Vec::<String>::new());
    let region = &finished.results["settings"][0]["escape"]["region"];
    assert_eq!(*region, json!({"kind": "box", "lower": [null, -2.0], "upper": [2.0, null]}));
    report::draw(&place).expect("its pages");
}

/// Six samples, of whose resamples so many carry no curvature along one direction that an interval has no upper end.
const FEW: &str = r#"name = "few"
seed = 12
[problem]
kind = "mlp"
hidden = [1]
data.synthetic = { kind = "teacher-student", samples = 6, input_dim = 2, hidden = 1, target_dim = 1, gain = 1.0, noise = 0.3 }
[sgd]
learning_rate = 0.02
batch_size = 1
"#;

#[test]
fn an_interval_without_an_end_is_null_in_the_record_and_unbounded_in_words() {
    let finished = finished(FEW);
    let place = finished.folder.path().join("record");
    assert_eq!(Record::read(&place).expect("a record"), finished.record);
    assert_eq!(complaints(&finished.results), Vec::<String>::new());
    let geometry = &finished.results["geometry"];
    let ends = [&geometry["h_star"]["ci95"][1], &geometry["noise_strength"]["ci95"][1]];
    assert!(ends.contains(&&Value::Null), "{geometry}");
    let words = summary(&finished.record.results);
    assert!(words.contains(", unbounded]") && !words.contains("inf"), "{words}");
    let page = fs::read_to_string(place.join("report.html")).expect("a page");
    assert!(page.contains("unbounded]"), "the page says nothing of it");
}

/// A run that is interrupted after the geometry takes that up again, infinite ends and gaps included.
#[test]
fn a_geometry_with_infinite_numbers_is_taken_up_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let few = format!("{FEW}[escape]\nregion = {{ loss-factor = 2.0 }}\nreplicas = 2\nmax_steps = 10\n");
    let study = parse("study.toml", &few, &[]).expect("a good study");
    let mut place = Destination::new(folder.path().join("record"));
    let stop = Stop::new();
    let until_geometry = |event: &Event| {
        if matches!(event, Event::Geometry { .. }) {
            stop.request();
        }
    };
    let ended = run(&study, Path::new(""), &place, &stop, &until_geometry);
    assert!(matches!(ended, Err(RunError::Interrupted { kept: Some(_) })), "{:?}", ended.err());
    place.resume = true;
    let taken_up = |event: &Event| assert!(!matches!(event, Event::Stage { name: "geometry", .. }), "measured again");
    let (record, _) = run(&study, Path::new(""), &place, &Stop::new(), &taken_up).expect("it goes on");
    assert_eq!(record.results, finished(&few).record.results);
}
