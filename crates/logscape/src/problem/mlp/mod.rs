//! Multilayer perceptrons: networks of dense layers with one activation function between them.

mod registered;

use std::any::Any;

use super::boxed::pass_on;
use super::{NetworkModel, Problem, ProblemError, ProblemFailure, QuadraticLoss, Samples, require_some};
use crate::model::{Weights, WeightsError};
use crate::network::{Activation, Initialisation, Network, OutputLoss};

/// A perceptron with its data: `a₀ = x`, `z_l = W_l a_{l−1} + b_l`, `a_l = σ(z_l)`, `f(θ, x) = z_L`, and the mean-square loss.
///
/// `θ = [W₁, b₁, …, W_L, b_L]` with `W_l` of `n_l × n_{l−1}`, row-major.
#[derive(Debug, Clone)]
pub struct Mlp {
    sizes: Vec<usize>,
    activation: Activation,
    network: Network,
}

impl Mlp {
    /// The problem of layer sizes `sizes = [n₀, …, n_L]`, `inputs` (`N × n₀`) and `targets` (`N × n_L`), row-major.
    ///
    /// # Errors
    /// If there are fewer than two sizes, a size or `N` is zero, lengths do not fit, or a value is not finite.
    pub fn new(
        sizes: &[usize],
        activation: Activation,
        inputs: Vec<f64>,
        targets: Vec<f64>,
    ) -> Result<Self, ProblemError> {
        require_some("layers", sizes.len().saturating_sub(1))?;
        for &size in sizes {
            require_some("units of each layer", size)?;
        }
        let network = Network::perceptron(sizes, activation, inputs, targets)?;
        Ok(Self { sizes: sizes.to_vec(), activation, network })
    }

    /// Random parameters (`P`): normal weights of the law's standard deviation, zero biases.
    pub fn init(&self, initialisation: Initialisation, rng: &mut impl rand::Rng) -> Vec<f64> {
        self.network.init(initialisation, rng)
    }

    fn network(&self) -> &Network {
        &self.network
    }
}

impl Problem for Mlp {
    pass_on!(network);

    fn take_tensors(&mut self, weights: Weights) -> Result<Vec<f64>, WeightsError> {
        self.network.take_tensors(weights)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl NetworkModel for Mlp {
    fn shapes(&self) -> Vec<[usize; 2]> {
        self.sizes.windows(2).map(|ends| [ends[0], ends[1]]).collect()
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn data(&self) -> [&[f64]; 2] {
        self.network.data()
    }
}
