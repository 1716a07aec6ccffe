//! Gradient-noise covariance and the decoupling test.

pub mod bootstrap;
pub mod decoupling;
mod measure;

pub use measure::{GeometryConfig, GeometryError, measure};
