//! Verdicts, and committed escapes.

use super::runs::{LINEAR, LINEAR_RUN, SINUSOID, SINUSOID_RUN, complaints, finished};
use logscape::ensemble::Region;
use logscape_study::summary::summary;
use logscape_study::{Record, parse};
use std::fs;

/// The interval of an error is that of the measurement, mirrored; without an escape it has an upper end alone.
#[test]
fn a_verdict_is_that_of_its_predictions_and_measurement() {
    let escape = |k: usize| SINUSOID_RUN.record.results.settings[k].escape.as_ref().expect("an escape");
    let (seen, unseen) = (escape(0), escape(1));
    let [low, high] = seen.measured.log10_mean_steps.expect("replicas escape").ci95;
    let floor = unseen.measured.mean_steps_lower_bound.expect("a bound").log10();
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
    let holding = seen.verdict.theories.iter().filter(|(_, judgement)| judgement.holds == Some(true));
    let mut holding: Vec<&String> = holding.map(|(name, _)| name).collect();
    let size = |name: &String| seen.verdict.error_decades[name].expect("an error").abs();
    holding.sort_by(|a, b| size(a).total_cmp(&size(b)));
    assert_eq!(seen.verdict.agrees.iter().collect::<Vec<_>>(), holding);
    let allowed = holding.iter().find(|name| !seen.verdict.vetoed_by.contains_key(**name));
    assert_eq!(seen.verdict.trusted.as_ref(), allowed.copied());
    for (name, reasons) in &seen.verdict.vetoed_by {
        let judgement = &seen.verdict.theories[name];
        let edge = usize::from(size(name) > 2.0_f64.log10());
        assert_eq!(reasons.len(), edge + judgement.failed_checks.len() + judgement.refuted_at.len());
        assert!(!reasons.is_empty());
    }
    assert_eq!((&unseen.verdict.best, &unseen.verdict.trusted), (&None, &None));
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
    // L_c/L* to the power 1 + 1/T − n/2 = φ − n/2.
    let results = &LINEAR_RUN.record.results;
    let phi = results.settings[0].law.phi_measured.expect("a temperature");
    let exponent = level.predictions["log-landscape-refined"].exponent.expect("a power law");
    assert!((exponent - (phi - 0.5 * results.geometry.outliers as f64)).abs() < 1e-9, "{exponent} {phi}");
    assert_eq!(level.predictions["kramers"].exponent, None);
}

/// Bounded samples do not get everywhere, and the whole data have no noise: nothing is run, and a predicted time is wrong.
#[test]
fn an_escape_that_no_batch_allows_is_said_to_be_impossible() {
    let far = LINEAR
        .replace("spectrum = [1.0, 0.1], teacher = [1.0, -0.5]", "spectrum = [1.0], teacher = [1.0]")
        .replace("{ loss-factor = 1.5 }", "{ box = [[-1e4, 1e4]] }");
    let whole = LINEAR.replace("batch_size = 1", "batch_size = [1, 100]");
    // Two classes with targets 1, 2, 3 and 4, 5, 6: no mean gets farther than 1 from its minimum, so that 2L ≤ 2/3 + 1.
    let data = tempfile::NamedTempFile::with_suffix(".csv").expect("a file");
    let row = |k: usize| format!("{},{},{}\n", 1 - k % 2, k % 2, 1 + 3 * (k % 2) + k / 2 % 3);
    fs::write(data.path(), "a,b,y\n".to_owned() + &(0..60).map(row).collect::<String>()).expect("it is written");
    let (generator, _) = LINEAR.split_once("data.synthetic").and_then(|(_, rest)| rest.split_once('\n')).expect("data");
    let classes = LINEAR
        .replace(&format!("data.synthetic{generator}"), &format!("data = {{ path = {:?} }}", data.path()))
        .replace("loss-factor = 1.5", "loss-level = 0.84");
    let all =
        [(far, 0, "SGD stays between"), (whole, 1, "there is no noise"), (classes, 0, "the loss is at most 0.8333")];
    for (text, setting, reason) in all {
        let finished = finished(&text);
        assert_eq!(complaints(&finished.results), Vec::<String>::new());
        let results = &finished.record.results;
        let escape = results.settings[setting].escape.as_ref().expect("an escape");
        let said = escape.impossible.as_ref().expect("it is impossible");
        assert!(said.contains(reason), "{said}");
        assert_eq!(escape.measured.method.to_string(), "not run");
        assert_eq!((escape.measured.mean_steps, escape.measured.mean_steps_lower_bound), (None, None));
        assert!(escape.verdict.text.starts_with("escape is impossible"), "{}", escape.verdict.text);
        assert_eq!((&escape.verdict.trusted, escape.verdict.agrees.len()), (&None, 0));
        for (name, judgement) in &escape.verdict.theories {
            let predicted = escape.predictions[name].log10_mean_steps;
            assert_eq!(judgement.holds, predicted.map(|_| false), "{name}");
        }
        let others = finished.record.tables.escape_times.iter().filter(|row| row.setting == setting as u64);
        assert_eq!(others.count(), 0);
        assert!(summary(results).contains("escape  impossible: "));
        let page = fs::read_to_string(finished.folder.path().join("record/report.html")).expect("a page");
        assert!(page.contains("Escape is impossible: "));
        let read = Record::read(&finished.folder.path().join("record")).expect("it reads back");
        assert_eq!(read.results, *results);
    }
}
