//! Linear regression with a known teacher.

use serde::{Deserialize, Serialize};

use crate::data::DataError;

use super::draw::{Draw, Stream, Synthetic, dot};

/// Settings of [`linear_teacher`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearTeacher {
    /// Number of samples `N`.
    pub samples: usize,
    /// Eigenvalues of the input covariance, one per input, along the coordinate axes.
    pub spectrum: Vec<f64>,
    /// The parameters `θ*`, as many as eigenvalues.
    pub teacher: Vec<f64>,
    /// Standard deviation `σ` of the label noise.
    pub noise: f64,
}

/// Linear regression: `y = θ*·x + σξ` with `x ~ N(0, diag(spectrum))` and `ξ ~ N(0, 1)`. The teacher is `θ*`.
///
/// # Errors
///
/// [`DataError::Parameter`] for a setting out of range.
pub fn linear_teacher(settings: &LinearTeacher, seed: u64) -> Result<Synthetic, DataError> {
    let draw = Draw::new("linear teacher", seed, settings.samples, settings.noise)?;
    let dim = settings.spectrum.len();
    draw.size("spectrum", dim)?;
    draw.fits(dim, 1, dim)?;
    if settings.teacher.len() != dim || settings.teacher.iter().any(|θ| !θ.is_finite()) {
        let wanted = format!("{dim} finite numbers, as many as the spectrum has");
        return Err(DataError::parameter(draw.name, "teacher", &format!("{:?}", settings.teacher), &wanted));
    }
    if settings.spectrum.iter().any(|λ| !λ.is_finite() || *λ < 0.0) {
        let found = format!("{:?}", settings.spectrum);
        return Err(DataError::parameter(draw.name, "spectrum", &found, "finite numbers that are not negative"));
    }
    let mut inputs = draw.gaussian(Stream::Inputs, settings.samples * dim);
    for row in inputs.chunks_exact_mut(dim) {
        row.iter_mut().zip(&settings.spectrum).for_each(|(x, λ)| *x *= λ.sqrt());
    }
    draw.taught(inputs, dim, 1, settings.teacher.clone(), |x, y| y[0] = dot(&settings.teacher, x))
}
