//! `results.json` is what its schema says, and a record reads back as what was written.

use jsonschema::{Draft, Validator};
use logscape::Stop;
use logscape::ensemble::Region;
use logscape::theory::Warning;
use logscape_study::record::DynamicsEscape;
use logscape_study::{Destination, Event, Record, parse, run};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

const SCHEMA: &str = include_str!("../schema/results.schema.json");

const SINUSOID: &str = r#"name = "sinusoid"
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

const LINEAR: &str = r#"name = "linear"

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
const BESIDE: &str = r#"name = "beside"
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
const PHASES: &str = r#"name = "phases"

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
const DEEP: &str = r#"name = "deep"
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
fn silent(_: &Event) {}

/// A finished run: its record in memory, its folder, and its results as JSON.
struct Finished {
    record: Record,
    folder: TempDir,
    results: Value,
}

fn finished(study: &str) -> Finished {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let destination = Destination::new(folder.path().join("record"));
    let study = parse("study.toml", study, &[]).expect("a good study");
    let (record, place) = run(&study, Path::new(""), &destination, &Stop::new(), &silent).expect("the run ends");
    let text = fs::read_to_string(place.join("results.json")).expect("there are results");
    Finished { record, folder, results: serde_json::from_str(&text).expect("results are JSON") }
}

static SINUSOID_RUN: LazyLock<Finished> = LazyLock::new(|| finished(SINUSOID));
static LINEAR_RUN: LazyLock<Finished> = LazyLock::new(|| finished(LINEAR));
static BESIDE_RUN: LazyLock<Finished> = LazyLock::new(|| finished(BESIDE));

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    jsonschema::options().with_draft(Draft::Draft202012).build(&schema).expect("the schema is a schema")
});

