//! `[minimum.train]`: the training that comes before the search for a minimum.

use super::check::{Wrong, require};
use logscape::Precision;
use logscape::training::{AdamOptions, BadOption, Optimiser, Schedule, SgdOptions, TrainingConfig};
use serde::{Deserialize, Serialize};

/// `[minimum.train]`: training with shuffled epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainTable {
    /// What makes a step of a gradient.
    #[serde(default, skip_serializing_if = "OptimiserName::is_sgd")]
    pub optimiser: OptimiserName,
    /// Learning rate, where the schedule has the share 1.
    pub learning_rate: f64,
    /// Batch size.
    pub batch_size: usize,
    /// Steps; given where `epochs` is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Passes over the data, of as many steps each as whole batches fit into them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u64>,
    /// Momentum of SGD, in `[0, 1)`; 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Whether SGD with momentum looks ahead; false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nesterov: Option<bool>,
    /// Weight decay; 0, and 0.01 for AdamW.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// What is left of Adam's means after a step; 0.9 and 0.999.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub betas: Option<[f64; 2]>,
    /// What is added to the root in Adam's step; 1e-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// Steps of a linear warm-up; 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<u64>,
    /// Steps between two measurements of loss and noise of all data; none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measure_every: Option<u64>,
    /// What the learning rate does after the warm-up; it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Precision that gradients are computed in; double.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
}

/// An optimiser by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimiserName {
    /// Stochastic gradient descent.
    #[default]
    Sgd,
    /// Adam.
    Adam,
    /// Adam with a decay apart from the gradient.
    AdamW,
}

impl OptimiserName {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_sgd(&self) -> bool {
        *self == Self::Sgd
    }

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
            Self::AdamW => "adamw",
        }
    }
}

/// The fields that a training can be refused for.
const FIELDS: [&str; 11] = [
    "minimum.train.learning_rate",
    "minimum.train.batch_size",
    "minimum.train.steps",
    "minimum.train.momentum",
    "minimum.train.nesterov",
    "minimum.train.weight_decay",
    "minimum.train.betas",
    "minimum.train.epsilon",
    "minimum.train.warm_up",
    "minimum.train.measure_every",
    "minimum.train.schedule",
];

impl TrainTable {
    /// What the training is run with on so many samples.
    pub(crate) fn config(&self, samples: usize, seed: u64) -> TrainingConfig {
        let steps_of = |epochs: u64| epochs.saturating_mul((samples / self.batch_size.max(1)).max(1) as u64);
        TrainingConfig {
            optimiser: self.optimiser(),
            schedule: self.schedule.unwrap_or_default(),
            warm_up: self.warm_up.unwrap_or(0),
            measure_every: self.measure_every,
            precision: self.precision.unwrap_or_default(),
            seed,
            ..TrainingConfig::new(
                self.learning_rate,
                self.batch_size,
                self.steps.or_else(|| self.epochs.map(steps_of)).unwrap_or(0),
            )
        }
    }

    fn optimiser(&self) -> Optimiser {
        let adam = |usual: AdamOptions| AdamOptions {
            betas: self.betas.unwrap_or(usual.betas),
            epsilon: self.epsilon.unwrap_or(usual.epsilon),
            weight_decay: self.weight_decay.unwrap_or(usual.weight_decay),
        };
        match self.optimiser {
            OptimiserName::Sgd => Optimiser::Sgd(SgdOptions {
                momentum: self.momentum.unwrap_or(0.0),
                nesterov: self.nesterov.unwrap_or(false),
                weight_decay: self.weight_decay.unwrap_or(0.0),
            }),
            OptimiserName::Adam => Optimiser::Adam(adam(AdamOptions::ADAM)),
            OptimiserName::AdamW => Optimiser::AdamW(adam(AdamOptions::ADAMW)),
        }
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        let (of_sgd, of_adam) = (
            "it is of sgd: leave it out, or use optimiser = \"sgd\"",
            "it is of adam and adamw: leave it out, or use one of them",
        );
        let sgd = self.optimiser.is_sgd();
        for (given, here, field, hint) in [
            (self.momentum.is_some(), sgd, "minimum.train.momentum", of_sgd),
            (self.nesterov.is_some(), sgd, "minimum.train.nesterov", of_sgd),
            (self.betas.is_some(), !sgd, "minimum.train.betas", of_adam),
            (self.epsilon.is_some(), !sgd, "minimum.train.epsilon", of_adam),
        ] {
            require(!given || here, field, format!("{} has no such option", self.optimiser.name()), hint)?;
        }
        let (field, hint) = ("minimum.train.steps", "give either steps or epochs");
        require(self.steps.is_some() || self.epochs.is_some(), field, "it is not said how long to train", hint)?;
        require(self.steps.is_none() || self.epochs.is_none(), field, "there are epochs too", hint)?;
        require(self.epochs != Some(0), "minimum.train.epochs", "no epoch", "use 1 or more, or leave the table out")?;
        // How many steps an epoch has is known with the data.
        let config = TrainingConfig { steps: self.steps.unwrap_or(u64::MAX), ..self.config(1, 0) };
        config.check().map_err(|BadOption { option, problem, hint }| Wrong {
            field: FIELDS.into_iter().find(|field| field.ends_with(option)).unwrap_or("minimum.train"),
            message: problem.to_owned(),
            hint,
        })
    }
}
