//! Autocorrelation times against those of AR(1) chains, and sums that know no order.

use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Series `x ← a x + √(1 − a²) ξ` of unit variance around `centre`, started in the stationary law.
fn autoregressive(a: f64, centre: f64, groups: usize, values: usize, seed: u64) -> Vec<BlockMeans> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let series = (0..groups).map(|_| {
        let (mut means, mut open, mut x) = (BlockMeans::new(1.0), OpenBlocks::default(), normal());
        for _ in 0..values {
            x = a * x + (1.0 - a * a).sqrt() * normal();
            means.add(&mut open, centre + x);
        }
        means
    });
    series.collect()
}

/// `1 + 2 Σ aᵏ = (1 + a)/(1 − a)`.
fn exact(a: f64) -> f64 {
    (1.0 + a) / (1.0 - a)
}

#[test]
fn times_of_autoregressive_series_are_found() {
    for (a, seed) in [(0.0, 1), (0.5, 2), (0.9, 3), (0.98, 4), (-0.5, 5)] {
        let found = summarise(&autoregressive(a, 3.0, 16, 40_000, seed)).unwrap();
        let time = found.time.unwrap();
        let error = (time.ci95[1] - time.ci95[0]) / (2.0 * 2.13);
        assert!((time.value - exact(a)).abs() < 4.0 * error, "{a}: {time:?} against {}", exact(a));
        // The interval tells it from an independent series' time, and is no wider than a fifth.
        assert!(error < 0.1 * exact(a), "{a}: {time:?}");
        assert!(a == 0.0 || !time.covers(1.0), "{a}: {time:?}");
        for (estimate, exact) in [(found.mean, 3.0), (found.deviation, 1.0)] {
            let error = (estimate.ci95[1] - estimate.ci95[0]) / (2.0 * 2.13);
            assert!((estimate.value - exact).abs() < 4.0 * error && error < 0.02, "{a}: {found:?}");
        }
        let effective = found.effective().unwrap();
        assert!((effective * time.value - 640_000.0).abs() < 1e-6);
    }
}

/// Without the difference of two levels the time is short by about a tenth where blocks are five times as long as it.
#[test]
fn the_difference_of_levels_takes_out_the_bias() {
    let groups = autoregressive(0.9, 0.0, 16, 200_000, 7);
    let all = BlockMeans::merged(&groups);
    let level = all.long().unwrap();
    let (plain, better) = (all.inflation(level) / exact(0.9) - 1.0, all.time(level) / exact(0.9) - 1.0);
    // 3.2 million values are 168,000 independent ones: the standard error is about 2 %.
    assert!(plain < -0.02 && better.abs() < 0.04 && better.abs() < plain.abs(), "{plain} {better}");
}

#[test]
fn intervals_cover_at_their_level() {
    let covered = (0..200).fold([0, 0, 0], |[time, mean, deviation], seed| {
        let found = summarise(&autoregressive(0.7, 1.0, 16, 4_000, 100 + seed)).unwrap();
        let covers = [found.time.unwrap().covers(exact(0.7)), found.mean.covers(1.0), found.deviation.covers(1.0)];
        [time + i32::from(covers[0]), mean + i32::from(covers[1]), deviation + i32::from(covers[2])]
    });
    // Binomial(200, 0.95) lies in 180..=199 with probability 0.998.
    assert!(covered.iter().all(|covered| (180..=199).contains(covered)), "{covered:?}");
}

/// Sixteen groups of five values with an exponential law: the interval of the plain jackknife covers 876 of a thousand.
#[test]
fn deviations_of_few_skewed_values_are_covered() {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let covered = (0..1000)
        .filter(|_| {
            let groups: Vec<BlockMeans> = (0..16)
                .map(|_| {
                    let (mut means, mut open) = (BlockMeans::new(1.0), OpenBlocks::default());
                    (0..5).for_each(|_| means.add(&mut open, -rng.random::<f64>().ln()));
                    means
                })
                .collect();
            summarise(&groups).unwrap().deviation.covers(1.0)
        })
        .count();
    assert!((905..=970).contains(&covered), "{covered}");
}

#[test]
fn a_series_that_is_too_short_has_no_time() {
    let found = summarise(&autoregressive(0.999, 0.0, 16, 1_000, 11)).unwrap();
    assert_eq!(found.time, None, "16 series of a thousand values with a time of two thousand");
    assert_eq!(summarise(&autoregressive(0.5, 0.0, 1, 1_000, 11)), None, "one group has no interval");
    let mut constant = vec![BlockMeans::new(1.0); 4];
    constant.iter_mut().for_each(|means| (0..100).for_each(|_| means.add(&mut OpenBlocks::default(), 2.0)));
    assert_eq!(summarise(&constant), None, "a constant has no autocorrelation");
}

#[test]
fn sums_do_not_depend_on_the_order_and_survive_their_file_form() {
    let values: Vec<f64> =
        (0..3_000).map(|k| (f64::from(k) * 0.37).sin() * 1e3_f64.powf(f64::from(k % 7) / 7.0)).collect();
    let sum = |order: &[usize]| {
        let (mut means, mut open) = (BlockMeans::new(2.0), vec![OpenBlocks::default(); 3]);
        for k in 0..1_000 {
            for &series in order {
                means.add(&mut open[series], values[3 * k + series]);
            }
        }
        (means, open)
    };
    let (means, open) = sum(&[0, 1, 2]);
    assert_eq!(means, sum(&[2, 0, 1]).0);
    let text = serde_json::to_string(&(&means, &open)).unwrap();
    assert_eq!(serde_json::from_str::<(BlockMeans, Vec<OpenBlocks>)>(&text).unwrap(), (means.clone(), open));
    assert_eq!(means.count(), 3_000);
    assert!(means.levels.len() <= 10);
}

#[test]
fn what_is_not_finite_is_large() {
    let (mut means, mut open) = (BlockMeans::new(1.0), OpenBlocks::default());
    for x in [f64::NAN, f64::INFINITY, 1e300] {
        means.add(&mut open, x);
    }
    assert_eq!(means.levels[0].mean(), LARGEST);
}
