//! Adam and AdamW, whose steps are scaled by past gradients.

use super::{AtMinimum, BuildError, Built, Kind, Options};
use crate::engine::{AnyDynamics, Optimised, SgdError};
use crate::problem::{Visitor, visit};
use crate::training::{AdamOptions, Optimiser};
use crate::{Problem, SgdSettings};

/// One of the two.
pub(super) struct Adaptive {
    name: &'static str,
    equation: &'static str,
    reference: &'static str,
    usual: AdamOptions,
    optimiser: fn(AdamOptions) -> Optimiser,
}

pub(super) static ADAM: Adaptive = Adaptive {
    name: "adam",
    equation: "m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², θ ← θ − η m̂/(√v̂ + ε), g = g_B + λθ",
    reference: "Kingma, Ba 2015",
    usual: AdamOptions::ADAM,
    optimiser: Optimiser::Adam,
};

pub(super) static ADAMW: Adaptive = Adaptive {
    name: "adamw",
    equation: "m ← β₁m + (1 − β₁)g_B, v ← β₂v + (1 − β₂)g_B², θ ← θ − η (m̂/(√v̂ + ε) + λθ)",
    reference: "Loshchilov, Hutter 2019",
    usual: AdamOptions::ADAMW,
    optimiser: Optimiser::AdamW,
};

impl Kind for Adaptive {
    fn name(&self) -> &'static str {
        self.name
    }

    fn equation(&self) -> &'static str {
        self.equation
    }

    fn reference(&self) -> &'static str {
        self.reference
    }

    fn question(&self) -> &'static str {
        "what do steps scaled by past gradients change? No theory of escape is about them"
    }

    fn options(&self) -> &'static [&'static str] {
        &["betas", "epsilon", "weight_decay", "sampling"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let optimiser = (self.optimiser)(AdamOptions {
            betas: options.betas.unwrap_or(self.usual.betas),
            epsilon: options.epsilon.unwrap_or(self.usual.epsilon),
            weight_decay: options.weight_decay.unwrap_or(self.usual.weight_decay),
        });
        Ok(Built::chain(visit(at.problem, Chain { sgd: options.sampled(sgd), optimiser })?))
    }
}

struct Chain {
    sgd: SgdSettings,
    optimiser: Optimiser,
}

impl<'a> Visitor<'a> for Chain {
    type Output = Result<AnyDynamics<'a>, SgdError>;

    fn general<P: Problem + ?Sized>(self, problem: &'a P) -> Self::Output {
        Ok(AnyDynamics::new(Optimised::new(problem, self.sgd, self.optimiser)?))
    }
}
