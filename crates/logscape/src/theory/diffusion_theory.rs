//! The diffusion theory of Xie, Sato and Sugiyama: noise at the minimum and at the saddle, weighed by a path parameter.

use super::exponent::{exits, exponent_checks};
use super::{Assumption, Prediction, Theory, ln_sum, regime_checks};
use crate::{Barrier, Geometry, SgdSettings};
use std::f64::consts::TAU;

/// `κ = (|h_e^s|/2π) exp[−(2BΔL/η)(ξ/C_e* + (1−ξ)/C_e^s)]` per unit `t`, with the measured one-sample noise `C_e` at both
/// ends (as published `C_e* = h_e*` and `C_e^s = |h_e^s|`).
#[derive(Debug, Clone, Copy)]
pub struct DiffusionTheory {
    /// Path parameter `ξ` between 0 (the saddle's noise) and 1 (the minimum's).
    pub xi: f64,
}

/// What it rests on.
const ASSUMED: [Assumption; 4] =
    [Assumption::SmallSteps, Assumption::SmallSamples, Assumption::EqualOutliers, Assumption::ProportionalNoise];

impl Theory for DiffusionTheory {
    fn name(&self) -> &'static str {
        "diffusion-theory"
    }

    fn reference(&self) -> &'static str {
        "Xie, Sato, Sugiyama 2021"
    }

    fn formula(&self) -> &'static str {
        "κ = (|h^s|/2π) e^{−(2BΔL/η)(ξ/C* + (1−ξ)/C^s)}"
    }

    fn regime(&self) -> &'static str {
        "as Kramers, with noise between that of minimum and saddle, `ξ` to be chosen; saddles"
    }

    fn predict(&self, geometry: &Geometry, barrier: &Barrier, sgd: &SgdSettings) -> Prediction {
        if let Some(none) = Prediction::where_interpolating(self, geometry, barrier, sgd) {
            return none;
        }
        let batch = sgd.effective_batch_size(geometry.samples);
        let ln_rate = match barrier {
            Barrier::Saddles { ways_out, .. } => Ok(ln_sum(ways_out.iter().map(|way| {
                let inverse_noise = self.xi / way.noise_minimum + (1.0 - self.xi) / way.noise_saddle;
                (-way.curvature_saddle / TAU).ln()
                    - 2.0 * batch * (way.loss - geometry.loss) / sgd.learning_rate * inverse_noise
            }))),
            Barrier::Other { reason } => Err(reason.clone()),
            Barrier::Interval { .. } | Barrier::Level { .. } => {
                Err("the formula needs a saddle: its prefactor is the saddle's curvature".to_owned())
            }
        };
        let mut warnings = regime_checks(geometry, sgd, &ASSUMED);
        warnings.extend(exponent_checks(&exits(geometry, barrier, sgd), true, |exit| exit.weighed(self.xi)));
        Prediction::from_rate(self, ln_rate, barrier, warnings, sgd)
    }
}
