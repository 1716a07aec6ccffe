//! Studies of minima that interpolate: what has no meaning there is null, with the reason, and what has is measured.

use logscape::Stop;
use logscape_study::summary::summary;
use logscape_study::{Destination, Event, Record, figures, parse, report, run};
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Hears nothing.
fn silent(_: &Event) {}

/// Runs a study whose data are beside it; returns its record and `results.json`.
fn record(study: &str, data: &str) -> (Record, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("data.csv"), data).expect("data");
    let study = parse("study.toml", study, &[]).expect("a good study");
    let destination = Destination::new(folder.path().join("record"));
    let (record, place) = run(&study, folder.path(), &destination, &Stop::new(), &silent).expect("the run ends");
    let read = Record::read(&place).expect("the record reads back");
    assert_eq!(read.results, record.results);
    let text = fs::read_to_string(place.join("results.json")).expect("there are results");
    (record, serde_json::from_str(&text).expect("results are JSON"))
}

/// Rows of three inputs and a target that lies on a plane, or off it by `noise` times something without a pattern.
fn plane(rows: u32, noise: f64, [input, target]: [f64; 2]) -> String {
    let mut text = "x1,x2,x3,y\n".to_owned();
    for k in 0..rows {
        let angle = f64::from(k);
        let [a, b, c] = [(1.3 * angle).sin(), (2.1 * angle + 1.0).cos(), (0.7 * angle + 2.0).sin()];
        let y = a - 2.0 * b + 0.5 * c + noise * (5.7 * angle * angle).sin();
        let _ = writeln!(text, "{:e},{:e},{:e},{:e}", input * a, input * b, input * c, target * y);
    }
    text
}

const STUDY: &str = r#"name = "plane"
seed = 1
[problem]
kind = "linear-regression"
data = { path = "data.csv" }
[sgd]
learning_rate = 0.05
batch_size = 1
[stationary]
replicas = 8
burn_in = 10
steps = 100
[escape]
region = { loss-factor = 3.0 }
replicas = 50
max_steps = 2_000
method = "direct"
"#;

#[test]
fn what_is_a_ratio_to_the_loss_at_a_minimum_that_interpolates_is_null_with_the_reason() {
    // Without noise; as many samples as parameters; fewer.
    for (rows, noise) in [(20, 0.0), (3, 0.3), (2, 0.3)] {
        let (record, results) = record(STUDY, &plane(rows, noise, [1.0, 1.0]));
        assert_eq!(results["minimum"]["interpolating"], true, "{rows} rows");
        assert!(
            results["minimum"]["interpolating_reason"]
                .as_str()
                .is_some_and(|why| why.contains("every sample is fitted"))
        );
        let setting = &results["settings"][0];
        for none in [&results["geometry"]["noise_strength"], &results["geometry"]["decoupling"]] {
            assert!(none.is_null());
        }
        for name in [
            "temperature",
            "temperature_measured",
            "phi",
            "phi_measured",
            "critical_dimension",
            "critical_dimension_measured",
        ] {
            assert!(setting[name].is_null(), "{name}");
        }
        assert!(record.tables.noise.is_empty() && record.tables.scaling.is_empty());
        let law = &setting["stationary"];
        assert!(law["tail_exponent"].is_null() && law["note"].as_str().is_some_and(|why| why.contains("interpolates")));
        // A multiple of what was left over is no level: it is said what to ask for.
        assert!(setting["escape"].is_null());
        let near = &setting["interpolation"];
        assert!(near["escape"].is_null());
        assert!(near["escape_reason"].as_str().is_some_and(|why| why.contains("loss-level")));
        assert!(near["lyapunov"]["ci95"][1].as_f64().is_some_and(|end| end < 0.0));
        assert!(near["alpha"].is_null() && near["alpha_reason"].is_string());
        let words = summary(&record.results);
        assert!(
            words.contains("the fit interpolates") && words.contains("loss-level") && !words.contains("s ="),
            "{words}"
        );
        let page = &report::pages(&record).expect("pages").pop().expect("the report").1;
        assert!(
            page.contains("The fit interpolates") && page.contains("loss-level") && !page.contains("Noise strength s<")
        );
    }
    let (_, noisy) = record(STUDY, &plane(20, 0.3, [1.0, 1.0]));
    assert_eq!(noisy["minimum"]["interpolating"], false);
    assert!(noisy["geometry"]["noise_strength"].is_object() && noisy["settings"][0]["phi"].is_number());
    assert!(noisy["settings"][0]["interpolation"].is_null() && noisy["settings"][0]["escape"].is_object());
}

#[test]
fn recognition_does_not_depend_on_units() {
    let study = STUDY.replace("[stationary]\nreplicas = 8\nburn_in = 10\nsteps = 100\n", "");
    let found = |noise: f64, unit: [f64; 2]| {
        let rate = format!("learning_rate = {:e}", 0.05 / (unit[0] * unit[0]));
        let (_, results) = record(&study.replace("learning_rate = 0.05", &rate), &plane(12, noise, unit));
        results
    };
    let one = found(0.0, [1.0, 1.0]);
    let growth = |results: &Value| {
        results["settings"][0]["interpolation"]["mean_square_growth"]["value"].as_f64().expect("a number")
    };
    for unit in [[1.0, 1e-9], [1.0, 1e9], [1e6, 1.0], [1e-3, 1e3]] {
        let scaled = found(0.0, unit);
        assert_eq!(scaled["minimum"]["interpolating"], true, "{unit:?}");
        assert!((growth(&scaled) / growth(&one) - 1.0).abs() < 1e-6, "{unit:?}");
    }
    for unit in [[1.0, 1e3], [1e3, 1.0]] {
        assert_eq!(found(0.01, unit)["minimum"]["interpolating"], false, "{unit:?}");
    }
}

