//! Splitting and forward flux sampling.

use super::runs::{DEEP, Finished, complaints, finished};
use serde_json::{Value, json};

/// A rate by splitting has its parts in the record, and nothing that only single escapes could tell.
#[test]
fn splitting_is_recorded_apart_from_direct_simulation() {
    for (method, name) in [("\"splitting\"", "splitting"), ("\"forward-flux\"", "forward-flux")] {
        let Finished { record, results, .. } = finished(&DEEP.replace("\"splitting\"", method));
        assert_eq!(complaints(&results), Vec::<String>::new());
        let escape = &results["settings"][0]["escape"];
        let measured = &escape["measured"];
        assert_eq!((&measured["method"], &measured["rare"]["score"]), (&json!(name), &json!("committor")));
        let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("a number: {measured}"));
        let rate = number(&measured["rare"]["flux"]["value"]) * number(&measured["rare"]["probability"]["value"]);
        let mean = number(&measured["mean_steps"]["value"]);
        // The rate is the mean of products over repeats, not the product of the means.
        assert!((rate * mean - 1.0).abs() < 0.3, "{rate} {mean}");
        assert!(number(&measured["log10_mean_steps"]["value"]) > 7.0, "{mean}");
        assert!(measured["mean_steps_lower_bound"] == measured["mean_steps"]["ci95"][0]);
        for direct in ["escaped", "censored", "exposure", "weibull"] {
            assert!(measured[direct].is_null(), "{direct}");
        }
        assert_eq!(measured["quantiles"], json!([]));
        assert!(record.tables.escape_times.is_empty());
        // The equation is in another time: a clock of t = ηk, which its own steps divide by ten.
        let beside = &escape["dynamics"][0];
        let steps = number(&beside["measured"]["mean_steps"]["value"]);
        assert!((number(&beside["mean_time"]["value"]) / (0.2 * steps) - 1.0).abs() < 1e-12);
        assert!(number(&beside["mean_landscape_time"]["value"]) > 0.0 && beside["decades_from_sgd"].is_object());
        let words = logscape_study::summary::summary(&record.results);
        assert!(words.contains(&format!("{name}, 6 repeats of 100 trajectories")), "{words}");
        let pages = logscape_study::report::pages(&record).expect("pages");
        let page = &pages.last().expect("the report").1;
        assert!(page.contains(name) && page.contains("no replica escaped"), "{page}");
    }
}

/// The pilot of `auto` is the beginning of the direct ensemble: where it goes on with that, its numbers are those of
/// `direct` to the last bit; where too few would escape it is splitting.
#[test]
fn auto_is_direct_where_enough_escape_and_splitting_where_not() {
    let study = DEEP.replace("rare =", "replicas = 300\nmax_steps = 20_000\nrare =");
    let study = study.replace("[[dynamics]]\nkind = \"log-landscape-sde\"\n", "");
    let of = |start: &str, method: &str, more: &str| {
        let study = study.replace("[3.0]", start).replace("\"splitting\"", &format!("\"{method}\"{more}"));
        let mut results = finished(&study).results;
        assert_eq!(complaints(&results), Vec::<String>::new());
        results["settings"][0]["escape"]["measured"].take()
    };
    let (mut auto, mut direct) = (of("[5.5]", "auto", ""), of("[5.5]", "direct", ""));
    let why = auto["why"].take();
    assert!(why.as_str().is_some_and(|why| why.contains("of the first 18 replicas 18 escaped")), "{why}");
    assert_eq!(direct["why"].take(), "the study asks for it");
    assert_eq!(auto, direct);
    let (mut auto, mut splitting) = (of("[3.0]", "auto", ""), of("[3.0]", "splitting", ""));
    let why = auto["why"].take();
    assert!(why.as_str().is_some_and(|why| why.contains("of the first 18 replicas 0 escaped")), "{why}");
    splitting["why"].take();
    assert_eq!(auto, splitting);
    // Without the steps for splitting, direct simulation goes on and gives its bound.
    let starved = study.replace("10_000_000", "1_000").replace("\"splitting\"", "\"auto\"");
    let results = finished(&starved).results;
    assert_eq!(complaints(&results), Vec::<String>::new());
    let measured = &results["settings"][0]["escape"]["measured"];
    assert_eq!((&measured["method"], &measured["censored"]), (&json!("direct"), &json!(300)));
    assert!(measured["why"].as_str().is_some_and(|why| why.contains("not stationary")), "{}", measured["why"]);
    // Two replicas cannot show that under one would escape.
    let few = finished(&study.replace("= 300", "= 2").replace("\"splitting\"", "\"auto\"")).results;
    assert_eq!(few["settings"][0]["escape"]["measured"]["method"], "direct");
}

/// What has no rate says what was tried.
#[test]
fn splitting_that_finds_nothing_says_what_was_tried() {
    for (change, to, words) in [
        ("max_cost = 10_000_000", "max_cost = 500", "was not stationary within the"),
        // Dropped nine in ten at a time, ten trajectories die out.
        ("trajectories = 100, repeats = 6", "trajectories = 10, repeats = 3, cut = 0.9", "died out before the exit"),
    ] {
        let study = DEEP.replace(change, to).replace("learning_rate = 0.2", "learning_rate = 0.05");
        let results = finished(&study).results;
        assert_eq!(complaints(&results), Vec::<String>::new());
        let measured = &results["settings"][0]["escape"]["measured"];
        assert!(measured["mean_steps"].is_null() && measured["mean_steps_lower_bound"].is_number());
        let why = measured["rare"]["not_found"].as_str().unwrap_or_default();
        assert!(why.contains(words) && why.contains("score `committor`") && why.contains("splitting with"), "{why}");
        assert!(results["settings"][0]["escape"]["verdict"]["best"].is_null());
    }
}
