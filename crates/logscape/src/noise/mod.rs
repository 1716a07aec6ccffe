//! Gradient-noise covariance and the decoupling test.

pub mod bootstrap;
pub mod cumulant;
pub mod decoupling;
mod measure;
mod model;
#[cfg(test)]
mod network_tests;

pub use measure::{GeometryConfig, GeometryError, measure};
pub use model::NoiseModel;
