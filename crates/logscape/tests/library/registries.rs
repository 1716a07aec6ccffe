//! What follows from the lists of kinds: tables of the book, and that a kind from outside is as good as those of the list.

use logscape::data::synthetic::{self, Generator};
use logscape::data::{self, DataError, Dataset, FORMATS, Format, ReadOptions};
use logscape::dynamics::{self, AtMinimum, BuildError, Built, Options};
use logscape::engine::{AnyDynamics, Descent, ReplicaState, Sgd, SoloBlock};
use logscape::ensemble::observable::{self, Build, OBSERVABLES, Observable, Sample, Surroundings};
use logscape::ensemble::{EscapeRun, Region, StationaryRun, Termination};
use logscape::model::{Decoupling, HessianMoments, Outliers};
use logscape::network::Initialisation;
use logscape::problem::{
    self, BuildProblemError, LinearRegression, ProblemOption, Registered, Samples, ScalarModel, StartConfig,
};
use logscape::theory::{self, Prediction, Theory, TheoryOptions};
use logscape::verdict::{Measured, Verdict};
use logscape::{Barrier, Estimate, Geometry, Precision, Problem, Sampling, SgdSettings, Stop};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Compares the table after `<!-- table: name -->` in a page of the book with the wanted one.
///
/// # Panics
/// Where they differ, with the wanted table.
fn assert_table(page: &str, name: &str, head: &[&str], rows: &[Vec<String>]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src").join(page);
    let text = fs::read_to_string(&path).expect("a page");
    let marker = format!("<!-- table: {name} -->\n\n");
    let start = text.find(&marker).unwrap_or_else(|| panic!("{page} has no line `{}`", marker.trim())) + marker.len();
    let wanted = table(head, rows);
    let found = text[start..].split("\n\n").next().expect("text").trim_end();
    assert!(found == wanted, "{page}: after `{}` there should stand\n\n{wanted}\n", marker.trim());
}

/// A table in Markdown.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines =
        vec![line(head.iter().map(ToString::to_string).collect()), format!("|{}", "---|".repeat(head.len()))];
    lines.extend(rows.iter().map(|row| line(row.iter().map(|cell| cell.replace('|', "\\|")).collect())));
    lines.join("\n")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn theory_rows(theories: &[Box<dyn Theory>]) -> Vec<Vec<String>> {
    let row = |t: &dyn Theory| vec![code(t.name()), code(t.formula()), t.regime().into(), t.reference().into()];
    theories.iter().map(|theory| row(theory.as_ref())).collect()
}

#[test]
fn the_book_lists_the_theories() {
    let head = ["theory", "formula", "assumes, and covers", "source"];
    assert_table("choosing.md", "theories", &head, &theory_rows(theory::all()));
}

fn format_rows(formats: &[&dyn Format]) -> Vec<Vec<String>> {
    formats.iter().map(|format| vec![format.name().into(), format.looks_like().into()]).collect()
}

#[test]
fn the_book_lists_the_data_formats() {
    assert_table("start.md", "data formats", &["format", "what `path` leads to"], &format_rows(FORMATS));
}

/// A theory from outside: one escape in a thousand steps, come what may.
struct Toy;

impl Theory for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn reference(&self) -> &'static str {
        "this file"
    }

    fn formula(&self) -> &'static str {
        "κ = 10⁻³/η"
    }

    fn regime(&self) -> &'static str {
        "anything"
    }

    fn predict(&self, _: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Prediction {
        Prediction::from_rate(self, Ok(-(1e3 * sgd.learning_rate).ln()), barrier, Vec::new(), sgd)
    }
}

