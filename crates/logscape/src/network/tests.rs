//! Every layer and loss against the same written a second time, number by number, for dual numbers.

use num_dual::{Dual64, DualNum, HyperDual64};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::operator::{GaussNewton, Hessian, LinearOperator};
use crate::problem::{Problem, Samples, check};

/// A number of the second implementation.
trait Number: DualNum<Primitive = f64> + Clone {}
impl<D: DualNum<Primitive = f64> + Clone> Number for D {}

/// What stands between two layers: numbers of a sample, and the image's shape if they are one.
#[derive(Clone)]
struct Signal<D> {
    numbers: Vec<D>,
    image: Option<[usize; 3]>,
}

/// Reads the next `count` parameters.
fn next<D: Clone>(theta: &mut &[D], count: usize) -> Vec<D> {
    let (taken, rest) = theta.split_at(count);
    *theta = rest;
    taken.to_vec()
}

/// `σ(z)`
pub(crate) fn activate<D: DualNum<Primitive = f64>>(activation: Activation, z: D) -> D {
    let logistic = |z: D| (z * -1.0).exp() + 1.0;
    match activation {
        Activation::Tanh => z.tanh(),
        Activation::Relu | Activation::LeakyRelu if z.re() > 0.0 => z,
        Activation::Relu => D::from(0.0),
        Activation::LeakyRelu => z * 0.01,
        Activation::Gelu => {
            // φ(z) (z + z³/3 + z⁵/15 + …) = Φ(z) − ½, whose terms have one sign.
            let square = z.clone() * z.clone();
            let (mut term, mut series) = (z.clone(), z.clone());
            for k in 1..120 {
                term = term * square.clone() / f64::from(2 * k + 1);
                series += term.clone();
            }
            z * (series * (square * -0.5).exp() / std::f64::consts::TAU.sqrt() + 0.5)
        }
        Activation::GeluTanh => {
            let inner = (z.powi(3) * 0.044_715 + z.clone()) * (2.0 / std::f64::consts::PI).sqrt();
            z * (inner.tanh() + 1.0) * 0.5
        }
        Activation::Silu => z.clone() / logistic(z),
        Activation::Sigmoid => D::from(1.0) / logistic(z),
        Activation::Softplus => (z.exp() + 1.0).ln(),
        Activation::Identity => z,
    }
}

/// The outputs of a convolution, by its definition.
fn convolve<D: Number>(x: &Signal<D>, theta: &mut &[D], channels: usize, windows: Windows, groups: usize) -> Signal<D> {
    let [inputs, height, width] = x.image.unwrap();
    let Windows { kernel, stride, padding } = windows;
    let side = |length: usize| (length + 2 * padding - kernel) / stride + 1;
    let (rows, columns) = (side(height), side(width));
    let each = inputs / groups;
    let weights = next(theta, channels * each * kernel * kernel);
    let biases = next(theta, channels);
    let mut numbers = Vec::new();
    for o in 0..channels {
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = biases[o].clone();
                for i in 0..each {
                    let channel = o / (channels / groups) * each + i;
                    for y in 0..kernel {
                        for z in 0..kernel {
                            let place =
                                (row * stride + y).checked_sub(padding).zip((column * stride + z).checked_sub(padding));
                            if let Some((y_in, z_in)) = place.filter(|&(y, z)| y < height && z < width) {
                                let weight = weights[((o * each + i) * kernel + y) * kernel + z].clone();
                                sum += weight * x.numbers[(channel * height + y_in) * width + z_in].clone();
                            }
                        }
                    }
                }
                numbers.push(sum);
            }
        }
    }
    Signal { numbers, image: Some([channels, rows, columns]) }
}

