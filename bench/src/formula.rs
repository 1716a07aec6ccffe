//! Networks on data that the peers have alike: of one formula, or images.

use std::path::Path;
use std::{fs, io};

use logscape::data::digits;
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
    let inputs = numbers(0.37, samples * shape.iter().product::<usize>());
    let classes: Vec<u8> = (0..10).cycle().take(samples).collect();
    network_on(shape, layers, loss, inputs, &classes)
}

/// The network of `layers` on so many [`images`], which are taken as inputs of `shape`.
///
/// # Panics
/// As [`network`].
pub fn network_on_images(shape: &[usize], layers: &str, loss: OutputLoss, samples: usize) -> Network {
    let (pixels, classes) = images(samples);
    network_on(shape, layers, loss, pixels.into_iter().map(|pixel| f64::from(pixel) / 255.0).collect(), &classes)
}

fn network_on(shape: &[usize], layers: &str, loss: OutputLoss, inputs: Vec<f64>, classes: &[u8]) -> Network {
    let layers: Vec<LayerWord> = serde_json::from_str(layers).expect("layers are written well");
    let targets = classes.iter().flat_map(|class| (0..10).map(move |i| f64::from(u8::from(*class == i)))).collect();
    Network::new(shape, &layers, loss, inputs, targets).expect("the network is valid")
}

/// Pixels along a side of an image, of the digit in it, and of the digit as it is in the library.
const SIDE: usize = 28;
const DIGIT: usize = 20;
const SOURCE: usize = 8;

/// Ink that is taken for none: a quarter of the pixels keep some, and products can leave out as much as with MNIST.
const FAINT: f64 = 0.2;

/// So many images of 28 × 28 pixels, and their classes: the library's handwritten digits enlarged to 20 × 20 pixels, each in the
/// middle of an empty ground, as MNIST's are, or, from the second time on that a digit comes, a pixel or two beside it.
///
/// # Panics
/// If the library's digits are damaged.
pub fn images(samples: usize) -> (Vec<u8>, Vec<u8>) {
    let digits = digits().expect("they are in the library");
    let count = digits.targets.len() / 10;
    let (mut pixels, mut classes) = (vec![0; samples * SIDE * SIDE], Vec::with_capacity(samples));
    for (k, image) in pixels.chunks_exact_mut(SIDE * SIDE).enumerate() {
        let digit = &digits.inputs[k % count * SOURCE * SOURCE..][..SOURCE * SOURCE];
        let (down, right) = ((SIDE - DIGIT) / 2 + k / count % 3, (SIDE - DIGIT) / 2 + k / count / 3 % 3);
        for row in 0..DIGIT {
            for column in 0..DIGIT {
                let ink = between(digit, row, column);
                image[(row + down) * SIDE + column + right] =
                    (255.0 * (ink - FAINT).max(0.0) / (1.0 - FAINT)).round() as u8;
            }
        }
        let targets = &digits.targets[k % count * 10..][..10];
        classes.push(targets.iter().position(|&target| target > 0.5).expect("one class is marked") as u8);
    }
    (pixels, classes)
}

/// The value of a digit at a pixel of its enlargement, linear between its own pixels.
fn between(digit: &[f64], row: usize, column: usize) -> f64 {
    let last = SOURCE - 1;
    let place = |pixel: usize| {
        let x = ((pixel as f64 + 0.5) * SOURCE as f64 / DIGIT as f64 - 0.5).clamp(0.0, last as f64);
        (x as usize, (x as usize + 1).min(last), x.fract())
    };
    let ((above, below, down), (left, right, along)) = (place(row), place(column));
    let line = |row: usize| (1.0 - along) * digit[row * SOURCE + left] + along * digit[row * SOURCE + right];
    (1.0 - down) * line(above) + down * line(below)
}

/// Writes [`images`] and their classes, a byte for each pixel and class, to `folder` for the peers.
///
/// # Errors
/// When they cannot be written.
pub fn export_images(folder: &Path, samples: usize) -> io::Result<()> {
    let (pixels, classes) = images(samples);
    fs::write(folder.join("images.u8"), pixels)?;
    fs::write(folder.join("classes.u8"), classes)
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
