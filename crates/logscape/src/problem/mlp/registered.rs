//! A perceptron by its name: options, and a start.

use serde::Deserialize;

use super::{Activation, Mlp};
use crate::data::synthetic::{Generator, TeacherStudent};
use crate::data::{Dataset, Standardised};
use crate::problem::kind::{Registered, Unstandardised, require_memory};
use crate::problem::{BuildProblemError, OptionError, ProblemOption, StartConfig, Visitor};
use crate::random::{Purpose, stream};

/// What a study can say of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    #[serde(default)]
    hidden: Vec<usize>,
    #[serde(default)]
    activation: Option<Activation>,
}

impl Registered for Mlp {
    const NAME: &'static str = "mlp";
    const EQUATION: &'static str = "f = z_L, z_l = W_l a_{l−1} + b_l, a_l = σ(z_l), a_0 = x";
    const OPTIONS: &'static [ProblemOption] = &[
        ProblemOption { name: "hidden", about: "widths of the hidden layers; none", example: "[8]", required: false },
        ProblemOption {
            name: "activation",
            about: "tanh, relu, leaky-relu, gelu (`zΦ(z)`), gelu-tanh (its approximation by tanh), silu, sigmoid, softplus or identity; tanh",
            example: "\"tanh\"",
            required: false,
        },
    ];

    type Options = Options;

    fn example() -> Generator {
        let (samples, input_dim, hidden, target_dim) = (100, 3, 4, 2);
        Generator::TeacherStudent(TeacherStudent { samples, input_dim, hidden, target_dim, gain: 1.0, noise: 0.3 })
    }

    fn check(options: &Options) -> Result<(), OptionError> {
        if !options.hidden.contains(&0) {
            return Ok(());
        }
        let (option, message) = ("hidden".to_owned(), "a layer of width 0".to_owned());
        Err(OptionError { option, message, hint: Some("use widths of 1 or more") })
    }

    fn build(data: Dataset, options: Options) -> Result<Self, BuildProblemError> {
        let sizes = [&[data.input_dim], &options.hidden[..], &[data.target_dim]].concat();
        let weights: u128 = sizes.windows(2).map(|ends| (ends[0] as u128 + 1) * ends[1] as u128).sum();
        require_memory(weights)?;
        Ok(Self::new(&sizes, options.activation.unwrap_or(Activation::Tanh), data.inputs, data.targets)?)
    }

    fn start(&self, config: &StartConfig) -> Vec<f64> {
        self.init(config.initialisation, &mut stream(config.seed, Purpose::Start, 0))
    }

    /// The first layer has other weights and biases: `W (x − m)/s + b = (W/s) x + (b − W m/s)`.
    fn unstandardised(options: &Options, theta: &[f64], taken: &[Standardised]) -> Option<Unstandardised> {
        let inputs = taken.len();
        let units = options.hidden.first().copied().unwrap_or(theta.len() / (inputs + 1));
        let mut theta = theta.to_vec();
        let (weights, rest) = theta.split_at_mut_checked(inputs.checked_mul(units)?)?;
        let biases = rest.get_mut(..units)?;
        for (row, bias) in weights.chunks_exact_mut(inputs.max(1)).zip(biases) {
            for (weight, of) in row.iter_mut().zip(taken) {
                *weight /= of.deviation;
                *bias -= *weight * of.mean;
            }
        }
        Some(Unstandardised { theta, offset: 0.0 })
    }

    fn accept<'a, V: Visitor<'a>>(&'a self, visitor: V) -> V::Output {
        visitor.perceptron(self)
    }
}
