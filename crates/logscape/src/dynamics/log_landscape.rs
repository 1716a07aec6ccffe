//! The SDE on the logarithm of the loss, in the time `τ`.

use super::equation::{Equation, additive, diffusion, on_landscape, strength};
use super::{AtMinimum, BuildError, Built, Kind, Options, SchemeName};
use crate::SgdSettings;
use crate::engine::AnyDynamics;
use crate::engine::sde::{AdaptiveEuler, AnyLandscape, LogLandscape};
use crate::random::Gaussian;

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

    fn question(&self) -> &'static str {
        "is it the same in the other time? `t` and `τ` are both measured"
    }

    fn options(&self) -> &'static [&'static str] {
        &["dt", "scheme", "noise_strength", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        if at.geometry.interpolating.is_some() {
            return Err(BuildError::Interpolating("so that the logarithm of its loss has no minimum"));
        }
        let (dt, strength) = (options.dt(&sgd), strength(at, &sgd, options)?);
        let longest = (options.scheme == Some(SchemeName::AdaptiveEuler)).then_some(dt);
        let step = at.geometry.loss * dt * if longest.is_some() { CUT } else { 1.0 };
        let equation = Logarithmic { at, strength, step, longest, options };
        let dynamics = on_landscape(at, options, equation)?;
        Ok(Built { dynamics, step, steps_per_sgd_step: sgd.learning_rate * at.geometry.loss / step })
    }
}

struct Logarithmic<'b> {
    at: &'b AtMinimum<'b>,
    strength: f64,
    /// Step in `τ`.
    step: f64,
    /// The longest step in `t` of the adaptive scheme, where that is asked for.
    longest: Option<f64>,
    options: &'b Options,
}

impl<'a> Equation<'a> for Logarithmic<'_> {
    fn on<R: Gaussian>(self, landscape: AnyLandscape<'a, R>) -> Result<AnyDynamics<'a>, BuildError> {
        let sde = LogLandscape::new(landscape, self.at.hessian_factor()?.rounded(), self.strength)?;
        match self.longest {
            Some(longest) => diffusion::<R, _, _>(sde, AdaptiveEuler { longest }, self.step),
            None => additive::<R, _>(sde, self.options, self.step),
        }
    }
}
