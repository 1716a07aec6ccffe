//! Verdicts, and committed escapes.

use super::runs::{LINEAR, LINEAR_RUN, SINUSOID, SINUSOID_RUN, complaints, finished};
use logscape::ensemble::Region;
use logscape_study::parse;

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
    // L_c/L* to the power 1 + 1/T − n/2 = φ − n/2.
    let results = &LINEAR_RUN.record.results;
    let phi = results.settings[0].law.phi_measured.expect("a temperature");
    let exponent = level.predictions["log-landscape-refined"].exponent.expect("a power law");
    assert!((exponent - (phi - 0.5 * results.geometry.outliers as f64)).abs() < 1e-9, "{exponent} {phi}");
    assert_eq!(level.predictions["kramers"].exponent, None);
}
