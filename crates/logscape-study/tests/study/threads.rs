//! The bytes of a record do not depend on the number of threads.

use crate::schema::runs::finished;
use logscape::Stop;
use logscape::operator::{Hessian, LanczosConfig, extreme_eigenpairs};
use logscape_study::{Destination, Event, parse, problem_of, run};
use rayon::ThreadPoolBuilder;
use std::fs;
use std::path::Path;

/// 310 parameters, of which the search takes dense Newton steps: products large enough to be shared among threads.
const NETWORK: &str = r#"
name = "network"
seed = 7
[problem]
kind = "mlp"
hidden = [4]
activation = "tanh"
data = { builtin = "digits", limit = 60 }
[minimum]
max_iterations = 30
accept = true
[sgd]
learning_rate = 0.05
batch_size = [1, 7]
[stationary]
replicas = 16
burn_in = 100
steps = 100
thin = 50
[escape]
region = { loss-factor = 1.5 }
replicas = 20
max_steps = 60
[[dynamics]]
kind = "sgd"
name = "single"
precision = "float32"
[[dynamics]]
kind = "measured-noise-sde"
dt = 0.05
"#;

/// Rare events, in a problem that is no network.
const FACTORISATION: &str = r#"
name = "factorisation"
seed = 3
[problem]
kind = "matrix-factorisation"
rank = 2
data.synthetic = { kind = "matrix-factorisation", samples = 25, rows = 6, columns = 5, rank = 2, noise = 0.3 }
[sgd]
learning_rate = 0.05
batch_size = 2
[escape]
region = { loss-factor = 1.5 }
method = "splitting"
[escape.rare]
trajectories = 64
repeats = 3
max_cost = 2_000_000
"#;

/// A path over a saddle, its large deviations and their prefactor.
const SADDLE: &str = r#"
name = "saddle"
seed = 7
[problem]
kind = "phase-retrieval"
data.synthetic = { kind = "phase-retrieval", samples = 60, dim = 2, noise = 0.5 }
[sgd]
learning_rate = 0.03
batch_size = 1
[escape]
region = "dividing-surface"
replicas = 16
max_steps = 1_000
"#;

/// Matrices that are known by single-precision products alone, at the end of a training.
const CURVED: &str = r#"
name = "curved"
seed = 5
[problem]
kind = "network"
layers = [{ linear = 64 }, "tanh", { linear = 10 }]
loss = "cross-entropy"
data = { builtin = "digits", limit = 300 }
[minimum]
search = false
[minimum.train]
optimiser = "adam"
learning_rate = 0.01
batch_size = 10
steps = 20
measure_every = 10
[curvature]
precision = "float32"
matrices = ["hessian", "residual", "noise-covariance"]
largest = 4
lowest = 2
tolerance = 1e-3
density_probes = 2
density_steps = 10
trace_products = 9
"#;

/// Convolutions that train and escape in single precision, in batches with several parts.
const CONVOLUTIONS: &str = r#"
name = "convolutions"
seed = 5
[problem]
kind = "network"
input = [1, 8, 8]
layers = [
    { conv2d = 8, kernel = 3, padding = 1 }, "relu", { conv2d = 4, kernel = 3, padding = 1 }, "tanh", { max-pool2d = 4 }, "flatten",
    { linear = 10 },
]
loss = "cross-entropy"
data = { builtin = "digits", limit = 60 }
[minimum]
search = false
[minimum.train]
precision = "float32"
learning_rate = 0.1
batch_size = 60
steps = 300
[sgd]
precision = "float32"
learning_rate = 0.06
batch_size = 2
sampling = "epoch-shuffle"
[escape]
region = { loss-factor = 3.0 }
replicas = 16
max_steps = 400
"#;

/// The names and bytes of all that the study gives with so many threads.
fn outcome(study: &str, threads: usize) -> Vec<(String, Vec<u8>)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("record");
    let study = parse("study.toml", study, &[]).expect("a good study");
    let destination = Destination::new(place.clone());
    let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let run = || run(&study, folder.path(), &destination, &Stop::new(), &|_: &Event| {});
    pool.install(run).unwrap_or_else(|error| panic!("{error:?}"));
    let files = |of: &Path| -> Vec<_> {
        fs::read_dir(of).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
    };
    let mut all = files(&place.join("tables"));
    all.extend(["results.json", "minimum.safetensors"].map(|name| place.join(name)));
    all.sort();
    all.iter()
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(path).expect("a file"))
        })
        .collect()
}

fn same(study: &str) {
    let one = outcome(study, 1);
    for ((name, with_one), (_, with_three)) in one.iter().zip(outcome(study, 3)) {
        assert!(*with_one == with_three, "{name} differs between 1 and 3 threads");
    }
}

#[test]
fn a_network_has_the_same_bytes_with_any_number_of_threads() {
    same(NETWORK);
}

#[test]
fn a_matrix_factorisation_has_the_same_bytes_with_any_number_of_threads() {
    same(FACTORISATION);
}

#[test]
fn a_path_over_a_saddle_has_the_same_bytes_with_any_number_of_threads() {
    same(SADDLE);
}

#[test]
fn convolutions_in_single_precision_have_the_same_bytes_with_any_number_of_threads() {
    same(CONVOLUTIONS);
}

/// Replicas of SGD that leave where the training ended, all in either precision.
#[test]
fn convolutions_escape_in_either_precision() {
    let [single, double] = ["float32", "float64"].map(|precision| {
        let run = finished(&CONVOLUTIONS.replace("float32", precision));
        let measured = &run.record.results.settings[0].escape.as_ref().expect("an escape").measured;
        (measured.escaped.expect("replicas"), measured.mean_steps.as_ref().expect("escapes").value)
    });
    assert!(single.0 >= 12 && double.0 >= 12, "{single:?} and {double:?}");
    // Two joint standard errors of the logarithms of means of sixteen times.
    assert!((single.1 / double.1).log10().abs() < 0.3 && single != double, "{single:?} and {double:?}");
}

#[test]
fn curvature_after_a_training_has_the_same_bytes_with_any_number_of_threads() {
    same(CURVED);
}

/// `faer` shares products among threads where it is not told how many: told so, it panics instead.
#[test]
fn no_product_takes_its_threads_by_itself() {
    faer::disable_global_parallelism();
    for study in [NETWORK, FACTORISATION, SADDLE, CURVED, CONVOLUTIONS] {
        outcome(study, 2);
    }
    // As for the spectra of networks that are too large for all eigenvalues.
    let network = parse("study.toml", NETWORK, &[]).expect("a good study");
    let (problem, start) = problem_of(&network, Path::new("")).expect("a network");
    let hessian = Hessian::new(&*problem, &start);
    let pairs = extreme_eigenpairs(&hessian, &LanczosConfig::default(), &Stop::new(), |_| {});
    assert!(pairs.is_ok_and(|pairs| pairs.upper.converged.iter().all(|converged| *converged)));
}
