//! Results are what the schema says, and what they never are is refused.

use super::runs::{BESIDE_RUN, Finished, LINEAR, LINEAR_RUN, SINUSOID, SINUSOID_RUN, complaints, finished};
use logscape_study::Record;
use logscape_study::summary::summary;
use serde_json::{Value, json};

#[test]
fn results_are_what_the_schema_says() {
    for finished in [&*SINUSOID_RUN, &*LINEAR_RUN, &*BESIDE_RUN] {
        assert_eq!(complaints(&finished.results), Vec::<String>::new(), "{}", finished.record.study.name);
    }
    let setting = |finished: &Finished, k: usize| finished.results["settings"][k].clone();
    assert!(setting(&SINUSOID_RUN, 0)["escape"]["measured"]["mean_steps"].is_object(), "replicas escape");
    assert!(setting(&SINUSOID_RUN, 1)["escape"]["measured"]["mean_steps"].is_null(), "no replica escapes from B = 50");
    let linear = setting(&LINEAR_RUN, 0);
    assert_eq!(linear["escape"]["region"]["kind"], "loss-level");
    assert!(linear["stationary"]["samples"].as_u64() > Some(0));
}

#[test]
fn the_schema_refuses_what_results_never_are() {
    let refused = |pointer: &str, change: &dyn Fn(&mut Value)| {
        let mut results = LINEAR_RUN.results.clone();
        change(results.pointer_mut(pointer).expect("the field is there"));
        assert_ne!(results, LINEAR_RUN.results, "{pointer} is not changed");
        assert!(!complaints(&results).is_empty(), "{pointer} is accepted");
    };
    let renamed = |parent: &str, from: &'static str, to: &'static str| {
        refused(parent, &move |value| {
            let fields = value.as_object_mut().expect("an object");
            let field = fields.remove(from).expect("the field is there");
            fields.insert(to.to_owned(), field);
        });
    };
    renamed("", "settings", "setting");
    renamed("/minimum", "theta", "parameters_at_minimum");
    renamed("/geometry/decoupling", "scaling_exponent", "exponent");
    renamed("/settings/0", "learning_rate", "eta");
    renamed("/settings/0/escape/region", "loss", "level");
    renamed("/settings/0/stationary", "statistics", "series");
    renamed("/settings/0/stationary/statistics/log_loss", "autocorrelation_steps", "memory");
    renamed("/settings/0/escape/measured", "quantiles", "percentiles");
    for number in
        ["/minimum/loss", "/geometry/h_star/ci95/0", "/settings/0/phi", "/settings/0/escape/measured/exposure"]
    {
        refused(number, &|value| *value = json!("NaN"));
    }
    refused("/geometry/h_star/ci95", &|value| *value = json!([1.0]));
    for never_null in
        ["/minimum/loss", "/minimum/theta", "/settings/0/escape", "/settings/0/stationary", "/settings/0/sampling"]
    {
        refused(never_null, &|value| *value = Value::Null);
    }
    refused("/settings/0/batch_size", &|value| *value = json!(0));
    for theory in ["/settings/0/escape/verdict/best", "/settings/0/escape/verdict/trusted"] {
        refused(theory, &|value| *value = json!("no theory's name"));
    }
    refused("/settings/0/sampling", &|value| *value = json!("by-hand"));
    refused("/settings/0/escape/measured/method", &|value| *value = json!("guessed"));
    renamed("/settings/0/escape/predictions/kramers", "rate", "velocity");
    refused("/settings/0/escape/verdict/error_decades/kramers", &|value| *value = json!("large"));
    renamed("/settings/0/escape/verdict", "text", "words");
    renamed("/settings/0/escape/verdict/theories/kramers", "at_most", "below");
    refused("/settings/0/escape/verdict/theories/kramers/holds", &|value| *value = json!("maybe"));
    refused("/settings/0/escape/verdict/theories/kramers/failed_checks/0/kind", &|value| *value = json!("mood"));
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    for finished in [&*SINUSOID_RUN, &*LINEAR_RUN, &*BESIDE_RUN] {
        let read = Record::read(&finished.folder.path().join("record")).expect("the record is whole");
        assert_eq!(read.tables, finished.record.tables);
        assert_eq!(read.study, finished.record.study);
        assert_eq!(read.manifest.seed, finished.record.study.seed);
    }
    let (sinusoid, linear) = (&SINUSOID_RUN.record.tables, &LINEAR_RUN.record.tables);
    assert_eq!((sinusoid.spectrum.len(), sinusoid.escape_times.len()), (1, 40));
    assert!(!sinusoid.path.is_empty() && sinusoid.stationary.is_empty());
    assert_eq!((linear.spectrum.len(), linear.escape_times.len()), (2, 20));
    assert!(linear.path.is_empty() && linear.stationary.iter().any(|row| row.count > 0));
}