/// What the schema finds wrong, one line each with its place.
fn complaints(results: &Value) -> Vec<String> {
    VALIDATOR.iter_errors(results).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

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
fn the_schema_describes_every_field() {
    fn walk(place: &str, value: &Value) {
        if let Some(fields) = value["properties"].as_object() {
            assert_eq!(value["additionalProperties"], json!(false), "{place} lets other fields in");
            for (name, field) in fields {
                let described = ["description", "$ref", "const"].iter().any(|key| field.get(key).is_some());
                assert!(described, "{place}/{name} is not described");
            }
        }
        match value {
            Value::Object(entries) => entries.iter().for_each(|(key, value)| walk(&format!("{place}/{key}"), value)),
            Value::Array(entries) => entries.iter().for_each(|value| walk(place, value)),
            _ => {}
        }
    }
    walk("", &serde_json::from_str(SCHEMA).expect("the schema is JSON"));
}

/// Every check that a theory can fail is one that the schema knows.
#[test]
fn the_schema_knows_every_check() {
    let (value, limit) = (2.0, 1.0);
    let reason = || "a reason".to_owned();
    let all = [
        Warning::TimeDiscreteness { value, limit },
        Warning::OneSampleStep { value, limit },
        Warning::LargeTemperature { value, limit },
        Warning::OutlierSpread { value, limit },
        Warning::DecouplingShape { value, limit },
        Warning::DecouplingScaling { value, limit },
        Warning::CriticalDimension { value, limit },
        Warning::SmallBarrier { value, limit },
        Warning::NoiseSpread { value, limit },
        Warning::ResidualGradient { value, limit },
        Warning::NegativeCurvature { value, limit },
        Warning::WaysLeftOut { value, limit },
        Warning::NoiseAboveBarrier { value, limit },
        Warning::StrongPrefactor { value, limit },
        Warning::WayClosed { reason: reason() },
        Warning::ActionError { value, limit },
        Warning::ProjectedAction { count: 1, reason: reason() },
        Warning::ApproximatePrefactor { made_of: reason() },
    ];
    for check in all {
        // One that is added fails to compile here, and belongs into the list.
        match check {
            Warning::TimeDiscreteness { .. }
            | Warning::OneSampleStep { .. }
            | Warning::LargeTemperature { .. }
            | Warning::OutlierSpread { .. }
            | Warning::DecouplingShape { .. }
            | Warning::DecouplingScaling { .. }
            | Warning::CriticalDimension { .. }
            | Warning::SmallBarrier { .. }
            | Warning::NoiseSpread { .. }
            | Warning::ResidualGradient { .. }
            | Warning::NegativeCurvature { .. }
            | Warning::WaysLeftOut { .. }
            | Warning::NoiseAboveBarrier { .. }
            | Warning::StrongPrefactor { .. }
            | Warning::WayClosed { .. }
            | Warning::ActionError { .. }
            | Warning::ProjectedAction { .. }
            | Warning::ApproximatePrefactor { .. }
            | Warning::NotApplicable { .. } => {}
        }
        let mut results = LINEAR_RUN.results.clone();
        *checks_of(&mut results) = json!([check]);
        assert_eq!(complaints(&results), Vec::<String>::new(), "{check:?}");
        checks_of(&mut results)[0]["kind"] = json!("unheard-of");
        assert_eq!(complaints(&results).len(), 1, "{check:?}");
    }
}

fn checks_of(results: &mut Value) -> &mut Value {
    results.pointer_mut("/settings/0/escape/verdict/theories/kramers/failed_checks").expect("checks")
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
    renamed("/settings/0/escape/predictions", "kramers", "arrhenius");
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
    refused("/minimum/loss", &|value| *value = Value::Null);
    refused("/settings/0/batch_size", &|value| *value = json!(0));
    for theory in ["/settings/0/escape/verdict/best", "/settings/0/escape/verdict/trust"] {
        refused(theory, &|value| *value = json!("astrology"));
    }
    renamed("/settings/0/escape/verdict", "text", "words");
    renamed("/settings/0/escape/verdict/theories", "kramers", "arrhenius");
    renamed("/settings/0/escape/verdict/theories/kramers", "at_most", "below");
    refused("/settings/0/escape/verdict/theories/kramers/holds", &|value| *value = json!("maybe"));
    refused("/settings/0/escape/verdict/theories/kramers/failed_checks/0/kind", &|value| *value = json!("mood"));
}

/// The interval of an error is that of the measurement, mirrored; without an escape it has an upper end alone.
#[test]
fn a_verdict_is_that_of_its_predictions_and_measurement() {
    let escape = |k: usize| SINUSOID_RUN.record.results.settings[k].escape.as_ref().expect("an escape");
    let (seen, unseen) = (escape(0), escape(1));
    let [low, high] = seen.measured.log10_mean_steps.expect("replicas escape").ci95;
    let floor = unseen.measured.mean_steps_lower_bound.log10();
    assert_eq!(seen.verdict.theories.len(), 9);
    for (name, judgement) in &seen.verdict.theories {
        let predicted = seen.predictions[name].log10_mean_steps.expect("all apply at barrier tops");
        let ends = [predicted - high, predicted - low];
        let found = [judgement.at_least, judgement.at_most].map(|end| end.expect("an end"));
        assert!(ends.iter().zip(found).all(|(x, y)| (x - y).abs() < 1e-9), "{name}: {ends:?} {found:?}");
        assert!(found[0] < seen.verdict.error_decades[name].expect("an error"));
        let meets = found[0] <= 2.0_f64.log10() && found[1] >= -2.0_f64.log10();
        assert_eq!(judgement.holds, Some(meets), "{name}: 20 escapes tell");
    }
    let trust = seen.verdict.trust.as_ref().expect("some theory holds");
    assert_eq!(seen.verdict.theories[trust].holds, Some(true));
    assert!(seen.verdict.text.starts_with(&format!("trust {trust}, off by ")), "{}", seen.verdict.text);
    assert_eq!((&unseen.verdict.best, &unseen.verdict.trust), (&None, &None));
    for (name, judgement) in &unseen.verdict.theories {
        let predicted = unseen.predictions[name].log10_mean_steps.expect("all apply at barrier tops");
        assert!((judgement.at_most.expect("an upper end") - (predicted - floor)).abs() < 1e-9, "{name}");
        assert_eq!((judgement.at_least, unseen.verdict.error_decades[name]), (None, None));
    }
}

/// Committed escapes are a second ensemble, further out; at a level there is nothing to tell apart, and its boundary is moved.
#[test]
fn committed_escapes_are_measured_beside_arrivals() {
    let mut study = SINUSOID.to_owned();
    for (from, to) in [
        ("samples = 100", "samples = 200"),
        ("learning_rate = 0.1", "learning_rate = 0.05"),
        ("batch_size = [1, 50]", "batch_size = 1"),
        ("replicas = 20", "replicas = 400\ncommitted = true"),
        ("max_steps = 2_000", "max_steps = 100_000"),
    ] {
        study = study.replace(from, to);
    }
    for method in ["direct", "splitting"] {
        let text = study.replace("committed = true", &format!("committed = true\nmethod = \"{method}\""));
        let finished = finished(&text);
        assert_eq!(complaints(&finished.results), Vec::<String>::new());
        let escape = finished.record.results.settings[0].escape.as_ref().expect("an escape");
        let committed = escape.committed.as_ref().expect("asked for");
        assert_eq!(committed.measured.method.to_string(), method);
        let bounds = |region: &Region| match region {
            Region::Box { lower, upper } => [lower[0], upper[0]],
            other => panic!("{other:?}"),
        };
        let (inner, outer) = (bounds(&escape.region), bounds(&committed.region));
        assert!(outer[0] < inner[0] && inner[1] < outer[1], "{inner:?} {outer:?}");
        let factor = committed.factor.expect("both were measured");
        let means = [&committed.measured, &escape.measured].map(|measured| measured.mean_steps.expect("a mean").value);
        assert!((factor.value - means[0] / means[1]).abs() < 1e-9 * factor.value);
        // 1.82 by quadrature with overshoot; the error of 400 escapes in either mean is 5 %.
        assert!((factor.value / 1.82).ln().abs() < 4.0 * 0.05 * 2.0_f64.sqrt(), "{method}: {committed:?}");
        let path = &finished.record.tables.path;
        let rest = finished.record.results.minimum.loss;
        let fall = [(0, path.first()), (1, path.last())].map(|(k, row)| {
            let row = row.expect("a path from top to top");
            -0.5 * row.curvature * (outer[k] - inner[k]).powi(2) / (row.loss - rest)
        });
        assert!((committed.fall / fall[0].max(fall[1]) - 1.0).abs() < 1e-6, "{fall:?}");
        let kramers = &escape.predictions["kramers"];
        let steps = 1.0 / kramers.rate_per_step.expect("a rate");
        assert!((steps / (2.0 * kramers.mean_steps.expect("a mean")) - 1.0).abs() < 1e-9);
        assert!((steps.log10() - kramers.log10_committed_steps.expect("a logarithm")).abs() < 1e-9);
    }
    let error = parse("study.toml", &LINEAR.replace("replicas = 20", "replicas = 20\ncommitted = true"), &[]);
    let words = error.expect_err("a level has no arrivals that fall back").to_string();
    assert!(words.contains("escape.committed"), "{words}");
    let level = LINEAR_RUN.record.results.settings[0].escape.as_ref().expect("an escape");
    assert!(level.predictions["kramers"].boundary_shift.iter().all(|shift| *shift > 0.0));
    assert_eq!(level.predictions["kramers"].boundary_shift.len(), 1);
}

#[test]
fn theories_that_a_study_leaves_out_are_in_no_verdict() {
    let some = SINUSOID.replace("replicas = 20", "replicas = 20\ntheories = [\"kramers\"]");
    let finished = finished(&some);
    assert_eq!(complaints(&finished.results), Vec::<String>::new());
    let verdict = &finished.results["settings"][0]["escape"]["verdict"];
    assert_eq!(verdict["theories"].as_object().map(serde_json::Map::len), Some(1));
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
    assert_eq!(setting["stationary"]["diverged"], 8);
    assert_eq!(setting["linearly_stable"], false);
    assert!(record.tables.escape_times.iter().all(|row| row.end == "diverged" && row.steps < 5_000));
    let read = Record::read(&folder.path().join("record")).expect("it reads back");
    assert_eq!(read.results, record.results);
    // A step can lead from inside the ball to where a replica counts as diverged.
    let far = finished(&unstable.replace("{ loss-factor = 1.5 }", "{ ball = 1e14 }"));
    let measured = &far.results["settings"][0]["escape"]["measured"];
    let ended = |how: &str| measured[how].as_u64().expect("a count");
    assert_eq!(ended("escaped") + ended("diverged"), 20);
    assert!(ended("escaped") > 10);
}

/// The equations of Mori et al. have the same paths in two times: both clocks tell the same mean, the escape of the chain
/// differs from them, and single precision changes nothing that statistics could see.
#[test]
fn dynamics_beside_sgd_are_measured_on_their_clocks() {
    let escape = &BESIDE_RUN.record.results.settings[0].escape.as_ref().expect("an escape");
    let [single, ball, decoupled, landscape] = &escape.dynamics[..] else { panic!("four dynamics") };
    assert_eq!([&single.name, &ball.name], ["sgd-float32", "heavy-ball"]);
    let decades = |of: &DynamicsEscape| of.decades_from_sgd.expect("both escape");
    assert!(decades(single).covers(0.0), "{:?}", decades(single));
    // Momentum β stands for the learning rate η/(1 − β): escape is faster.
    assert!(decades(ball).ci95[1] < -0.1, "{:?}", decades(ball));
    let time = |of: &DynamicsEscape| of.mean_time.expect("some escape");
    let (a, b) = (time(decoupled), time(landscape));
    let error = (a.ci95[1] - a.ci95[0]).hypot(b.ci95[1] - b.ci95[0]) / (2.0 * 1.96);
    // Both leave late, by steps of a tenth of η: less than the error here.
    assert!((a.value - b.value).abs() < 4.0 * error, "{a:?} {b:?}");
    assert!((decoupled.measured.mean_steps.expect("some").value * 0.1 / a.value - 1.0).abs() < 1e-12, "t = ηk");
    assert_eq!(decoupled.mean_landscape_time, None);
    // τ = ∫L dt with L between the minimum's and the barrier's.
    let ratio = landscape.mean_landscape_time.expect("a time").value / b.value;
    let low = BESIDE_RUN.record.results.minimum.loss;
    let high = BESIDE_RUN.record.tables.path.iter().map(|row| row.loss).fold(0.0, f64::max);
    assert!(ratio > low && ratio < high, "{low} {ratio} {high}");
    let laws = &BESIDE_RUN.record.results.settings[0].stationary_dynamics;
    assert_eq!(laws.len(), 4);
    assert!(laws.iter().all(|law| law.law.samples == 16 * 200 && law.law.statistics["log_loss"].is_some()));
}

/// Paths begin at the minimum and end where and when their replica does in the ensemble.
#[test]
fn trajectories_belong_to_the_ensemble() {
    let tables = &BESIDE_RUN.record.tables;
    let minimum = BESIDE_RUN.record.results.minimum.theta.as_ref().expect("few parameters");
    let mut ended = 0;
    for name in ["sgd", "sgd-float32", "heavy-ball", "decoupled-noise-sde", "log-landscape-sde"] {
        for replica in 0..3 {
            let rows = tables.trajectories.iter().filter(|row| row.dynamics == name && row.replica == replica);
            let rows: Vec<_> = rows.collect();
            let (first, last) = (rows.first().expect("a start"), rows.last().expect("an end"));
            assert!((first.step, &first.theta) == (0, minimum) || name == "sgd-float32", "{name}");
            let mut ends = tables.escape_times.iter();
            let end = ends.find(|row| row.dynamics == name && row.replica == replica).expect("an end");
            let most = if name.ends_with("sde") { 20_000 } else { 2_000 };
            assert_eq!(last.step, end.steps.min(most), "{name} {replica}");
            if end.steps <= most {
                ended += 1;
                assert_eq!(last.time, end.time);
            }
            assert!(rows.windows(2).all(|pair| pair[0].step < pair[1].step));
        }
    }
    assert!(ended > 3, "{ended} paths end by an escape");
    assert_eq!(tables.escape_times.iter().filter(|row| row.dynamics == "sgd").count(), 400);
}

/// What cannot be run says which dynamics it is about and what to do.
#[test]
fn a_dynamics_that_cannot_be_built_ends_the_run_with_a_hint() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = |text: String| {
        let study = parse("study.toml", &text, &[]).expect("a good study");
        let destination = Destination::new(folder.path().join("record"));
        let error = run(&study, Path::new(""), &destination, &Stop::new(), &silent).expect_err("it cannot be");
        assert!(error.is_bad_input() && !folder.path().join("record.partial").exists());
        error.to_string()
    };
    let words = refused(BESIDE.replace("momentum = 0.5", "momentum = 1.5"));
    assert!(words.contains("heavy-ball") && words.contains("momentum") && words.contains("hint: "), "{words}");
    let words = refused(LINEAR.replace("sampling =", "precision = \"float32\"\nsampling ="));
    assert!(words.contains("sgd") && words.contains("float32"), "{words}");
}

