//! The SDE with the covariance that the gradient has at every `θ`.

use super::{AtMinimum, BuildError, Built, Kind, Options, diffusion, on_landscape};
use crate::SgdSettings;
use crate::engine::sde::{EulerMaruyama, MeasuredNoise};

pub(super) struct Measured;

impl Kind for Measured {
    fn name(&self) -> &'static str {
        "measured-noise-sde"
    }

    fn equation(&self) -> &'static str {
        "dθ = −∇L dt + √(ηC(θ)/B) dW"
    }

    fn reference(&self) -> &'static str {
        "Mandt, Hoffman, Blei 2017; Li, Tai, E 2017"
    }

    fn options(&self) -> &'static [&'static str] {
        &["dt", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let dt = options.dt(&sgd);
        let dynamics = on_landscape!(at, options, |landscape: R| {
            diffusion::<R, _, _>(MeasuredNoise::new(landscape, &sgd)?, EulerMaruyama, dt)?
        });
        Ok(Built::in_time(dynamics, dt, &sgd))
    }
}
