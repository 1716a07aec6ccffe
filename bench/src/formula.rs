//! Networks on data of one formula, which the peers compute alike.

use logscape::network::{LayerWord, Network, OutputLoss};

/// Layers of a perceptron for inputs of 784 numbers.
pub const PERCEPTRON: &str = r#"[{"linear": 100}, "tanh", {"linear": 100}, "tanh", {"linear": 10}]"#;

/// Layers of a network of convolutions for images of 28 × 28.
pub const CONVOLUTION: &str = r#"[{"conv2d": 32, "kernel": 3}, "relu", {"max-pool2d": 2}, {"conv2d": 64, "kernel": 3}, "relu",
    {"max-pool2d": 2}, "flatten", {"linear": 10}]"#;

/// `sin(a k²)` for `k = 0, 1, …`.
pub fn numbers(a: f64, count: usize) -> Vec<f64> {
    (0..count).map(|k| (a * (k as f64) * (k as f64)).sin()).collect()
}

/// The network of `layers` on `samples` inputs of `shape`, in ten classes in turn.
///
/// # Panics
/// If the layers are written badly, do not fit the shape, or have other outputs than ten.
pub fn network(shape: &[usize], layers: &str, loss: OutputLoss, samples: usize) -> Network {
    let layers: Vec<LayerWord> = serde_json::from_str(layers).expect("layers are written well");
    let inputs = numbers(0.37, samples * shape.iter().product::<usize>());
    let targets = (0..samples).flat_map(|k| (0..10).map(move |i| f64::from(u8::from(k % 10 == i)))).collect();
    Network::new(shape, &layers, loss, inputs, targets).expect("the network is valid")
}

/// Parameters to start from (`P`).
pub fn start(parameters: usize) -> Vec<f64> {
    numbers(0.61, parameters).iter().map(|x| 0.05 * x).collect()
}

/// Four projections of what a check has `found`, each with the error that `rounding` of its numbers makes, as the peers answer.
pub fn projections(found: &[f64], rounding: f64) -> String {
    let length = found.iter().map(|x| x * x).sum::<f64>().sqrt();
    let error = rounding * length * (found.len() as f64 / 2.0).sqrt();
    let words: Vec<String> = (0..4)
        .map(|k| {
            let w = numbers(0.21 + 0.1 * f64::from(k), found.len());
            format!("{} {error}", found.iter().zip(&w).map(|(a, b)| a * b).sum::<f64>())
        })
        .collect();
    words.join(" ")
}
