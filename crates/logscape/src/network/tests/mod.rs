//! Every layer and loss against the same written a second time, number by number, for dual numbers.

mod classes;
mod coverage;
mod derivatives;
mod linearised;
mod weights;
mod wording;

use num_dual::{Dual64, DualNum, HyperDual64};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::*;
use crate::operator::{GaussNewton, Hessian, LinearOperator, Linearisation, Matrix, NoiseCovariance, recomputed};
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

/// So many biases, or zeros that are no parameters.
fn next_biases<D: Number>(theta: &mut &[D], count: usize, bias: bool) -> Vec<D> {
    if bias { next(theta, count) } else { vec![D::from(0.0); count] }
}

/// Rows and columns of the windows over an image.
fn moves(windows: Windows, dilation: [usize; 2], image: [usize; 2]) -> [usize; 2] {
    let Windows { kernel, stride, padding } = windows;
    [0, 1].map(|k| (image[k] + 2 * padding[k] - dilation[k] * (kernel[k] - 1) - 1) / stride[k] + 1)
}

/// The outputs of a convolution, by its definition.
fn convolve<D: Number>(
    x: &Signal<D>,
    theta: &mut &[D],
    channels: usize,
    (windows, dilation): (Windows, [usize; 2]),
    groups: usize,
    bias: bool,
) -> Signal<D> {
    let [inputs, height, width] = x.image.unwrap();
    let Windows { kernel, stride, padding } = windows;
    let [rows, columns] = moves(windows, dilation, [height, width]);
    let each = inputs / groups;
    let weights = next(theta, channels * each * kernel[0] * kernel[1]);
    let biases = next_biases(theta, channels, bias);
    // The place in the image of an entry of a window, along an axis.
    let place = |k: usize, window: usize, entry: usize| {
        (window * stride[k] + entry * dilation[k]).checked_sub(padding[k]).filter(|&at| at < [height, width][k])
    };
    let mut numbers = Vec::new();
    for o in 0..channels {
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = biases[o].clone();
                for i in 0..each {
                    let channel = o / (channels / groups) * each + i;
                    for y in 0..kernel[0] {
                        for z in 0..kernel[1] {
                            if let Some((y_in, z_in)) = place(0, row, y).zip(place(1, column, z)) {
                                let weight = weights[((o * each + i) * kernel[0] + y) * kernel[1] + z].clone();
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

/// `f` of the numbers in each window that are not padding, and of how many numbers of it are in the padded image. With `ceil` there are
/// windows until one reaches the end of the padded image, but for those that begin after the image.
fn pool<D: Number>(x: &Signal<D>, windows: Windows, ceil: bool, f: impl Fn(Vec<D>, usize) -> D) -> Signal<D> {
    let [channels, height, width] = x.image.unwrap();
    let Windows { kernel, stride, padding } = windows;
    let sides = [height, width];
    let starts = [0, 1].map(|k| {
        let (end, mut starts) = (sides[k] + 2 * padding[k], vec![0]);
        while starts.last().unwrap() + kernel[k] < end {
            starts.push(starts.last().unwrap() + stride[k]);
        }
        let last = if ceil { sides[k] + padding[k] - 1 } else { end - kernel[k] };
        starts.retain(|&start| start <= last);
        starts
    });
    let span = |k: usize, start: usize| {
        let padded = start..(start + kernel[k]).min(sides[k] + 2 * padding[k]);
        let image = padding[k]..padding[k] + sides[k];
        (padded.clone().filter(|at| image.contains(at)).map(|at| at - padding[k]).collect::<Vec<_>>(), padded.len())
    };
    let mut numbers = Vec::new();
    for channel in 0..channels {
        for &row in &starts[0] {
            for &column in &starts[1] {
                let ((rows, down), (columns, along)) = (span(0, row), span(1, column));
                let places = rows.iter().flat_map(|y| columns.iter().map(move |z| (channel * height + y) * width + z));
                numbers.push(f(places.map(|place| x.numbers[place].clone()).collect(), down * along));
            }
        }
    }
    Signal { numbers, image: Some([channels, starts[0].len(), starts[1].len()]) }
}

/// Parts of `length` numbers normalised, then scaled and shifted, by one parameter for each `plane`.
fn normalise<D: Number>(x: &Signal<D>, theta: &mut &[D], how: Normalised, [length, plane]: [usize; 2]) -> Signal<D> {
    let mut numbers = Vec::new();
    for part in x.numbers.chunks(length) {
        let mean = part.iter().fold(D::from(0.0), |sum, x| sum + x.clone()) / length as f64;
        let square = part.iter().fold(D::from(0.0), |sum, x| sum + (x.clone() - mean.clone()).powi(2));
        let deviation = (square / length as f64 + how.epsilon).sqrt();
        numbers.extend(part.iter().map(|x| (x.clone() - mean.clone()) / deviation.clone()));
    }
    scale(numbers, x.image, theta, how, plane)
}

fn scale<D: Number>(
    numbers: Vec<D>,
    image: Option<[usize; 3]>,
    theta: &mut &[D],
    how: Normalised,
    plane: usize,
) -> Signal<D> {
    if !how.scale {
        return Signal { numbers, image };
    }
    let count = numbers.len() / plane;
    let (gains, biases) = (next(theta, count), next_biases(theta, count, how.bias));
    let scaled = numbers.into_iter().enumerate().map(|(i, x)| gains[i / plane].clone() * x + biases[i / plane].clone());
    Signal { numbers: scaled.collect(), image }
}

fn evaluate<D: Number>(layers: &[LayerWord], theta: &mut &[D], mut x: Signal<D>) -> Signal<D> {
    for layer in layers {
        x = match *layer {
            LayerWord::Linear { outputs, bias } => {
                let weights = next(theta, outputs * x.numbers.len());
                let biases = next_biases(theta, outputs, bias);
                let row = |(row, bias): (&[D], &D)| {
                    row.iter().zip(&x.numbers).fold(bias.clone(), |sum, (w, x)| sum + w.clone() * x.clone())
                };
                Signal { numbers: weights.chunks(x.numbers.len()).zip(&biases).map(row).collect(), image: None }
            }
            LayerWord::Conv2d { channels, windows, dilation, groups, bias } => {
                convolve(&x, theta, channels, (windows, dilation), groups, bias)
            }
            LayerWord::MaxPool2d { windows, ceil } => pool(&x, windows, ceil, |inside, _| {
                inside.into_iter().reduce(|a, b| if b.re() > a.re() { b } else { a }).unwrap()
            }),
            LayerWord::AvgPool2d { windows, counts_padding, ceil } => pool(&x, windows, ceil, |inside, padded| {
                let count = if counts_padding { padded } else { inside.len() };
                inside.into_iter().fold(D::from(0.0), |sum, x| sum + x) / count as f64
            }),
            LayerWord::Flatten => Signal { numbers: x.numbers, image: None },
            LayerWord::LayerNorm(how) => normalise(&x, theta, how, [x.numbers.len(), 1]),
            LayerWord::GroupNorm { groups, normalised } => {
                let [channels, height, width] = x.image.unwrap();
                normalise(&x, theta, normalised, [channels / groups * height * width, height * width])
            }
            LayerWord::BatchNorm(how) => {
                let plane = x.image.map_or(1, |[_, height, width]| height * width);
                let numbers = x.numbers.into_iter().map(|x| x / (1.0 + how.epsilon).sqrt()).collect();
                scale(numbers, x.image, theta, how, plane)
            }
            LayerWord::Activation(activation) => {
                Signal { numbers: x.numbers.into_iter().map(|z| activate(activation, z)).collect(), image: x.image }
            }
            LayerWord::LeakyRelu { slope } => {
                let rectified = x.numbers.into_iter().map(|z| if z.re() > 0.0 { z } else { z * slope });
                Signal { numbers: rectified.collect(), image: x.image }
            }
            LayerWord::Residual { ref layers, ref shortcut } => {
                let inside = evaluate(layers, theta, x.clone());
                let beside = evaluate(shortcut, theta, x);
                let sums = inside.numbers.into_iter().zip(beside.numbers).map(|(a, b)| a + b);
                Signal { numbers: sums.collect(), image: inside.image }
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
        let outputs = builder::graph(shape, layers).unwrap().outputs();
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
