//! Coverage and size by simulation, and one textbook example.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp, Weibull};

use super::*;

fn draws(rng: &mut ChaCha8Rng, law: &impl Distribution<f64>, n: usize, end: f64) -> Vec<Observation> {
    law.sample_iter(rng).take(n).map(|t| Observation { time: t.min(end), event: t <= end }).collect()
}

/// 1000 data sets: 950 are expected inside, three binomial standard errors are 21.
fn coverage(end: f64) -> usize {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let law = Exp::new(1e-3).unwrap();
    (0..1000)
        .filter(|_| {
            let data = draws(&mut rng, &law, 20, end);
            let rate = RateEstimate::from_observations(&data, 0, "test", 0);
            let (mean, per_step) = (rate.mean_steps.unwrap(), rate.rate_per_step.unwrap());
            assert_eq!(mean.covers(1e3), per_step.covers(1e-3));
            assert_eq!(rate.rate_per_time(0.5).unwrap().value, 2.0 * per_step.value);
            per_step.covers(1e-3)
        })
        .count()
}

#[test]
fn exact_interval_covers_without_censoring() {
    let covered = coverage(f64::INFINITY);
    assert!((929..=971).contains(&covered), "{covered}");
}

#[test]
fn interval_covers_with_censoring_and_is_little_conservative() {
    let covered = coverage(800.0);
    assert!((929..=990).contains(&covered), "{covered}");
}

#[test]
fn no_escape_gives_a_lower_bound_only() {
    let data = vec![Observation { time: 100.0, event: false }; 30];
    let rate = RateEstimate::from_observations(&data, 0, "test", 0);
    assert_eq!((rate.mean_steps, rate.rate_per_step, rate.weibull), (None, None, None));
    // P(no event | mean m) = exp(−3000/m) = 5 %.
    assert!((rate.mean_steps_lower_bound - 3000.0 / 20.0_f64.ln()).abs() < 1e-3);
    assert_eq!(RateEstimate::from_observations(&[], 0, "test", 0).mean_steps_lower_bound, 0.0);
}

/// Remission times of 21 patients (Freireich et al. 1963), worked by hand in every textbook; `−` marks censoring. The
/// intervals are those of the log-log transform printed by Stata and R.
#[test]
fn kaplan_meier_of_the_leukaemia_trial() {
    let times = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35];
    let data: Vec<_> = times.iter().map(|&t| Observation { time: f64::from(t).abs(), event: t > 0 }).collect();
    let curve = kaplan_meier(&data);
    let want = [
        (6.0, 21, 3, 0.8571),
        (7.0, 17, 1, 0.8067),
        (10.0, 15, 1, 0.7529),
        (13.0, 12, 1, 0.6902),
        (16.0, 11, 1, 0.6275),
        (22.0, 7, 1, 0.5378),
        (23.0, 6, 1, 0.4482),
    ];
    assert_eq!(curve.len(), want.len());
    for (point, (time, at_risk, events, survival)) in curve.iter().zip(want) {
        assert_eq!((point.time, point.at_risk, point.events), (time, at_risk, events));
        assert!((point.survival.value - survival).abs() < 5e-5);
    }
    let close = |ci: [f64; 2], low: f64, high: f64| (ci[0] - low).abs() < 1e-4 && (ci[1] - high).abs() < 1e-4;
    assert!(close(curve[0].survival.ci95, 0.6197, 0.9516), "{:?}", curve[0]);
    assert!(close(curve[6].survival.ci95, 0.1881, 0.6801), "{:?}", curve[6]);
}

#[test]
fn kaplan_meier_ends_at_zero_without_nan() {
    let data: Vec<_> = [1.0, 2.0].map(|time| Observation { time, event: true }).to_vec();
    let curve = kaplan_meier(&data);
    assert_eq!(curve[1].survival.value, 0.0);
    assert_eq!(curve[1].survival.ci95, [0.0, curve[0].survival.ci95[1]]);
}

/// 5 % of 1000 exponential data sets are rejected, three binomial standard errors are 21.
#[test]
fn exponentiality_check_has_its_size() {
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let law = Exp::new(1e-3).unwrap();
    let checks: Vec<_> = (0..1000).map(|_| weibull_check(&draws(&mut rng, &law, 200, 1200.0)).unwrap()).collect();
    let rejected = checks.iter().filter(|c| c.p_value < 0.05).count();
    assert!((29..=71).contains(&rejected), "{rejected}");
    // The profile interval and the ratio test are one and the same.
    assert!(checks.iter().all(|c| c.shape.covers(1.0) == (c.p_value >= 0.05)));
}

#[test]
fn exponentiality_check_rejects_ageing() {
    let mut rng = ChaCha8Rng::seed_from_u64(29);
    let law = Weibull::new(1000.0, 2.0).unwrap();
    let checks: Vec<_> = (0..200).map(|_| weibull_check(&draws(&mut rng, &law, 100, 1200.0)).unwrap()).collect();
    assert!(checks.iter().all(|c| c.p_value < 1e-3));
    // 95 % of 200, four binomial standard errors.
    let covered = checks.iter().filter(|c| c.shape.covers(2.0)).count();
    assert!((178..=200).contains(&covered), "{covered}");
}

/// The ratio of the fitted to the true shape has one law for all Weibull laws.
#[test]
fn few_times_tell_their_shape_within_an_interval_that_covers() {
    let mut rng = ChaCha8Rng::seed_from_u64(31);
    for (shape, seen_until) in [(2.0, f64::INFINITY), (0.7, f64::INFINITY), (1.0, 2000.0)] {
        let law = Weibull::new(1000.0, shape).unwrap();
        let times = |count| draws(&mut rng, &law, count, seen_until);
        let count = if seen_until.is_finite() { 12 } else { 4 };
        let checks: Vec<_> = std::iter::repeat_n(count, 500).map(times).filter_map(|t| weibull_check(&t)).collect();
        // 95 % of 500, four binomial standard errors; profile likelihood covers in 88 of 100 for four times.
        let covered = checks.iter().filter(|c| c.shape.covers(shape)).count();
        assert!((455..=494).contains(&covered) && checks.len() > 495, "{shape}: {covered}");
        assert!(checks.iter().all(|c| c.shape.covers(1.0) == (c.p_value >= 0.05) && c.p_value <= 1.0));
    }
}
