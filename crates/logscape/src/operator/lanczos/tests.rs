use super::super::dense::to_dense;
use super::super::testing::{Failing, Reflected};
use super::super::{apply, dot};
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

fn found(operator: &dyn LinearOperator, config: &LanczosConfig) -> ExtremeEigenpairs {
    extreme_eigenpairs(operator, config, &Stop::new(), |_| {}).unwrap()
}

/// Norms `‖Av − λv‖` from products.
fn true_residuals(operator: &dyn LinearOperator, pairs: &Eigenpairs) -> Vec<f64> {
    let images: Vec<Vec<f64>> = pairs.vectors.iter().map(|v| apply(operator, v, &Stop::new()).unwrap()).collect();
    let difference = |k: usize| -> Vec<f64> {
        images[k].iter().zip(&pairs.vectors[k]).map(|(image, v)| image - pairs.values[k] * v).collect()
    };
    (0..images.len()).map(|k| norm(&difference(k))).collect()
}

/// Unit vectors, orthogonal to each other, of the residuals that are told; all of them converged.
fn check(operator: &dyn LinearOperator, pairs: &Eigenpairs, slack: f64) {
    assert!(pairs.converged.iter().all(|converged| *converged), "{:?}", pairs.residuals);
    for (truth, told) in true_residuals(operator, pairs).iter().zip(&pairs.residuals) {
        assert!(*truth <= 1.0001 * told + slack, "{truth} {told}");
    }
    for (i, a) in pairs.vectors.iter().enumerate() {
        for (j, b) in pairs.vectors[..=i].iter().enumerate() {
            assert!((dot(a, b) - f64::from(u8::from(i == j))).abs() < slack, "{i} {j}");
        }
    }
}

#[test]
fn both_ends_agree_with_dense_eigenvalues_in_one_run() {
    let operator = Reflected::new((0..300).map(|i| ((f64::from(i) - 120.0) / 10.0).powi(3)).collect(), 3);
    let (dense, _) = eigen(to_dense(&operator, &Stop::new()).unwrap().as_ref()).unwrap();
    for block in [1, 2, 3, 8] {
        let config =
            LanczosConfig { upper: End::new(8, 1e-9), lower: End::new(3, 1e-9), block, ..LanczosConfig::default() };
        let both = found(&operator, &config);
        assert_eq!([both.upper.values.len(), both.lower.values.len()], [8, 3]);
        for (value, exact) in
            both.upper.values.iter().zip(&dense).chain(both.lower.values.iter().zip(dense.iter().rev()))
        {
            assert!((value - exact).abs() < 1e-9 * dense[0], "{value} {exact}");
        }
        check(&operator, &both.upper, 1e-10);
        check(&operator, &both.lower, 1e-10);
        let [upper, lower] =
            [LanczosConfig { lower: End::NONE, ..config }, LanczosConfig { upper: End::NONE, ..config }]
                .map(|config| found(&operator, &config).products);
        assert!(both.products < upper + lower, "{} {upper} {lower}", both.products);
    }
}

#[test]
fn outliers_of_a_network_take_few_products() {
    let operator = Reflected::network(20_000);
    let config = LanczosConfig { upper: End::new(20, 1e-3), ..LanczosConfig::default() };
    let pairs = found(&operator, &config);
    // ARPACK (`eigsh` of scipy 1.17, `k = 20`, `tol = 1e-3`) takes 42 and does not look for further copies.
    assert!(pairs.products <= 42, "{}", pairs.products);
    check(&operator, &pairs.upper, 1e-12);
    for (value, exact) in pairs.upper.values.iter().zip(&operator.spectrum) {
        assert!((value - exact).abs() < 1e-3, "{value} {exact}");
    }
}

