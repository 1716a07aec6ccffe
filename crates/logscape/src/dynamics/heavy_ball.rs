//! SGD with momentum and weight decay.

use super::{AtMinimum, BuildError, Built, Kind, Options};
use crate::engine::{AnyDynamics, HeavyBall, SgdError};
use crate::problem::{Visitor, visit};
use crate::{Problem, SgdSettings};

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

    fn question(&self) -> &'static str {
        "what do momentum and decay change?"
    }

    fn options(&self) -> &'static [&'static str] {
        &["momentum", "weight_decay", "sampling"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (momentum, decay) = (options.momentum.unwrap_or(0.9), options.weight_decay.unwrap_or(0.0));
        let chain = Chain { sgd: options.sampled(sgd), momentum, decay };
        Ok(Built::chain(visit(at.problem, chain)?))
    }
}

struct Chain {
    sgd: SgdSettings,
    momentum: f64,
    decay: f64,
}

impl<'a> Visitor<'a> for Chain {
    type Output = Result<AnyDynamics<'a>, SgdError>;

    fn general<P: Problem + ?Sized>(self, problem: &'a P) -> Self::Output {
        Ok(AnyDynamics::new(HeavyBall::new(problem, self.sgd, self.momentum, self.decay)?))
    }
}
