//! What has no unit does not depend on the units of data and parameters.

use logscape::Stop;
use logscape_study::{Destination, Event, Record, parse, run};
use std::fmt::Write;
use std::fs;

/// Inputs and targets of a small table: a hundred rows that no random generator is needed for.
fn rows(dim: usize) -> Vec<(Vec<f64>, f64)> {
    let wave = |k: usize, j: usize| (1.7 * k as f64 + 2.3 * (j as f64 + 1.0) * (k as f64).sqrt()).sin();
    (0..60)
        .map(|k| {
            let x: Vec<f64> = (0..dim).map(|j| (j as f64 + 1.0) * wave(k, j)).collect();
            let y = x.iter().zip(1..).map(|(x, j)| x / f64::from(j)).sum::<f64>() + 0.6 * wave(k, dim + 3);
            (x, y)
        })
        .collect()
}

/// The record of a study on the table with inputs and targets in other units.
fn record(study: &str, rows: &[(Vec<f64>, f64)], [input, target]: [f64; 2]) -> Record {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let names: Vec<String> = (1..=rows[0].0.len()).map(|j| format!("x{j}")).collect();
    let mut table = names.join(",") + ",y\n";
    for (x, y) in rows {
        x.iter().for_each(|x| write!(table, "{:e},", x * input).expect("a string"));
        writeln!(table, "{:e}", y * target).expect("a string");
    }
    fs::write(folder.path().join("data.csv"), table).expect("a file");
    let study = parse("study.toml", study, &[]).expect("a good study");
    let destination = Destination::new(folder.path().join("record"));
    run(&study, folder.path(), &destination, &Stop::new(), &|_: &Event| {}).expect("the run ends").0
}

/// Every number of the record that has no unit, with its name.
fn without_unit(record: &Record) -> Vec<(String, f64)> {
    let (results, mut found) = (&record.results, Vec::new());
    let mut note = |name: &str, value: f64| found.push((name.to_owned(), value));
    let geometry = &results.geometry;
    note("outliers", geometry.outliers as f64);
    let strength = geometry.noise_strength.expect("no interpolation");
    let decoupling = geometry.decoupling.as_ref().expect("no interpolation");
    note("s", strength.value);
    note("s low", strength.ci95[0]);
    note("tr C/(2L tr H)", decoupling.trace_ratio_hessian);
    note("shape", decoupling.frobenius_distance);
    note("exponent", decoupling.scaling_exponent.value);
    note("condition", geometry.eigenvalues[0] / geometry.eigenvalues[1.min(geometry.eigenvalues.len() - 1)]);
    note("index", results.minimum.index as f64);
    note("converged", f64::from(u8::from(results.minimum.converged)));
    for setting in &results.settings {
        note("eta h", setting.sgd.learning_rate * geometry.eigenvalues[0]);
        note("phi", setting.law.phi.expect("a law"));
        note("growth", setting.law.mean_square_growth.expect("moments"));
        let escape = setting.escape.as_ref().expect("an escape");
        note("escaped", escape.measured.escaped.map_or(-1.0, |escaped| escaped as f64));
        note("log10 steps", escape.measured.log10_mean_steps.map_or(-1.0, |steps| steps.value));
        for (name, prediction) in &escape.predictions {
            note(name, prediction.log10_mean_steps.unwrap_or(-1.0));
        }
    }
    found
}

/// Runs the study in these units, for which `study` puts in the learning rate and the start's factor, and compares.
fn compare(study: &dyn Fn(f64, f64) -> String, rows: &[(Vec<f64>, f64)], rate: f64, units: &[([f64; 2], f64, f64)]) {
    let plain = without_unit(&record(&study(rate, 1.0), rows, [1.0, 1.0]));
    for &(factors, curvature, parameter) in units {
        let scaled = without_unit(&record(&study(rate / curvature, parameter), rows, factors));
        assert_eq!(plain.len(), scaled.len());
        for ((name, before), (_, after)) in plain.iter().zip(&scaled) {
            let close = (before - after).abs() <= 1e-6 * before.abs().max(0.1);
            assert!(close, "inputs and targets times {factors:?}: {name} was {before}, is {after}");
        }
    }
}

