//! Training before the search for a minimum: what a study may ask for, what the record keeps, and interruptions.

use crate::schema::complaints;
use crate::schema::runs::{Finished, finished, silent};
use logscape::Stop;
use logscape_study::{Destination, Event, RunError, figures, parse, run};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

const RIDGE: &str = r#"name = "ridge"
seed = 4

[problem]
kind = "linear-regression"
data.synthetic = { kind = "linear-teacher", samples = 40, spectrum = [1.0, 0.5], teacher = [1.0, -0.5], noise = 0.5 }

[minimum]
search = false

[minimum.train]
learning_rate = 0.05
batch_size = 40
steps = 2_000
weight_decay = 0.25

[sgd]
learning_rate = 0.1
batch_size = 1
"#;

const NETWORK: &str = r#"name = "network"
seed = 4

[problem]
kind = "mlp"
hidden = [3]
data = { builtin = "digits", limit = 45 }

[minimum]
search = false

[minimum.train]
optimiser = "adam"
learning_rate = 0.02
batch_size = 7
epochs = 30
warm_up = 10
measure_every = 9
schedule = { step = { every = 50, factor = 0.5 } }

[sgd]
learning_rate = 0.01
batch_size = 1
"#;

fn theta(run: &Finished) -> &[f64] {
    run.record.results.minimum.theta.as_ref().expect("few parameters")
}

/// Steps of the whole gradient with decay end where `∇L + λθ = 0`, which the search leaves for `∇L = 0`.
#[test]
fn decay_moves_where_training_ends_and_the_search_leaves_that() {
    let ridge = finished(RIDGE);
    let plain = finished(&RIDGE.replace("weight_decay = 0.25\n", ""));
    let searched = finished(&RIDGE.replace("search = false", "search = true"));
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let minimum = &ridge.record.results.minimum;
    assert!((minimum.gradient_norm - 0.25 * norm(theta(&ridge))).abs() < 1e-12 && minimum.gradient_norm > 0.1);
    assert!(!minimum.converged && minimum.method == "no search" && minimum.index == 0);
    let away: Vec<f64> = theta(&searched).iter().zip(theta(&plain)).map(|(a, b)| a - b).collect();
    assert!(norm(&away) < 1e-10 && norm(theta(&plain)) > 1.1 * norm(theta(&ridge)));
    // Without a search the point is a minimum where the gradient says so.
    assert!(plain.record.results.minimum.converged && plain.record.results.minimum.method == "no search");
    let page = |run: &Finished| fs::read_to_string(run.folder.path().join("record/report.html")).expect("a page");
    assert!(
        page(&ridge).contains("Its weight decay is no part of the loss: it ends where the loss alone has a gradient.")
    );
    assert!(page(&searched).contains("the search after it is on the loss alone, and leaves where the training ended"));
    assert!(!page(&plain).contains("weight decay is no part"));
}

#[test]
fn the_record_keeps_the_history() {
    let run = finished(NETWORK);
    assert_eq!(complaints(&run.results), Vec::<String>::new());
    let training = run.record.results.training.as_ref().expect("a training");
    // Six batches of seven of 45 samples, thirty times.
    assert_eq!((&training.optimiser[..], training.steps, training.epochs), ("adam", 180, 30.0));
    let tables = &run.record.tables;
    assert_eq!((tables.training.len(), tables.training_noise.len()), (180, 21));
    assert_eq!(training.final_batch_loss, tables.training[179].loss);
    let last = &tables.training_noise[20];
    // What is measured along the training is measured where it ends too, by other sums.
    let results = &run.record.results;
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-12;
    assert!(last.steps == 180 && near(last.loss, results.minimum.loss));
    assert!(near(last.gradient_norm, results.minimum.gradient_norm));
    let ratio = results.geometry.decoupling.as_ref().expect("noise").trace_ratio_gauss_newton;
    assert!(near(last.noise_trace / (2.0 * last.loss * last.gauss_newton_trace), ratio));
    assert!(last.loss < 0.5 * tables.training_noise[0].loss, "it learns");
    assert!(!training.noise_exponents.is_empty());
    let figure = figures::by_name("training").expect("a figure").of(&run.record).expect("it is drawn");
    assert!(figure.svg.contains("γ = ") && figure.svg.contains("noise tr C"));
    assert!(figure.svg.contains("tr C/(2 L tr G)") && figure.svg.contains("gradient-noise scale"));
    // Classes of digits: every leading direction has its levels, and the traces are those of G.
    let levels = results.geometry.classes.as_ref().expect("targets are classes");
    assert_eq!(levels.classes, 10);
    assert!(near(levels.traces.sum(), last.gauss_newton_trace));
    assert!(tables.classes.len() >= results.geometry.outliers);
    assert_eq!(tables.classes.iter().filter(|row| row.outlier).count(), results.geometry.outliers);
    assert_eq!(tables.leading_noise.len(), results.geometry.outliers);
    assert!(
        figures::by_name("classes")
            .expect("a figure")
            .of(&run.record)
            .expect("it is drawn")
            .svg
            .contains("cross-class")
    );
    let page = fs::read_to_string(run.folder.path().join("record/report.html")).expect("a page");
    assert!(page.contains("come from the means of the 10 classes") && page.contains("Effective parameters"), "{page}");
    assert!(page.contains("180 steps of adam (30 epochs) with learning rate 0.02 and batch size 7."), "{page}");
    assert!(page.contains("the noise of one sample went as a power of the loss"));
    let plain = finished(&RIDGE.replace("weight_decay = 0.25\n", ""));
    let figure = figures::by_name("training").expect("a figure").of(&plain.record).expect("it is drawn");
    assert!(!figure.svg.contains("noise tr C") && plain.results["training"].get("noise_exponents").is_none());
    let none = NETWORK.split("[minimum]").next().unwrap_or_default().to_owned()
        + "[minimum]\nsearch = false\n\n[sgd]\nlearning_rate = 0.01\nbatch_size = 1\n";
    let none = finished(&none);
    assert!(none.results.get("training").is_none() && none.record.tables.training.is_empty());
}