/// `f` of the numbers in each window that are not padding.
fn pool<D: Number>(x: &Signal<D>, windows: Windows, f: impl Fn(Vec<D>) -> D) -> Signal<D> {
    let [channels, height, width] = x.image.unwrap();
    let Windows { kernel, stride, padding } = windows;
    let side = |length: usize| (length + 2 * padding - kernel) / stride + 1;
    let (rows, columns) = (side(height), side(width));
    let mut numbers = Vec::new();
    for channel in 0..channels {
        for row in 0..rows {
            for column in 0..columns {
                let mut inside = Vec::new();
                for y in (row * stride..row * stride + kernel).filter_map(|y| y.checked_sub(padding)) {
                    for z in (column * stride..column * stride + kernel).filter_map(|z| z.checked_sub(padding)) {
                        if y < height && z < width {
                            inside.push(x.numbers[(channel * height + y) * width + z].clone());
                        }
                    }
                }
                numbers.push(f(inside));
            }
        }
    }
    Signal { numbers, image: Some([channels, rows, columns]) }
}

/// Parts of `length` numbers normalised, then scaled and shifted, by one parameter for each `plane`.
fn normalise<D: Number>(x: &Signal<D>, theta: &mut &[D], length: usize, plane: usize) -> Signal<D> {
    let mut numbers = Vec::new();
    for part in x.numbers.chunks(length) {
        let mean = part.iter().fold(D::from(0.0), |sum, x| sum + x.clone()) / length as f64;
        let square = part.iter().fold(D::from(0.0), |sum, x| sum + (x.clone() - mean.clone()).powi(2));
        let deviation = (square / length as f64 + 1e-5).sqrt();
        numbers.extend(part.iter().map(|x| (x.clone() - mean.clone()) / deviation.clone()));
    }
    scale(numbers, x.image, theta, plane)
}

fn scale<D: Number>(numbers: Vec<D>, image: Option<[usize; 3]>, theta: &mut &[D], plane: usize) -> Signal<D> {
    let (gains, biases) = (next(theta, numbers.len() / plane), next(theta, numbers.len() / plane));
    let scaled = numbers.into_iter().enumerate().map(|(i, x)| gains[i / plane].clone() * x + biases[i / plane].clone());
    Signal { numbers: scaled.collect(), image }
}

fn evaluate<D: Number>(layers: &[LayerWord], theta: &mut &[D], mut x: Signal<D>) -> Signal<D> {
    for layer in layers {
        x = match *layer {
            LayerWord::Linear { outputs } => {
                let weights = next(theta, outputs * x.numbers.len());
                let biases = next(theta, outputs);
                let row = |(row, bias): (&[D], &D)| {
                    row.iter().zip(&x.numbers).fold(bias.clone(), |sum, (w, x)| sum + w.clone() * x.clone())
                };
                Signal { numbers: weights.chunks(x.numbers.len()).zip(&biases).map(row).collect(), image: None }
            }
            LayerWord::Conv2d { channels, windows, groups } => convolve(&x, theta, channels, windows, groups),
            LayerWord::MaxPool2d(windows) => pool(&x, windows, |inside| {
                inside.into_iter().reduce(|a, b| if b.re() > a.re() { b } else { a }).unwrap()
            }),
            LayerWord::AvgPool2d(windows) => pool(&x, windows, |inside| {
                inside.into_iter().fold(D::from(0.0), |sum, x| sum + x) / (windows.kernel * windows.kernel) as f64
            }),
            LayerWord::Flatten => Signal { numbers: x.numbers, image: None },
            LayerWord::LayerNorm => normalise(&x, theta, x.numbers.len(), 1),
            LayerWord::GroupNorm { groups } => {
                let [channels, height, width] = x.image.unwrap();
                normalise(&x, theta, channels / groups * height * width, height * width)
            }
            LayerWord::BatchNorm => {
                let plane = x.image.map_or(1, |[_, height, width]| height * width);
                let numbers = x.numbers.into_iter().map(|x| x / 1.000_01_f64.sqrt()).collect();
                scale(numbers, x.image, theta, plane)
            }
            LayerWord::Activation(activation) => {
                Signal { numbers: x.numbers.into_iter().map(|z| activate(activation, z)).collect(), image: x.image }
            }
            LayerWord::Residual(ref layers) => {
                let inside = evaluate(layers, theta, x.clone());
                let sums = inside.numbers.into_iter().zip(x.numbers).map(|(a, b)| a + b);
                Signal { numbers: sums.collect(), image: x.image }
            }
        };
    }
    x
}

