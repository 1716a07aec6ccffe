//! SGD with Gaussian noise of a temperature.

use super::{AtMinimum, BuildError, Built, Kind, Options};
use crate::engine::{AnyDynamics, SgdError, Sgld};
use crate::problem::{Visitor, visit};
use crate::{Problem, SgdSettings};

pub(super) struct Langevin;

impl Kind for Langevin {
    fn name(&self) -> &'static str {
        "sgld"
    }

    fn equation(&self) -> &'static str {
        "θ ← θ − η g_B + √(2ηT) ξ"
    }

    fn reference(&self) -> &'static str {
        "Welling, Teh 2011"
    }

    fn question(&self) -> &'static str {
        "what does thermal noise add to that of batches?"
    }

    fn options(&self) -> &'static [&'static str] {
        &["temperature", "sampling"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let chain = Chain { sgd: options.sampled(sgd), temperature: options.temperature()? };
        Ok(Built::chain(visit(at.problem, chain)?))
    }
}

struct Chain {
    sgd: SgdSettings,
    temperature: f64,
}

impl<'a> Visitor<'a> for Chain {
    type Output = Result<AnyDynamics<'a>, SgdError>;

    fn general<P: Problem + ?Sized>(self, problem: &'a P) -> Self::Output {
        Ok(AnyDynamics::new(Sgld::new(problem, self.sgd, self.temperature)?))
    }
}
