//! Activation functions with their first two derivatives, and the laws of initial weights.

use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;

use crate::lanes::Real;

/// `√(2/π)`
const GELU_SCALE: f64 = 0.797_884_560_802_865_4;
const GELU_CUBIC: f64 = 0.044_715;

/// The function `σ` of every hidden unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `σ(z) = tanh z`
    Tanh,
    /// `σ(z) = max(z, 0)`, with `σ'(0) = 0` and `σ'' = 0`
    Relu,
    /// `σ(z) = z Φ(z) = ½ z (1 + erf(z/√2))` (Hendrycks, Gimpel 2016)
    Gelu,
    /// `σ(z) = ½ z (1 + tanh(√(2/π) (z + 0.044715 z³)))`, which approximates [`Gelu`](Self::Gelu) within 5·10⁻⁴
    GeluTanh,
    /// `σ(z) = z`
    Identity,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Tanh, Self::Relu, Self::Gelu, Self::GeluTanh, Self::Identity];

    /// `σ(z)` and `σ'(z)`.
    #[inline]
    pub fn value_and_slope(self, z: f64) -> (f64, f64) {
        match self {
            Self::Tanh => {
                let value = z.tanh();
                (value, 1.0 - value * value)
            }
            Self::Relu if z > 0.0 => (z, 1.0),
            Self::Relu => (0.0, 0.0),
            Self::Gelu => Self::gelu(z),
            Self::GeluTanh => {
                let (gate, slope, _) = tanh_gate(z);
                (0.5 * z * (1.0 + gate), 0.5 * (1.0 + gate + z * slope))
            }
            Self::Identity => (z, 1.0),
        }
    }

    /// `tanh z` and its slope, in lanes.
    #[inline(always)]
    pub(super) fn tanh<R: Real>(z: R) -> (R, R) {
        let value = z.tanh();
        (value, (-value).mul_add(value, R::ONE))
    }

    /// `max(z, 0)` and its slope, in lanes.
    #[inline(always)]
    pub(super) fn relu<R: Real>(z: R) -> (R, R) {
        if z > R::ZERO { (z, R::ONE) } else { (R::ZERO, R::ZERO) }
    }

    /// [`Gelu`](Self::Gelu) and its slope, in lanes.
    #[inline(always)]
    pub(super) fn gelu<R: Real>(z: R) -> (R, R) {
        let (gate, density) = z.normal();
        (z * gate, z.mul_add(density, gate))
    }

    /// [`GeluTanh`](Self::GeluTanh) and its slope, in lanes.
    #[inline(always)]
    pub(super) fn gelu_tanh<R: Real>(z: R) -> (R, R) {
        let [half, scale, cubic] = [0.5, GELU_SCALE, GELU_CUBIC].map(R::from_f64);
        let cube = cubic * z * z;
        let gate = (scale * z.mul_add(cube, z)).tanh();
        let slope = (-gate).mul_add(gate, R::ONE) * scale * R::from_f64(3.0).mul_add(cube, R::ONE);
        (half * z * (R::ONE + gate), half * z.mul_add(slope, R::ONE + gate))
    }

    /// `σ''(z)`.
    #[inline]
    pub fn curvature(self, z: f64) -> f64 {
        match self {
            Self::Tanh => {
                let (value, slope) = self.value_and_slope(z);
                self.curvature_at(z, value, slope)
            }
            Self::Relu | Self::Identity => 0.0,
            Self::Gelu => (2.0 - z * z) * (-0.5 * z * z).exp() / TAU.sqrt(),
            Self::GeluTanh => {
                let (_, slope, curvature) = tanh_gate(z);
                slope + 0.5 * z * curvature
            }
        }
    }

    /// [`curvature`](Self::curvature) where `σ(z)` and `σ'(z)` are known, which may spare their evaluation.
    #[inline]
    pub(super) fn curvature_at(self, z: f64, value: f64, slope: f64) -> f64 {
        if self == Self::Tanh { -2.0 * value * slope } else { self.curvature(z) }
    }
}

/// `tanh(√(2/π) (z + 0.044715 z³))` and its first two derivatives.
#[inline]
fn tanh_gate(z: f64) -> (f64, f64, f64) {
    let gate = (GELU_SCALE * (z + GELU_CUBIC * z * z * z)).tanh();
    let rise = 1.0 - gate * gate;
    let inner = GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * z * z);
    (gate, rise * inner, rise * (6.0 * GELU_SCALE * GELU_CUBIC * z - 2.0 * gate * inner * inner))
}

/// The standard deviation of a layer's normally distributed initial weights; biases start at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initialisation {
    /// `√(2 / (inputs + outputs))`
    Glorot,
    /// `√(1 / inputs)`
    Lecun,
    /// `√(2 / inputs)`
    He,
}

impl Initialisation {
    /// The standard deviation for a layer with so many inputs and outputs.
    pub fn standard_deviation(self, inputs: usize, outputs: usize) -> f64 {
        match self {
            Self::Glorot => (2.0 / (inputs + outputs) as f64).sqrt(),
            Self::Lecun => (1.0 / inputs as f64).sqrt(),
            Self::He => (2.0 / inputs as f64).sqrt(),
        }
    }
}
