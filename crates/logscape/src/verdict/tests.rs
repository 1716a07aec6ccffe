//! Synthetic predictions against synthetic measurements, whose errors are known.

use super::*;
use crate::Estimate;
use crate::stats::{Observation, RateEstimate};
use crate::{Sampling, SgdSettings};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A theory that predicts `10^log10` steps and fails so many checks.
fn prediction(theory: &str, log10: Option<f64>, failed: usize) -> Prediction {
    let mut warnings = vec![Warning::LargeTemperature { value: 0.5, limit: 0.2 }; failed];
    if log10.is_none() {
        warnings.push(Warning::NotApplicable { reason: "no saddle".to_owned() });
    }
    Prediction {
        theory: theory.to_owned(),
        ln_rate: None,
        log10_mean_steps: log10,
        exponent: None,
        boundary_shift: vec![],
        warnings,
    }
}

/// `10^4` steps, with an interval of so many decades down and up.
fn measured(down: f64, up: f64) -> Measured {
    Measured::Mean(Estimate::new(4.0, 4.0 - down, 4.0 + up))
}

fn of<'a>(verdict: &'a Verdict, theory: &str) -> &'a Assessment {
    verdict.theories.iter().find(|judged| judged.theory == theory).expect("it is judged")
}

fn trusted(verdict: &Verdict) -> Option<&str> {
    verdict.trusted().map(|theory| theory.theory.as_str())
}

fn equals(verdict: &Verdict) -> Vec<&str> {
    verdict.indistinguishable().map(|theory| theory.theory.as_str()).collect()
}

fn names(verdict: &Verdict) -> Vec<&str> {
    verdict.theories.iter().map(|theory| theory.theory.as_str()).collect()
}

#[test]
fn errors_have_the_mirrored_interval_of_the_measurement() {
    let verdict = Verdict::new(&[prediction("a", Some(4.5), 0)], measured(0.1, 0.2));
    let error = of(&verdict, "a").error.expect("a number");
    // The measurement's upper end is the error's lower one.
    let ends = [error.value(), error.at_least(), Some(error.at_most())].map(|x| x.expect("an end"));
    for (found, expected) in ends.into_iter().zip([0.5, 0.3, 0.6]) {
        assert!((found - expected).abs() < 1e-12, "{error:?}");
    }
    assert_eq!(error.to_string(), "+0.50 [+0.30, +0.60]");
}

#[test]
fn a_theory_holds_where_a_fine_interval_meets_a_factor_of_two() {
    let holds = |predicted: f64, measured: Measured| {
        let verdict = Verdict::new(&[prediction("a", Some(predicted), 0)], measured);
        let holds = of(&verdict, "a").holds;
        let within = (predicted - 4.0).abs() <= TOLERANCE;
        assert_eq!(trusted(&verdict).is_some(), holds == Some(true) && within);
        holds
    };
    let fine = measured(0.05, 0.05);
    for (off, expected) in [(0.0, true), (0.25, true), (0.34, true), (0.36, false), (22.1, false)] {
        assert_eq!(holds(4.0 + off, fine), Some(expected), "{off}");
        assert_eq!(holds(4.0 - off, fine), Some(expected), "{off}");
    }
    // An interval as wide as a factor of four shows nothing near the band, and still refutes what is far from it.
    let coarse = measured(0.31, 0.31);
    assert_eq!([4.0, 4.6, 4.62].map(|x| holds(x, coarse)), [None, None, Some(false)]);
    assert_eq!(holds(4.0, measured(0.30, 0.30)), Some(true));
    // Ten escapes of replicas that no time limit stops are fine enough, eight are not.
    let of_escapes = |count: u64| {
        let seen = vec![Observation { time: 1e4, event: true }; count as usize];
        holds(4.0, Measured::from(&RateEstimate::from_observations(&seen, 0, "direct simulation", 0)))
    };
    assert_eq!((of_escapes(8), of_escapes(10)), (None, Some(true)));
}

#[test]
fn without_an_escape_errors_are_bounded_from_above() {
    let predictions =
        [prediction("long", Some(9.0), 0), prediction("near", Some(4.0), 0), prediction("short", Some(3.0), 0)];
    let verdict = Verdict::new(&predictions, Measured::AtLeast(4.2));
    assert_eq!(of(&verdict, "long").error, Some(ErrorDecades::AtMost(4.8)));
    assert_eq!(["long", "near", "short"].map(|name| of(&verdict, name).holds), [None, None, Some(false)]);
    assert_eq!(of(&verdict, "short").error.map(|error| (error.value(), error.at_least())), Some((None, None)));
    assert_eq!((trusted(&verdict), verdict.nearest()), (None, None));
    assert_eq!(names(&verdict), ["long", "near", "short"]);
    let words = verdict.to_string();
    assert!(words.contains("too short: short") && words.contains("not excluded: long, near"), "{words}");

    // 20 replicas watched for 10^3 steps each: the mean is above 20·10³/ln 20, where P(no escape) is 5 %.
    let watched = vec![Observation { time: 1e3, event: false }; 20];
    let rate = RateEstimate::from_observations(&watched, 0, "direct simulation", 0);
    let Measured::AtLeast(bound) = Measured::from(&rate) else { panic!("{rate:?}") };
    assert!((bound - (2e4 / 20.0_f64.ln()).log10()).abs() < 1e-9);
}