fn parabola() -> Geometry {
    Geometry {
        parameters: 1,
        samples: 100,
        outputs: 1,
        loss: 1.0,
        interpolating: None,
        gradient_norm: 0.0,
        index: 0,
        eigenvalues: vec![1.0],
        residuals: vec![0.0],
        complete: true,
        lowest: Vec::new(),
        lowest_residuals: Vec::new(),
        hessian_sums: None,
        products: 0,
        output_loss: Some(logscape::network::OutputLoss::MeanSquare),
        accuracy: None,
        fisher: None,
        kinks: None,
        basis: logscape::Precision::Float64,
        noise_subspace: None,
        classes: None,
        sharpness: Vec::new(),
        effective_parameters: None,
        outliers: Outliers {
            count: 1,
            h_star: Estimate::exact(1.0),
            rule: String::new(),
            gap: 1.0,
            alternatives: vec![],
        },
        vectors: vec![],
        directions: vec![],
        noise_strength: Some(Estimate::exact(1.0)),
        decoupling: Some(Decoupling {
            trace_ratio_hessian: 1.0,
            trace_ratio_gauss_newton: 1.0,
            frobenius_distance: 0.0,
            off_diagonal_share: 0.0,
            scaling_exponent: Estimate::exact(1.0),
            scaling_points: vec![],
        }),
        sample_curvature: [0.1; 4],
        hessian_moments: HessianMoments::default(),
    }
}

#[test]
fn a_theory_from_outside_is_judged_with_the_others() {
    let mut theories = theory::all_with(&TheoryOptions::default());
    theories.push(Box::new(Toy));
    let sgd = SgdSettings { learning_rate: 0.05, batch_size: 1, sampling: Sampling::WithReplacement };
    let level = Barrier::Level { loss: 2.0 };
    let predictions: Vec<Prediction> = theories.iter().map(|t| t.predict(&parabola(), &level, &sgd)).collect();
    let steps = Estimate::new(1000.0, 900.0, 1100.0);
    let verdict = Verdict::new(&predictions, Measured::new(Some(steps), 0.0));
    assert_eq!(verdict.trusted().map(|theory| theory.theory.as_str()), Some("toy"));
    assert!(table(&["theory"], &theory_rows(&theories)).ends_with("| `toy` | `κ = 10⁻³/η` | anything | this file |"));
}

fn dynamics_rows(kinds: &[&dyn dynamics::Kind]) -> Vec<Vec<String>> {
    let row = |kind: &&dyn dynamics::Kind| {
        let options: Vec<String> = kind.options().iter().map(|option| code(option)).collect();
        vec![code(kind.name()), code(kind.equation()), options.join(", "), kind.question().into()]
    };
    kinds.iter().map(row).collect()
}

#[test]
fn the_book_lists_the_dynamics() {
    let head = ["kind", "equation", "options", "use it to ask"];
    assert_table("dynamics.md", "dynamics", &head, &dynamics_rows(dynamics::all()));
}

/// A chain from outside: SGD whose gradient is cut to a norm of at most a tenth.
struct Clipped<'a>(Sgd<'a, dyn Problem + 'a>);

impl Descent for Clipped<'_> {
    fn parameters(&self) -> usize {
        self.0.parameters()
    }

    fn learning_rate(&self) -> f64 {
        self.0.learning_rate()
    }

    fn room(&self) -> SoloBlock {
        self.0.room()
    }

    fn estimate(&self, state: &mut ReplicaState, batch: &mut [u32], gradient: &mut [f64], scratch: &mut [f64]) {
        self.0.estimate(state, batch, gradient, scratch);
        let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        gradient.iter_mut().for_each(|g| *g *= (0.1 / norm).min(1.0));
    }
}

/// Its name, and how it is built.
struct Cut;

impl dynamics::Kind for Cut {
    fn name(&self) -> &'static str {
        "clipped"
    }

    fn equation(&self) -> &'static str {
        "θ ← θ − η g_B min(1, 0.1/‖g_B‖)"
    }

    fn reference(&self) -> &'static str {
        "this file"
    }

    fn question(&self) -> &'static str {
        "do large steps matter?"
    }

    fn options(&self) -> &'static [&'static str] {
        &["sampling"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let sgd = SgdSettings { sampling: options.sampling.unwrap_or(sgd.sampling), ..sgd };
        let dynamics = AnyDynamics::new(Clipped(Sgd::new(at.problem, sgd)?));
        Ok(Built { dynamics, step: 1.0, steps_per_sgd_step: 1.0 })
    }
}

