//! Layers as they are asked for, in words that users of PyTorch know, and the graph that they make.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::activation::{Activation, Units};
use super::batch_norm::BatchNorm;
use super::convolution::Convolution;
use super::dense::Dense;
use super::graph::Graph;
use super::layer::Layer;
use super::normalisation::Normalisation;
use super::pooling::{AveragePool, MaxPool};
use super::residual::Sum;
use super::window::Window;
use crate::problem::ProblemError;

/// A layer; in TOML and JSON `"flatten"`, `"relu"`, `{ linear = 10 }`, `{ conv2d = 32, kernel = 3 }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Value", into = "Written")]
pub enum LayerWord {
    /// `linear`: all outputs of all inputs, with biases. Its inputs are flat.
    Linear {
        /// Number of outputs.
        outputs: usize,
    },
    /// `conv2d`: a convolution of an image, with biases.
    Conv2d {
        /// Channels of the output.
        channels: usize,
        /// Windows; `padding` are zeros.
        windows: Windows,
        /// Groups of channels, each of which sees its own inputs only.
        groups: usize,
    },
    /// `max-pool2d`: the largest number of each window.
    MaxPool2d(Windows),
    /// `avg-pool2d`: the mean of each window, with the zeros of the padding.
    AvgPool2d(Windows),
    /// `flatten`: an image as one row of numbers.
    Flatten,
    /// `layer-norm`: each sample with mean zero and variance one, then scaled and shifted, each number by its own parameters.
    LayerNorm,
    /// `group-norm`: so many groups of channels, each with mean zero and variance one, then scaled and shifted by channel.
    GroupNorm {
        /// Number of groups.
        groups: usize,
    },
    /// `batch-norm`: each channel by a fixed mean and variance, then scaled and shifted.
    BatchNorm,
    /// The name of an activation function.
    Activation(Activation),
    /// `residual`: the input and what these layers make of it, added.
    Residual(Vec<LayerWord>),
}

/// Windows that move over an image, square, alike on both axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Length of a side.
    pub kernel: usize,
    /// Distance from one to the next.
    pub stride: usize,
    /// Added on every side of the image.
    pub padding: usize,
}

/// `ε` of the normalisations, as PyTorch has it.
const EPSILON: f64 = 1e-5;

/// A layer as it is written: a name, or a table with what the name needs.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Table(Box<Table>),
}

/// One of the first five, and what belongs to it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    #[serde(skip_serializing_if = "Option::is_none")]
    linear: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conv2d: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_pool2d: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avg_pool2d: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_norm: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    residual: Option<Vec<LayerWord>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stride: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    padding: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<usize>,
}

/// The layers that are a word alone, beside activation functions.
const NAMES: [(&str, LayerWord); 3] =
    [("flatten", LayerWord::Flatten), ("layer-norm", LayerWord::LayerNorm), ("batch-norm", LayerWord::BatchNorm)];

/// The layers that need more.
const TABLES: &str = "{ linear = 10 }, { conv2d = 32, kernel = 3 }, { max-pool2d = 2 }, { avg-pool2d = 2 }, \
                      { group-norm = 4 } or { residual = [...] }";