/// `θ` has the unit of targets over inputs, curvature that of squared inputs.
#[test]
fn linear_regression_is_the_same_in_any_units() {
    let study = |rate: f64, _: f64| {
        format!(
            "name = \"line\"\nseed = 3\n[problem]\nkind = \"linear-regression\"\ndata = {{ path = \"data.csv\" }}\n\
             [sgd]\nlearning_rate = {rate:e}\nbatch_size = 1\n\
             [escape]\nregion = {{ loss-factor = 1.2 }}\nreplicas = 40\nmax_steps = 100_000\n"
        )
    };
    let of = |input: f64, target: f64| ([input, target], input * input, target / input);
    let units =
        [of(1.0, 1e-12), of(1.0, 1e-9), of(1.0, 1e12), of(1.0, 1e17), of(1e-12, 1.0), of(1e12, 1.0), of(1e6, 1e-6)];
    compare(&study, &rows(2), 0.05, &units);
    compare(&study, &rows(1), 0.2, &units);
}

/// `f = (θ·x)²`: `θ` has the unit of the root of targets over inputs, curvature that of targets times squared inputs.
#[test]
fn phase_retrieval_is_the_same_in_any_units() {
    let study = |rate: f64, start: f64| {
        format!(
            "name = \"phases\"\nseed = 3\n[problem]\nkind = \"phase-retrieval\"\ndata = {{ path = \"data.csv\" }}\n\
             [minimum]\ntolerance = 1e-11\nstart = [{:e}, {:e}]\n[sgd]\nlearning_rate = {rate:e}\nbatch_size = 1\n\
             [escape]\nregion = {{ loss-factor = 1.05 }}\nreplicas = 40\nmax_steps = 100_000\n",
            0.5 * start,
            0.3 * start
        )
    };
    let of = |input: f64, target: f64| ([input, target], target * input * input, target.sqrt() / input);
    compare(&study, &rows(2), 0.02, &[of(1.0, 1e-12), of(1.0, 1e12), of(1e-9, 1.0), of(1e9, 1.0)]);
}

/// `f = sin(θx)` between its tops: `θ` has the unit of one over inputs.
#[test]
fn the_sinusoid_is_the_same_in_any_unit_of_its_input() {
    let study = |rate: f64, start: f64| {
        format!(
            "name = \"sinusoid\"\nseed = 3\n[problem]\nkind = \"sinusoid\"\ndata = {{ path = \"data.csv\" }}\n\
             [minimum]\ntolerance = 1e-11\nstart = [{:e}]\n[sgd]\nlearning_rate = {rate:e}\nbatch_size = 1\n\
             [escape]\nregion = \"dividing-surface\"\nmethod = \"direct\"\nreplicas = 20\nmax_steps = 1_000\n",
            0.8 * start
        )
    };
    let of = |input: f64| ([input, 1.0], input * input, 1.0 / input);
    compare(&study, &rows(1), 0.3, &[of(1e-12), of(1e-3), of(1e12)]);
}

/// `f = u_i v_j`: `θ` has the unit of the root of targets, curvature that of targets. One direction, in which `u` grows as `v` shrinks,
/// is flat.
#[test]
fn matrix_factorisation_is_the_same_in_any_unit_of_its_entries() {
    let entry = |k: usize| {
        let (i, j, wave) = (k % 3, k / 3 % 3, (1.7 * k as f64 + 2.3 * (k as f64).sqrt()).sin());
        (vec![i as f64, j as f64], (1.0 + 0.5 * i as f64) * (0.7 * j as f64 - 1.0) + 0.6 * wave)
    };
    let entries: Vec<_> = (0..36).map(entry).collect();
    let study = |rate: f64, start: f64| {
        let start: Vec<String> = [1.0, 0.8, 1.3, -0.5, 0.2, 0.9].iter().map(|x| format!("{:e}", x * start)).collect();
        format!(
            "name = \"factors\"\nseed = 3\n[problem]\nkind = \"matrix-factorisation\"\nrank = 1\n\
             data = {{ path = \"data.csv\" }}\n[minimum]\nstart = [{}]\n[sgd]\nlearning_rate = {rate:e}\n\
             batch_size = 1\n[escape]\nregion = {{ loss-factor = 1.2 }}\nreplicas = 40\nmax_steps = 100_000\n",
            start.join(", ")
        )
    };
    let of = |target: f64| ([1.0, target], target, target.sqrt());
    compare(&study, &entries, 0.05, &[of(1e-12), of(1e-6), of(1e12)]);
}