#[test]
fn a_dynamics_from_outside_runs_like_the_others() {
    // Samples `y = 1 ± ½` at `x = 1`: from the minimum on, gradients are about ½, five times what is let through.
    let problem = LinearRegression::new(vec![1.0, 1.0], vec![0.5, 1.5], 1).expect("a problem");
    let geometry = parabola();
    let at = AtMinimum::new(&problem, &[1.0], &geometry, Precision::Float64, &Stop::new());
    let sgd = SgdSettings { learning_rate: 0.2, batch_size: 1, sampling: Sampling::WithReplacement };
    let kinds = [dynamics::all(), &[&Cut]].concat();
    // A walk of steps ±0.02 leaves the interval of 2½ steps to either side after 3² of them in the mean, where SGD
    // itself, whose steps are 0.1, leaves at the first.
    let run = EscapeRun {
        start: vec![1.0],
        region: Region::Ball { centre: vec![1.0], radius: 0.05 },
        replicas: 4000,
        max_steps: 100_000,
        seed: 3,
    };
    let mean = |name: &str| {
        let kind = kinds.iter().find(|kind| kind.name() == name).expect("it is listed");
        let built = kind.build(&at, sgd, &Options::default()).expect("it is built");
        let ends = run.run(&built.dynamics, &problem, &Stop::new(), |_| {}).expect("a run");
        let steps = ends.iter().map(|end| match end {
            Termination::Escaped { steps, .. } => *steps as f64,
            _ => panic!("{end:?}"),
        });
        steps.sum::<f64>() / ends.len() as f64
    };
    assert_eq!(mean("sgd"), 1.0);
    // The variance of the time is 2(n⁴ − n²)/3 for an end n steps away to either side, here n = 3.
    let error = (48.0_f64 / 4000.0).sqrt();
    assert!((mean("clipped") - 9.0).abs() < 4.0 * error, "{}", mean("clipped"));
    assert!(
        table(&["kind"], &dynamics_rows(&kinds))
            .ends_with("| `clipped` | `θ ← θ − η g_B min(1, 0.1/‖g_B‖)` | `sampling` | do large steps matter? |")
    );
}

fn problem_rows(kinds: &[&problem::Kind]) -> Vec<Vec<String>> {
    let row = |kind: &&problem::Kind| {
        let options: Vec<String> =
            kind.options.iter().map(|option| format!("{}: {}", code(option.name), option.about)).collect();
        vec![code(kind.name), code(kind.equation), options.join("<br>")]
    };
    kinds.iter().map(row).collect()
}

#[test]
fn the_book_lists_the_problems() {
    let kinds: Vec<&problem::Kind> = problem::all().iter().collect();
    assert_table("start.md", "problems", &["kind", "model", "options; their defaults"], &problem_rows(&kinds));
}

/// A problem from outside: `f = θ xⁿ` with the power `n` as its option.
struct Power {
    powers: Vec<f64>,
    targets: Vec<f64>,
}

impl ScalarModel for Power {
    fn parameters(&self) -> usize {
        1
    }

    fn targets(&self) -> &[f64] {
        &self.targets
    }

    fn value(&self, theta: &[f64], sample: usize) -> f64 {
        theta[0] * self.powers[sample]
    }

    fn slope(&self, _: &[f64], v: &[f64], sample: usize) -> f64 {
        v[0] * self.powers[sample]
    }

    fn add_gradient(&self, theta: &[f64], sample: usize, weight: impl FnOnce(f64) -> f64, out: &mut [f64]) {
        out[0] += weight(self.value(theta, sample)) * self.powers[sample];
    }