#[test]
fn saddles_in_several_dimensions_are_found_recorded_and_described() {
    for (study, region) in [
        (PHASES.to_owned(), "half-spaces"),
        (PHASES.replace("\"dividing-surface\"", "\"quench\"\ncheck_every = 50"), "quench"),
    ] {
        let Finished { record, folder, results } = finished(&study);
        assert_eq!(complaints(&results), Vec::<String>::new(), "{region}");
        let found = results["saddles"]["found"].as_array().expect("saddles");
        assert_eq!(found.len(), 2, "{}", results["saddles"]["summary"]);
        for saddle in found {
            // The two minima differ in their sign alone.
            let both = [&saddle["other_loss"], &results["minimum"]["loss"]].map(|loss| loss.as_f64().expect("a loss"));
            assert!((both[0] / both[1] - 1.0).abs() < 1e-9, "{both:?}");
            assert!(saddle["ln_transverse_ratio"].is_number());
        }
        assert_eq!(results["settings"][0]["escape"]["region"]["kind"], region);
        assert!(results["settings"][0]["escape"]["predictions"]["kramers"]["rate"].is_number());
        let read = Record::read(&folder.path().join("record")).expect("the record is whole");
        assert_eq!(read.tables, record.tables);
        assert_eq!(read.results, record.results);
        assert_eq!(read.tables.energy_paths.iter().filter(|row| row.saddle == 1).count(), 101);
    }
}