fn loss<D: Number>(kind: OutputLoss, outputs: &[D], targets: &[f64]) -> D {
    let pairs = || outputs.iter().cloned().zip(targets);
    let zero = D::from(0.0);
    match kind {
        OutputLoss::MeanSquare => pairs().fold(zero, |sum, (f, y)| sum + (f - *y).powi(2) * 0.5),
        OutputLoss::CrossEntropy => {
            let norm = outputs.iter().fold(D::from(0.0), |sum, f| sum + f.clone().exp()).ln();
            pairs().fold(zero, |sum, (f, y)| sum - (f - norm.clone()) * *y)
        }
        OutputLoss::Logistic => pairs().fold(zero, |sum, (f, y)| sum + (f.clone().exp() + 1.0).ln() - f * *y),
        OutputLoss::Huber => pairs().fold(zero, |sum, (f, y)| {
            let e = f - *y;
            sum + if e.re().abs() <= 1.0 { e.powi(2) * 0.5 } else { e.clone() * e.re().signum() - 0.5 }
        }),
    }
}

/// A network, what it is made of, and a point.
struct Case {
    shape: Vec<usize>,
    layers: Vec<LayerWord>,
    network: Network,
    theta: Vec<f64>,
}

fn normals(count: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    StandardNormal.sample_iter(rng).take(count).collect()
}

const SAMPLES: usize = 3;

impl Case {
    fn new(shape: &[usize], layers: &[LayerWord], kind: OutputLoss, rng: &mut ChaCha8Rng) -> Self {
        let inputs = normals(SAMPLES * shape.iter().product::<usize>(), rng);
        let outputs = words::graph(shape, layers).unwrap().outputs();
        let targets = match kind {
            OutputLoss::CrossEntropy => {
                let rows = (0..SAMPLES).flat_map(|_| {
                    let row: Vec<f64> = (0..outputs).map(|_| rng.random::<f64>()).collect();
                    let sum: f64 = row.iter().sum();
                    row.into_iter().map(move |y| y / sum)
                });
                rows.collect()
            }
            OutputLoss::Logistic => (0..SAMPLES * outputs).map(|_| rng.random::<f64>()).collect(),
            OutputLoss::MeanSquare | OutputLoss::Huber => normals(SAMPLES * outputs, rng),
        };
        let network = Network::new(shape, layers, kind, inputs, targets).unwrap();
        let theta = network.init(Initialisation::He, rng);
        let noise = normals(theta.len(), rng);
        let theta = theta.iter().zip(noise).map(|(theta, noise)| theta + 0.3 * noise).collect();
        Self { shape: shape.to_vec(), layers: layers.to_vec(), network, theta }
    }

    fn outputs<D: Number>(&self, theta: &[D], sample: usize) -> Vec<D> {
        let n = self.network.graph.inputs;
        let numbers = self.network.inputs[sample * n..][..n].iter().map(|&x| D::from(x)).collect();
        let image = <[usize; 3]>::try_from(&self.shape[..]).ok();
        let mut rest = theta;
        let outputs = evaluate(&self.layers, &mut rest, Signal { numbers, image });
        assert!(rest.is_empty(), "all parameters are read");
        outputs.numbers
    }

    fn loss<D: Number>(&self, theta: &[D], sample: usize) -> D {
        loss(self.network.loss, &self.outputs(theta, sample), self.network.target(sample))
    }

