//! Standard normal numbers in pairs (Box & Muller 1958, *Ann. Math. Stat.* 29, 610).

use std::f64::consts::FRAC_PI_4;

use super::LaneRng;
use crate::lanes::{LANES, Lane, Real, math};

/// Real types that normal numbers can be drawn in.
pub trait Gaussian: Real {
    /// Two independent standard normal numbers for every lane: `√(−2 ln u) (sin φ, cos φ)` with `u` in `(0, 1)` and a
    /// uniform angle `φ`. From one word in `f32`, where `|x| < 6.8`, and from two in `f64`, where `|x| < 8.6`.
    fn pair(rng: &mut LaneRng) -> (Lane<Self>, Lane<Self>);
}

impl Gaussian for f32 {
    #[inline(always)]
    fn pair(rng: &mut LaneRng) -> (Lane<f32>, Lane<f32>) {
        let words = rng.next();
        let radial: Lane<u32> = words.map(|w| (w >> 32) as u32);
        let angular: Lane<u32> = words.map(|w| w as u32);
        let (mut a, mut b) = (Lane::splat(0.0), Lane::splat(0.0));
        for k in 0..LANES {
            // 31 bits, since vector units convert signed integers.
            let uniform = ((radial.0[k] >> 1) as i32 as f32).mul_add(1.0 / (1_u64 << 31) as f32, 0.5 / (1_u64 << 31) as f32);
            let radius = (-2.0 * math::f32::ln_normal(uniform)).sqrt();
            // Two bits for the quadrant, the others for an odd, hence symmetric, offset within ±π/4.
            let offset = ((angular.0[k] << 2) | 2) as i32 as f32 * (FRAC_PI_4 / (1_u64 << 31) as f64) as f32;
            let (sine, cosine) = math::f32::sin_cos_of_parts(offset, angular.0[k] >> 30);
            (a.0[k], b.0[k]) = (radius * sine, radius * cosine);
        }
        (a, b)
    }
}

impl Gaussian for f64 {
    #[inline(always)]
    fn pair(rng: &mut LaneRng) -> (Lane<f64>, Lane<f64>) {
        let (radial, angular) = (rng.next(), rng.next());
        let (mut a, mut b) = (Lane::splat(0.0), Lane::splat(0.0));
        for k in 0..LANES {
            let uniform = one_to_two(radial.0[k]) - (1.0 - 0.5 * f64::EPSILON);
            let radius = (-2.0 * math::f64::ln_normal(uniform)).sqrt();
            let offset = one_to_two(angular.0[k] << 2).mul_add(2.0, f64::EPSILON - 3.0) * FRAC_PI_4;
            let (sine, cosine) = math::f64::sin_cos_of_parts(offset, angular.0[k] >> 62);
            (a.0[k], b.0[k]) = (radius * sine, radius * cosine);
        }
        (a, b)
    }
}

/// The top 52 bits as a number in `[1, 2)`.
#[inline(always)]
fn one_to_two(word: u64) -> f64 {
    f64::from_bits((word >> 12) | 1.0_f64.to_bits())
}
