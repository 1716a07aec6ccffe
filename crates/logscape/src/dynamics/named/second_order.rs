//! The modified equation of second order, with measured noise.

use super::{AtMinimum, BuildError, Built, Kind, Options, diffusion};
use crate::SgdSettings;
use crate::dynamics::sde::{EachReplica, EulerMaruyama, MeasuredNoise, SecondOrder};

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
        &["dt"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let dt = options.dt(&sgd);
        let first = MeasuredNoise::<f64, _>::new(EachReplica(at.problem), &sgd)?;
        let dynamics = diffusion(SecondOrder::new(first, sgd.learning_rate)?, EulerMaruyama, dt)?;
        Ok(Built::in_time(dynamics, dt, &sgd))
    }
}
