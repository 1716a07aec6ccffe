//! The modified equation of second order, with measured noise.

use super::{AtMinimum, BuildError, Built, Kind, Options, diffusion, on_landscape};
use crate::SgdSettings;
use crate::engine::sde::{EulerMaruyama, MeasuredNoise, SecondOrder};

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

    fn options(&self) -> &'static [&'static str] {
        &["dt", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let dt = options.dt(&sgd);
        let dynamics = on_landscape!(at, options, |landscape: R| {
            let first = MeasuredNoise::new(landscape, &sgd)?;
            diffusion::<R, _, _>(SecondOrder::new(first, sgd.learning_rate)?, EulerMaruyama, dt)?
        });
        Ok(Built::in_time(dynamics, dt, &sgd))
    }
}