#[test]
fn no_theory_is_trusted_where_none_holds() {
    let predictions = [prediction("far", Some(26.1), 0), prediction("further", Some(30.0), 0)];
    let verdict = Verdict::new(&predictions, measured(0.01, 0.01));
    assert_eq!((trusted(&verdict), equals(&verdict).len()), (None, 0));
    assert_eq!(verdict.nearest().map(|nearest| nearest.theory.as_str()), Some("far"));
    assert_eq!(verdict.to_string(), "no theory holds; the nearest, far, is off by +22.1 [+22.1, +22.1] decades");
}

#[test]
fn the_nearest_theory_that_passes_its_checks_is_trusted() {
    let close = [prediction("near", Some(4.10), 1), prediction("clean", Some(4.14), 0)];
    let verdict = Verdict::new(&close, measured(0.01, 0.01));
    assert_eq!((trusted(&verdict), equals(&verdict).len()), (Some("clean"), 0));
    assert_eq!(names(&verdict), ["near", "clean"]);
    let words = verdict.to_string();
    assert!(
        words.starts_with("trust clean, off by +0.14 [") && words.ends_with("; agree, not trusted: near"),
        "{words}"
    );
    // Without one that passes none is trusted, and the nearest says why.
    let failed = [prediction("near", Some(4.10), 2), prediction("far", Some(4.2), 1), prediction("off", Some(9.0), 0)];
    let verdict = Verdict::new(&failed, measured(0.01, 0.01));
    assert_eq!((trusted(&verdict), equals(&verdict).len()), (None, 0));
    let words = verdict.to_string();
    assert!(
        words.starts_with("no theory is trusted; near agrees, off by +0.10 [+0.09, +0.11] decades, but temper"),
        "{words}"
    );
    assert!(words.ends_with("; agree as well, not trusted: far"), "{words}");
    // 0.34 decades with an interval that reaches into the band: it agrees, and no more.
    let edge = Verdict::new(&[prediction("edge", Some(4.34), 0)], measured(0.05, 0.05));
    assert_eq!((trusted(&edge), edge.agrees().count()), (None, 1));
    assert!(edge.to_string().contains("but only the interval of its error is within a factor of two"), "{edge}");
    // One that passes its checks and does not hold is not trusted either.
    assert_eq!(trusted(&Verdict::new(&failed[2..], measured(0.01, 0.01))), None);
}

#[test]
fn theories_that_a_measurement_does_not_tell_apart_are_named() {
    let close = [prediction("near", Some(4.10), 0), prediction("other", Some(4.14), 0)];
    let of = |down, up| {
        let verdict = Verdict::new(&close, measured(down, up));
        (trusted(&verdict) == Some("near"), equals(&verdict).len())
    };
    assert_eq!(of(0.03, 0.03), (true, 1));
    // Errors [0.08, 0.11] and [0.12, 0.15] are apart, [0.05, 0.12] and [0.09, 0.16] are not: both ends count.
    assert_eq!((of(0.01, 0.02), of(0.02, 0.05)), ((true, 0), (true, 1)));
    let words = Verdict::new(&close, measured(0.01, 0.01)).to_string();
    assert!(words.ends_with("; hold as well, further off: other"), "{words}");
    // Errors of opposite signs and nearly the same size.
    let around = [prediction("above", Some(4.2), 0), prediction("below", Some(3.79), 0)];
    let verdict = Verdict::new(&around, measured(0.01, 0.01));
    assert_eq!((trusted(&verdict), equals(&verdict)), (Some("above"), vec!["below"]));
    assert_eq!(equals(&Verdict::new(&around, measured(0.004, 0.004))).len(), 0);
    // Equal in all: the order of the predictions.
    let twins = [prediction("first", Some(4.1), 0), prediction("second", Some(4.1), 0)];
    assert_eq!(trusted(&Verdict::new(&twins, measured(0.0, 0.0))), Some("first"));
}

#[test]
fn a_time_predicted_for_an_impossible_escape_is_wrong() {
    let verdict = Verdict::new(&[prediction("kramers", Some(29.6), 0), prediction("none", None, 0)], Measured::Never);
    assert_eq!((of(&verdict, "kramers").holds, of(&verdict, "none").holds), (Some(false), None));
    assert_eq!(trusted(&verdict), None);
    assert_eq!(verdict.to_string(), "escape is impossible; wrong to predict a time: kramers");
}

/// Verdicts at these learning rates (in percent) and batch sizes, where one theory is off by so much and fails so many checks.
fn studied(settings: &[(u32, usize, f64, usize)]) -> Vec<(SgdSettings, Verdict)> {
    let sampling = Sampling::WithReplacement;
    let of = |&(percent, batch_size, off, failed): &(u32, usize, f64, usize)| {
        let sgd = SgdSettings { learning_rate: f64::from(percent) / 100.0, batch_size, sampling };
        (sgd, Verdict::new(&[prediction("a", Some(4.0 + off), failed)], measured(0.05, 0.05)))
    };
    settings.iter().map(of).collect()
}

