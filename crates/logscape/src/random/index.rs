//! Uniform indices without division (Lemire 2019, *ACM Trans. Model. Comput. Simul.* 29, 3).

use crate::lanes::{LANES, Lane};

/// Index in `0..n` and what is left of the word: the high and the low half of `word · n`, `n < 2³²`.
#[inline(always)]
fn index(word: u64, n: u64) -> (u64, u64) {
    // Three halves of the 96-bit product, by 32 × 32-bit multiplications, which vector units have.
    let low = (word & 0xffff_ffff) * n;
    let high = (word >> 32) * n + (low >> 32);
    (high >> 32, (high << 32) | (low & 0xffff_ffff))
}

/// Two independent indices, the first below `n[0]` and the second below `n[1]`, from 64 random bits.
///
/// A probability is wrong by at most a part `n[0] n[1] / 2⁶⁴`: for a million samples, `5·10⁻⁸` of itself.
#[inline(always)]
pub fn index_pair(word: u64, n: [u32; 2]) -> [u32; 2] {
    let (first, rest) = index(word, u64::from(n[0]));
    let (second, _) = index(rest, u64::from(n[1]));
    [first as u32, second as u32]
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
