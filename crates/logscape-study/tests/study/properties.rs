//! Grids of study files, on cases drawn from a fixed seed.

use logscape_study::asked::grid::range;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

proptest! {
    #![proptest_config(Config { rng_seed: RngSeed::Fixed(21), failure_persistence: None, ..Config::default() })]

    #[test]
    fn ranges_hit_both_ends_and_have_equal_steps(low in -1e6..1e6_f64, width in 1e-3..1e6_f64, count in 2_u32..500) {
        let high = low + width;
        let points = range(&format!("{low}:{high}:{count}")).expect("a range");
        prop_assert_eq!((points.len(), points[0], points[points.len() - 1]), (count as usize, low, high));
        let step = (high - low) / f64::from(count - 1);
        // A point is one multiplication, division and addition away from its ends.
        let rounding = 4.0 * f64::EPSILON * low.abs().max(high.abs());
        for pair in points.windows(2) {
            prop_assert!((pair[1] - pair[0] - step).abs() <= 2.0 * rounding, "{pair:?} for {step}");
        }
    }

    #[test]
    fn logarithmic_ranges_hit_both_ends_and_have_equal_ratios(
        low in -30.0..30.0_f64,
        width in 0.1..60.0_f64,
        count in 2_u32..500,
    ) {
        let (low, high) = (low.exp(), (low + width).exp());
        let points = range(&format!("{low}:{high}:{count}log")).expect("a range");
        prop_assert_eq!((points.len(), points[0], points[points.len() - 1]), (count as usize, low, high));
        let step = (high / low).ln() / f64::from(count - 1);
        for pair in points.windows(2) {
            prop_assert!(((pair[1] / pair[0]).ln() - step).abs() < 1e-13, "{pair:?} for {step}");
        }
    }

    #[test]
    fn no_text_is_read_as_a_range_that_it_is_not(text in "[-0-9.e:+ log]{0,14}") {
        if let Ok(points) = range(&text) {
            prop_assert!(points.len() >= 2 && points.iter().all(|x| x.is_finite()));
            prop_assert!(points.windows(2).all(|pair| pair[0] <= pair[1]), "{points:?}");
            prop_assert_eq!(text.matches(':').count(), 2);
        }
    }
}
