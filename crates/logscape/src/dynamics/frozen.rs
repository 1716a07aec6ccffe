//! The SDE with the noise that the gradient has at the minimum.

use super::{AtMinimum, BuildError, Built, Kind, Options, additive, on_landscape};
use crate::SgdSettings;
use crate::engine::sde::ConstantNoise;

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
        &["dt", "scheme", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (dt, samples) = (options.dt(&sgd), at.problem.samples());
        let dynamics = on_landscape!(at, options, |landscape: R| {
            additive::<R, _>(
                ConstantNoise::frozen(landscape, at.noise_factor()?.rounded(), &sgd, samples)?,
                options,
                dt,
            )?
        });
        Ok(Built::in_time(dynamics, dt, &sgd))
    }
}
