//! Gradient-noise covariance and the decoupling test.
