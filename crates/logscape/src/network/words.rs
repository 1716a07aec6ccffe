//! Layers as they are asked for, in words that users of PyTorch know.

use super::activation::Activation;

/// A layer; in TOML and JSON `"flatten"`, `"relu"`, `{ linear = 10 }`, `{ conv2d = 32, kernel = 3 }`.
#[derive(Debug, Clone, PartialEq)]
pub enum LayerWord {
    /// `linear`: all outputs of all inputs. Its inputs are flat.
    Linear {
        /// Number of outputs.
        outputs: usize,
        /// Whether the outputs have biases.
        bias: bool,
    },
    /// `conv2d`: a convolution of an image.
    Conv2d {
        /// Channels of the output.
        channels: usize,
        /// Windows; `padding` are zeros.
        windows: Windows,
        /// Distance of the numbers of a window, `[height, width]`.
        dilation: [usize; 2],
        /// Groups of channels, each of which sees its own inputs only.
        groups: usize,
        /// Whether the channels have biases.
        bias: bool,
    },
    /// `max-pool2d`: the largest number of each window.
    MaxPool2d {
        /// Windows.
        windows: Windows,
        /// `ceil_mode`: whether there is a last window beyond the padded image.
        ceil: bool,
    },
    /// `avg-pool2d`: the mean of each window.
    AvgPool2d {
        /// Windows.
        windows: Windows,
        /// Whether the mean is that of the whole window, with the zeros of the padding.
        counts_padding: bool,
        /// `ceil_mode`: whether there is a last window beyond the padded image, of which what is beyond never counts.
        ceil: bool,
    },
    /// `flatten`: an image as one row of numbers.
    Flatten,
    /// `layer-norm`: each sample with mean zero and variance one, then scaled and shifted, each number by its own parameters.
    LayerNorm(Normalised),
    /// `group-norm`: so many groups of channels, each with mean zero and variance one, then scaled and shifted by channel.
    GroupNorm {
        /// Number of groups.
        groups: usize,
        /// How.
        normalised: Normalised,
    },
    /// `batch-norm`: each channel by a fixed mean and variance, then scaled and shifted.
    BatchNorm(Normalised),
    /// The name of an activation function.
    Activation(Activation),
    /// `leaky-relu` with its slope below zero, where that is not 0.01, which [`Activation::LeakyRelu`] has.
    LeakyRelu {
        /// The slope.
        slope: f64,
    },
    /// `residual`: what two branches of layers make of the same input, added.
    Residual {
        /// The layers of one.
        layers: Vec<LayerWord>,
        /// `shortcut`: those of the other; none for the input itself.
        shortcut: Vec<LayerWord>,
    },
}

/// Windows that move over an image; each is `[height, width]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Numbers along each side.
    pub kernel: [usize; 2],
    /// Distance from one to the next.
    pub stride: [usize; 2],
    /// Added on every side of the image.
    pub padding: [usize; 2],
}

/// What a normalisation divides by, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalised {
    /// `ε`, which is added to variances.
    pub epsilon: f64,
    /// Whether the numbers are scaled by parameters.
    pub scale: bool,
    /// Whether numbers that are scaled are shifted by parameters too.
    pub bias: bool,
}

impl Default for Normalised {
    /// As in PyTorch: `ε = 10⁻⁵`, scaled and shifted.
    fn default() -> Self {
        Self { epsilon: 1e-5, scale: true, bias: true }
    }
}
