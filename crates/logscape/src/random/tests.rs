//! Generators against the reference implementation; indices and normal numbers against their laws.

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use statrs::function::erf::erfc;

use super::*;
use crate::lanes::dispatch;
use crate::random::{Purpose, stream};

fn generators(seed: u64) -> LaneRng {
    let mut rng = LaneRng::idle();
    for lane in 0..LANES {
        rng.set(lane, seed_state(&mut stream(seed, Purpose::Escape, lane as u64)));
    }
    rng
}

#[test]
fn every_lane_is_xoshiro_and_may_move() {
    let mut rng = generators(1);
    let mut references: Vec<_> = (0..LANES)
        .map(|lane| {
            let mut seed = [0; 32];
            for (bytes, word) in seed.chunks_exact_mut(8).zip(rng.get(lane)) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
            Xoshiro256PlusPlus::from_seed(seed)
        })
        .collect();
    for round in 0..1000 {
        if round == 500 {
            // Exchanging two lanes exchanges their streams.
            let (a, b) = (rng.get(2), rng.get(9));
            rng.set(2, b);
            rng.set(9, a);
            references.swap(2, 9);
        }
        let words = rng.words();
        for (lane, reference) in references.iter_mut().enumerate() {
            assert_eq!(words[lane], reference.next_u64());
        }
    }
}

#[test]
fn the_generator_goes_back() {
    let mut state = seed_state(&mut stream(2, Purpose::Escape, 1));
    for _ in 0..1000 {
        let before = state;
        next_word(&mut state);
        assert_eq!(previous_state(state), before);
    }
}

/// The numbers of one replica drawn alone.
fn alone<R: Gaussian>(state: RngState, count: usize) -> Vec<f64> {
    let mut normals = Normals::<R>::idle();
    normals.set(5, state, None);
    (0..count).map(|_| dispatch(|| normals.draw())[5].to_f64()).collect()
}

/// Every lane is refilled at some time of either parity, moved through its stored state and drawn from one by one and two
/// by two: its numbers are those that it gives alone, and there are as many pairs as half the draws.
fn check_out_of_step<R: Gaussian>() {
    let mut order = seed_state(&mut stream(6, Purpose::Escape, 99));
    let state = |replica: u64| seed_state(&mut stream(6, Purpose::Escape, replica));
    let mut normals = Normals::<R>::idle();
    let mut replicas = [0_u64; LANES];
    let mut seen: Vec<Vec<f64>> = Vec::new();
    for lane in 0..LANES {
        replicas[lane] = lane as u64;
        normals.set(lane, state(lane as u64), None);
        seen.push(Vec::new());
    }
    for round in 0..400 {
        let mut see = |numbers: Lane<R>| {
            (0..LANES).for_each(|lane| seen[replicas[lane] as usize].push(numbers[lane].to_f64()));
        };
        if normals.can_draw_two() && next_word(&mut order) >> 63 == 0 {
            let [first, second] = dispatch(|| normals.draw_two());
            see(first);
            if next_word(&mut order) >> 63 == 0 { normals.put_back(second) } else { see(second) }
        } else {
            see(dispatch(|| normals.draw()));
        }
        let lane = (next_word(&mut order) >> 60) as usize;
        match round % 5 {
            0 => {
                replicas[lane] = seen.len() as u64;
                normals.set(lane, state(replicas[lane]), None);
                seen.push(Vec::new());
            }
            1 => {
                let (rng, spare) = normals.get(lane);
                normals.set(lane, rng, spare);
            }
            _ => {}
        }
    }
    for (replica, numbers) in seen.iter().enumerate() {
        assert_eq!(*numbers, alone::<R>(state(replica as u64), numbers.len()), "{replica}");
    }
    // Out of step or not, a thousand draws make five hundred pairs.
    let mut normals = Normals::<R>::idle();
    let start = state(0);
    (0..LANES).for_each(|lane| normals.set(lane, start, (lane % 3 == 0).then_some(0.0)));
    for _ in 0..1000 {
        normals.draw();
    }
    let mut end = start;
    for _ in 0..500 * R::WORDS_PER_PAIR {
        next_word(&mut end);
    }
    assert_eq!(normals.rng.get(1), end);
}

#[test]
fn replicas_out_of_step_keep_their_sequences() {
    check_out_of_step::<f64>();
    check_out_of_step::<f32>();
}

#[test]
fn indices_are_the_halves_of_the_wide_product() {
    let mut state = seed_state(&mut stream(2, Purpose::Escape, 0));
    for n in [1, 2, 3, 1000, 65_536, 1 << 31, u32::MAX] {
        for _ in 0..1000 {
            let word = next_word(&mut state);
            let product = u128::from(word) * u128::from(n);
            let second = u128::from(product as u64) * u128::from(n - n / 3);
            assert_eq!(index_pair(word, [n, n - n / 3]), [(product >> 64) as u32, (second >> 64) as u32]);
            let lanes = lane_index_pair(&Lane::splat(word), n);
            assert_eq!([lanes[0][5], lanes[1][5]], index_pair(word, [n, n]));
            for shift in [0, n.leading_zeros() / 2, n.leading_zeros()] {
                let words = lane_index_words(&Lane::splat(word), n, shift);
                let want = index_pair(word, [n, n]).map(|index| u64::from(index) << (32 + shift));
                assert_eq!([words[0][5], words[1][5]], want);
            }
        }
    }
}

