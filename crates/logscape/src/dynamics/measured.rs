//! The SDE with the covariance that the gradient has at every `θ`.

use super::equation::{Equation, diffusion, on_landscape};
use super::{AtMinimum, BuildError, Built, Kind, Options};
use crate::SgdSettings;
use crate::engine::AnyDynamics;
use crate::engine::sde::{AnyLandscape, EulerMaruyama, MeasuredNoise};
use crate::random::Gaussian;

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

    fn question(&self) -> &'static str {
        "is SGD a diffusion?"
    }

    fn options(&self) -> &'static [&'static str] {
        &["dt", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let dt = options.dt(&sgd);
        Ok(Built::in_time(on_landscape(at, options, FirstOrder { sgd, dt })?, dt, &sgd))
    }
}

struct FirstOrder {
    sgd: SgdSettings,
    dt: f64,
}

impl<'a> Equation<'a> for FirstOrder {
    fn on<R: Gaussian>(self, landscape: AnyLandscape<'a, R>) -> Result<AnyDynamics<'a>, BuildError> {
        diffusion::<R, _, _>(MeasuredNoise::new(landscape, &self.sgd)?, EulerMaruyama, self.dt)
    }
}