#[test]
fn a_theory_that_fails_at_a_neighbour_which_its_checks_allow_is_not_trusted() {
    // The last fails at 3 %, whence 2 % and 5 % are not trusted, and 1 %, further away, is.
    let mut settings = studied(&[(5, 1, 0.0, 0), (1, 1, 0.1, 0), (2, 1, 0.0, 0), (3, 1, 0.9, 0)]);
    let study = compare(&mut settings);
    let trust: Vec<bool> = settings.iter().map(|(_, verdict)| verdict.trusted().is_some()).collect();
    assert_eq!(trust, [false, true, false, false]);
    let refuted = &of(&settings[2].1, "a").refuted_at;
    assert_eq!(refuted.iter().map(|at| at.learning_rate).collect::<Vec<_>>(), [0.03]);
    let words = settings[2].1.to_string();
    assert!(words.contains("but it fails at the neighbouring setting eta = 0.03, B = 1: off by +0.90 ["), "{words}");
    assert_eq!((study.trusted(), study.theories[0].refuted, study.theories[0].agrees), (None, 1, 3));
    assert_eq!(
        study.to_string(),
        "no theory is trusted; a agrees at most, 3 of 4 settings, but it fails at 1 that its checks allow"
    );

    // Where its checks fail it is not refuted.
    let mut settings = studied(&[(1, 1, 0.1, 0), (2, 1, 0.0, 0), (3, 1, 0.9, 1)]);
    let study = compare(&mut settings);
    assert_eq!(study.trusted().map(|theory| (theory.agrees, theory.trusted)), Some((2, 2)));
    assert!(
        study.to_string().starts_with("trust a, which agrees at 2 of 3 settings, passes its checks at 2 of them"),
        "{study}"
    );

    // Batch sizes are neighbours at the same learning rate; what differs in both is none.
    let mut settings = studied(&[(1, 1, 0.0, 0), (1, 4, 0.0, 0), (1, 8, 0.0, 0), (1, 16, 0.9, 0), (2, 1, 0.0, 0)]);
    compare(&mut settings);
    let trust: Vec<bool> = settings.iter().map(|(_, verdict)| verdict.trusted().is_some()).collect();
    assert_eq!(trust, [true, true, false, false, true]);
    let mut settings = studied(&[(1, 1, 0.0, 0), (2, 4, 0.9, 0)]);
    compare(&mut settings);
    assert!(settings[0].1.trusted().is_some());
}

#[test]
fn what_cannot_be_judged_is_kept_and_says_why() {
    let predictions = [prediction("none", None, 1), prediction("one", Some(4.0), 0)];
    let verdict = Verdict::new(&predictions, measured(0.1, 0.1));
    assert_eq!(names(&verdict), ["one", "none"]);
    let none = of(&verdict, "none");
    assert_eq!((none.error, none.holds, none.not_applicable.as_deref()), (None, None, Some("no saddle")));
    assert_eq!(none.failed_checks, [Warning::LargeTemperature { value: 0.5, limit: 0.2 }]);
    for unknown in [
        Measured::new(None, 0.0),
        Measured::new(None, f64::NAN),
        Measured::new(Some(Estimate::new(1.0, 0.0, 2.0)), 0.5),
        Measured::new(Some(Estimate::new(f64::NAN, 1.0, 2.0)), 0.5),
    ] {
        assert_eq!(unknown, Measured::Unknown);
        let verdict = Verdict::new(&predictions, unknown);
        assert!(verdict.theories.iter().all(|theory| theory.error.is_none() && theory.holds.is_none()));
        assert!(verdict.to_string().starts_with("no theory can be judged"), "{verdict}");
    }
    assert_eq!(trusted(&Verdict::new(&[], measured(0.1, 0.1))), None);
}

/// The interval of an error covers the true error as often as that of the measurement covers the mean: 95 % of samples of
/// exponential times without censoring, whatever the true error is.
#[test]
fn the_interval_of_an_error_has_the_coverage_of_the_measurement() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let (repeats, mean) = (2_000, 3e5_f64);
    for off in [-1.3, 0.0, 0.4] {
        let theory = [prediction("off", Some(mean.log10() + off), 0)];
        let mut covered = 0;
        for _ in 0..repeats {
            let times = (0..12).map(|_| Observation { time: -mean * rng.random::<f64>().ln(), event: true });
            let rate = RateEstimate::from_observations(&times.collect::<Vec<_>>(), 0, "direct simulation", 11);
            let verdict = Verdict::new(&theory, Measured::from(&rate));
            let Some(ErrorDecades::Known(error)) = of(&verdict, "off").error else { panic!("{verdict:?}") };
            covered += u32::from(error.covers(off));
        }
        // Standard error √(0.95·0.05/2000) = 0.0049; three comparisons at four of them.
        let share = f64::from(covered) / f64::from(repeats);
        assert!((share - 0.95).abs() < 0.0195, "{off}: {share}");
    }
}