/// Far beyond stability every replica diverges, and a far boundary puts predictions beyond all numbers of steps.
#[test]
fn a_diverging_setting_ends_with_counts_and_without_a_number_that_is_none() {
    let unstable = LINEAR.replace("learning_rate = 0.2", "learning_rate = 2.5");
    let nowhere = unstable.replace("{ loss-factor = 1.5 }", "{ box = [[-1e300, 1e300], [-1e300, 1e300]] }");
    let Finished { record, folder, results } = finished(&nowhere);
    let setting = &results["settings"][0];
    assert_eq!(setting["escape"]["measured"]["diverged"], 20);
    assert_eq!(setting["escape"]["measured"]["escaped"], 20);
    assert_eq!(setting["stationary"]["diverged"], 8);
    assert_eq!(setting["linearly_stable"], false);
    assert!(record.tables.escape_times.iter().all(|row| row.end == "diverged" && row.steps < 5_000));
    let read = Record::read(&folder.path().join("record")).expect("it reads back");
    assert_eq!(read.results, record.results);
    // A step can lead from inside the ball to where a replica counts as diverged, which is an escape all the same.
    let far = finished(&unstable.replace("{ loss-factor = 1.5 }", "{ ball = 1e59 }"));
    let measured = &far.results["settings"][0]["escape"]["measured"];
    let ended = |how: &str| measured[how].as_u64().expect("a count");
    assert_eq!(ended("escaped"), 20);
    assert!(ended("diverged") < 10);
}

#[test]
fn theories_that_a_study_leaves_out_are_in_no_verdict() {
    let some = SINUSOID.replace("replicas = 20", "replicas = 20\ntheories = [\"kramers\"]");
    let finished = finished(&some);
    assert_eq!(complaints(&finished.results), Vec::<String>::new());
    let verdict = &finished.results["settings"][0]["escape"]["verdict"];
    assert_eq!(verdict["theories"].as_object().map(serde_json::Map::len), Some(1));
}

/// The schema knows no list of theories: the names in a verdict are those of the predictions.
#[test]
fn records_of_another_theory_are_valid_and_verdicts_name_predictions() {
    let mut results = LINEAR_RUN.results.clone();
    for map in ["predictions", "verdict/theories", "verdict/error_decades"] {
        let map = results.pointer_mut(&format!("/settings/0/escape/{map}")).and_then(Value::as_object_mut);
        let map = map.expect("a map");
        let record = map["kramers"].clone();
        map.insert("arrhenius".to_owned(), record);
    }
    results["settings"][0]["escape"]["verdict"]["best"] = json!("arrhenius");
    assert_eq!(complaints(&results), Vec::<String>::new());
    for finished in [&*SINUSOID_RUN, &*LINEAR_RUN, &*BESIDE_RUN] {
        for escape in finished.record.results.settings.iter().filter_map(|setting| setting.escape.as_ref()) {
            let verdict = &escape.verdict;
            let predicted: Vec<_> = escape.predictions.keys().collect();
            assert_eq!(verdict.theories.keys().collect::<Vec<_>>(), predicted);
            assert_eq!(verdict.error_decades.keys().collect::<Vec<_>>(), predicted);
            let mut named = verdict.best.iter().chain(&verdict.trusted).chain(&verdict.indistinguishable);
            assert!(named.all(|name| escape.predictions.contains_key(name)), "{verdict:?}");
        }
    }
}

#[test]
fn the_summary_says_it_in_words() {
    insta::assert_snapshot!(summary(&LINEAR_RUN.record.results));
}
