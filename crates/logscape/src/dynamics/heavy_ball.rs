//! SGD with momentum and weight decay.

use super::{AtMinimum, BuildError, Built, Kind, Options, on_model};
use crate::SgdSettings;
use crate::engine::{AnyDynamics, HeavyBall};

pub(super) struct Momentum;

impl Kind for Momentum {
    fn name(&self) -> &'static str {
        "heavy-ball"
    }

    fn equation(&self) -> &'static str {
        "v ← βv + g_B + λθ, θ ← θ − ηv"
    }

    fn reference(&self) -> &'static str {
        "Polyak 1964"
    }

    fn options(&self) -> &'static [&'static str] {
        &["momentum", "weight_decay", "sampling"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (momentum, decay) = (options.momentum.unwrap_or(0.9), options.weight_decay.unwrap_or(0.0));
        let sgd = options.sampled(sgd);
        Ok(Built::chain(on_model!(at.problem, |model| {
            AnyDynamics::new(HeavyBall::new(model, sgd, momentum, decay)?)
        })))
    }
}
