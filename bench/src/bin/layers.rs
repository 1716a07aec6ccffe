//! Our side of `cargo xtask bench peers` for networks of all layers and losses: `layers layers PRECISION` answers each line `check` by gradients,
//! products with matrices of curvature and noise, and norms of samples' gradients, each number followed by what may be wrong with it;
//! `layers export DIR` writes what the networks are made of for the peers. There is nothing to time.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use faer::Mat;
use logscape::Stop;
use logscape::network::{Float, GradientSquares, Linearised, Network, OutputLoss};
use logscape::operator::{Linearisation, Matrix, full};
use logscape::problem::Problem;
use logscape_bench::formula::{network, numbers};
use serde_json::{Value, json};

const NAME: &str = "layers";

/// Shapes of inputs and layers, which end in ten outputs.
const NETWORKS: [(&[usize], &str); 7] = [
    (
        &[6],
        r#"[{"linear": 7}, "tanh", {"linear": 7}, "sigmoid", {"linear": 7, "bias": false}, "softplus", {"linear": 7}, "gelu", {"linear": 7},
            "gelu-tanh", {"linear": 7}, "silu", {"linear": 7}, "identity", {"linear": 10}]"#,
    ),
    (
        &[6],
        r#"[{"linear": 8}, "relu", {"linear": 8}, "layer-norm", "leaky-relu", {"linear": 8}, "batch-norm", {"leaky-relu": 0.2},
            {"layer-norm": true, "epsilon": 0.01, "bias": false}, {"linear": 8}, {"layer-norm": true, "scale": false}, {"linear": 10}]"#,
    ),
    (
        &[2, 6, 5],
        r#"[{"conv2d": 4, "kernel": [3, 2], "stride": [1, 2], "padding": 1, "groups": 2}, "tanh",
            {"conv2d": 4, "kernel": 2, "dilation": [2, 1], "bias": false}, {"group-norm": 2}, "gelu",
            {"avg-pool2d": [2, 3], "stride": 1, "padding": 1}, "flatten", {"linear": 10}]"#,
    ),
    (
        &[2, 7, 6],
        r#"[{"conv2d": 3, "kernel": 3}, "batch-norm", "relu", {"max-pool2d": 3, "stride": 2, "padding": 1, "ceil_mode": true}, "layer-norm",
            {"avg-pool2d": 2, "padding": 1, "count_include_pad": false}, "flatten", {"linear": 10}]"#,
    ),
    (
        &[3, 6, 6],
        r#"[{"residual": [{"conv2d": 3, "kernel": 3, "padding": 1}, "silu"]},
            {"residual": [{"conv2d": 4, "kernel": 3, "stride": 2, "padding": 1, "bias": false}, {"batch-norm": true, "epsilon": 0.001}, "relu",
                {"conv2d": 4, "kernel": 3, "padding": 1, "bias": false}, "batch-norm"],
              "shortcut": [{"conv2d": 4, "kernel": 1, "stride": 2, "bias": false}, "batch-norm"]},
            "relu", {"avg-pool2d": 3}, "flatten", {"linear": 10}]"#,
    ),
    (
        &[6],
        r#"[{"linear": 6}, {"residual": ["layer-norm", {"linear": 9}, "gelu", {"linear": 6}]}, {"residual": ["tanh", {"residual": [{"linear": 6}]}]},
            {"linear": 10}]"#,
    ),
    (
        &[2, 7, 7],
        r#"[{"conv2d": 6, "kernel": 1}, {"group-norm": 3, "epsilon": 0.1, "bias": false}, "softplus",
            {"avg-pool2d": 3, "stride": 2, "padding": 1, "ceil_mode": true}, {"conv2d": 6, "kernel": 3, "groups": 6}, "sigmoid",
            {"max-pool2d": 2, "stride": 1}, "flatten", {"linear": 10}]"#,
    ),
];

const LOSSES: [OutputLoss; 4] =
    [OutputLoss::MeanSquare, OutputLoss::CrossEntropy, OutputLoss::Logistic, OutputLoss::Huber];

const SAMPLES: usize = 12;

/// The peers hold numbers against each other within so many joint errors.
const LIMIT: f64 = 4.5;

/// The gradient, products with matrices, and squared norms of the samples' gradients.
fn vectors<R: Float>(network: &Network) -> Vec<Vec<f64>> {
    let p = network.dim();
    let theta = theta(p);
    let around = Linearised::<R>::new(network, &theta, 1 << 30);
    let v = numbers(0.83, p);
    let product = |which: Matrix| {
        let mut out = Mat::zeros(p, 1);
        let block = Mat::from_fn(p, 1, |i, _| v[i]);
        around.operator(which).apply_into(block.as_ref(), out.as_mut(), &Stop::new()).expect("nothing stops it");
        out.col(0).iter().copied().collect()
    };
    vec![
        full::loss_and_gradient(network, &theta).1,
        product(Matrix::Hessian),
        product(Matrix::GaussNewton),
        product(Matrix::NoiseCovariance),
        GradientSquares::<R>::new(network).at(&theta),
    ]
}

/// A point at which no layer is near its kink.
fn theta(parameters: usize) -> Vec<f64> {
    numbers(0.61, parameters).iter().map(|x| 0.6 * x).collect()
}

fn of(shape: &[usize], layers: &str) -> impl Iterator<Item = Network> {
    LOSSES.into_iter().map(move |loss| network(shape, layers, loss, SAMPLES))
}

fn serve<R: Float>(rounding: f64) -> io::Result<()> {
    println!("ready");
    for line in io::stdin().lock().lines() {
        line?;
        let networks = NETWORKS.iter().flat_map(|(shape, layers)| of(shape, layers));
        let found = networks.flat_map(|network| vectors::<R>(&network));
        let words = found.flat_map(|vector| {
            let largest = vector.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            let error = rounding * largest / (LIMIT * 2.0_f64.sqrt());
            vector.into_iter().map(move |x| format!("{x} {error}"))
        });
        println!("{}", words.collect::<Vec<_>>().join(" "));
        io::stdout().flush()?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", folder] => export(Path::new(folder)),
        [NAME, "f32"] => serve::<f32>(1e-5),
        [NAME, "f64"] => serve::<f64>(1e-12),
        _ => {
            eprintln!("usage: layers layers PRECISION | layers export DIR");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("layers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn export(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let describe = |(shape, layers): &(&[usize], &str)| -> Value {
        let words: Value = serde_json::from_str(layers).expect("layers are written well");
        let parameters = of(shape, layers).next().map(|network| network.dim());
        json!({ "shape": shape, "layers": words, "parameters": parameters })
    };
    let networks: Vec<Value> = NETWORKS.iter().map(describe).collect();
    let text = json!({ "networks": networks, "samples": SAMPLES }).to_string();
    fs::write(folder.join(NAME).with_extension("json"), text)
}
