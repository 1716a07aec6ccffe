//! The SDE of the mean-square loss, with noise in proportion to the loss.

use super::{AtMinimum, BuildError, Built, Kind, Options, SchemeName, diffusion, on_landscape, strength};
use crate::SgdSettings;
use crate::engine::sde::{DecoupledNoise, EulerMaruyama, Milstein, Platen};

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

    fn options(&self) -> &'static [&'static str] {
        &["dt", "scheme", "noise_strength", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (dt, strength) = (options.dt(&sgd), strength(at, &sgd, options));
        let dynamics = on_landscape!(at, options, |landscape: R| {
            let sde = DecoupledNoise::new(landscape, at.hessian_factor()?.rounded(), strength)?;
            match options.scheme.unwrap_or(SchemeName::EulerMaruyama) {
                SchemeName::EulerMaruyama => diffusion::<R, _, _>(sde, EulerMaruyama, dt)?,
                SchemeName::Milstein => diffusion::<R, _, _>(sde, Milstein, dt)?,
                SchemeName::Platen => diffusion::<R, _, _>(sde, Platen, dt)?,
                SchemeName::AdaptiveEuler => return Err(BuildError::Scheme("euler-maruyama, milstein and platen")),
            }
        });
        Ok(Built::in_time(dynamics, dt, &sgd))
    }
}
