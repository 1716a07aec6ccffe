//! Random numbers of replicas: a generator of its own for each, alone or sixteen side by side.

mod index;
mod normal;
mod stream;
#[cfg(test)]
mod tests;

pub use index::{index_pair, lane_index_pair, lane_index_words};
pub use normal::{Gaussian, Normals, normal_pair};
pub use stream::{Purpose, data_stream, stream};

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::lanes::{LANES, Lane};

/// State of one xoshiro256++ generator (Blackman & Vigna 2021, *ACM Trans. Math. Softw.* 47, 36); never all zero.
pub type RngState = [u64; 4];

/// A state of 256 bits from the stream of a replica.
pub fn seed_state(stream: &mut ChaCha8Rng) -> RngState {
    loop {
        let state = std::array::from_fn(|_| stream.next_u64());
        if state != [0; 4] {
            return state;
        }
    }
}

/// The next 64 bits of one generator.
#[inline(always)]
pub fn next_word(s: &mut RngState) -> u64 {
    let word = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
    let shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = s[3].rotate_left(45);
    word
}

/// The state from which [`next_word`] went to `s`.
pub fn previous_state(s: RngState) -> RngState {
    let sum = s[3].rotate_right(45);
    let first = s[0] ^ sum;
    // b ^ (b << 17) is known; a shift by 68 leaves nothing.
    let known = s[1] ^ s[2];
    let second = known ^ (known << 17) ^ (known << 34) ^ (known << 51);
    [first, second, s[1] ^ second ^ first, sum ^ second]
}

/// The generators of a block. Lane `k` gives the words that its state gives alone.
#[derive(Debug, Clone)]
pub struct LaneRng {
    state: [Lane<u64>; 4],
}

impl LaneRng {
    /// Generators that stand at no replica's state yet.
    pub fn idle() -> Self {
        Self { state: [Lane::splat(1); 4] }
    }

    /// Puts lane `lane` at `state`.
    pub fn set(&mut self, lane: usize, state: RngState) {
        for (words, word) in self.state.iter_mut().zip(state) {
            words[lane] = word;
        }
    }

    /// The state of lane `lane`.
    pub fn get(&self, lane: usize) -> RngState {
        std::array::from_fn(|i| self.state[i][lane])
    }

    /// The next 64 bits of every lane.
    #[inline(always)]
    pub fn words(&mut self) -> Lane<u64> {
        let mut words = Lane::splat(0);
        let [s0, s1, s2, s3] = &mut self.state;
        for k in 0..LANES {
            let mut s = [s0.0[k], s1.0[k], s2.0[k], s3.0[k]];
            words.0[k] = next_word(&mut s);
            [s0.0[k], s1.0[k], s2.0[k], s3.0[k]] = s;
        }
        words
    }
}