/// Results and tables of a record, by name.
fn outcome(place: &Path) -> Vec<(String, Vec<u8>)> {
    let tables = fs::read_dir(place.join("tables")).expect("tables").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = tables.chain([place.join("results.json"), place.join("study.toml")]).collect();
    files.sort();
    let name = |file: &Path| file.strip_prefix(place).expect("it is within").display().to_string();
    files.iter().map(|file| (name(file), fs::read(file).expect("a file"))).collect()
}

#[test]
fn a_training_goes_on_where_it_was_interrupted_with_the_same_bytes() {
    let whole = finished(NETWORK);
    let whole = outcome(&whole.folder.path().join("record"));
    let study = parse("study.toml", NETWORK, &[]).expect("a good study");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("record");
    let mut destination = Destination::new(place.clone());
    for round in 0..5 {
        // It is asked before each step, and sometimes else.
        let asked = AtomicU64::new(0);
        let stop = Stop::when(move || asked.fetch_add(1, Ordering::Relaxed) > 37);
        let error = run(&study, Path::new(""), &destination, &stop, &silent).expect_err("it was stopped");
        assert!(matches!(error, RunError::Interrupted { kept: Some(_) }), "{round}: {error}");
        assert!(error.to_string().contains("--resume"), "{error}");
        let kept = fs::read_dir(folder.path().join("record.partial/ensembles")).expect("a folder");
        assert_eq!(kept.count(), 2, "where it stands, and what it is from");
        destination.resume = true;
    }
    run(&study, Path::new(""), &destination, &Stop::new(), &silent).expect("the run ends");
    assert!(outcome(&place) == whole);
}

