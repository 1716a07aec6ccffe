//! Spectra of a study's matrices, of a network that is too large to be decomposed, against algebra of the size of its samples.

use faer::{Mat, Side};
use logscape::operator::full::{loss, residuals};
use logscape::{Problem, Samples, Stop};
use logscape_study::record::{DensityRow, EigenvalueRow, Record};
use logscape_study::{Destination, Event, RunError, Study, parse, problem_of, report, run};
use std::fs;
use std::path::Path;

/// 4,810 parameters and 24 samples: `G` and `C` have no more than 240 and 23 eigenvalues that are not zero.
const STUDY: &str = r#"
name = "curved"
seed = 5
[problem]
kind = "network"
layers = [{ linear = 64 }, "tanh", { linear = 10 }]
data = { builtin = "digits", limit = 24 }
[minimum]
max_iterations = 3
[curvature]
matrices = ["hessian", "gauss-newton", "noise-covariance"]
layers = ["2", "*.bias"]
largest = 6
tolerance = 1e-8
density_probes = 6
density_steps = 30
trace_products = 30
"#;

fn study() -> Study {
    parse("curved.toml", STUDY, &[]).expect("a good study").of_curvature()
}

fn run_until(place: &Path, resume: bool, moment: &(dyn Fn(&Event) -> bool + Sync)) -> Result<Record, RunError> {
    let destination = Destination { resume, ..Destination::new(place.to_path_buf()) };
    let stop = Stop::new();
    let hear = |event: &Event| {
        if moment(event) {
            stop.request();
        }
    };
    run(&study(), Path::new(""), &destination, &stop, &hear).map(|(record, _)| record)
}

/// Eigenvalues of the products of rows with each other, descending: those of the sum of their squares that are not zero.
fn gram(rows: &[Vec<f64>]) -> Vec<f64> {
    let dot = |i: usize, j: usize| rows[i].iter().zip(&rows[j]).map(|(a, b)| a * b).sum::<f64>();
    let gram = Mat::from_fn(rows.len(), rows.len(), dot);
    let mut values = gram.self_adjoint_eigenvalues(Side::Lower).expect("finite numbers");
    values.reverse();
    values
}

/// Rows `J_μ/√N` of a problem with the mean-square loss, and `(g_μ − ∇L)/√N`, by transposed products with single samples.
fn rows(problem: &dyn Problem, theta: &[f64]) -> [Vec<Vec<f64>>; 2] {
    let (p, c, n) = (problem.dim(), problem.outputs(), problem.samples());
    let share = 1.0 / (n as f64).sqrt();
    let mut scratch = vec![0.0; problem.scratch_len(1)];
    let errors = residuals(problem, theta);
    let (mut jacobians, mut gradients) = (Vec::new(), vec![vec![0.0; p]; n]);
    for sample in 0..n {
        for k in 0..c {
            let unit: Vec<f64> = (0..c).map(|i| f64::from(u8::from(i == k))).collect();
            let mut row = vec![0.0; p];
            problem.vjp_into(theta, &unit, Samples::Range(sample..sample + 1), &mut row, &mut scratch);
            row.iter_mut().for_each(|x| *x *= share);
            gradients[sample].iter_mut().zip(&row).for_each(|(g, x)| *g += errors[sample * c + k] * x);
            jacobians.push(row);
        }
    }
    for k in 0..p {
        let mean = gradients.iter().map(|g| g[k]).sum::<f64>() / n as f64;
        gradients.iter_mut().for_each(|g| g[k] -= mean);
    }
    [jacobians, gradients]
}

