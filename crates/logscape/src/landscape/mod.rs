//! Minima, saddles and barriers of a problem.

pub mod line;
mod minimum;
pub mod saddle;

pub use line::{BarrierConfig, BarrierError, Side, interval, loss_level, saddles};
pub use minimum::{MinimumConfig, MinimumError, find_minimum};
pub use saddle::{
    Attempt, AttemptEnd, Certificate, FarSide, Saddle, SaddleConfig, SaddleError, SaddleSearch, between, find_saddles,
    ways_out,
};
