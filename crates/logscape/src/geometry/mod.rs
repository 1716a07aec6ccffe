//! Measuring a minimum: its spectrum and outliers, gradient-noise covariance, and the decoupling test.

mod bootstrap;
mod classes;
mod decoupling;
mod effective;
mod jacobians;
mod leverage;
mod measure;
mod moments;
mod places;
mod sharpness;
mod spectrum;
mod subspace;
#[cfg(test)]
mod tests;

pub use measure::{GeometryConfig, GeometryError, GeometryProgress, measure, measure_telling};
pub use spectrum::{OutlierRule, Spectrum, SpectrumConfig, complete_spectrum, outliers, partial_spectrum, spectrum};
