//! The SDE on the logarithm of the loss, in the time `τ`.

use super::{AtMinimum, BuildError, Built, Kind, Options, SchemeName, additive, diffusion, on_landscape, strength};
use crate::SgdSettings;
use crate::engine::sde::{AdaptiveEuler, LogLandscape};

/// Lengths `L* dt` in a step of the adaptive scheme, which cuts it where the clock `t` runs fast.
const CUT: f64 = 10.0;

pub(super) struct InLandscapeTime;

impl Kind for InLandscapeTime {
    fn name(&self) -> &'static str {
        "log-landscape-sde"
    }

    fn equation(&self) -> &'static str {
        "dθ = −(∇L/L) dτ + √(2ηsH*/B) dW, dτ = L dt"
    }

    fn reference(&self) -> &'static str {
        "Mori, Ziyin, Liu, Ueda 2022"
    }

    fn options(&self) -> &'static [&'static str] {
        &["dt", "scheme", "noise_strength", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let (dt, strength) = (options.dt(&sgd), strength(at, &sgd, options));
        let adaptive = options.scheme == Some(SchemeName::AdaptiveEuler);
        let step = at.geometry.loss * dt * if adaptive { CUT } else { 1.0 };
        let dynamics = on_landscape!(at, options, |landscape: R| {
            let sde = LogLandscape::new(landscape, at.hessian_factor()?.rounded(), strength)?;
            if adaptive {
                diffusion::<R, _, _>(sde, AdaptiveEuler { longest: dt }, step)?
            } else {
                additive::<R, _>(sde, options, step)?
            }
        });
        Ok(Built { dynamics, step, steps_per_sgd_step: sgd.learning_rate * at.geometry.loss / step })
    }
}