    /// The second derivative of a sample's loss along `v` and `w`.
    fn curvature(&self, v: &[f64], w: &[f64], sample: usize) -> f64 {
        let theta: Vec<_> = (0..v.len()).map(|i| HyperDual64::new(self.theta[i], v[i], w[i], 0.0)).collect();
        self.loss(&theta, sample).eps1eps2
    }

    /// The derivative of a sample's outputs along `v`.
    fn slope(&self, v: &[f64], sample: usize) -> Vec<f64> {
        let theta: Vec<_> = self.theta.iter().zip(v).map(|(&theta, &v)| Dual64::new(theta, v)).collect();
        self.outputs(&theta, sample).into_iter().map(|f| f.eps).collect()
    }

    /// Every method of the network against the second implementation.
    fn check(&self, rng: &mut ChaCha8Rng) {
        let (network, theta) = (&self.network, &self.theta[..]);
        let (p, c) = (network.dim(), network.outputs());
        let (v, w) = (normals(p, rng), normals(p, rng));
        let all = Samples::Range(0..SAMPLES);
        let output = |len: usize, call: &dyn Fn(&mut [f64], &mut [f64])| {
            let (mut out, mut scratch) = (vec![f64::NAN; len], vec![f64::NAN; network.scratch_len(SAMPLES)]);
            call(&mut out, &mut scratch);
            out
        };
        let unit = |i: usize| (0..p).map(|j| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
        let name = format!("{:?} {:?}", self.layers, network.loss);

        let losses = output(SAMPLES, &|out, s| network.losses_into(theta, all.clone(), out, s));
        let plain: Vec<f64> = (0..SAMPLES).map(|k| self.loss(theta, k)).collect();
        close(&name, "losses", &losses, &plain);

        let rows = output(SAMPLES * p, &|out, s| network.per_sample_gradients_into(theta, all.clone(), out, s));
        let mut dual = vec![0.0; SAMPLES * p];
        for i in 0..p {
            let moved: Vec<_> = theta.iter().zip(unit(i)).map(|(&theta, one)| Dual64::new(theta, one)).collect();
            (0..SAMPLES).for_each(|k| dual[k * p + i] = self.loss(&moved, k).eps);
        }
        close(&name, "gradients of samples", &rows, &dual);
        let squares = output(SAMPLES, &|out, s| network.gradient_squares_into(theta, all.clone(), out, s));
        let plain: Vec<f64> = dual.chunks(p).map(|g| g.iter().map(|x| x * x).sum()).collect();
        close(&name, "squares of gradients", &squares, &plain);
        let mean: Vec<f64> = (0..p).map(|i| dual.iter().skip(i).step_by(p).sum::<f64>() / SAMPLES as f64).collect();
        let gradient = output(p, &|out, s| {
            network.batch_gradient_into(theta, all.clone(), out, s);
        });
        close(&name, "gradient", &gradient, &mean);

        let product = output(p, &|out, s| network.hvp_into(theta, &v, all.clone(), out, s));
        let mean_over = |f: &dyn Fn(usize) -> f64| (0..SAMPLES).map(f).sum::<f64>() / SAMPLES as f64;
        let hyper: Vec<f64> = (0..p).map(|i| mean_over(&|k| self.curvature(&v, &unit(i), k))).collect();
        close(&name, "Hessian product", &product, &hyper);
        let hessians = output(SAMPLES * 4, &|out, s| {
            network.sample_hessians_into(theta, &[&v[..], &w].concat(), all.clone(), out, s);
        });
        let plain: Vec<f64> = (0..SAMPLES)
            .flat_map(|k| [[&v, &v], [&v, &w], [&w, &v], [&w, &w]].map(|[a, b]| self.curvature(a, b, k)))
            .collect();
        close(&name, "Hessians of samples", &hessians, &plain);

        let image = output(SAMPLES * c, &|out, s| network.jvp_into(theta, &v, all.clone(), out, s));
        let slopes: Vec<f64> = (0..SAMPLES).flat_map(|k| self.slope(&v, k)).collect();
        close(&name, "Jv", &image, &slopes);
        // The weight ∇²ℓ by hyper-dual outputs.
        let weighted = |left: &[f64], right: &[f64], k: usize| {
            let outputs = self.outputs(theta, k);
            let moved: Vec<_> = (0..c).map(|i| HyperDual64::new(outputs[i], left[i], right[i], 0.0)).collect();
            loss(network.loss, &moved, network.target(k)).eps1eps2
        };
        let product = output(p, &|out, s| network.gauss_newton_vp_into(theta, &v, all.clone(), out, s));
        let plain: Vec<f64> =
            (0..p).map(|i| mean_over(&|k| weighted(&self.slope(&v, k), &self.slope(&unit(i), k), k))).collect();
        close(&name, "Gauss–Newton product", &product, &plain);
        let grams = output(SAMPLES * c * c, &|out, s| network.jacobian_grams_into(theta, all.clone(), out, s));
        let columns: Vec<Vec<f64>> =
            (0..p).map(|i| (0..SAMPLES).flat_map(|k| self.slope(&unit(i), k)).collect()).collect();
        let entry =
            |k: usize, a: usize, b: usize| columns.iter().map(|column| column[k * c + a] * column[k * c + b]).sum();
        let plain: Vec<f64> = (0..SAMPLES * c * c).map(|i| entry(i / (c * c), i / c % c, i % c)).collect();
        close(&name, "Gram matrices", &grams, &plain);

        let report = check(network, theta, 5);
        assert!(report.is_ok(), "{name}\n{report}");
    }
}

/// `|a − b| ≤ 10⁻¹⁰ × (1 + the largest)`.
#[track_caller]
fn close(network: &str, what: &str, a: &[f64], b: &[f64]) {
    let largest = b.iter().fold(1.0_f64, |max, x| max.max(x.abs()));
    assert_eq!(a.len(), b.len(), "{network}: {what}");
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= 1e-10 * largest, "{network}: {what}, entry {k}: {a} against {b}");
    }
}

