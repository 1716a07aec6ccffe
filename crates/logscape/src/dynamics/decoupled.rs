//! The SDE of the mean-square loss, with noise in proportion to the loss.

use super::equation::{Equation, diffusion, on_landscape, strength};
use super::{AtMinimum, BuildError, Built, Kind, Options, SchemeName};
use crate::SgdSettings;
use crate::engine::AnyDynamics;
use crate::engine::sde::{AnyLandscape, DecoupledNoise, EulerMaruyama, Milstein, Platen};
use crate::random::Gaussian;

pub(super) struct InTime;

impl Kind for InTime {
    fn name(&self) -> &'static str {
        "decoupled-noise-sde"
    }

    fn equation(&self) -> &'static str {
        "dθ = −∇L dt + √(2ηsL(θ)H*/B) dW"
    }

    fn reference(&self) -> &'static str {
        "Mori, Ziyin, Liu, Ueda 2022"
    }

    fn question(&self) -> &'static str {
        "does noise follow the loss?"
    }

    fn options(&self) -> &'static [&'static str] {
        &["dt", "scheme", "noise_strength", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (dt, scheme) = (options.dt(&sgd), options.scheme.unwrap_or(SchemeName::EulerMaruyama));
        let equation = Decoupled { at, strength: strength(at, &sgd, options)?, scheme, dt };
        Ok(Built::in_time(on_landscape(at, options, equation)?, dt, &sgd))
    }
}

struct Decoupled<'b> {
    at: &'b AtMinimum<'b>,
    strength: f64,
    scheme: SchemeName,
    dt: f64,
}

impl<'a> Equation<'a> for Decoupled<'_> {
    fn on<R: Gaussian>(self, landscape: AnyLandscape<'a, R>) -> Result<AnyDynamics<'a>, BuildError> {
        let sde = DecoupledNoise::new(landscape, self.at.hessian_factor()?.rounded(), self.strength)?;
        match self.scheme {
            SchemeName::EulerMaruyama => diffusion::<R, _, _>(sde, EulerMaruyama, self.dt),
            SchemeName::Milstein => diffusion::<R, _, _>(sde, Milstein, self.dt),
            SchemeName::Platen => diffusion::<R, _, _>(sde, Platen, self.dt),
            SchemeName::AdaptiveEuler => Err(BuildError::Scheme("euler-maruyama, milstein and platen")),
        }
    }
}