#[test]
fn a_basin_without_saddles_says_so_where_the_region_can_do_without_them() {
    let quench = LINEAR.replace("{ loss-factor = 1.5 }", "\"quench\"\ncheck_every = 100");
    let results = finished(&quench).results;
    assert_eq!(complaints(&results), Vec::<String>::new());
    assert_eq!(results["saddles"]["found"], json!([]));
    assert!(results["saddles"]["attempts"].as_array().is_some_and(|attempts| attempts.len() > 10));
    let kramers = &results["settings"][0]["escape"]["predictions"]["kramers"];
    assert!(kramers["rate"].is_null() && kramers["warnings"].to_string().contains("0 saddles found"), "{kramers}");
    assert_eq!(results["settings"][0]["escape"]["measured"]["escaped"], 0);
    let place = tempfile::tempdir().expect("a temporary folder");
    let study = parse("study.toml", &LINEAR.replace("{ loss-factor = 1.5 }", "\"dividing-surface\""), &[]);
    let destination = Destination::new(place.path().join("record"));
    let error = run(&study.expect("a good study"), Path::new(""), &destination, &Stop::new(), &silent);
    let error = error.expect_err("there is no saddle");
    assert!(
        error.is_bad_input() && error.to_string().contains("a dividing surface needs a saddle: 0 saddles"),
        "{error}"
    );
}

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