/// The name of an activation function, as it is written.
fn activation_name(activation: Activation) -> String {
    match serde_json::to_value(activation) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

impl TryFrom<serde_json::Value> for LayerWord {
    type Error = String;

    fn try_from(written: serde_json::Value) -> Result<Self, String> {
        let table: Table = match written {
            serde_json::Value::String(name) => return named(&name),
            table @ serde_json::Value::Object(_) => serde_json::from_value(table).map_err(|error| error.to_string())?,
            other => return Err(format!("{other} is no layer; give a name or one of {TABLES}")),
        };
        let Table { linear, conv2d, max_pool2d, avg_pool2d, group_norm, residual, kernel, stride, padding, groups } =
            table;
        let kinds = [linear, conv2d, max_pool2d, avg_pool2d, group_norm].iter().flatten().count();
        if kinds + usize::from(residual.is_some()) != 1 {
            return Err(format!("a layer is one of {TABLES}"));
        }
        let pool = max_pool2d.or(avg_pool2d);
        let needs = [
            ("kernel", kernel, conv2d.is_some()),
            ("stride", stride, conv2d.or(pool).is_some()),
            ("padding", padding, conv2d.or(pool).is_some()),
            ("groups", groups, conv2d.is_some()),
        ];
        if let Some((name, ..)) = needs.iter().find(|(_, given, allowed)| given.is_some() && !allowed) {
            return Err(format!("this layer has no `{name}`"));
        }
        let windows = |kernel: usize, stride_unless: usize| Windows {
            kernel,
            stride: stride.unwrap_or(stride_unless),
            padding: padding.unwrap_or(0),
        };
        Ok(match (linear, conv2d, max_pool2d, avg_pool2d, group_norm, residual) {
            (Some(outputs), ..) => Self::Linear { outputs },
            (_, Some(channels), ..) => {
                let kernel = kernel.ok_or("conv2d: how large is the window? Add `kernel = 3`")?;
                Self::Conv2d { channels, windows: windows(kernel, 1), groups: groups.unwrap_or(1) }
            }
            (_, _, Some(kernel), ..) => Self::MaxPool2d(windows(kernel, kernel)),
            (_, _, _, Some(kernel), ..) => Self::AvgPool2d(windows(kernel, kernel)),
            (_, _, _, _, Some(groups), _) => Self::GroupNorm { groups },
            (.., residual) => Self::Residual(residual.unwrap_or_default()),
        })
    }
}

/// The layer of a name alone.
fn named(name: &str) -> Result<LayerWord, String> {
    if let Some((_, word)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Ok(word.clone());
    }
    if let Some(activation) = Activation::ALL.into_iter().find(|&activation| activation_name(activation) == name) {
        return Ok(LayerWord::Activation(activation));
    }
    let names = NAMES.iter().map(|(name, _)| (*name).to_owned());
    let names: Vec<String> = names.chain(Activation::ALL.map(activation_name)).collect();
    Err(format!("there is no layer `{name}`; a name alone is one of {}, the others are {TABLES}", names.join(", ")))
}

impl From<LayerWord> for Written {
    fn from(word: LayerWord) -> Self {
        let windowed = |windows: Windows| Table {
            stride: Some(windows.stride),
            padding: Some(windows.padding),
            ..Table::default()
        };
        let table = match word {
            LayerWord::Flatten | LayerWord::LayerNorm | LayerWord::BatchNorm => {
                let name = NAMES.iter().find(|(_, known)| *known == word).map_or("", |(name, _)| name);
                return Self::Name(name.to_owned());
            }
            LayerWord::Activation(activation) => return Self::Name(activation_name(activation)),
            LayerWord::Linear { outputs } => Table { linear: Some(outputs), ..Table::default() },
            LayerWord::Conv2d { channels, windows, groups } => Table {
                conv2d: Some(channels),
                kernel: Some(windows.kernel),
                groups: Some(groups),
                ..windowed(windows)
            },
            LayerWord::MaxPool2d(windows) => Table { max_pool2d: Some(windows.kernel), ..windowed(windows) },
            LayerWord::AvgPool2d(windows) => Table { avg_pool2d: Some(windows.kernel), ..windowed(windows) },
            LayerWord::GroupNorm { groups } => Table { group_norm: Some(groups), ..Table::default() },
            LayerWord::Residual(layers) => Table { residual: Some(layers), ..Table::default() },
        };
        Self::Table(Box::new(table))
    }
}

/// Why layers and data do not make a network.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LayerError {
    /// A layer does not fit what comes before it.
    #[error("layer {place}: {message}")]
    Layer {
        /// Its place, counted from zero; in a residual block after the block's, as in `2.0`.
        place: String,
        /// What does not fit, and what would.
        message: String,
    },
    /// There is no such input.
    #[error("{message}")]
    Input {
        /// What is wrong, and what would do.
        message: String,
    },
    /// The data do not fit the network.
    #[error(transparent)]
    Problem(#[from] ProblemError),
}

/// What stands between two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Flat(usize),
    Image { channels: usize, size: [usize; 2] },
}

impl Shape {
    fn numbers(self) -> usize {
        match self {
            Self::Flat(features) => features,
            Self::Image { channels, size: [height, width] } => channels.saturating_mul(height).saturating_mul(width),
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Flat(features) => write!(f, "{features} numbers"),
            Self::Image { channels, size: [height, width] } => write!(f, "an image of {channels} × {height} × {width}"),
        }
    }
}

/// Numbers of the windows of a sample at most, which a convolution writes out: 2 GiB.
const WINDOWS: u128 = 1 << 28;

