//! The SDE with the noise that the gradient has at the minimum.

use super::equation::{Equation, additive, on_landscape};
use super::{AtMinimum, BuildError, Built, Kind, Options};
use crate::SgdSettings;
use crate::engine::AnyDynamics;
use crate::engine::sde::{AnyLandscape, ConstantNoise};
use crate::random::Gaussian;

pub(super) struct Frozen;

impl Kind for Frozen {
    fn name(&self) -> &'static str {
        "frozen-noise-sde"
    }

    fn equation(&self) -> &'static str {
        "dθ = −∇L dt + √(ηC(θ*)/B) dW"
    }

    fn reference(&self) -> &'static str {
        "Mandt, Hoffman, Blei 2017"
    }

    fn question(&self) -> &'static str {
        "does the growth of the noise matter?"
    }

    fn options(&self) -> &'static [&'static str] {
        &["dt", "scheme", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let equation = Constant { at, sgd, options };
        Ok(Built::in_time(on_landscape(at, options, equation)?, options.dt(&sgd), &sgd))
    }
}

struct Constant<'b> {
    at: &'b AtMinimum<'b>,
    sgd: SgdSettings,
    options: &'b Options,
}

impl<'a> Equation<'a> for Constant<'_> {
    fn on<R: Gaussian>(self, landscape: AnyLandscape<'a, R>) -> Result<AnyDynamics<'a>, BuildError> {
        let noise = self.at.noise_factor()?;
        let sde = ConstantNoise::frozen(landscape, noise.rounded(), &self.sgd, self.at.problem.samples())?;
        additive::<R, _>(sde, self.options, self.options.dt(&self.sgd))
    }
}