fn layers(text: &str) -> Vec<LayerWord> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_layer_is_its_definition() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for text in [
        r#"[{"linear": 3}]"#,
        r#"[{"conv2d": 4, "kernel": 3, "padding": 1, "groups": 2}, "tanh", "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 3, "kernel": 2, "stride": 2}, "silu", {"conv2d": 2, "kernel": 1}]"#,
        r#"["tanh", {"conv2d": 2, "kernel": 3, "stride": 2, "padding": 1}, "gelu", {"conv2d": 1, "kernel": 2}]"#,
        r#"[{"max-pool2d": 2}, {"conv2d": 2, "kernel": 2}, {"max-pool2d": 2, "stride": 1, "padding": 1}]"#,
        r#"[{"conv2d": 2, "kernel": 2}, {"avg-pool2d": 3, "stride": 2, "padding": 1}, "sigmoid", "flatten", {"linear": 2}]"#,
        r#"["layer-norm", "softplus", {"conv2d": 2, "kernel": 2}, "layer-norm", "tanh", "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 4, "kernel": 2}, {"group-norm": 2}, "gelu-tanh", "flatten", {"linear": 2}]"#,
        r#"[{"conv2d": 2, "kernel": 2}, "batch-norm", "relu", "flatten", "batch-norm", {"linear": 2}, "leaky-relu"]"#,
        r#"[{"residual": [{"conv2d": 2, "kernel": 3, "padding": 1}, "tanh", {"conv2d": 2, "kernel": 1}]}, "flatten", {"linear": 2}]"#,
        r#"["flatten", {"linear": 4}, {"residual": ["tanh", {"residual": [{"linear": 4}, "identity"]}]}, {"linear": 1}]"#,
    ] {
        let shape: &[usize] = if text.starts_with(r#"[{"linear"#) { &[5] } else { &[2, 6, 5] };
        for loss in OutputLoss::ALL {
            Case::new(shape, &layers(text), loss, &mut rng).check(&mut rng);
        }
    }
}

