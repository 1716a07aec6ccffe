//! Minima, spectra, saddles and barriers of a problem.

pub mod barrier;
mod certify;
mod flow;
mod instanton;
mod local;
pub mod minimum;
mod newton;
pub mod path;
pub mod saddle;
pub mod spectrum;
mod trust_region;
pub mod ways_out;

pub use barrier::{BarrierConfig, BarrierError, Side, interval, loss_level, saddles};
pub use minimum::{Minimum, MinimumConfig, MinimumError, find_minimum, train};
pub use path::between;
pub use saddle::{
    Attempt, AttemptEnd, Certificate, FarSide, Saddle, SaddleConfig, SaddleError, SaddleSearch, find_saddles,
};
pub use spectrum::{OutlierRule, Spectrum, SpectrumConfig, TRAILING, outliers, spectrum};
pub use ways_out::ways_out;
