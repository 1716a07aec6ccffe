//! Uniform indices without division (Lemire 2019, *ACM Trans. Model. Comput. Simul.* 29, 3).

use crate::lanes::{LANES, Lane};

/// The product of `n < 2³²` and the word with these halves, of which only the lower 32 bits count, in two parts: what is
/// above bit 32, whose own high half is an index in `0..n`, and the lowest 32 bits, with others above them.
#[inline(always)]
fn product([high, low]: [u64; 2], n: u64) -> [u64; 2] {
    // Halves of the 96-bit product, by 32 × 32-bit multiplications, which vector units have.
    let low = (low & 0xffff_ffff) * n;
    [(high & 0xffff_ffff) * n + (low >> 32), low]
}

/// Two independent indices, the first below `n[0]` and the second below `n[1]`, from 64 random bits.
///
/// A probability is wrong by at most a part `n[0] n[1] / 2⁶⁴`: for a million samples, `5·10⁻⁸` of itself.
#[inline(always)]
pub fn index_pair(word: u64, n: [u32; 2]) -> [u32; 2] {
    let rest = product([word >> 32, word], u64::from(n[0]));
    let [second, _] = product(rest, u64::from(n[1]));
    [(rest[0] >> 32) as u32, (second >> 32) as u32]
}

/// [`index_pair`] of every lane, both below `n`.
#[inline(always)]
pub fn lane_index_pair(words: &Lane<u64>, n: u32) -> [Lane<u32>; 2] {
    let (mut first, mut second) = (Lane::splat(0), Lane::splat(0));
    for k in 0..LANES {
        [first.0[k], second.0[k]] = index_pair(words.0[k], [n, n]);
    }
    [first, second]
}

/// [`lane_index_pair`] for indices that go to memory: times `2^shift`, each is the high half of a word whose low half is
/// zero. This spares packing, and a multiplication where an index counts `2^shift` entries of a table. `n << shift` must be
/// below `2³²`.
#[inline(always)]
pub fn lane_index_words(words: &Lane<u64>, n: u32, shift: u32) -> [Lane<u64>; 2] {
    let (mut first, mut second) = (Lane::splat(0), Lane::splat(0));
    for k in 0..LANES {
        let rest = product([words.0[k] >> 32, words.0[k]], u64::from(n));
        let mask = u64::MAX << (32 + shift);
        [first.0[k], second.0[k]] = [(rest[0] << shift) & mask, product(rest, u64::from(n << shift))[0] & mask];
    }
    [first, second]
}