/// Random layers that fit, the last of them flat: of each kind, each as often.
fn architecture(rng: &mut ChaCha8Rng) -> (Vec<usize>, Vec<LayerWord>) {
    let shape = vec![rng.random_range(1..3), rng.random_range(3..7), rng.random_range(3..7)];
    let mut layers: Vec<LayerWord> = Vec::new();
    for _ in 0..rng.random_range(1..6) {
        let word = match rng.random_range(0..8) {
            0 | 1 => {
                let windows = Windows {
                    kernel: rng.random_range(1..4),
                    stride: rng.random_range(1..3),
                    padding: rng.random_range(0..2),
                };
                LayerWord::Conv2d { channels: 2 * rng.random_range(1..3), windows, groups: rng.random_range(1..3) }
            }
            2 => LayerWord::MaxPool2d(Windows {
                kernel: 2,
                stride: rng.random_range(1..3),
                padding: rng.random_range(0..2),
            }),
            3 => LayerWord::AvgPool2d(Windows {
                kernel: 2,
                stride: rng.random_range(1..3),
                padding: rng.random_range(0..2),
            }),
            4 => [LayerWord::LayerNorm, LayerWord::BatchNorm, LayerWord::GroupNorm { groups: 1 }]
                [rng.random_range(0..3)]
            .clone(),
            5 => {
                let windows = Windows { kernel: 1, stride: 1, padding: 0 };
                let channels = rng.random_range(1..5);
                LayerWord::Residual(vec![
                    LayerWord::Conv2d { channels, windows, groups: 1 },
                    LayerWord::Activation(Activation::Tanh),
                ])
            }
            _ => LayerWord::Activation(Activation::ALL[rng.random_range(0..Activation::ALL.len())]),
        };
        let longer = [&layers[..], &[word]].concat();
        if words::graph(&shape, &longer).is_ok() {
            layers = longer;
        }
    }
    layers.extend([LayerWord::Flatten, LayerWord::Linear { outputs: rng.random_range(1..4) }]);
    (shape, layers)
}

#[test]
fn random_networks_are_their_definition() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for k in 0..60 {
        let (shape, layers) = architecture(&mut rng);
        Case::new(&shape, &layers, OutputLoss::ALL[k % 4], &mut rng).check(&mut rng);
    }
}

#[test]
fn a_block_of_samples_is_its_samples() {
    // More samples than a block has, which is made small.
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let text = r#"[{"conv2d": 2, "kernel": 3}, "tanh", "flatten", {"linear": 2}]"#;
    let inputs = normals(7 * 25, &mut rng);
    let targets = normals(14, &mut rng);
    let mut network = Network::new(&[1, 5, 5], &layers(text), OutputLoss::MeanSquare, inputs, targets).unwrap();
    network.block = 3;
    let theta = network.init(Initialisation::He, &mut rng);
    let report = check(&network, &theta, 4);
    assert!(report.is_ok(), "{report}");
}

#[test]
fn initial_weights_have_the_laws_deviation_and_normalisations_change_nothing() {
    let text =
        r#"[{"conv2d": 64, "kernel": 5, "groups": 4}, "batch-norm", {"group-norm": 2}, "flatten", "layer-norm"]"#;
    let network =
        Network::new(&[8, 5, 5], &layers(text), OutputLoss::MeanSquare, vec![0.5; 200], vec![0.0; 64]).unwrap();
    let theta = network.init(Initialisation::He, &mut ChaCha8Rng::seed_from_u64(4));
    // A kernel sees two channels: 50 inputs.
    let weights = &theta[..3200];
    let ratio = weights.iter().map(|w| w * w).sum::<f64>() / (3200.0 * 2.0 / 50.0);
    // The mean square of 3200 normals has a relative deviation of 2.5 %, of which five are allowed.
    assert!((ratio - 1.0).abs() < 0.125, "{ratio}");
    let [zeros, ones] = [0.0, 1.0].map(|x| vec![x; 64]);
    assert_eq!(theta[3200..], [&zeros[..], &ones, &zeros, &ones, &zeros, &ones, &zeros].concat());
}