    fn add_hessian_product(&self, _: &[f64], _: &[f64], _: usize, _: f64, _: &mut [f64]) {}
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PowerOptions {
    power: i32,
}

impl Registered for Power {
    const NAME: &'static str = "power";
    const EQUATION: &'static str = "f = θxⁿ";
    const OPTIONS: &'static [ProblemOption] =
        &[ProblemOption { name: "power", about: "the power `n`", example: "2", required: true }];

    type Options = PowerOptions;

    fn example() -> Generator {
        let (spectrum, teacher) = (vec![1.0], vec![1.0]);
        Generator::LinearTeacher(synthetic::LinearTeacher { samples: 20, spectrum, teacher, noise: 0.1 })
    }

    fn build(data: Dataset, options: PowerOptions) -> Result<Self, BuildProblemError> {
        let powers = data.inputs.iter().map(|x| x.powi(options.power)).collect();
        Ok(Self { powers, targets: data.targets })
    }

    fn start(&self, _: &StartConfig) -> Vec<f64> {
        vec![0.0]
    }
}

static POWER: problem::Kind = problem::Kind::of::<Power>();

#[test]
fn a_problem_from_outside_is_built_by_its_options() {
    let kinds: Vec<&problem::Kind> = problem::all().iter().chain([&POWER]).collect();
    let kind = kinds.iter().find(|kind| kind.name == "power").expect("it is listed");
    assert!(table(&["kind"], &problem_rows(&kinds)).ends_with("| `power` | `f = θxⁿ` | `power`: the power `n` |"));
    let given = |value: serde_json::Value| value.as_object().expect("options").clone();
    assert_eq!(kind.check(&given(serde_json::json!({ "power": 3 }))), Ok(()));
    let wrong = |value| kind.check(&given(value)).expect_err("wrong options").to_string();
    assert!(wrong(serde_json::json!({ "powers": 3 })).contains("it has power"));
    assert!(wrong(serde_json::json!({ "power": "cube" })).starts_with("power: "));
    assert!(wrong(serde_json::json!({})).contains("missing field `power`"));
    let data = Dataset::new("a table", vec![1.0, 2.0], 1, vec![3.0, 24.0], 1, None).expect("data");
    let config = StartConfig { initialisation: Initialisation::He, seed: 1 };
    let built = kind.build(data, &given(serde_json::json!({ "power": 3 })), &config).expect("a problem");
    let (loss, gradient) = logscape::operator::full::loss_and_gradient(&*built.problem, &[2.0]);
    // Residuals −1 and −8 with slopes 1 and 8.
    assert_eq!((loss, gradient, built.start), (65.0 / 4.0, vec![-65.0 / 2.0], vec![0.0]));
    assert!(problem::check(&*built.problem, &[2.0], 1).is_ok());
}

/// A data format from outside: the length of the file is the input.
struct Length;

impl Format for Length {
    fn name(&self) -> &'static str {
        "length"
    }

    fn looks_like(&self) -> &'static str {
        "a `.length` file"
    }

    fn reads(&self, path: &Path) -> bool {
        path.extension().is_some_and(|extension| extension == "length")
    }

    fn read(&self, path: &Path, _: &ReadOptions) -> Result<Dataset, DataError> {
        let name = path.display().to_string();
        let length = fs::metadata(path).map_err(|source| DataError::Read { file: name.clone(), source })?.len();
        Dataset::new(&name, vec![length as f64], 1, vec![0.0], 1, None)
    }
}

#[test]
fn a_data_format_from_outside_is_opened_like_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.length");
    fs::write(&path, "12345").expect("to write");
    let options = ReadOptions::default();
    let error = data::open(&path, &options).expect_err("not in the list");
    let message = error.to_string();
    for format in FORMATS {
        assert!(message.contains(format.looks_like()), "{message}");
    }
    let formats = [FORMATS, &[&Length]].concat();
    assert_eq!(data::open_in(&formats, &path, &options).expect("in the list").inputs, [5.0]);
    let error = data::open_in(&formats, &folder.path().join("b.txt"), &options).expect_err("no such format");
    assert!(error.to_string().ends_with("a `.length` file"), "{error}");
    assert!(table(&["format"], &format_rows(&formats)).ends_with("| length | a `.length` file |"));
}

