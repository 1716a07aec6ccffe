//! Standard normal numbers in pairs (Box & Muller 1958, *Ann. Math. Stat.* 29, 610).

use std::f64::consts::FRAC_PI_4;

use super::{LaneRng, RngState};
use crate::lanes::{LANES, Lane, Real, math};

/// Real types that normal numbers can be drawn in.
pub trait Gaussian: Real {
    /// Two independent standard normal numbers for every lane: `√(−2 ln u) (sin φ, cos φ)` with `u` in `(0, 1)` and a
    /// uniform angle `φ`. From one word in `f32`, where `|x| < 6.8`, and from two in `f64`, where `|x| < 8.6`.
    fn pair(rng: &mut LaneRng) -> (Lane<Self>, Lane<Self>);
}

impl Gaussian for f32 {
    #[inline(always)]
    #[allow(clippy::cast_possible_wrap, reason = "the offset uses the sign, the uniform number has none")]
    fn pair(rng: &mut LaneRng) -> (Lane<f32>, Lane<f32>) {
        let words = rng.words();
        let radial: Lane<u32> = words.map(|w| (w >> 32) as u32);
        let angular: Lane<u32> = words.map(|w| w as u32);
        let (mut a, mut b) = (Lane::splat(0.0), Lane::splat(0.0));
        for k in 0..LANES {
            // 31 bits, since vector units convert signed integers.
            let uniform =
                ((radial.0[k] >> 1) as i32 as f32).mul_add(1.0 / (1_u64 << 31) as f32, 0.5 / (1_u64 << 31) as f32);
            let radius = (-2.0 * math::f32::ln_normal(uniform)).sqrt();
            // Two bits for the quadrant, the others for an odd, hence symmetric, offset within ±π/4.
            let offset = ((angular.0[k] << 2) | 2) as i32 as f32 * (FRAC_PI_4 / 2_147_483_648.0) as f32;
            let (sine, cosine) = math::f32::sin_cos_of_parts(offset, angular.0[k] >> 30);
            (a.0[k], b.0[k]) = (radius * sine, radius * cosine);
        }
        (a, b)
    }
}

impl Gaussian for f64 {
    #[inline(always)]
    fn pair(rng: &mut LaneRng) -> (Lane<f64>, Lane<f64>) {
        let (radial, angular) = (rng.words(), rng.words());
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

/// The normal numbers of a block, one after the other for each replica: the two of a pair follow each other, so that
/// the sequence of a replica depends only on its generator.
#[derive(Debug, Clone)]
pub struct Normals<R> {
    /// The generators, for other draws.
    pub rng: LaneRng,
    spare: Lane<R>,
    /// Bit `k` is set where the second number of lane `k`'s pair is still to be used.
    held: u32,
}

impl<R: Gaussian> Normals<R> {
    const ALL: u32 = (1 << LANES) - 1;

    /// Generators that stand at no replica's state yet.
    pub fn idle() -> Self {
        Self { rng: LaneRng::idle(), spare: Lane::splat(R::ZERO), held: 0 }
    }

    /// Puts lane `lane` at a generator's state, with the second number of a pair where there is one.
    pub fn set(&mut self, lane: usize, rng: RngState, spare: Option<f64>) {
        self.rng.set(lane, rng);
        self.held = self.held & !(1 << lane) | u32::from(spare.is_some()) << lane;
        self.spare[lane] = spare.map_or(R::ZERO, R::from_f64);
    }

    /// The state of lane `lane` and the second number of its pair, if it is still to be used.
    pub fn get(&self, lane: usize) -> (RngState, Option<f64>) {
        let held = self.held & (1 << lane) != 0;
        (self.rng.get(lane), held.then(|| self.spare[lane].to_f64()))
    }

    /// The next number of every lane. Costs half a pair while all lanes are in step, and a pair otherwise.
    #[inline(always)]
    pub fn draw(&mut self) -> Lane<R> {
        if self.held == Self::ALL {
            self.held = 0;
            return self.spare;
        }
        if self.held == 0 {
            let (first, second) = R::pair(&mut self.rng);
            (self.spare, self.held) = (second, Self::ALL);
            return first;
        }
        // Lanes that hold a number use it, and their generators do not move.
        let before = self.rng.clone();
        let (first, second) = R::pair(&mut self.rng);
        let held = self.held;
        let holds = |k: usize| held >> k & 1 == 1;
        let next = Lane::from_fn(|k| if holds(k) { self.spare[k] } else { first[k] });
        self.spare = second;
        self.rng.put_back(&before, holds);
        self.held = !held & Self::ALL;
        next
    }
}
