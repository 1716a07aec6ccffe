//! SGD itself, with another sampling or in another precision than the study's.

use super::{AtMinimum, BuildError, Built, Kind, Options, on_model};
use crate::dynamics::{AnyDynamics, LaneSgd, MlpSgd, RowSgd, Sgd};
use crate::problem::VectorForm;
use crate::random::Gaussian;
use crate::{Precision, Sampling, SgdSettings};

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
            Precision::Float64 => in_vectors::<f64>(at, sgd)?,
            Precision::Float32 => Some(in_vectors::<f32>(at, sgd)?.ok_or(BuildError::Precision)?),
        };
        Ok(Built::chain(match vectors {
            Some(dynamics) => dynamics,
            None => on_model!(at.problem, |model| AnyDynamics::new(Sgd::new(model, sgd)?)),
        }))
    }
}

/// The layout in vectors, where problem and sampling have one: that of [`with_sgd`](crate::dynamics::with_sgd).
fn in_vectors<'a, R: Gaussian>(at: &'a AtMinimum<'a>, sgd: SgdSettings) -> Result<Option<AnyDynamics<'a>>, BuildError> {
    let SgdSettings { learning_rate: eta, batch_size: b, sampling } = sgd;
    let plain = sampling == Sampling::WithReplacement;
    Ok(match at.problem.vector_form() {
        Some(VectorForm::LinearRegression(model)) if plain => {
            Some(AnyDynamics::new(RowSgd::<R, _>::new(model, eta, b)?))
        }
        Some(VectorForm::PhaseRetrieval(model)) if plain => Some(AnyDynamics::new(RowSgd::<R, _>::new(model, eta, b)?)),
        Some(VectorForm::Sinusoid(model)) if plain => Some(AnyDynamics::new(LaneSgd::<R, _>::new(model, eta, b)?)),
        Some(VectorForm::Mlp(model)) => Some(AnyDynamics::new(MlpSgd::<R>::new(model, sgd)?)),
        _ => None,
    })
}
