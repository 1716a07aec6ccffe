//! Gradient-noise covariance and the decoupling test.

pub mod bootstrap;
pub mod decoupling;
mod measure;
#[cfg(test)]
mod network_tests;

pub use measure::{GeometryConfig, GeometryError, measure};
