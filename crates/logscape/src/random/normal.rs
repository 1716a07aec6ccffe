//! Standard normal numbers in pairs (Box & Muller 1958, *Ann. Math. Stat.* 29, 610).

use std::f64::consts::FRAC_PI_4;

use super::{LaneRng, RngState, next_word, previous_state};
use crate::lanes::{LANES, Lane, Real, math};

/// Real types that normal numbers can be drawn in.
pub trait Gaussian: Real {
    /// Words that [`pair`](Self::pair) takes from each generator.
    const WORDS_PER_PAIR: u32;

    /// Two independent standard normal numbers for every lane: `√(−2 ln u) (sin φ, cos φ)` with `u` in `(0, 1)` and a
    /// uniform angle `φ`. From one word in `f32`, where `|x| < 6.8`, and from two in `f64`, where `|x| < 8.6`.
    fn pair(rng: &mut LaneRng) -> (Lane<Self>, Lane<Self>);
}

impl Gaussian for f32 {
    const WORDS_PER_PAIR: u32 = 1;

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
    const WORDS_PER_PAIR: u32 = 2;

    #[inline(always)]
    fn pair(rng: &mut LaneRng) -> (Lane<f64>, Lane<f64>) {
        let (radial, angular) = (rng.words(), rng.words());
        let (mut a, mut b) = (Lane::splat(0.0), Lane::splat(0.0));
        for k in 0..LANES {
            [a.0[k], b.0[k]] = pair_of_words(radial.0[k], angular.0[k]);
        }
        (a, b)
    }
}

/// Two independent standard normal numbers from the next two words of one generator: the pair that a lane would draw.
#[inline]
pub fn normal_pair(rng: &mut RngState) -> [f64; 2] {
    let radial = next_word(rng);
    pair_of_words(radial, next_word(rng))
}

#[inline(always)]
fn pair_of_words(radial: u64, angular: u64) -> [f64; 2] {
    let uniform = one_to_two(radial) - (1.0 - 0.5 * f64::EPSILON);
    let radius = (-2.0 * math::f64::ln_normal(uniform)).sqrt();
    let offset = one_to_two(angular << 2).mul_add(2.0, f64::EPSILON - 3.0) * FRAC_PI_4;
    let (sine, cosine) = math::f64::sin_cos_of_parts(offset, angular >> 62);
    [radius * sine, radius * cosine]
}

/// The top 52 bits as a number in `[1, 2)`.
#[inline(always)]
fn one_to_two(word: u64) -> f64 {
    f64::from_bits((word >> 12) | 1.0_f64.to_bits())
}

/// The normal numbers of a block, one after the other for each replica: the two of a pair follow each other, so that
/// the sequence of a replica depends only on its generator.
///
/// Replicas that were loaded between the two numbers of a pair stay out of step with the others. Pairs are made for all
/// lanes at once nevertheless, every second draw: a lane may hold up to two numbers.
#[derive(Debug, Clone)]
pub struct Normals<R> {
    /// The generators, for other draws; these must not be mixed with normal numbers.
    pub rng: LaneRng,
    /// The next numbers of each lane.
    next: [Lane<R>; 2],
    /// Bit `k` is set where lane `k` holds a number, the second of a pair unless it holds two.
    one: u32,
    /// Bit `k` is set where lane `k` holds two, a whole pair; then every lane holds one at least.
    two: u32,
}

impl<R: Gaussian> Normals<R> {
    const ALL: u32 = (1 << LANES) - 1;

    /// Generators that stand at no replica's state yet.
    pub fn idle() -> Self {
        Self { rng: LaneRng::idle(), next: [Lane::splat(R::ZERO); 2], one: 0, two: 0 }
    }

    /// Puts lane `lane` at a generator's state, with the second number of a pair where there is one.
    pub fn set(&mut self, lane: usize, rng: RngState, spare: Option<f64>) {
        // Whole pairs go back where they came from, so that the others need not have a number each.
        for other in (0..LANES).filter(|other| self.two >> other & 1 == 1) {
            self.rng.set(other, self.before_pair(other));
        }
        self.one &= !self.two;
        self.two = 0;
        self.rng.set(lane, rng);
        self.one = self.one & !(1 << lane) | u32::from(spare.is_some()) << lane;
        self.next[0][lane] = spare.map_or(R::ZERO, R::from_f64);
    }

    /// The state of lane `lane` and the second number of its pair, if it is still to be used.
    pub fn get(&self, lane: usize) -> (RngState, Option<f64>) {
        if self.two >> lane & 1 == 1 {
            return (self.before_pair(lane), None);
        }
        let held = self.one >> lane & 1 == 1;
        (self.rng.get(lane), held.then(|| self.next[0][lane].to_f64()))
    }

    /// The state from which lane `lane` made its last pair.
    fn before_pair(&self, lane: usize) -> RngState {
        (0..R::WORDS_PER_PAIR).fold(self.rng.get(lane), |state, _| previous_state(state))
    }

    /// The next number of every lane; every second draw costs a pair.
    #[inline(always)]
    pub fn draw(&mut self) -> Lane<R> {
        if self.one == Self::ALL {
            let next = self.next[0];
            self.next[0] = self.next[1];
            (self.one, self.two) = (self.two, 0);
            return next;
        }
        let [first, second] = self.draw_two();
        self.put_back(second);
        first
    }

    /// Whether [`draw_two`](Self::draw_two) may be called.
    #[inline(always)]
    pub fn can_draw_two(&self) -> bool {
        self.two == 0
    }

    /// The next two numbers of every lane, for one pair. No lane may hold two: see [`can_draw_two`](Self::can_draw_two).
    #[inline(always)]
    pub fn draw_two(&mut self) -> [Lane<R>; 2] {
        let (a, b) = R::pair(&mut self.rng);
        if self.one == 0 {
            return [a, b];
        }
        let (mut first, mut second) = (a, b);
        for k in 0..LANES {
            let held = self.one >> k & 1 == 1;
            first.0[k] = if held { self.next[0].0[k] } else { a.0[k] };
            second.0[k] = if held { a.0[k] } else { b.0[k] };
        }
        self.next[0] = b;
        [first, second]
    }

    /// Gives back the second number of the last [`draw_two`](Self::draw_two).
    #[inline(always)]
    pub fn put_back(&mut self, second: Lane<R>) {
        self.next = [second, self.next[0]];
        (self.two, self.one) = (self.one, Self::ALL);
    }
}
