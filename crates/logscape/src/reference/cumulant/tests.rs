//! Tests of the cumulant generating functions against enumeration, known moments and limits.

use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn law(samples: usize, batch_size: usize, sampling: Sampling) -> BatchCumulant {
    BatchCumulant::new(samples, &SgdSettings { learning_rate: 0.1, batch_size, sampling }).unwrap()
}

fn gradients(samples: usize, dim: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..samples * dim).map(|_| random.random::<f64>().powi(2) * 3.0 - 0.8).collect()
}

/// `𝓗`, `∇𝓗` and `∇²𝓗` by the sum over all subsets of size `b`.
fn enumerated(gradients: &[f64], p: &[f64], b: u32) -> (f64, Vec<f64>, Vec<Vec<f64>>) {
    let dim = p.len();
    let n = gradients.len() / dim;
    let (mut count, mut total) = (0.0, 0.0);
    let (mut first, mut second) = (vec![0.0; dim], vec![vec![0.0; dim]; dim]);
    for set in (0_u32..1 << n).filter(|set| set.count_ones() == b) {
        let mut g = vec![0.0; dim];
        for k in (0..n).filter(|k| set >> k & 1 == 1) {
            (0..dim).for_each(|i| g[i] -= gradients[k * dim + i] / f64::from(b));
        }
        let weight = g.iter().zip(p).map(|(g, p)| g * p).sum::<f64>().exp();
        count += 1.0;
        total += weight;
        for i in 0..dim {
            first[i] += weight * g[i];
            (0..dim).for_each(|j| second[i][j] += weight * g[i] * g[j]);
        }
    }
    first.iter_mut().for_each(|x| *x /= total);
    for i in 0..dim {
        (0..dim).for_each(|j| second[i][j] = second[i][j] / total - first[i] * first[j]);
    }
    ((total / count).ln(), first, second)
}