/// A record that is extended has its training in it.
#[test]
fn an_extended_record_is_not_trained_again() {
    let of = |replicas: usize| {
        let text = format!("{NETWORK}\n[stationary]\nreplicas = {replicas}\nburn_in = 10\nsteps = 100\n");
        parse("study.toml", &text, &[]).expect("a good study")
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trained = |replicas: usize, name: &str, extend: Option<&str>| {
        let place = |name: &str| folder.path().join(name);
        let destination = Destination { extend: extend.map(place), ..Destination::new(place(name)) };
        let told = AtomicU64::new(0);
        let hear = |event: &Event| {
            if let Event::Training(training) = event {
                told.fetch_max(training.steps, Ordering::Relaxed);
            }
        };
        run(&of(replicas), Path::new(""), &destination, &Stop::new(), &hear).expect("the run ends");
        told.into_inner()
    };
    assert_eq!(trained(32, "few", None), 180);
    assert_eq!(trained(40, "whole", None), 180);
    assert_eq!(trained(40, "more", Some("few")), 0);
    assert!(outcome(&folder.path().join("more")) == outcome(&folder.path().join("whole")));
}

#[test]
fn a_plain_training_is_written_as_it_always_was() {
    let text = RIDGE.replace("search = false\n", "").replace("weight_decay = 0.25\n", "");
    let written = toml::to_string(&parse("study.toml", &text, &[]).expect("a good study")).expect("TOML");
    assert!(written.contains("[minimum.train]\nlearning_rate = 0.05\nbatch_size = 40\nsteps = 2000\n\n"), "{written}");
    assert!(!written.contains("search"), "{written}");
    let full = toml::to_string(&parse("study.toml", NETWORK, &[]).expect("a good study")).expect("TOML");
    assert_eq!(
        parse("study.toml", &full, &[]).expect("a good study"),
        parse("study.toml", NETWORK, &[]).expect("good")
    );
}

/// What is wrong is refused at its place, with a hint that works when it is followed.
#[test]
fn options_that_do_not_belong_are_refused_with_a_way_out() {
    let train = |text: &str| RIDGE.replace("weight_decay = 0.25\n", &format!("{text}\n"));
    let both = |text: &str| RIDGE.replace("steps = 2_000\n", &format!("{text}\n"));
    for (wrong, words, mended) in [
        (
            train("optimiser = \"adam\"\nmomentum = 0.9"),
            "train.momentum: adam has no such option",
            train("momentum = 0.9"),
        ),
        (
            train("optimiser = \"adamw\"\nnesterov = true"),
            "train.nesterov: adamw has no such",
            train("optimiser = \"adamw\""),
        ),
        (
            train("betas = [0.9, 0.99]"),
            "train.betas: sgd has no such",
            train("optimiser = \"adam\"\nbetas = [0.9, 0.99]"),
        ),
        (train("epsilon = 1e-6"), "train.epsilon: sgd has no such", train("optimiser = \"adamw\"\nepsilon = 1e-6")),
        (train("nesterov = true"), "train.nesterov: there is no momentum", train("nesterov = true\nmomentum = 0.9")),
        (train("momentum = 1.0"), "train.momentum: it must be at least 0", train("momentum = 0.9")),
        (train("weight_decay = -1"), "train.weight_decay: it must be finite", train("weight_decay = 1e-4")),
        (train("warm_up = 2_000"), "train.warm_up: it takes all steps", train("warm_up = 1_999")),
        (train("measure_every = 0"), "train.measure_every: it is 0 steps", train("measure_every = 1000")),
        (
            train("schedule = { step = { every = 0, factor = 0.5 } }"),
            "train.schedule: the learning rate changes every 0 steps",
            train("schedule = { step = { every = 1, factor = 0.5 } }"),
        ),
        (train("epochs = 3"), "train.steps: there are epochs too", both("epochs = 3")),
        (both(""), "train.steps: it is not said how long", both("steps = 10")),
        (both("steps = 0"), "train.steps: there is none", both("steps = 1")),
        (both("epochs = 0"), "train.epochs: no epoch", both("epochs = 1")),
        (train("optimiser = \"adma\""), "adma", train("optimiser = \"adam\"")),
    ] {
        let error = parse("study.toml", &wrong, &[]).expect_err(words);
        let said = error.to_string();
        assert!(said.contains(words), "{words}: {said}");
        assert!(miette::Diagnostic::help(&error).is_some(), "{said}");
        parse("study.toml", &mended, &[]).unwrap_or_else(|error| panic!("{mended}: {error}"));
    }
}

/// What is known with the data alone is refused by the run, which leaves nothing.
#[test]
fn a_training_that_cannot_be_leaves_nothing_and_says_why() {
    for (from, to, words) in [
        (
            "batch_size = 40",
            "batch_size = 41",
            "minimum.train: a batch of 41, where the number of samples is 40\n  hint: use smaller batches",
        ),
        ("learning_rate = 0.05", "learning_rate = 50.0", "minimum.train: training diverged at step "),
        (
            "steps = 2_000",
            "steps = 2_000\nprecision = \"float32\"",
            "minimum.train: precision: single precision is for networks, and this problem is none\n  hint: use precision = \"float64\"",
        ),
        ("steps = 2_000", "epochs = 3\nwarm_up = 3", "minimum.train: warm_up: it takes all steps\n  hint: use fewer"),
    ] {
        let study = parse("study.toml", &RIDGE.replace(from, to), &[]).expect("it is well-formed");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let destination = Destination::new(folder.path().join("record"));
        let error = run(&study, Path::new(""), &destination, &Stop::new(), &silent).expect_err(words);
        assert!(error.to_string().starts_with(words) && error.is_bad_input(), "{error}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "{words}");
    }
}
