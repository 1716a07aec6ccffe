//! Activation functions with their first two derivatives.

use serde::{Deserialize, Serialize};

use super::transform::{At, Direction, Float, Transform};
use crate::lanes::{LANES, Real, dispatch};

/// `√(2/π)`
const GELU_SCALE: f64 = 0.797_884_560_802_865_4;
const GELU_CUBIC: f64 = 0.044_715;

/// The slope of [`Activation::LeakyRelu`] below zero.
pub(super) const LEAK: f64 = 0.01;

/// The function `σ` of every unit.
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
    /// `σ(z) = max(z, z/100)`, with `σ'(0) = 1/100` and `σ'' = 0`
    LeakyRelu,
    /// `σ(z) = z s(z)` with the logistic function `s(z) = 1/(1 + e⁻ᶻ)` (Elfwing, Uchibe, Doya 2018)
    Silu,
    /// `σ(z) = s(z) = 1/(1 + e⁻ᶻ)`
    Sigmoid,
    /// `σ(z) = ln(1 + eᶻ)`
    Softplus,
    /// `σ(z) = z`
    Identity,
}

/// `$body` with `$function` for the function that computes `[σ(z), σ'(z), σ''(z)]`, which is compiled for each.
macro_rules! each_activation {
    ($activation:expr, $function:ident => $body:expr) => {
        each_activation!($activation, $function => $body;
            Tanh tanh, Relu relu, Gelu gelu, GeluTanh gelu_tanh, LeakyRelu leaky_relu, Silu silu, Sigmoid sigmoid,
            Softplus softplus, Identity identity)
    };
    ($activation:expr, $function:ident => $body:expr; $($kind:ident $of_kind:ident),*) => {
        match $activation {
            $($crate::network::Activation::$kind => {
                let $function = $crate::network::activation::$of_kind;
                $body
            })*
        }
    };
}
pub(crate) use each_activation;

impl Activation {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Tanh,
        Self::Relu,
        Self::Gelu,
        Self::GeluTanh,
        Self::LeakyRelu,
        Self::Silu,
        Self::Sigmoid,
        Self::Softplus,
        Self::Identity,
    ];

    /// `[σ(z), σ'(z), σ''(z)]`.
    #[inline]
    pub fn derivatives<R: Real>(self, z: R) -> [R; 3] {
        each_activation!(self, function => function(z))
    }

    /// Whether `σ'` jumps somewhere, so that second derivatives say nothing of the other side.
    pub fn has_kinks(self) -> bool {
        matches!(self, Self::Relu | Self::LeakyRelu)
    }

    /// Whether `σ''` is zero but at kinks.
    fn is_piecewise_linear(self) -> bool {
        self.has_kinks() || self == Self::Identity
    }
}

#[inline(always)]
pub(crate) fn tanh<R: Real>(z: R) -> [R; 3] {
    let value = z.tanh();
    let slope = (-value).mul_add(value, R::ONE);
    [value, slope, R::from_f64(-2.0) * value * slope]
}

#[inline(always)]
pub(crate) fn relu<R: Real>(z: R) -> [R; 3] {
    if z > R::ZERO { [z, R::ONE, R::ZERO] } else { [R::ZERO; 3] }
}

#[inline(always)]
pub(crate) fn gelu<R: Real>(z: R) -> [R; 3] {
    let (gate, density) = z.normal();
    [z * gate, z.mul_add(density, gate), density * (-z).mul_add(z, R::from_f64(2.0))]
}

#[inline(always)]
pub(crate) fn gelu_tanh<R: Real>(z: R) -> [R; 3] {
    let [half, scale, cubic, three, six] = [0.5, GELU_SCALE, GELU_CUBIC, 3.0, 6.0].map(R::from_f64);
    let cube = cubic * z * z;
    let gate = (scale * z.mul_add(cube, z)).tanh();
    let rise = (-gate).mul_add(gate, R::ONE);
    let inner = three.mul_add(cube, R::ONE) * scale;
    let slope = rise * inner;
    let curvature = rise * (six * scale * cubic * z) - (gate + gate) * slope * inner;
    [half * z * (R::ONE + gate), half * z.mul_add(slope, R::ONE + gate), (half * z).mul_add(curvature, slope)]
}

#[inline(always)]
pub(crate) fn leaky_relu<R: Real>(z: R) -> [R; 3] {
    let leak = R::from_f64(LEAK);
    if z > R::ZERO { [z, R::ONE, R::ZERO] } else { [leak * z, leak, R::ZERO] }
}