#[test]
fn finds_all_copies_of_eigenvalues_that_come_in_tens() {
    let mut spectrum: Vec<f64> = (0..400).map(|i| 1e-3 * f64::from(i) / 400.0 - 1e-4).collect();
    for (k, level) in [9.67, 2.92, 1.14].into_iter().enumerate() {
        spectrum[40 * k..40 * k + 10].fill(level);
    }
    let operator = Reflected::new(spectrum, 1);
    for block in [1, 4] {
        let config = LanczosConfig { upper: End::new(30, 1e-8), block, ..LanczosConfig::default() };
        let pairs = found(&operator, &config);
        for (value, exact) in pairs.upper.values.iter().zip(operator.sorted()) {
            assert!((value - exact).abs() < 1e-7, "{value} {exact}");
        }
        check(&operator, &pairs.upper, 1e-10);
    }
}

#[test]
fn copies_that_rounding_does_not_bring_are_found() {
    // A loose tolerance is met before rounding brings a second copy into the space of the first vector.
    let mut spectrum = Reflected::network(3000).spectrum;
    (spectrum[1], spectrum[4], spectrum[5]) = (spectrum[0], spectrum[3], spectrum[3]);
    let operator = Reflected::new(spectrum, 2);
    for seed in 0..10 {
        let config = LanczosConfig { upper: End::new(7, 1e-3), seed, ..LanczosConfig::default() };
        let pairs = found(&operator, &config);
        check(&operator, &pairs.upper, 1e-10);
        for (value, exact) in pairs.upper.values.iter().zip(operator.sorted()) {
            assert!((value - exact).abs() < 1e-2, "{seed}: {value} {exact}");
        }
    }
}

#[test]
fn the_ends_are_alike() {
    let spectrum: Vec<f64> = (0..1500).map(|i| (f64::from(i) / 1500.0).powi(4) - 0.1).collect();
    let operator = Reflected::new(spectrum.clone(), 2);
    let negative = Reflected::new(spectrum.iter().map(|x| -x).collect(), 2);
    // Restarted.
    let config = LanczosConfig { upper: End::new(3, 1e-8), ..LanczosConfig::default() };
    let upper = found(&operator, &config);
    let lower = found(&negative, &LanczosConfig { upper: End::NONE, lower: config.upper, ..config });
    assert!(upper.products > upper.length && upper.products.abs_diff(lower.products) < upper.products / 20);
    for (a, b) in upper.upper.values.iter().zip(&lower.lower.values) {
        assert!((a + b).abs() < 1e-10, "{a} {b}");
    }
}

#[test]
fn short_bases_are_restarted_within_their_memory() {
    let spectrum = (0..2000).map(|i| (f64::from(i) / 2000.0).powi(4)).collect();
    let operator = Reflected::new(spectrum, 2);
    let exact = operator.sorted();
    let config = LanczosConfig { upper: End::new(10, 1e-5), ..LanczosConfig::default() };
    let long = found(&operator, &config);
    let Err(EigenError::Memory { needed: least, limit: 1 }) =
        extreme_eigenpairs(&operator, &LanczosConfig { memory: 1, ..config }, &Stop::new(), |_| {})
    else {
        panic!("a byte is enough")
    };
    let mut previous = 0;
    for (memory, precision) in
        [(least, Precision::Float32), (2 * least, Precision::Float64), (4 * least, Precision::Float64)]
    {
        let short = found(&operator, &LanczosConfig { memory, ..config });
        assert_eq!(short.precision, precision);
        let each = if precision == Precision::Float64 { 8 } else { 4 };
        assert!(2000 * (each * short.length as u64 + 24) <= memory && short.length > previous);
        assert!(short.products >= long.products, "{} {}", short.products, long.products);
        check(&operator, &short.upper, if each == 8 { 1e-12 } else { 1e-6 });
        for (value, exact) in short.upper.values.iter().zip(&exact) {
            assert!((value - exact).abs() < 1e-6, "{value} {exact}");
        }
        previous = if precision == Precision::Float64 { short.length } else { 0 };
    }
    let refused = extreme_eigenpairs(&operator, &LanczosConfig { memory: least - 1, ..config }, &Stop::new(), |_| {});
    assert_eq!(refused.unwrap_err(), EigenError::Memory { needed: least, limit: least - 1 });
}