#[test]
fn layers_that_do_not_fit_are_refused_where_they_stand() {
    let refused = |shape: &[usize], text: &str| words::graph(shape, &layers(text)).unwrap_err().to_string();
    assert_eq!(
        refused(&[1, 4, 4], r#"["tanh", {"linear": 3}]"#),
        "layer 1: `linear` needs a row of numbers and gets an image of 1 × 4 × 4; put `flatten` before it"
    );
    assert_eq!(
        refused(&[1, 4, 4], r#"[{"residual": ["relu", {"conv2d": 3, "kernel": 5}]}]"#),
        "layer 0.1: windows of 5 with stride 1 and padding 0 do not fit an image of 1 × 4 × 4"
    );
    assert_eq!(
        refused(&[1, 4, 4], r#"[{"residual": [{"conv2d": 2, "kernel": 1}]}]"#),
        "layer 0: the block makes an image of 2 × 4 × 4 of an image of 1 × 4 × 4, which cannot be added"
    );
    assert_eq!(
        refused(&[3], r#"[{"conv2d": 2, "kernel": 1}]"#),
        "layer 0: it needs an image and gets 3 numbers; give `input = [channels, height, width]`, or move it before `flatten`"
    );
    assert!(refused(&[3, 4, 4], r#"[{"conv2d": 4, "kernel": 1, "groups": 2}]"#).contains("2 groups do not divide 3"));
    assert!(refused(&[1, 4, 4], r#"[{"max-pool2d": 2, "padding": 2}]"#).contains("more than half"));
    assert!(refused(&[1, 4, 4], r#"[{"conv2d": 4, "kernel": 2, "stride": 0}]"#).contains("do not fit"));
    assert!(refused(&[4], r#"[{"linear": 0}]"#).contains("is 0"));
    assert!(refused(&[4], "[]").contains("there is none"));
    assert!(refused(&[4, 4], r#"["relu"]"#).contains("[features] or"));
    assert!(refused(&[usize::MAX, 2, 2], r#"["relu"]"#).contains("of the shape"));
    assert!(refused(&[1, 9, 9], r#"[{"conv2d": 9999999, "kernel": 1}]"#).contains("make it smaller"));
}

#[test]
fn words_are_read_as_they_are_written() {
    let text = r#"[{"conv2d":4,"kernel":3,"stride":1,"padding":1,"groups":2},"gelu-tanh",{"max-pool2d":2,"stride":2,"padding":0},{"avg-pool2d":2,"stride":1,"padding":0},"batch-norm",{"group-norm":2},{"residual":["relu",{"residual":["layer-norm"]}]},"flatten",{"linear":10}]"#;
    let mut rewritten: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
    let again = serde_json::to_value(layers(text)).unwrap();
    assert_eq!(again, serde_json::Value::Array(std::mem::take(&mut rewritten)));
    let refused = |text: &str| serde_json::from_str::<LayerWord>(text).unwrap_err().to_string();
    assert!(refused(r#""rleu""#).contains("there is no layer `rleu`; a name alone is one of flatten"));
    assert!(refused(r#"{"conv2d": 3}"#).contains("Add `kernel = 3`"));
    assert!(refused(r#"{"linear": 3, "stride": 1}"#).contains("has no `stride`"));
    assert!(refused(r#"{"linear": 3, "conv2d": 1}"#).contains("a layer is one of"));
}

#[test]
fn targets_that_the_loss_cannot_have_are_refused() {
    let refused = |loss: OutputLoss, targets: &[f64]| {
        Network::new(&[1], &layers(r#"[{"linear": 2}]"#), loss, vec![0.5; 2], targets.to_vec()).unwrap_err().to_string()
    };
    assert!(refused(OutputLoss::CrossEntropy, &[0.0, 1.0, 1.0, 1.0]).contains("sample 1 are no probabilities"));
    assert!(refused(OutputLoss::Logistic, &[0.0, 1.0, -1.0, 1.0]).contains("sample 1 are no probabilities"));
}

/// A network with every kind of layer, more samples than a block, and a point.
fn mixed(loss: OutputLoss, samples: usize) -> (Network, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let text = r#"[{"conv2d": 4, "kernel": 3, "padding": 1}, "gelu", {"residual": [{"conv2d": 4, "kernel": 1}, {"group-norm": 2}]},
        {"max-pool2d": 2}, "batch-norm", {"avg-pool2d": 2, "stride": 1}, "flatten", "layer-norm", {"linear": 5}, "tanh", {"linear": 3}]"#;
    let inputs = normals(samples * 30, &mut rng);
    let targets = (0..samples).flat_map(|k| (0..3).map(move |i| f64::from(u8::from(k % 3 == i)))).collect();
    let mut network = Network::new(&[1, 6, 5], &layers(text), loss, inputs, targets).unwrap();
    network.block = 7;
    let theta = network.init(Initialisation::He, &mut rng);
    (network, theta)
}

/// The largest difference of two blocks of vectors, relative to the largest number of the second.
fn distance(a: &faer::Mat<f64>, b: &faer::Mat<f64>) -> f64 {
    (a - b).norm_max() / b.norm_max()
}

#[test]
fn products_around_a_point_are_those_of_the_problem_in_either_precision() {
    for loss in OutputLoss::ALL {
        let (network, theta) = mixed(loss, 40);
        let p = network.dim();
        let vectors = faer::Mat::from_fn(p, 3, |i, j| ((i * 3 + j) as f64).sin());
        let image = |operator: &dyn LinearOperator| {
            let mut out = faer::Mat::zeros(p, 3);
            operator.apply_into(vectors.as_ref(), out.as_mut());
            out
        };
        let (hessian, gauss_newton) =
            (image(&Hessian::new(&network, &theta)), image(&GaussNewton::new(&network, &theta)));
        let rest = &hessian - &gauss_newton;
        let double = Linearised::<f64>::new(&network, &theta, usize::MAX);
        let single = Linearised::<f32>::new(&network, &theta, usize::MAX);
        let wanted =
            [(Curvature::Hessian, hessian), (Curvature::GaussNewton, gauss_newton), (Curvature::Residual, rest)];
        for (which, wanted) in wanted {
            let found = distance(&image(&double.operator(which)), &wanted);
            assert!(found < 1e-12, "{loss:?} {which:?}: {found}");
            let found = distance(&image(&single.operator(which)), &wanted);
            assert!(found < 1e-5, "{loss:?} {which:?} in single precision: {found}");
        }
    }
}

#[test]
fn products_have_the_same_bits_in_any_memory_and_on_any_threads() {
    let (network, theta) = mixed(OutputLoss::CrossEntropy, 40);
    let p = network.dim();
    let image = |memory: usize, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let linearised = Linearised::<f32>::new(&network, &theta, memory);
            let mut out = faer::Mat::zeros(p, 2);
            let vectors = faer::Mat::from_fn(p, 2, |i, j| ((i * 3 + j) as f64).sin());
            linearised.operator(Curvature::Hessian).apply_into(vectors.as_ref(), out.as_mut());
            (linearised.kept_share(), out)
        })
    };
    let (all, whole) = image(usize::MAX, 1);
    let (some, part) = image(100_000, 2);
    let (none, nothing) = image(0, 3);
    assert!(all == 1.0 && some > 0.0 && some < 1.0 && none == 0.0, "{some}");
    assert!(whole == part && whole == nothing);
}