/// Numbers of a sample at most: single precision counts so far.
const MOST: usize = 1 << 24;

/// The graph of `layers` for inputs of shape `[features]` or `[channels, height, width]`.
pub(super) fn graph(shape: &[usize], layers: &[LayerWord]) -> Result<Graph, LayerError> {
    let error = |message: String| LayerError::Input { message };
    let start = match *shape {
        [features] => Shape::Flat(features),
        [channels, height, width] => Shape::Image { channels, size: [height, width] },
        _ => {
            return Err(error(format!("inputs have the shape [features] or [channels, height, width], not {shape:?}")));
        }
    };
    let numbers = shape.iter().try_fold(1_usize, |product, &side| product.checked_mul(side));
    let inputs = numbers.filter(|numbers| (1..MOST).contains(numbers));
    let inputs = inputs.ok_or_else(|| error(format!("inputs of the shape {shape:?}; give 1 to {MOST} numbers")))?;
    let mut builder = Builder { graph: Graph::new(inputs), value: 0, shape: start };
    builder.all(layers, "")?;
    if builder.value == 0 {
        let message = "there is none that computes; add { linear = ... } for the outputs".to_owned();
        return Err(LayerError::Layer { place: "0".to_owned(), message });
    }
    Ok(builder.graph)
}

/// Dense layers of so many units, the first the inputs, with `activation` between them.
pub(super) fn perceptron(sizes: &[usize], activation: Activation) -> Graph {
    let mut graph = Graph::new(sizes[0]);
    let mut value = 0;
    for (k, ends) in sizes.windows(2).enumerate() {
        let (inputs, outputs) = (ends[0], ends[1]);
        if k > 0 {
            let layer = Layer::Units(Units { activation, units: inputs });
            value = graph.push(layer, (2 * k - 1).to_string(), value, None, inputs);
        }
        value = graph.push(Layer::Dense(Dense { inputs, outputs }), (2 * k).to_string(), value, None, outputs);
    }
    graph
}

/// A graph, and where it ends so far.
struct Builder {
    graph: Graph,
    value: usize,
    shape: Shape,
}

impl Builder {
    fn all(&mut self, layers: &[LayerWord], before: &str) -> Result<(), LayerError> {
        for (k, word) in layers.iter().enumerate() {
            let place = format!("{before}{k}");
            self.one(word, &place).map_err(|message| match message {
                Failure::Here(message) => LayerError::Layer { place, message },
                Failure::Within(error) => error,
            })?;
        }
        Ok(())
    }

    fn push(&mut self, layer: Layer, place: &str, skip: Option<usize>, shape: Shape) -> Result<(), Failure> {
        if shape.numbers() >= MOST {
            return Err(Failure::Here(format!("it makes {shape}, {MOST} numbers or more; make it smaller")));
        }
        self.value = self.graph.push(layer, place.to_owned(), self.value, skip, shape.numbers());
        self.shape = shape;
        Ok(())
    }

    fn image(&self) -> Result<(usize, [usize; 2]), Failure> {
        match self.shape {
            Shape::Image { channels, size } => Ok((channels, size)),
            Shape::Flat(_) => Err(Failure::Here(format!(
                "it needs an image and gets {}; give `input = [channels, height, width]`, or move it before `flatten`",
                self.shape
            ))),
        }
    }