#[test]
fn a_basis_in_single_precision_tells_how_far_it_comes() {
    let operator = Reflected::network(5000);
    let config = |tolerance| LanczosConfig {
        upper: End::new(20, tolerance),
        precision: Precision::Float32,
        ..LanczosConfig::default()
    };
    let pairs = found(&operator, &config(1e-5));
    assert_eq!(pairs.precision, Precision::Float32);
    check(&operator, &pairs.upper, 1e-7);
    for (value, exact) in pairs.upper.values.iter().zip(&operator.spectrum) {
        assert!((value - exact).abs() < 1e-6, "{value} {exact}");
    }
    // What single precision cannot reach ends the iteration, and is not called converged.
    let beyond = found(&operator, &config(1e-9));
    assert!(beyond.products < 100 && !beyond.upper.converged.iter().any(|converged| *converged));
    for (truth, told) in true_residuals(&operator, &beyond.upper).iter().zip(&beyond.upper.residuals) {
        assert!(truth <= told && *told < 1e-5, "{truth} {told}");
    }
}

#[test]
fn an_interrupt_keeps_what_has_converged() {
    let operator = Reflected::network(1000);
    let config = LanczosConfig { upper: End::new(20, 1e-3), ..LanczosConfig::default() };
    let whole = found(&operator, &config);
    let after = |steps: usize| {
        let asked = AtomicUsize::new(0);
        let stop = Stop::when(move || asked.fetch_add(1, Ordering::Relaxed) >= steps);
        extreme_eigenpairs(&operator, &config, &stop, |_| {}).unwrap()
    };
    let part = after(25);
    assert!(part.interrupted && part.products == 25);
    let converged = part.upper.converged.iter().filter(|converged| **converged).count();
    assert!(0 < converged && converged < 20, "{converged}");
    for k in (0..20).filter(|&k| part.upper.converged[k]) {
        assert!((part.upper.values[k] - operator.spectrum[k]).abs() < 1e-2);
    }
    assert_eq!(part.uninterrupted(), Err(Interrupted));
    let none = after(0);
    assert!(none.interrupted && none.upper == Eigenpairs::default());
    assert!(!whole.interrupted && whole.clone().uninterrupted().is_ok_and(|same| same == whole));
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let config = LanczosConfig { block: 2, ..LanczosConfig::default() };
    for fine in [0, 1, 12] {
        let failing = Failing(Reflected::network(200), AtomicUsize::new(fine));
        let ended = extreme_eigenpairs(&failing, &config, &Stop::new(), |_| {});
        assert_eq!(ended.unwrap_err(), EigenError::NotFinite);
        // The count has gone below zero once: nothing is asked of the operator any more.
        assert_eq!(failing.1.into_inner(), usize::MAX);
    }
}

#[test]
fn all_pairs_of_few_rows_are_found() {
    for p in [0_usize, 1, 2, 5, 40] {
        let operator = Reflected::new((0..p).map(|i| (i as f64 * 1.7).sin()).collect(), 2);
        let mut exact = operator.sorted();
        for block in [1, 3, 8] {
            let all = End::new(p, 1e-10);
            for (upper, lower) in [
                (all, End::NONE),
                (End::NONE, all),
                (all, all),
                (End::new(100, 1e-10), End::new(2, 1e-10)),
                (End::new(p / 2 + 1, 1e-10), End::NONE),
            ] {
                let pairs = found(&operator, &LanczosConfig { upper, lower, block, ..LanczosConfig::default() });
                assert_eq!(pairs.upper.values.len(), upper.count.min(p));
                assert_eq!(pairs.lower.values.len(), lower.count.min(p));
                assert!(pairs.products <= p);
                for end in [&pairs.upper, &pairs.lower] {
                    check(&operator, end, 1e-12);
                    assert!(end.values.iter().zip(&exact).all(|(value, exact)| (value - exact).abs() < 1e-12));
                    exact.reverse();
                }
            }
        }
    }
}

