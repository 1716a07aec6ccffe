//! A sine of unknown frequency.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::data::DataError;

use super::draw::{Draw, Stream, Synthetic};

/// Settings of [`sinusoid`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sinusoid {
    /// Number of samples `N`.
    pub samples: usize,
    /// Left end `a` of the interval of inputs.
    pub from: f64,
    /// Right end `b` of the interval of inputs.
    pub to: f64,
    /// Angular frequency `ω`.
    pub frequency: f64,
    /// Standard deviation `σ` of the label noise.
    pub noise: f64,
}

/// A sine of unknown frequency: `y = sin(ωx) + σξ` with `x` uniform on `[a, b)`. The teacher is `ω`.
///
/// # Errors
///
/// [`DataError::Parameter`] for a setting out of range.
pub fn sinusoid(settings: &Sinusoid, seed: u64) -> Result<Synthetic, DataError> {
    let draw = Draw::new("sinusoid", seed, settings.samples, settings.noise)?;
    let width = settings.to - settings.from;
    if !(width.is_finite() && width > 0.0) {
        let wanted = format!("a finite number above `from`, {}", settings.from);
        return Err(DataError::parameter(draw.name, "to", &settings.to, &wanted));
    }
    if !settings.frequency.is_finite() {
        return Err(DataError::parameter(draw.name, "frequency", &settings.frequency, "a finite number"));
    }
    draw.fits(1, 1, 1)?;
    let mut rng = draw.rng(Stream::Inputs);
    let inputs = (0..settings.samples).map(|_| settings.from + width * rng.random::<f64>()).collect();
    draw.taught(inputs, 1, 1, vec![settings.frequency], |x, y| y[0] = (settings.frequency * x[0]).sin())
}
