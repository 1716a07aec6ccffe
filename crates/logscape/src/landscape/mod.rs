//! Minima, spectra and barriers of a problem.

pub mod barrier;
pub mod minimum;
mod newton;
pub mod spectrum;

pub use barrier::{BarrierConfig, BarrierError, Side, interval, loss_level, saddles};
pub use minimum::{Minimum, MinimumConfig, MinimumError, find_minimum, train};
pub use spectrum::{OutlierRule, Spectrum, SpectrumConfig, TRAILING, outliers, spectrum};
