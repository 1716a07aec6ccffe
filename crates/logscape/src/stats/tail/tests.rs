//! Coverage of the exponent on synthetic draws.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma};

use super::*;
use crate::stats::Scale;

/// Groups of `L − L*` with `u = (L − L*)/L* ~ BetaPrime(n/2, φ − n/2)`, a ratio of gamma variables.
fn groups(rng: &mut ChaCha8Rng, n: f64, phi: f64, minimum_loss: f64, draws: usize) -> Vec<Histogram> {
    let (top, bottom) = (Gamma::new(0.5 * n, 1.0).unwrap(), Gamma::new(phi - 0.5 * n, 1.0).unwrap());
    (0..8)
        .map(|_| {
            let mut histogram = Histogram::new(Scale::Logarithmic, 1e-3, 1e2, 40).unwrap();
            (0..draws).for_each(|_| histogram.add(minimum_loss * top.sample(rng) / bottom.sample(rng)));
            histogram
        })
        .collect()
}

/// 190 of 200 intervals are expected to cover, four binomial standard errors are 12.
#[test]
fn interval_covers_the_exponent() {
    for (n, phi) in [(1.0, 2.0), (4.0, 7.5)] {
        let mut rng = ChaCha8Rng::seed_from_u64(31);
        let covered = (0..200)
            .filter(|_| loss_law(&groups(&mut rng, n, phi, 0.3, 100), n, 0.3).unwrap().exponent.covers(phi))
            .count();
        assert!((178..=200).contains(&covered), "n = {n}: {covered}");
    }
}

#[test]
fn much_data_gives_a_sharp_exponent_and_the_wrong_dimension_another() {
    let mut rng = ChaCha8Rng::seed_from_u64(37);
    let data = groups(&mut rng, 2.0, 3.0, 0.3, 20_000);
    let right = loss_law(&data, 2.0, 0.3).unwrap();
    // For n = 2 the law is a Pareto law with index b = 2, whose Fisher error is b/√160000; five of them.
    assert!((right.exponent.value - 3.0).abs() < 5.0 * 2.0 / 400.0, "{right:?}");
    // Kolmogorov's statistic of 160,000 draws exceeds 2.2/√160000 with probability 1e-4.
    assert!(right.distance < 2.2 / 400.0, "{right:?}");
    let wrong = loss_law(&data, 4.0, 0.3).unwrap();
    assert!(!wrong.exponent.covers(3.0));
    // For n = 4 and any φ the median of u is off by more than that.
    assert!(wrong.distance > 2.2 / 400.0, "{wrong:?}");
}

/// `E u⁴` of `BetaPrime(a, b)` is finite for `b > 4`; with 160,000 draws `b` is known to a few hundredths.
#[test]
fn a_loss_whose_tail_is_too_heavy_lacks_its_fourth_moment() {
    let mut rng = ChaCha8Rng::seed_from_u64(43);
    for (b, lacks) in [(3.5, true), (4.5, false)] {
        let data = groups(&mut rng, 4.0, 2.0 + b, 0.3, 20_000);
        assert_eq!(loss_law(&data, 4.0, 0.3).unwrap().lacks_fourth_moment(4.0), lacks, "{b}");
    }
}

#[test]
fn bad_input_is_refused() {
    let mut rng = ChaCha8Rng::seed_from_u64(41);
    let data = groups(&mut rng, 2.0, 3.0, 0.3, 10);
    assert_eq!(loss_law(&data, 0.0, 0.3), Err(TailError::Parameters));
    assert_eq!(loss_law(&data, 2.0, 0.0), Err(TailError::Parameters));
    assert_eq!(loss_law(&data[..1], 2.0, 0.3), Err(TailError::TooFewGroups));
    let mut other = data;
    other[1] = Histogram::new(Scale::Linear, 0.0, 1.0, 3).unwrap();
    other[1].add(0.5);
    assert_eq!(loss_law(&other, 2.0, 0.3), Err(TailError::Histogram(HistogramError::Layout)));
}