#[test]
fn a_start_ends_where_its_space_is_invariant() {
    // All eigenvalues equal, or zero: each start finds one pair.
    for value in [0.0, -2.0] {
        let pairs = found(&Reflected::new(vec![value; 500], 1), &LanczosConfig::default());
        assert_eq!(pairs.products, 21);
        assert!(pairs.upper.values.iter().all(|found| (found - value).abs() < 1e-14));
        assert!(pairs.upper.converged.iter().all(|converged| *converged));
    }
    // The last block has room for less than it is wide.
    let all = LanczosConfig { upper: End::new(5, 1e-8), block: 3, ..LanczosConfig::default() };
    let operator = Reflected::new(vec![1.0; 5], 1);
    let pairs = found(&operator, &all);
    assert_eq!(pairs.products, 5);
    check(&operator, &pairs.upper, 1e-13);
}

#[test]
fn the_number_of_products_is_bounded_and_tells_what_has_not_converged() {
    let operator = Reflected::network(1000);
    let config = LanczosConfig { upper: End::new(20, 1e-8), max_products: 26, block: 3, ..LanczosConfig::default() };
    let pairs = found(&operator, &config);
    assert!(pairs.products == 24 && !pairs.interrupted && pairs.upper.converged.iter().any(|converged| !converged));
    for (k, truth) in true_residuals(&operator, &pairs.upper).into_iter().enumerate() {
        assert!((truth - pairs.upper.residuals[k]).abs() < 1e-10, "{k}");
    }
}

#[test]
fn an_outlier_is_found_whatever_the_tolerance() {
    // From a random vector the first Ritz pair of the bulk meets the tolerance at once.
    let mut spectrum: Vec<f64> = (0..2000).map(|i| 1.0 + 1e-5 * f64::from(i)).collect();
    spectrum[700] = 2.1;
    let operator = Reflected::new(spectrum, 1);
    for seed in 0..100 {
        let config = LanczosConfig { upper: End::new(1, 0.1), seed, ..LanczosConfig::default() };
        let pairs = found(&operator, &config);
        assert!(pairs.upper.values[0] > 2.0 && pairs.products < 10, "{seed}: {:?}", pairs.upper.values);
    }
}

#[test]
fn progress_tells_products_and_pairs() {
    let mut told = Vec::new();
    let config = LanczosConfig { upper: End::new(20, 1e-3), ..LanczosConfig::default() };
    let pairs =
        extreme_eigenpairs(&Reflected::network(1000), &config, &Stop::new(), |progress| told.push(progress.clone()));
    let pairs = pairs.unwrap();
    // The last product, which ends the iteration, is told by the result.
    let products = 1..pairs.products;
    assert!(told.iter().map(|progress| progress.products).eq(products));
    // A step can bring a pair among the wanted ones that has not converged, so that there may be fewer than before.
    let converged = |k: usize| told[k].converged;
    assert_eq!([converged(0), converged(told.len() - 1)], [0, 20]);
    assert!((0..told.len()).any(|k| 0 < converged(k) && converged(k) < 20));
    // The values that it tells are those of the result as soon as they have converged.
    let last = told.last().unwrap();
    assert!(last.largest.iter().all(|value| value.converged) && last.lowest.is_empty());
    for (value, end) in last.largest.iter().zip(&pairs.upper.values) {
        assert!((value.value - end).abs() <= value.residual + 1e-3 * end.abs().max(1.0), "{value:?} {end}");
    }
}

#[test]
fn threads_change_nothing() {
    // More rows than one thread takes at once.
    let operator = Reflected::network(40_000);
    let config = LanczosConfig { upper: End::new(5, 1e-3), block: 2, ..LanczosConfig::default() };
    let run = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| found(&operator, &config))
    };
    assert_eq!(run(1), run(3));
}
