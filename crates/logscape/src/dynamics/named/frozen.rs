//! The SDE with the noise that the gradient has at the minimum.

use super::{AtMinimum, BuildError, Built, Kind, Options, additive, on_landscape};
use crate::SgdSettings;
use crate::dynamics::sde::ConstantNoise;

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

    fn options(&self) -> &'static [&'static str] {
        &["dt", "scheme"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (dt, covariance) = (options.dt(&sgd), at.noise_factor()?);
        let samples = at.problem.samples();
        let dynamics = on_landscape!(at.problem, |landscape| {
            additive(ConstantNoise::frozen(landscape, covariance, &sgd, samples)?, options, dt)?
        });
        Ok(Built::in_time(dynamics, dt, &sgd))
    }
}
