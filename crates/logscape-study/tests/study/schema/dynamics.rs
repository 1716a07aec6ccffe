//! Dynamics beside SGD, and trajectories.

use super::runs::{BESIDE, BESIDE_RUN, LINEAR, silent};
use logscape::Stop;
use logscape_study::record::DynamicsEscape;
use logscape_study::{Destination, RunError, parse, run};
use std::path::Path;

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
    let refused = |text: String| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let study = parse("study.toml", &text, &[]).expect("a good study");
        let destination = Destination::new(folder.path().join("record"));
        let error = run(&study, Path::new(""), &destination, &Stop::new(), &silent).expect_err("it cannot be");
        assert!(error.is_bad_input() && !folder.path().join("record").exists());
        assert!(matches!(error, RunError::Refused { .. }), "minimum and geometry are kept");
        error.to_string()
    };
    let words = refused(BESIDE.replace("momentum = 0.5", "momentum = 1.5"));
    assert!(words.contains("heavy-ball") && words.contains("momentum") && words.contains("hint: "), "{words}");
    let words = refused(LINEAR.replace("sampling =", "precision = \"float32\"\nsampling ="));
    assert!(words.contains("sgd") && words.contains("float32"), "{words}");
}
