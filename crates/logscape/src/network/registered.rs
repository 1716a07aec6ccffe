//! A network by its name: options, and a start.

use serde::Deserialize;
use serde_json::json;

use super::{LayerError, LayerWord, Network, OutputLoss, builder};
use crate::data::Dataset;
use crate::data::synthetic::{Generator, TeacherStudent};
use crate::problem::{
    BuildProblemError, GivenOptions, OptionError, ProblemOption, Registered, StartConfig, Visitor, require_memory,
};
use crate::random::{Purpose, stream};

/// What a study can say of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    #[serde(default)]
    layers: Vec<LayerWord>,
    #[serde(default)]
    input: Option<Vec<usize>>,
    #[serde(default)]
    loss: OutputLoss,
}

fn wrong(option: &str, message: String, hint: Option<&'static str>) -> OptionError {
    OptionError { option: option.to_owned(), message, hint }
}

impl Registered for Network {
    const NAME: &'static str = "network";
    const EQUATION: &'static str = "f = f_L ∘ … ∘ f_1, layers with skips";
    const OPTIONS: &'static [ProblemOption] = &[
        ProblemOption {
            name: "layers",
            about: "the layers, first to last: names as \"tanh\" and \"flatten\", and tables as { linear = 10 } and { conv2d = 8, kernel = 3 }",
            example: "[{ linear = 4 }, \"tanh\", { linear = 2 }]",
            required: true,
        },
        ProblemOption {
            name: "input",
            about: "the shape of an input, [channels, height, width]; a row of numbers",
            example: "[3]",
            required: false,
        },
        ProblemOption {
            name: "loss",
            about: "the loss of the outputs: mean-square, cross-entropy (of classes, by softmax), logistic or huber; mean-square",
            example: "\"mean-square\"",
            required: false,
        },
    ];

    type Options = Options;

    fn example() -> Generator {
        let (samples, input_dim, hidden, target_dim) = (100, 3, 4, 2);
        Generator::TeacherStudent(TeacherStudent { samples, input_dim, hidden, target_dim, gain: 1.0, noise: 0.3 })
    }

    fn needed() -> GivenOptions {
        let layers = json!([{ "linear": 4 }, "tanh", { "linear": 2 }]);
        GivenOptions::from_iter([("layers".to_owned(), layers)])
    }

    fn check(options: &Options) -> Result<(), OptionError> {
        if options.layers.is_empty() {
            let message = "a network needs layers".to_owned();
            return Err(wrong(
                "layers",
                message,
                Some("give as many outputs as the data have targets: [{ linear = 1 }]"),
            ));
        }
        match &options.input {
            Some(shape) => builder::graph(shape, &options.layers).map(|_| ()).map_err(|error| of_option(&error)),
            None => Ok(()),
        }
    }

    fn build(data: Dataset, options: Options) -> Result<Self, BuildProblemError> {
        let shape = options.input.unwrap_or_else(|| vec![data.input_dim]);
        let graph = builder::graph(&shape, &options.layers).map_err(|error| of_option(&error))?;
        if graph.inputs != data.input_dim {
            let message = format!(
                "inputs of the shape {shape:?} have {} numbers, those of the data {}",
                graph.inputs, data.input_dim
            );
            return Err(wrong(
                "input",
                message,
                Some("give the shape that the data have, or leave it out for a row of numbers"),
            )
            .into());
        }
        if graph.outputs() != data.target_dim {
            let message = format!(
                "the network has {} outputs, the data {} targets; end with {{ linear = {} }}",
                graph.outputs(),
                data.target_dim,
                data.target_dim
            );
            return Err(wrong("layers", message, None).into());
        }
        require_memory(graph.parameters() as u128)?;
        options.loss.require_targets(&data.targets, data.target_dim).map_err(|error| {
            wrong("loss", error.to_string(), Some("one_hot = true in the data makes probabilities of labels"))
        })?;
        Ok(Self::of(graph, options.loss, data.inputs, data.targets)?)
    }

    fn start(&self, config: &StartConfig) -> Vec<f64> {
        self.init(config.initialisation, &mut stream(config.seed, Purpose::Start, 0))
    }

    fn accept<'a, V: Visitor<'a>>(&'a self, visitor: V) -> V::Output {
        visitor.network(self)
    }
}

/// The error as one of the option that it is about.
fn of_option(error: &LayerError) -> OptionError {
    let option = if matches!(error, LayerError::Input { .. }) { "input" } else { "layers" };
    wrong(option, error.to_string(), None)
}
