//! A chain whose mean is known exactly for any rarity, full of ties.

use super::*;

/// From 2⁶ to 2⁴⁸ steps, all within the 99.9 % interval of Student's law (the 95 % one, 1.8 times as wide, for 20 repeats);
/// half and twice the mean are far outside.
#[test]
fn runs_of_a_coin_come_in_their_exact_time() {
    for method in METHODS {
        for m in [5, 12, 25, 47] {
            let (run, exact) = runs(m, method, 11);
            let run = RareRun { trajectories: 1600, ..run };
            let rate = run_coin(&run);
            let mean = rate.mean_steps.unwrap();
            let width = (mean.ci95[1] / mean.value).ln();
            let error = (mean.value / exact).ln();
            assert!(error.abs() < 1.8 * width, "{method:?} {m}: {mean:?} against {exact}");
            assert!(1.8 * width < 0.5 * 2.0_f64.ln(), "{method:?} {m}: {width}");
            let repeats = rate.repeats.unwrap();
            assert_eq!((repeats.repeats, repeats.extinct, repeats.not_found), (20, 0, None));
            // Per unit t = ηk.
            let per_time = repeats.rate_per_time.unwrap().value * 0.5;
            assert!((per_time / rate.rate_per_step.unwrap().value - 1.0).abs() < 1e-9);
        }
    }
}

/// 95 % intervals of 200 small runs cover the mean in 92 to 98 % of the cases (for the exact level, 184 to 196 of 200 is
/// the range of 96 %), and the mean of all is unbiased.
#[test]
fn intervals_cover_the_exact_mean() {
    for method in METHODS {
        let rates: Vec<_> = (0..200)
            .map(|seed| {
                let (run, exact) = runs(16, method, seed);
                let rate = run_coin(&RareRun { trajectories: 180, repeats: 12, ..run }).rate_per_step.unwrap();
                (rate.covers(1.0 / exact), rate.value * exact)
            })
            .collect();
        let covered = rates.iter().filter(|(covers, _)| *covers).count();
        assert!((184..=196).contains(&covered), "{method:?}: {covered} of 200");
        let mean = rates.iter().map(|(_, x)| x).sum::<f64>() / 200.0;
        let error = (rates.iter().map(|(_, x)| (x - mean).powi(2)).sum::<f64>() / (200.0 * 199.0)).sqrt();
        assert!((mean - 1.0).abs() < 4.0 * error, "{method:?}: {mean} ± {error}");
        // Four hundred thousand trajectories would show a bias of a few per cent.
        assert!(error < 0.01, "{error}");
        println!("{method:?}: {covered} of 200 intervals cover, mean {mean:.4} ± {error:.4}");
    }
}

/// Few excursions in a repeat make every bias that goes with one over their number large: a rate counted until ten have begun
/// would be a tenth too high.
#[test]
fn few_trajectories_give_no_bias() {
    for method in METHODS {
        let rates: Vec<f64> = (0..400)
            .map(|seed| {
                let (run, exact) = runs(4, method, seed);
                run_coin(&RareRun { trajectories: 10, repeats: 12, ..run }).rate_per_step.unwrap().value * exact
            })
            .collect();
        let mean = rates.iter().sum::<f64>() / 400.0;
        let error = (rates.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (400.0 * 399.0)).sqrt();
        println!("{method:?}: {mean:.4} ± {error:.4}");
        assert!((mean - 1.0).abs() < 4.0 * error, "{method:?}: {mean} ± {error}");
        assert!(error < 0.02, "{error}");
    }
}