/// An NPY file of version 1.0 with `f64` in one dimension.
fn npy(values: &[f64]) -> Vec<u8> {
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({},), }}\n", values.len());
    let size = u16::try_from(header.len()).expect("a short header").to_le_bytes();
    let mut bytes = [b"\x93NUMPY\x01\x00", &size[..], header.as_bytes()].concat();
    values.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes
}

#[test]
fn every_format_is_known_by_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let write = |name: &str, bytes: &[u8]| fs::write(place(name), bytes).expect("to write");
    let open = |path: &Path| data::open(path, &ReadOptions::default());
    write("a.CSV", b"x,y\n1,2\n");
    assert_eq!(open(&place("a.CSV")).expect("in capitals").targets, [2.0]);
    write("a.Parquet", b"x,y\n1,2\n3,4\n");
    let error = open(&place("a.Parquet")).expect_err("no Parquet file");
    assert!(error.to_string().contains("PAR1"), "{error}");
    for name in ["a.arrow", "a.Feather", "a.ipc", "a.arrows"] {
        write(name, b"x,y\n1,2\n3,4\n");
        let error = open(&place(name)).expect_err("no Arrow file");
        assert!(error.to_string().contains("ARROW1"), "{error}");
    }
    fs::create_dir(place("set")).expect("to make a folder");
    let folder_error = open(&place("set")).expect_err("empty");
    assert!(matches!(folder_error, DataError::UnknownFormat { .. }), "{folder_error}");
    for [inputs, targets] in [["x.npy", "y.npy"], ["train_x.npy", "train_y.npy"], ["a-X.NPY", "a-Y.NPY"]] {
        let [x, y] = [inputs, targets].map(|name| format!("set/{name}"));
        write(&x, &npy(&[1.0, 2.0]));
        let error = open(&place(&x)).expect_err("no targets yet");
        assert!(matches!(error, DataError::NoTargets { .. }) && error.to_string().contains(targets), "{error}");
        write(&y, &npy(&[3.0, 4.0]));
        let read = open(&place(&x)).expect("a pair");
        assert_eq!((read.inputs, read.targets), (vec![1.0, 2.0], vec![3.0, 4.0]));
    }
    assert_eq!(open(&place("set")).expect("a folder of a pair").targets, [3.0, 4.0]);
    // A name that says not which of both it is.
    write("box.npy", &npy(&[1.0]));
    let error = open(&place("box.npy")).expect_err("no pair");
    assert!(error.hint().contains("x.npy"), "{error}");
    let missing = open(&place("none/x.npy")).expect_err("no file");
    assert!(matches!(missing, DataError::Read { .. }), "{missing}");
    // Half a pair is an IDX folder that lacks something.
    fs::create_dir(place("images")).expect("to make a folder");
    write("images/t10k-labels-idx1-ubyte.gz", b"");
    let half = open(&place("images")).expect_err("no images");
    assert!(matches!(half, DataError::MissingFiles { .. }), "{half}");
}

/// An observable from outside: on which side of 1 the first parameter is.
#[derive(Debug)]
struct Side;

impl Observable for Side {
    fn name(&self) -> String {
        "side".to_owned()
    }

    fn unit(&self) -> f64 {
        1.0
    }

    fn value(&self, sample: &Sample<'_>) -> f64 {
        (sample.theta[0] - 1.0).signum()
    }
}