/// Counts of 6 × 6 pairs: `χ²` with 35 degrees of freedom, mean 35 and standard deviation 8.4.
#[test]
fn pairs_of_indices_are_uniform_and_independent() {
    let (mut rng, mut counts) = (generators(3), [[0_u32; 6]; 6]);
    let draws = 40_000;
    for _ in 0..draws {
        let [first, second] = lane_index_pair(&rng.words(), 6);
        first.0.iter().zip(second.0).for_each(|(&i, j)| counts[i as usize][j as usize] += 1);
    }
    let expected = f64::from(draws) * LANES as f64 / 36.0;
    let square: f64 = counts.iter().flatten().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
    assert!((5.0..75.0).contains(&square), "{square}");
}

fn upper_tail(x: f64) -> f64 {
    0.5 * erfc(x / std::f64::consts::SQRT_2)
}

/// `rounds · 32` normal numbers through `see(a, b)`.
fn draw<R: Gaussian>(seed: u64, rounds: usize, mut see: impl FnMut(f64, f64)) {
    let mut rng = generators(seed);
    for _ in 0..rounds {
        let (a, b) = dispatch(|| R::pair(&mut rng));
        a.0.into_iter().zip(b.0).for_each(|(a, b)| see(a.to_f64(), b.to_f64()));
    }
}

/// Moments of `n = 3.2·10⁷` numbers: the variance of `x^k` is `(2k − 1)!! − [(k − 1)!!]²` for even `k`.
fn check_moments<R: Gaussian>() {
    let rounds = 1_000_000;
    let n = (2 * LANES * rounds) as f64;
    let (mut sums, mut product, mut squares) = ([0.0; 4], 0.0, 0.0);
    let (limits, mut counts) = ([3.0, 4.0, 5.0], [[0_u64; 2]; 3]);
    draw::<R>(4, rounds, |a, b| {
        for x in [a, b] {
            let square = x * x;
            for (sum, power) in sums.iter_mut().zip([x, square, square * x, square * square]) {
                *sum += power;
            }
            for (limit, count) in limits.iter().zip(&mut counts) {
                count[0] += u64::from(x > *limit);
                count[1] += u64::from(x < -limit);
            }
        }
        product += a * b;
        squares += (a * a - 1.0) * (b * b - 1.0);
    });
    for ((sum, mean), variance) in sums.iter().zip([0.0, 1.0, 0.0, 3.0]).zip([1.0_f64, 2.0, 15.0, 96.0]) {
        assert!((sum / n - mean).abs() < 4.5 * (variance / n).sqrt(), "{} {mean}", sum / n);
    }
    assert!(product.abs() < 4.5 * (n / 2.0).sqrt());
    assert!(squares.abs() < 4.5 * (4.0 * n / 2.0).sqrt());
    for (limit, count) in limits.iter().zip(counts) {
        let expected = n * upper_tail(*limit);
        for count in count {
            assert!((count as f64 - expected).abs() < 4.5 * expected.sqrt() + 1.0, "{limit}: {count} {expected}");
        }
    }
}

#[test]
fn normal_numbers_have_their_moments_and_tails() {
    check_moments::<f32>();
    check_moments::<f64>();
}

/// `√n` times the largest distance between the distributions exceeds 2.2 with probability `2 exp(−2·2.2²) = 10⁻⁴`.
fn kolmogorov<R: Gaussian>(scale: f64) -> f64 {
    let mut values = Vec::new();
    draw::<R>(5, 30_000, |a, b| values.extend([scale * a, scale * b]));
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let distances = values.iter().enumerate().map(|(k, x)| {
        let law = 1.0 - upper_tail(*x);
        (law - k as f64 / n).abs().max((law - (k as f64 + 1.0) / n).abs())
    });
    distances.fold(0.0, f64::max) * n.sqrt()
}

#[test]
fn normal_numbers_have_their_distribution() {
    assert!(kolmogorov::<f32>(1.0) < 2.2);
    assert!(kolmogorov::<f64>(1.0) < 2.2);
    // One percent too wide is seen.
    assert!(kolmogorov::<f64>(1.01) > 2.2);
}

/// The words that give the extremes: the smallest uniform number gives the largest radius.
#[test]
fn the_radius_ends_where_it_is_said_to() {
    let uniform = 0.5 / f64::from(1_u32 << 31);
    assert!((-2.0 * uniform.ln()).sqrt() < 6.8);
    assert!((-2.0 * (0.5 * f64::EPSILON).ln()).sqrt() < 8.6);
}

/// The pair of one generator is the pair of a lane; its halves are not interchangeable.
#[test]
fn a_generator_alone_draws_what_a_lane_draws() {
    let mut state = seed_state(&mut ChaCha8Rng::seed_from_u64(9));
    let mut normals = Normals::<f64>::idle();
    normals.set(3, state, None);
    for _ in 0..1000 {
        let [a, b] = normal_pair(&mut state);
        let (first, second) = (normals.draw()[3], normals.draw()[3]);
        assert_eq!((a, b), (first, second));
        assert_ne!((b, a), (first, second));
    }
    assert_eq!(normals.get(3), (state, None));
}
