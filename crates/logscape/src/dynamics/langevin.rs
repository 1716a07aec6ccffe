//! Langevin dynamics, whose stationary law is that of Gibbs.

use super::{AtMinimum, BuildError, Built, Kind, Options, additive, on_landscape};
use crate::SgdSettings;
use crate::engine::sde::ConstantNoise;

pub(super) struct Gibbs;

impl Kind for Gibbs {
    fn name(&self) -> &'static str {
        "langevin-sde"
    }

    fn equation(&self) -> &'static str {
        "dθ = −∇L dt + √(2T) dW"
    }

    fn reference(&self) -> &'static str {
        "Langevin 1908; stationary law e^(−L/T)"
    }

    fn options(&self) -> &'static [&'static str] {
        &["temperature", "dt", "scheme", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (dt, temperature) = (options.dt(&sgd), options.temperature()?);
        let dynamics = on_landscape!(at, options, |landscape: R| {
            additive::<R, _>(ConstantNoise::langevin(landscape, temperature)?, options, dt)?
        });
        Ok(Built::in_time(dynamics, dt, &sgd))
    }
}