#[inline(always)]
pub(crate) fn sigmoid<R: Real>(z: R) -> [R; 3] {
    let e = (-z.abs()).exp();
    let [small, large] = [e / (R::ONE + e), R::ONE / (R::ONE + e)];
    let (value, rest) = if z < R::ZERO { (small, large) } else { (large, small) };
    let slope = value * rest;
    [value, slope, slope * (rest - value)]
}

#[inline(always)]
pub(crate) fn silu<R: Real>(z: R) -> [R; 3] {
    let [gate, slope, curvature] = sigmoid(z);
    [z * gate, z.mul_add(slope, gate), z.mul_add(curvature, slope + slope)]
}

/// `ln(1 + t)` for `t = e^{−|z|}` by `t` and the rounding of `1 + t`, within a few ulp.
#[inline(always)]
pub(crate) fn softplus<R: Real>(z: R) -> [R; 3] {
    let t = (-z.abs()).exp();
    let sum = R::ONE + t;
    let rounding = (t - (sum - R::ONE)) / sum;
    let positive = if z > R::ZERO { z } else { R::ZERO };
    let [gate, slope, _] = sigmoid(z);
    [positive + (sum.ln() + rounding), gate, slope]
}

#[inline(always)]
pub(crate) fn identity<R: Real>(z: R) -> [R; 3] {
    [z, R::ONE, R::ZERO]
}

/// An activation function of so many units; it keeps their slopes, then their curvatures.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Units {
    pub(super) activation: Activation,
    pub(super) units: usize,
}

impl Units {
    /// `(σ', σ'')` of the block.
    fn derivatives<'a, R: Float>(&self, at: At<'a, R>) -> (&'a [R], &'a [R]) {
        at.kept.split_at(at.samples * self.units)
    }
}

impl Transform for Units {
    fn is_smooth(&self) -> bool {
        !self.activation.has_kinks()
    }

    fn kept(&self) -> usize {
        if self.activation.is_piecewise_linear() { self.units } else { 2 * self.units }
    }

    fn forward<R: Float>(&self, at: At<R>, second: bool, kept: &mut [R], out: &mut [R], _work: &mut [R]) {
        let (slopes, curvatures) = kept.split_at_mut(out.len());
        let second = second && !curvatures.is_empty();
        each_activation!(self.activation, function => dispatch(
            #[inline(always)]
            || {
                let count = out.len() / LANES * LANES;
                for first in (0..count).step_by(LANES) {
                    let mut derivatives = [[R::ZERO; LANES]; 3];
                    let input = &at.input[first..][..LANES];
                    for l in 0..LANES {
                        let [value, slope, curvature] = function(input[l]);
                        (derivatives[0][l], derivatives[1][l], derivatives[2][l]) = (value, slope, curvature);
                    }
                    out[first..][..LANES].copy_from_slice(&derivatives[0]);
                    slopes[first..][..LANES].copy_from_slice(&derivatives[1]);
                    if second {
                        curvatures[first..][..LANES].copy_from_slice(&derivatives[2]);
                    }
                }
                for k in count..out.len() {
                    let [value, slope, curvature] = function(at.input[k]);
                    (out[k], slopes[k]) = (value, slope);
                    if second {
                        curvatures[k] = curvature;
                    }
                }
            },
        ));
    }

    fn tangent<R: Float>(&self, at: At<R>, _along: &[R], rate: Option<&[R]>, out: &mut [R], _work: &mut [R]) {
        match rate {
            Some(rate) => multiply(self.derivatives(at).0, rate, out),
            None => out.fill(R::ZERO),
        }
    }

    fn pull_back<R: Float>(&self, at: At<R>, cotangent: &[R], out: &mut [R], _work: &mut [R]) {
        multiply(self.derivatives(at).0, cotangent, out);
    }

    fn bend<R: Float>(
        &self,
        at: At<R>,
        along: Direction<R>,
        cotangent: &[R],
        share: R,
        out: &mut [R],
        _work: &mut [R],
    ) {
        let (_, curvatures) = self.derivatives(at);
        dispatch(
            #[inline(always)]
            || {
                for (((out, &curvature), &rate), &cotangent) in
                    out.iter_mut().zip(curvatures).zip(along.input).zip(cotangent)
                {
                    *out += share * (cotangent * curvature * rate);
                }
            },
        );
    }
}

/// `out = left ⊙ right`.
pub(super) fn multiply<R: Float>(left: &[R], right: &[R], out: &mut [R]) {
    dispatch(
        #[inline(always)]
        || {
            for ((out, &left), &right) in out.iter_mut().zip(left).zip(right) {
                *out = left * right;
            }
        },
    );
}
