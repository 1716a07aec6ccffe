//! SGD itself, with another sampling or in another precision than the study's.

use super::{AtMinimum, BuildError, Built, Kind, Options, on_model};
use crate::engine::{AnyDynamics, Sgd};
use crate::{Precision, SgdSettings};

pub(super) struct Plain;

impl Kind for Plain {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn equation(&self) -> &'static str {
        "θ ← θ − η g_B"
    }

    fn reference(&self) -> &'static str {
        "Robbins, Monro 1951"
    }

    fn options(&self) -> &'static [&'static str] {
        &["sampling", "precision"]
    }

    fn build<'a>(&self, at: &'a AtMinimum<'a>, sgd: SgdSettings, options: &Options) -> Result<Built<'a>, BuildError> {
        let sgd = options.sampled(sgd);
        let precision = options.precision.unwrap_or(at.precision);
        let vectors = match precision {
            Precision::Float64 => AnyDynamics::vector_sgd::<f64>(at.problem, sgd)?,
            Precision::Float32 => Some(AnyDynamics::vector_sgd::<f32>(at.problem, sgd)?.ok_or(BuildError::Precision)?),
        };
        Ok(Built::chain(match vectors {
            Some(dynamics) => dynamics,
            None => on_model!(at.problem, |model| AnyDynamics::new(Sgd::new(model, sgd)?)),
        }))
    }
}
