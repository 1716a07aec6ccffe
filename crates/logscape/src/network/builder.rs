//! From the words of layers to the graph that they make.

use std::mem;

use thiserror::Error;

use super::activation::{Activation, Units};
use super::batch_norm::BatchNorm;
use super::convolution::Convolution;
use super::dense::Dense;
use super::graph::Graph;
use super::layer::Layer;
use super::leaky::Leaky;
use super::normalisation::Normalisation;
use super::pooling::{AveragePool, MaxPool};
use super::residual::Sum;
use super::window::Window;
use super::words::{LayerWord, Normalised, Windows};
use crate::problem::ProblemError;

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
        value =
            graph.push(Layer::Dense(Dense { inputs, outputs, bias: true }), (2 * k).to_string(), value, None, outputs);
    }
    graph
}

/// The sides of a window: one number where they are the same.
fn sides([height, width]: [usize; 2]) -> String {
    if height == width { height.to_string() } else { format!("{height} × {width}") }
}

/// Refuses an `ε` by which nothing can be divided.
fn stands_above_zero(epsilon: f64) -> Result<(), Failure> {
    let message = || Failure::Here(format!("`epsilon` is {epsilon}; use more than 0, as 1e-5"));
    if epsilon > 0.0 && epsilon.is_finite() { Ok(()) } else { Err(message()) }
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
    fn window(
        &self,
        windows: Windows,
        dilation: [usize; 2],
        ceil: bool,
    ) -> Result<(usize, Window, [usize; 2]), Failure> {
        let (channels, image) = self.image()?;
        let Windows { kernel, stride, padding } = windows;
        if [kernel, stride, padding, dilation].iter().flatten().any(|&side| side > MOST) {
            let message = format!("the kernel, stride, padding and dilation of a window are at most {MOST}");
            return Err(Failure::Here(message));
        }
        let window = Window { image, kernel, stride, padding, dilation, ceil };
        let size = window.fits().ok_or_else(|| {
            let apart = if dilation == [1; 2] { String::new() } else { format!("dilation {}, ", sides(dilation)) };
            Failure::Here(format!(
                "windows of {} with {apart}stride {} and padding {} do not fit {}",
                sides(kernel),
                sides(stride),
                sides(padding),
                self.shape
            ))
        })?;
        Ok((channels, window, size))
    }

    /// [`window`](Self::window), each with a number of the image in it.
    fn pool(&self, windows: Windows, ceil: bool) -> Result<(usize, Window, [usize; 2]), Failure> {
        let Windows { kernel, padding, .. } = windows;
        if padding[0] > kernel[0] / 2 || padding[1] > kernel[1] / 2 {
            let message = format!("padding {} is more than half of the window {}", sides(padding), sides(kernel));
            return Err(Failure::Here(message));
        }
        self.window(windows, [1; 2], ceil)
    }

    fn one(&mut self, word: &LayerWord, place: &str) -> Result<(), Failure> {
        let positive = |what: &str, count: usize| {
            if count > 0 { Ok(()) } else { Err(Failure::Here(format!("{what} is 0; use 1 or more"))) }
        };
        let numbers = self.shape.numbers();
        match *word {
            LayerWord::Linear { outputs, bias } => {
                positive("the number of outputs", outputs)?;
                let Shape::Flat(inputs) = self.shape else {
                    let message =
                        format!("`linear` needs a row of numbers and gets {}; put `flatten` before it", self.shape);
                    return Err(Failure::Here(message));
                };
                self.push(Layer::Dense(Dense { inputs, outputs, bias }), place, None, Shape::Flat(outputs))
            }
            LayerWord::Conv2d { channels, windows, dilation, groups, bias } => {
                positive("the number of channels", channels)?;
                let (inputs, window, size) = self.window(windows, dilation, false)?;
                if groups == 0 || inputs % groups > 0 || channels % groups > 0 {
                    let message = format!(
                        "{groups} groups do not divide {inputs} channels of the input and {channels} of the output"
                    );
                    return Err(Failure::Here(message));
                }
                let sides = [size, windows.kernel].into_iter().flatten();
                let numbers = sides.fold(inputs as u128, |numbers, side| numbers * side as u128);
                if numbers > WINDOWS {
                    let message = format!(
                        "its windows of one sample are {numbers} numbers, more than {WINDOWS}; make the kernel smaller"
                    );
                    return Err(Failure::Here(message));
                }
                let layer = Convolution { inputs, outputs: channels, groups, window, bias };
                self.push(Layer::Convolution(layer), place, None, Shape::Image { channels, size })
            }
            LayerWord::MaxPool2d { windows, ceil } => {
                let (channels, window, size) = self.pool(windows, ceil)?;
                self.push(Layer::MaxPool(MaxPool { channels, window }), place, None, Shape::Image { channels, size })
            }
            LayerWord::AvgPool2d { windows, counts_padding, ceil } => {
                let (channels, window, size) = self.pool(windows, ceil)?;
                let layer = AveragePool { channels, window, counts_padding };
                self.push(Layer::AveragePool(layer), place, None, Shape::Image { channels, size })
            }
            LayerWord::Flatten => {
                self.shape = Shape::Flat(numbers);
                Ok(())
            }
            LayerWord::LayerNorm(Normalised { epsilon, scale: scaled, bias }) => {
                stands_above_zero(epsilon)?;
                let shape = match self.shape {
                    Shape::Flat(features) => vec![features],
                    Shape::Image { channels, size: [height, width] } => vec![channels, height, width],
                };
                let layer = Normalisation {
                    inputs: numbers,
                    groups: 1,
                    plane: 1,
                    shape,
                    epsilon,
                    scaled,
                    shifted: scaled && bias,
                };
                self.push(Layer::Normalisation(layer), place, None, self.shape)
            }
            LayerWord::GroupNorm { groups, normalised: Normalised { epsilon, scale: scaled, bias } } => {
                stands_above_zero(epsilon)?;
                let (channels, [height, width]) = self.image()?;
                if groups == 0 || channels % groups > 0 {
                    return Err(Failure::Here(format!("{groups} groups do not divide {channels} channels")));
                }
                let (plane, shape) = (height * width, vec![channels]);
                let layer =
                    Normalisation { inputs: numbers, groups, plane, shape, epsilon, scaled, shifted: scaled && bias };
                self.push(Layer::Normalisation(layer), place, None, self.shape)
            }
            LayerWord::BatchNorm(normalised @ Normalised { epsilon, .. }) => {
                stands_above_zero(epsilon)?;
                let (channels, plane) = match self.shape {
                    Shape::Flat(features) => (features, 1),
                    Shape::Image { channels, size: [height, width] } => (channels, height * width),
                };
                let layer = BatchNorm::new(plane, channels, normalised);
                self.push(Layer::BatchNorm(layer), place, None, self.shape)
            }
            LayerWord::Activation(activation) => {
                self.push(Layer::Units(Units { activation, units: numbers }), place, None, self.shape)
            }
            LayerWord::LeakyRelu { slope } => {
                if !slope.is_finite() {
                    return Err(Failure::Here(format!("the slope is {slope}; use a number such as 0.2")));
                }
                self.push(Layer::Leaky(Leaky { slope, units: numbers }), place, None, self.shape)
            }
            LayerWord::Residual { ref layers, ref shortcut } => self.residual(layers, shortcut, place),
        }
    }

    /// Two branches of the same value, added.
    fn residual(&mut self, layers: &[LayerWord], shortcut: &[LayerWord], place: &str) -> Result<(), Failure> {
        let (start, before) = (self.value, self.shape);
        self.all(layers, &format!("{place}.")).map_err(Failure::Within)?;
        let (value, shape) = (self.value, self.shape);
        if value == start {
            return Err(Failure::Here("`residual` has no layers that compute; add one, as { linear = 10 }".to_owned()));
        }
        (self.value, self.shape) = (start, before);
        self.all(shortcut, &format!("{place}.shortcut.")).map_err(Failure::Within)?;
        if self.shape != shape {
            let message = if shortcut.is_empty() {
                format!(
                    "`residual` makes {shape} of {before}, which cannot be added; add `shortcut = [...]` with layers that do so too"
                )
            } else {
                let other = self.shape;
                format!("`residual` makes {shape} of {before}, and `shortcut` {other}; let both make the same")
            };
            return Err(Failure::Here(message));
        }
        let skip = mem::replace(&mut self.value, value);
        self.push(Layer::Sum(Sum), place, Some(skip), shape)
    }
}

/// Why a layer does not fit: itself, or one in its block.
enum Failure {
    Here(String),
    Within(LayerError),
}
