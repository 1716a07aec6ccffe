//! SGD with Gaussian noise of a temperature.

use super::{AtMinimum, BuildError, Built, Kind, Options, on_model};
use crate::SgdSettings;
use crate::engine::{AnyDynamics, Sgld};

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

    fn options(&self) -> &'static [&'static str] {
        &["temperature", "sampling"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (temperature, sgd) = (options.temperature()?, options.sampled(sgd));
        Ok(Built::chain(on_model!(at.problem, |model| AnyDynamics::new(Sgld::new(model, sgd, temperature)?))))
    }
}
