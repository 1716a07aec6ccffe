//! What an SDE of SGD takes as the covariance of its one-sample noise away from the minimum.

/// What the SDE takes as its one-sample noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoiseModel {
    /// `C(θ*)` everywhere.
    Frozen,
    /// `C(θ*) L(θ)/L*`.
    Decoupled,
    /// `C(θ)`.
    Measured,
}