#[test]
fn spectra_traces_and_counts_are_those_of_the_samples_and_go_on_where_they_were_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = run_until(&folder.path().join("whole"), false, &|_| false).expect("it ends");
    let theta = whole.results.minimum.theta.clone().expect("parameters");
    let (problem, _) = problem_of(&study(), Path::new("")).expect("a problem");
    assert!((loss(&*problem, &theta) / whole.results.minimum.loss - 1.0).abs() < 1e-12);
    let [jacobians, gradients] = rows(&*problem, &theta);

    let names = problem.parameter_names();
    let of = |wanted: &[&str]| -> Vec<usize> {
        names.iter().filter(|(name, _)| wanted.contains(&name.as_str())).flat_map(|(_, range)| range.clone()).collect()
    };
    let blocks = [
        (None, (0..4810).collect()),
        (Some("2"), of(&["2.weight", "2.bias"])),
        (Some("*.bias"), of(&["0.bias", "2.bias"])),
    ];
    for (matrix, rows) in [("gauss-newton", &jacobians), ("noise-covariance", &gradients)] {
        for (block, parameters) in &blocks {
            let rows: Vec<Vec<f64>> = rows.iter().map(|row| parameters.iter().map(|&k| row[k]).collect()).collect();
            let truth = gram(&rows);
            let found = whole.results.curvature.iter();
            let mut found = found.filter(|found| found.matrix.name() == matrix && found.block.as_deref() == *block);
            let found = found.next().expect("the matrix was asked for");
            let dense = parameters.len() <= 4000;
            assert_eq!((found.parameters, found.complete, found.unconverged), (parameters.len(), dense, 0));
            for (value, truth) in found.largest.iter().zip(&truth) {
                assert!((value - truth).abs() < 1e-8 * found.largest[0], "{matrix} {block:?}: {value} {truth}");
            }
            let (trace, norm) = (truth.iter().sum::<f64>(), truth.iter().map(|x| x * x).sum::<f64>().sqrt());
            for (estimate, truth) in [(found.trace, trace), (found.frobenius, norm)] {
                let estimate = estimate.expect("it was asked for");
                let reach = if dense { 1e-10 * truth } else { estimate.ci95[1] - estimate.ci95[0] };
                assert!((estimate.value - truth).abs() <= reach, "{matrix} {block:?}: {estimate:?} {truth}");
            }
            let rows = whole.tables.density.iter();
            let own = |row: &&DensityRow| row.matrix == matrix && row.block == block.unwrap_or_default();
            let counts: Vec<&DensityRow> = rows.filter(own).filter(|row| row.eigenvalue > 1e-3 * truth[0]).collect();
            assert_eq!(counts.is_empty(), dense);
            // The count that is smoothed as the row says, and how many 95 % intervals hold it: those of few probes are not independent.
            let smoothed =
                |x: f64| truth.iter().map(|h| 0.5 * erfc((x - h) / (0.1 * x * std::f64::consts::SQRT_2))).sum::<f64>();
            let held = counts.iter().filter(|row| {
                let truth = smoothed(row.eigenvalue);
                (row.count_low - 0.5..=row.count_high + 0.5).contains(&truth)
            });
            assert!(dense || held.count() * 10 >= 7 * counts.len(), "{matrix} {block:?}: {counts:?}");
        }
    }
    let hessian = &whole.results.curvature[0];
    assert!(
        !hessian.complete
            && hessian.lowest.len() == 4
            && hessian.largest[..6] == whole.results.geometry.eigenvalues[..6]
    );
    assert!(hessian.lowest.is_sorted() && hessian.lowest[0] < 0.0, "{:?}", hessian.lowest);
    assert_eq!(
        whole.results.minimum.index,
        hessian.lowest.iter().filter(|&&low| low < -1e-6 * hessian.largest[0]).count()
    );

    // Stopped when the Hessian's eigenpairs are known, within the eigenvalues of the second matrix, at once in the first one's density, and at
    // the end.
    let place = folder.path().join("stopped");
    let within = |wanted: &'static str, least: usize| {
        move |event: &Event| {
            matches!(event, Event::Products { what, matrix, products, .. }
                if *what == wanted && matrix.name() == "gauss-newton" && *products >= least)
        }
    };
    let measuring = |event: &Event| matches!(event, Event::Measuring { .. });
    assert!(matches!(run_until(&place, false, &measuring), Err(RunError::Interrupted { .. })));
    let eigenvalues = within("eigenvalues", 20);
    let second = |event: &Event| {
        let again = matches!(event, Event::Eigenvalues { matrix, .. } if matrix.name() == "hessian");
        assert!(!again, "the Hessian's eigenpairs are looked for again");
        eigenvalues(event)
    };
    assert!(matches!(run_until(&place, true, &second), Err(RunError::Interrupted { .. })));
    let drawn = report::draw(&folder.path().join("stopped.partial")).expect("a page");
    assert_eq!(drawn.missing.expect("it is not finished").to_string(), "missing: curvature");
    let page = fs::read_to_string(&drawn.page).expect("the page");
    assert!(page.contains("have not converged") && page.contains("<td>G</td>"), "what had converged is shown");
    assert!(matches!(run_until(&place, true, &within("density", 30)), Err(RunError::Interrupted { .. })));
    run_until(&place, true, &|_| false).expect("it ends");
    for file in ["results.json", "tables/eigenvalues.parquet", "tables/density.parquet", "tables/lanczos.parquet"] {
        let bytes = |place: &str| fs::read(folder.path().join(place).join(file)).expect("a file");
        assert!(bytes("whole") == bytes("stopped"), "{file}");
    }
    let read = Record::read(&folder.path().join("stopped")).expect("a record");
    assert_eq!(read.tables, whole.tables);
    let ranks = |row: &&EigenvalueRow| row.matrix == "hessian" && row.block == "2" && row.end == "largest";
    assert_eq!(read.tables.eigenvalues.iter().filter(ranks).count(), 650);
}

fn erfc(x: f64) -> f64 {
    statrs::function::erf::erfc(x)
}

#[test]
fn a_study_without_settings_simulates_nothing_and_names_what_it_cannot_have() {
    let without = |more: &str| {
        let text = format!("{}{more}", STUDY.split("[curvature]").next().unwrap_or_default());
        parse("curved.toml", &text, &[]).map_err(|error| format!("{:?}", miette::Report::new(error)))
    };
    let bare = without("").expect("a study of a minimum alone");
    assert!(bare.sgd.is_absent() && bare.curvature.is_none());
    let refused = without("[escape]\nregion = { loss-factor = 2.0 }\n").expect_err("nothing escapes");
    assert!(refused.contains("[sgd]") && refused.contains("learning_rate"), "{refused}");
    for (table, words) in [
        ("tolerance = 1e-9\nprecision = \"float32\"", "at least 1e-6"),
        ("tolerance = 1.0", "tolerance"),
        ("matrices = [\"hessian\", \"hessian\"]", "twice"),
        ("matrices = [\"hesse\"]", "gauss-newton"),
        ("density_steps = 0", "density_steps"),
        ("layers = [\"\"]", "layers"),
    ] {
        let refused = without(&format!("[curvature]\n{table}\n")).expect_err("it is wrong");
        assert!(refused.contains(words), "{table}: {refused}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let study = without("[curvature]\nlayers = [\"7\"]\n").expect("names are looked up by the run");
    let destination = Destination::new(folder.path().join("record"));
    let error = run(&study, Path::new(""), &destination, &Stop::new(), &|_: &Event| {}).expect_err("no such layer");
    let words = error.to_string();
    assert!(error.is_bad_input() && words.contains("no parameter `7`") && words.contains("`0.weight`"), "{words}");
}
