//! Langevin dynamics, whose stationary law is that of Gibbs.

use super::equation::{Equation, additive, on_landscape};
use super::{AtMinimum, BuildError, Built, Kind, Options};
use crate::SgdSettings;
use crate::engine::AnyDynamics;
use crate::engine::sde::{AnyLandscape, ConstantNoise};
use crate::random::Gaussian;

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

    fn question(&self) -> &'static str {
        "what would a heat bath do?"
    }

    fn options(&self) -> &'static [&'static str] {
        &["temperature", "dt", "scheme", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (dt, temperature) = (options.dt(&sgd), options.temperature()?);
        let dynamics = on_landscape(at, options, Thermal { temperature, dt, options })?;
        Ok(Built::in_time(dynamics, dt, &sgd))
    }
}

struct Thermal<'b> {
    temperature: f64,
    dt: f64,
    options: &'b Options,
}

impl<'a> Equation<'a> for Thermal<'_> {
    fn on<R: Gaussian>(self, landscape: AnyLandscape<'a, R>) -> Result<AnyDynamics<'a>, BuildError> {
        additive::<R, _>(ConstantNoise::langevin(landscape, self.temperature)?, self.options, self.dt)
    }
}
