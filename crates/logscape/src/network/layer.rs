//! The list of layers.

use super::activation::Units;
use super::batch_norm::BatchNorm;
use super::convolution::Convolution;
use super::dense::Dense;
use super::leaky::Leaky;
use super::normalisation::Normalisation;
use super::pooling::{AveragePool, MaxPool};
use super::residual::Sum;

/// The kinds of layers: one line each, here and in the macro below.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Layer {
    AveragePool(AveragePool),
    BatchNorm(BatchNorm),
    Convolution(Convolution),
    Dense(Dense),
    Leaky(Leaky),
    MaxPool(MaxPool),
    Normalisation(Normalisation),
    Sum(Sum),
    Units(Units),
}

/// `$body` for the layer of whatever kind.
macro_rules! each_layer {
    ($layer:expr, $name:ident => $body:expr) => {
        match $layer {
            Layer::AveragePool($name) => $body,
            Layer::BatchNorm($name) => $body,
            Layer::Convolution($name) => $body,
            Layer::Dense($name) => $body,
            Layer::Leaky($name) => $body,
            Layer::MaxPool($name) => $body,
            Layer::Normalisation($name) => $body,
            Layer::Sum($name) => $body,
            Layer::Units($name) => $body,
        }
    };
}
pub(super) use each_layer;