const SINE: &str = r#"name = "sine"
seed = 4
[problem]
kind = "sinusoid"
data.synthetic = { kind = "sinusoid", samples = 200, from = 0.0, to = 3.0, frequency = 3.0, noise = 0.0 }
[minimum]
start = [3.1]
[sgd]
learning_rate = 0.7
batch_size = 1
[escape]
region = { box = [[2.6, 3.4]] }
replicas = 4_000
max_steps = 100_000
start_losses = [0.02, 0.002, 0.0002]
"#;

#[test]
fn escapes_from_a_start_are_measured_beside_the_prediction_and_no_escape_time_is() {
    let (record, results) = record(SINE, "");
    let setting = &record.results.settings[0];
    let escape = setting.escape.as_ref().expect("predictions");
    assert!(escape.impossible.is_some() && escape.measured.mean_steps.is_none());
    for (theory, prediction) in &escape.predictions {
        assert!(prediction.rate.is_none() && prediction.log10_mean_steps.is_none(), "{theory}");
        assert!(
            prediction.warnings.iter().any(|words| words.contains("not applicable: the fit interpolates")),
            "{theory}"
        );
    }
    assert!(escape.verdict.trusted.is_none() && escape.verdict.best.is_none());
    let near = setting.interpolation.as_ref().expect("a fit that interpolates");
    let (alpha, starts) = (near.products.alpha.expect("an exponent"), near.escape.as_ref().expect("starts"));
    // The root, by itself: E|1 − ηx² cos² 3x|^α over x uniform on [0, 3], up to the scatter of 200 samples.
    assert!((0.8..1.8).contains(&alpha.value), "{alpha:?}");
    assert_eq!(starts.starts.len(), 3);
    for start in &starts.starts {
        assert_eq!(start.ends.replicas(), 4_000);
        let predicted = (start.loss / starts.level.expect("a level")).powf(0.5 * alpha.value);
        assert!((start.predicted.expect("a prediction").value / predicted - 1.0).abs() < 1e-12);
        // The factor of proportion is of the order of one.
        let ratio = start.probability.expect("a probability").value / predicted;
        assert!((0.2..5.0).contains(&ratio), "{start:?}");
    }
    let slope = starts.slope.expect("a slope");
    assert!(slope.ci95[0] < 0.56 * alpha.value && slope.ci95[1] > 0.44 * alpha.value, "{slope:?} {alpha:?}");
    let drawn = figures::by_name("starts").expect("it is listed").of(&record).expect("a figure");
    roxmltree::Document::parse(&drawn.svg).expect("a well-formed picture");
    assert!(summary(&record.results).contains("slope"));
    assert_eq!(super::schema::complaints(&results), Vec::<String>::new());
    let page = &report::pages(&record).expect("pages").pop().expect("the report").1;
    assert!(page.contains("Escape is impossible: the fit interpolates") && page.contains("α/2 = "));
}

#[test]
fn a_network_with_more_parameters_than_samples_has_a_record() {
    let mut data = "x,y\n".to_owned();
    for (x, y) in [(-0.9, 0.4), (-0.2, -0.3), (0.5, 0.6), (1.2, -0.1)] {
        let _ = writeln!(data, "{x},{y}");
    }
    let study = r#"name = "network"
seed = 2
[problem]
kind = "mlp"
hidden = [6]
activation = "tanh"
data = { path = "data.csv" }
[sgd]
learning_rate = 0.3
batch_size = [1, 2]
sampling = "epoch-shuffle"
[escape]
region = { loss-level = 0.05 }
replicas = 40
max_steps = 2_000
"#;
    let (record, results) = record(study, &data);
    assert_eq!(super::schema::complaints(&results), Vec::<String>::new());
    assert!(record.results.minimum.interpolating);
    for setting in &record.results.settings {
        let near = setting.interpolation.as_ref().expect("a fit that interpolates");
        assert_eq!(near.products.directions, 4, "as many as residuals");
        let starts = &near.escape.as_ref().expect("starts").starts;
        let losses: Vec<f64> = starts.iter().map(|start| start.loss / 0.05).collect();
        assert_eq!(losses, [0.25, 0.0625, 0.015_625, 0.003_906_25]);
    }
    let outside = study.replace("replicas = 40", "replicas = 40\nstart_losses = [0.1]");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("data.csv"), &data).expect("data");
    let study = parse("study.toml", &outside, &[]).expect("a good study");
    let place = Destination::new(folder.path().join("record"));
    let refused = run(&study, folder.path(), &place, &Stop::new(), &silent).expect_err("a start outside of the region");
    assert!(refused.to_string().contains("start_losses") && !Path::new(&place.place).exists(), "{refused}");
}