    /// The windows over the image, and the size of what they make.
    fn window(&self, windows: Windows) -> Result<(usize, Window, [usize; 2]), Failure> {
        let (channels, image) = self.image()?;
        let Windows { kernel, stride, padding } = windows;
        if kernel.max(stride).max(padding) > MOST {
            return Err(Failure::Here(format!("the kernel, stride and padding of a window are at most {MOST}")));
        }
        let window = Window { image, kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2] };
        let size = window.fits().ok_or_else(|| {
            Failure::Here(format!(
                "windows of {kernel} with stride {stride} and padding {padding} do not fit {}",
                self.shape
            ))
        })?;
        Ok((channels, window, size))
    }

    /// [`window`](Self::window), each with a number of the image in it.
    fn pool(&self, windows: Windows) -> Result<(usize, Window, [usize; 2]), Failure> {
        let Windows { kernel, padding, .. } = windows;
        if padding > kernel / 2 {
            return Err(Failure::Here(format!("padding {padding} is more than half of the window {kernel}")));
        }
        self.window(windows)
    }

    fn one(&mut self, word: &LayerWord, place: &str) -> Result<(), Failure> {
        let positive = |what: &str, count: usize| {
            if count > 0 { Ok(()) } else { Err(Failure::Here(format!("{what} is 0; use 1 or more"))) }
        };
        let numbers = self.shape.numbers();
        match *word {
            LayerWord::Linear { outputs } => {
                positive("the number of outputs", outputs)?;
                let Shape::Flat(inputs) = self.shape else {
                    let message =
                        format!("`linear` needs a row of numbers and gets {}; put `flatten` before it", self.shape);
                    return Err(Failure::Here(message));
                };
                self.push(Layer::Dense(Dense { inputs, outputs }), place, None, Shape::Flat(outputs))
            }
            LayerWord::Conv2d { channels, windows, groups } => {
                positive("the number of channels", channels)?;
                let (inputs, window, size) = self.window(windows)?;
                if groups == 0 || inputs % groups > 0 || channels % groups > 0 {
                    let message = format!(
                        "{groups} groups do not divide {inputs} channels of the input and {channels} of the output"
                    );
                    return Err(Failure::Here(message));
                }
                let [rows, columns] = size.map(|side| side as u128);
                let numbers = rows * columns * inputs as u128 * (windows.kernel as u128).pow(2);
                if numbers > WINDOWS {
                    let message = format!(
                        "its windows of one sample are {numbers} numbers, more than {WINDOWS}; make the kernel smaller"
                    );
                    return Err(Failure::Here(message));
                }
                let layer = Convolution { inputs, outputs: channels, groups, window };
                self.push(Layer::Convolution(layer), place, None, Shape::Image { channels, size })
            }
            LayerWord::MaxPool2d(windows) => {
                let (channels, window, size) = self.pool(windows)?;
                self.push(Layer::MaxPool(MaxPool { channels, window }), place, None, Shape::Image { channels, size })
            }
            LayerWord::AvgPool2d(windows) => {
                let (channels, window, size) = self.pool(windows)?;
                self.push(
                    Layer::AveragePool(AveragePool { channels, window }),
                    place,
                    None,
                    Shape::Image { channels, size },
                )
            }
            LayerWord::Flatten => {
                self.shape = Shape::Flat(numbers);
                Ok(())
            }
            LayerWord::LayerNorm => {
                let shape = match self.shape {
                    Shape::Flat(features) => vec![features],
                    Shape::Image { channels, size: [height, width] } => vec![channels, height, width],
                };
                let layer = Normalisation { inputs: numbers, groups: 1, plane: 1, shape, epsilon: EPSILON };
                self.push(Layer::Normalisation(layer), place, None, self.shape)
            }
            LayerWord::GroupNorm { groups } => {
                let (channels, [height, width]) = self.image()?;
                if groups == 0 || channels % groups > 0 {
                    return Err(Failure::Here(format!("{groups} groups do not divide {channels} channels")));
                }
                let (plane, shape) = (height * width, vec![channels]);
                let layer = Normalisation { inputs: numbers, groups, plane, shape, epsilon: EPSILON };
                self.push(Layer::Normalisation(layer), place, None, self.shape)
            }
            LayerWord::BatchNorm => {
                let (channels, plane) = match self.shape {
                    Shape::Flat(features) => (features, 1),
                    Shape::Image { channels, size: [height, width] } => (channels, height * width),
                };
                let layer = BatchNorm::new(plane, vec![0.0; channels], vec![1.0; channels]);
                self.push(Layer::BatchNorm(layer), place, None, self.shape)
            }
            LayerWord::Activation(activation) => {
                self.push(Layer::Units(Units { activation, units: numbers }), place, None, self.shape)
            }
            LayerWord::Residual(ref layers) => {
                let (skip, shape) = (self.value, self.shape);
                self.all(layers, &format!("{place}.")).map_err(Failure::Within)?;
                if self.value == skip {
                    return Err(Failure::Here("a residual block without layers".to_owned()));
                }
                if self.shape != shape {
                    let message = format!("the block makes {} of {shape}, which cannot be added", self.shape);
                    return Err(Failure::Here(message));
                }
                self.push(Layer::Sum(Sum), place, Some(skip), shape)
            }
        }
    }
}

/// Why a layer does not fit: itself, or one in its block.
enum Failure {
    Here(String),
    Within(LayerError),
}
