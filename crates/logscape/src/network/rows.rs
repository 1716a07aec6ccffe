//! Short rows of numbers: copied and summed without a call for each.

use crate::lanes::{LANES, Real};

/// Numbers that are copied at once.
const PIECE: usize = 8;

/// Copies `from` to `to`, which is not longer, in pieces that overlap at the end.
#[inline(always)]
pub(super) fn copy<R: Copy>(from: &[R], to: &mut [R]) {
    let count = to.len();
    let from = &from[..count];
    if count >= PIECE {
        let mut first = 0;
        while first + PIECE <= count {
            piece::<R, PIECE>(from, to, first);
            first += PIECE;
        }
        piece::<R, PIECE>(from, to, count - PIECE);
    } else if count >= 4 {
        piece::<R, 4>(from, to, 0);
        piece::<R, 4>(from, to, count - 4);
    } else if count >= 2 {
        piece::<R, 2>(from, to, 0);
        piece::<R, 2>(from, to, count - 2);
    } else if count == 1 {
        to[0] = from[0];
    }
}

/// Copies the `N` numbers from `first` on.
#[inline(always)]
fn piece<R: Copy, const N: usize>(from: &[R], to: &mut [R], first: usize) {
    to[first..first + N].copy_from_slice(&from[first..first + N]);
}

/// The sum of a row, in sixteen interleaved parts.
#[inline(always)]
pub(super) fn sum<R: Real>(row: &[R]) -> R {
    let mut parts = [R::ZERO; LANES];
    let whole = row.chunks_exact(LANES);
    let rest = whole.remainder();
    for chunk in whole {
        for l in 0..LANES {
            parts[l] += chunk[l];
        }
    }
    for (part, x) in parts.iter_mut().zip(rest) {
        *part += *x;
    }
    let mut sum = R::ZERO;
    for l in 0..LANES {
        sum += parts[l];
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_length_are_copied_and_summed() {
        for count in 0..70 {
            let row: Vec<f64> = (0..count).map(|k| f64::from(k * k) + 1.0).collect();
            let mut to = vec![0.0; row.len() + 2];
            copy(&row, &mut to[1..=row.len()]);
            assert_eq!((to[0], &to[1..=row.len()], to[row.len() + 1]), (0.0, &row[..], 0.0), "{count}");
            // Integers, which add up exactly in any order.
            assert_eq!(sum(&row), row.iter().sum::<f64>(), "{count}");
        }
    }
}
