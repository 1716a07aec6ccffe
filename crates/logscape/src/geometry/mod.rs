//! Measuring a minimum: its spectrum and outliers, gradient-noise covariance, and the decoupling test.

mod bootstrap;
mod decoupling;
mod measure;
mod moments;
mod spectrum;
#[cfg(test)]
mod tests;

pub use measure::{GeometryConfig, GeometryError, measure};
pub use spectrum::{OutlierRule, Spectrum, SpectrumConfig, outliers, spectrum};