#[test]
fn subsets_agree_with_enumeration() {
    for (n, b, size) in [(2, 1, 1.0), (5, 2, 2.0), (8, 7, 3.0), (12, 5, 6.0), (12, 3, 40.0), (12, 6, 1e-3)] {
        let g = gradients(n, 3, n as u64);
        let p = [0.4 * size, -size, 0.7 * size];
        let found = law(n, b, Sampling::WithoutReplacement).at(&g, &p);
        let (value, first, second) = enumerated(&g, &p, b as u32);
        assert!((found.value - value).abs() < 1e-13 * (n as f64 + size), "{n} {b}: {} {value}", found.value);
        assert!((found.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for i in 0..3 {
            assert!((found.gradient[i] - first[i]).abs() < 1e-12, "{n} {b}: {:?} {first:?}", found.gradient);
            for j in 0..3 {
                assert!((found.hessian[(i, j)] - second[i][j]).abs() < 1e-12, "{n} {b} {i} {j}");
            }
        }
    }
}

#[test]
fn moments_at_rest_are_drift_and_batch_covariance() {
    for (n, b) in [(50, 1), (50, 20), (3000, 700), (3000, 2999)] {
        let g = gradients(n, 2, 3);
        let mean: Vec<f64> = (0..2).map(|i| g.iter().skip(i).step_by(2).sum::<f64>() / n as f64).collect();
        for (sampling, factor) in [
            (Sampling::WithReplacement, 1.0 / b as f64),
            (Sampling::WithoutReplacement, (n - b) as f64 / (b * (n - 1)) as f64),
        ] {
            let found = law(n, b, sampling).at(&g, &[0.0, 0.0]);
            assert_eq!(found.value, 0.0);
            for i in 0..2 {
                assert!((found.gradient[i] + mean[i]).abs() < 1e-12);
                for j in 0..2 {
                    let c: f64 = g.chunks(2).map(|g| (g[i] - mean[i]) * (g[j] - mean[j])).sum::<f64>() / n as f64;
                    let found = found.hessian[(i, j)];
                    assert!((found - factor * c).abs() < 1e-10 * factor, "{n} {b} {sampling:?} {found} {}", factor * c);
                }
            }
        }
    }
}

#[test]
fn derivatives_are_those_of_the_value() {
    let g = gradients(400, 2, 9);
    for sampling in [Sampling::WithReplacement, Sampling::WithoutReplacement] {
        let law = law(400, 60, sampling);
        let p = [9.0, -4.0];
        let at = |i: usize, by: f64| {
            let mut q = p;
            q[i] += by;
            law.at(&g, &q)
        };
        let here = law.at(&g, &p);
        for i in 0..2 {
            // Central differences err by 1e-8 times third derivatives of order 1.
            let (up, down) = (at(i, 1e-4), at(i, -1e-4));
            assert!(((up.value - down.value) / 2e-4 - here.gradient[i]).abs() < 1e-8);
            for j in 0..2 {
                let slope = (up.gradient[j] - down.gradient[j]) / 2e-4;
                assert!((slope - here.hessian[(i, j)]).abs() < 1e-8, "{sampling:?} {slope}");
            }
        }
    }
}

#[test]
fn one_sample_is_drawn_alike_and_a_large_population_is_inexhaustible() {
    let g = gradients(30, 1, 4);
    for p in [-2e3, -50.0, -1.0, 0.01, 3.0, 2e3] {
        let [a, b] = [Sampling::WithReplacement, Sampling::WithoutReplacement].map(|s| law(30, 1, s).along(&g, p));
        for k in 0..3 {
            assert!((a[k] - b[k]).abs() < 1e-12 * (1.0 + p.abs()), "{p} {a:?} {b:?}");
        }
    }
    // Each value many times over: repetitions in a batch become possible, and the laws meet as B/N falls.
    let many: Vec<f64> = g.iter().cycle().take(30_000).copied().collect();
    let [a, b] = [Sampling::WithReplacement, Sampling::WithoutReplacement].map(|s| law(30_000, 4, s).along(&many, 8.0));
    assert!((a[0] / b[0] - 1.0).abs() < 1e-3 && a[0] != b[0], "{a:?} {b:?}");
}

#[test]
fn weak_tilts_are_gaussian_and_extreme_ones_pick_the_steepest_batch() {
    let g = gradients(200, 1, 5);
    for sampling in [Sampling::WithReplacement, Sampling::WithoutReplacement] {
        let law = law(200, 20, sampling);
        let [_, drift, variance] = law.along(&g, 0.0);
        let error = |p: f64| (law.along(&g, p)[0] - drift * p - 0.5 * variance * p * p).abs();
        // The next term is of third order.
        let order = (error(0.8) / error(0.4)).log2();
        assert!((order - 3.0).abs() < 0.1, "{sampling:?} {order}");
        // Beyond any gap between two of the 200 slopes.
        let far = law.along(&g, 1e10);
        assert!((far[1] + law.steepest(&g, -1.0)).abs() < 1e-9, "{far:?}");
        assert!(far[0].is_finite() && far[2] >= 0.0);
    }
}

#[test]
fn the_whole_data_set_has_only_drift() {
    let g = gradients(12, 2, 6);
    let law = law(12, 12, Sampling::WithoutReplacement);
    let found = law.at(&g, &[2.0, -3.0]);
    let mean: Vec<f64> = (0..2).map(|i| g.iter().skip(i).step_by(2).sum::<f64>() / 12.0).collect();
    assert!((found.value + 2.0 * mean[0] - 3.0 * mean[1]).abs() < 1e-12);
    assert!((found.gradient[0] + mean[0]).abs() < 1e-12 && found.hessian[(0, 0)] == 0.0);
}

#[test]
fn batches_that_cannot_be_drawn_are_refused() {
    let new = |samples, batch_size, sampling| {
        BatchCumulant::new(samples, &SgdSettings { learning_rate: 0.1, batch_size, sampling }).err()
    };
    let too_many = Some(CumulantError::BatchSize { batch: 4, samples: 3 });
    assert_eq!(new(3, 4, Sampling::WithoutReplacement), too_many);
    assert_eq!(new(3, 4, Sampling::WithReplacement), None);
    assert_eq!(new(3, 0, Sampling::WithReplacement), Some(CumulantError::BatchSize { batch: 0, samples: 3 }));
    assert_eq!(new(3, 2, Sampling::EpochShuffle), Some(CumulantError::EpochShuffle));
}
