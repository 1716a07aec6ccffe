//! The modified equation of second order, with measured noise.

use super::equation::{Equation, diffusion, on_landscape};
use super::{AtMinimum, BuildError, Built, Kind, Options};
use crate::SgdSettings;
use crate::engine::AnyDynamics;
use crate::engine::sde::{AnyLandscape, EulerMaruyama, MeasuredNoise, SecondOrder};
use crate::random::Gaussian;

pub(super) struct SecondOrderMeasured;

impl Kind for SecondOrderMeasured {
    fn name(&self) -> &'static str {
        "second-order-sde"
    }

    fn equation(&self) -> &'static str {
        "dθ = −∇(L + (η/4)‖∇L‖²) dt + √(ηC(θ)/B) dW"
    }

    fn reference(&self) -> &'static str {
        "Li, Tai, E 2017"
    }

    fn question(&self) -> &'static str {
        "does the finite step matter?"
    }

    fn options(&self) -> &'static [&'static str] {
        &["dt", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let dt = options.dt(&sgd);
        Ok(Built::in_time(on_landscape(at, options, Modified { sgd, dt })?, dt, &sgd))
    }
}

struct Modified {
    sgd: SgdSettings,
    dt: f64,
}

impl<'a> Equation<'a> for Modified {
    fn on<R: Gaussian>(self, landscape: AnyLandscape<'a, R>) -> Result<AnyDynamics<'a>, BuildError> {
        let first = MeasuredNoise::new(landscape, &self.sgd)?;
        diffusion::<R, _, _>(SecondOrder::new(first, self.sgd.learning_rate)?, EulerMaruyama, self.dt)
    }
}
