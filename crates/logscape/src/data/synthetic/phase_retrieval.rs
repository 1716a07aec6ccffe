//! Squares of projections on an unknown direction.

use serde::{Deserialize, Serialize};

use crate::data::DataError;

use super::draw::{Draw, Stream, Synthetic, dot};

/// Settings of [`phase_retrieval`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseRetrieval {
    /// Number of samples `N`.
    pub samples: usize,
    /// Number of inputs `d`.
    pub dim: usize,
    /// Standard deviation `σ` of the label noise.
    pub noise: f64,
}

/// Phase retrieval: `y = (θ*·x)² + σξ` with `x ~ N(0, I)` and `θ*` uniform on the unit sphere. The teacher is `θ*`; its
/// sign cannot be recovered.
///
/// # Errors
///
/// [`DataError::Parameter`] for a setting out of range.
pub fn phase_retrieval(settings: &PhaseRetrieval, seed: u64) -> Result<Synthetic, DataError> {
    let draw = Draw::new("phase retrieval", seed, settings.samples, settings.noise)?;
    draw.size("dim", settings.dim)?;
    draw.fits(settings.dim, 1, settings.dim)?;
    let mut teacher = draw.gaussian(Stream::Teacher, settings.dim);
    let norm = dot(&teacher, &teacher).sqrt();
    for θ in &mut teacher {
        *θ /= norm;
    }
    let inputs = draw.gaussian(Stream::Inputs, settings.samples * settings.dim);
    let θ = teacher.clone();
    draw.taught(inputs, settings.dim, 1, teacher, |x, y| y[0] = dot(&θ, x).powi(2))
}