#[test]
fn an_observable_from_outside_is_recorded_with_the_others() {
    // Two samples `y = 1 ± ½` at `x = 1`: η = ½ and one sample a step, `θ' = (θ + y)/2` is on the side of the sample.
    let problem = LinearRegression::new(vec![1.0, 1.0], vec![0.5, 1.5], 1).expect("a problem");
    let directions = [vec![1.0]];
    let around = Surroundings { minimum: &[1.0], loss: 0.125, curvature: 1.0, directions: &directions, bins: 20 };
    let side: Build = |_| Ok(vec![Arc::new(Side)]);
    let kinds = [OBSERVABLES, &[side]].concat();
    let run = StationaryRun {
        start: vec![1.0],
        replicas: 4,
        groups: 2,
        burn_in: 10,
        samples: 500,
        thin: 1,
        observables: observable::build_all(&kinds, &around).expect("observables"),
        moments: false,
        seed: 1,
    };
    let names: BTreeSet<String> = run.observables.iter().map(|observable| observable.name()).collect();
    assert_eq!(names.len(), run.observables.len(), "{names:?}");
    let sgd = SgdSettings { learning_rate: 0.5, batch_size: 1, sampling: Sampling::WithReplacement };
    let groups = run.run_sgd(&problem, sgd, &Stop::new()).expect("a run");
    for group in &groups {
        assert_eq!(group.samples, 1000);
        assert!(names.iter().all(|name| group.get(name).is_some_and(|statistic| statistic.series.count() == 1000)));
        assert!(group.histogram("side").is_none() && group.get("elsewhere").is_none());
        assert_eq!(group.histogram("displacement_1").map(logscape::stats::Histogram::total), Some(1000));
    }
    let sides: Vec<_> = groups.iter().filter_map(|group| Some(group.get("side")?.series.clone())).collect();
    // 2000 fair coins.
    let mean = logscape::stats::summarise(&sides).expect("a summary").mean.value;
    assert!(mean != 0.0 && mean.abs() < 5.0 / 2000.0_f64.sqrt(), "{mean}");
}

/// What a model that has parameters for inputs as they were says with them is what it says of standardised inputs.
#[test]
fn unstandardised_parameters_say_the_same_of_inputs_as_they_were() {
    let inputs: Vec<f64> =
        (0..60).map(|k| [1e-3, 250.0, 1.0][k % 3] * (f64::from(k as u32) * 0.7).sin() + 40.0).collect();
    let targets: Vec<f64> = (0..20).map(|k| f64::from(k).cos()).collect();
    let raw = Dataset::new("raw", inputs, 3, targets, 1, None).expect("a data set");
    let standard = raw.clone().standardise_inputs().expect("finite");
    let config = StartConfig { initialisation: Initialisation::Lecun, seed: 3 };
    for (kind, given, has) in [
        ("linear-regression", "{}", true),
        ("mlp", r#"{"hidden": [4, 2]}"#, true),
        ("mlp", "{}", true),
        ("phase-retrieval", "{}", false),
    ] {
        let (kind, given) =
            (problem::by_name(kind).expect("registered"), serde_json::from_str(given).expect("options"));
        let built = |data: &Dataset| kind.build(data.clone(), &given, &config).expect("it fits").problem;
        let [on_raw, on_standard] = [&raw, &standard].map(built);
        let theta: Vec<f64> = (0..on_raw.dim()).map(|k| (k as f64 + 0.5).sin()).collect();
        let found = kind.unstandardised(&given, &theta, &standard.standardised);
        assert_eq!(found.is_some(), has, "{}", kind.name);
        let Some(found) = found else { continue };
        let residuals = |problem: &dyn Problem, theta: &[f64]| {
            let (mut out, mut scratch) = (vec![0.0; 20], vec![0.0; problem.scratch_len(20)]);
            problem.residuals_into(theta, Samples::Range(0..20), &mut out, &mut scratch);
            out
        };
        for (a, b) in residuals(&*on_raw, &found.theta).iter().zip(residuals(&*on_standard, &theta)) {
            // Weights times 40, of numbers that differ by 1e-3, lose five digits.
            assert!((a + found.offset - b).abs() < 1e-9, "{}: {a} + {} for {b}", kind.name, found.offset);
        }
    }
}
