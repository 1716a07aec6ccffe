//! The linear sets that are not among the tests of the search itself.

use super::{digits, sets};
use logscape::Stop;
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::problem::LinearRegression;

/// Digits of the parameters and of the residual sum of squares, for the polynomial in `x` of the powers from `lowest` on.
fn fit(data: &[[f64; 2]], lowest: i32, certified: &[f64], residual: f64) -> [f64; 2] {
    let d = certified.len();
    let row = |x: f64| (lowest..).take(d).map(move |k| x.powi(k));
    let inputs = data.iter().flat_map(|&[_, x]| row(x)).collect();
    let problem = LinearRegression::new(inputs, data.iter().map(|[y, _]| *y).collect(), d).unwrap();
    let found = find_minimum(&problem, &vec![0.0; d], &MinimumConfig::default(), &Stop::new()).unwrap();
    assert!(found.method.starts_with("least squares"), "{}", found.method);
    [digits(&found.theta, certified), digits(&[2.0 * data.len() as f64 * found.loss], &[residual])]
}

/// Digits that are reached. Rounding of the table itself, of relative size 10⁻¹⁶, is amplified by the condition of the columns, once
/// they have unit length: 10¹⁰ for Filip, 10⁶ for Wampler's.
#[test]
fn linear_sets_are_solved_to_the_digits_that_double_precision_allows() {
    let least = [("Norris", [12.0, 12.0]), ("Pontius", [11.0, 11.0]), ("Filip", [7.0, 7.5])];
    for ((name, head, data), (expected, least)) in sets(include_str!("linear.txt"), 2).zip(least) {
        assert_eq!(name, expected);
        let reached = fit(&data, 0, &head[0], head[1][0]);
        assert!(reached[0] > least[0] && reached[1] > least[1], "{name}: {reached:?} digits");
    }
    let noint2 = fit(&[[3.0, 4.0], [4.0, 5.0], [4.0, 6.0]], 1, &[8.0 / 11.0], 3.0 / 11.0);
    assert!(noint2.iter().all(|&digits| digits > 14.0), "NoInt2: {noint2:?}");
    // 1 + x + ... + x⁵ on 0, 1, ..., 20, and errors that are across all of these powers: parameters of 1 remain exact.
    let errors = [759, -2048, 2048, -2048, 2523, -2048, 2048, -2048, 1838, -2048, 2048];
    for (name, factor, least) in [("Wampler3", 1.0, 9.0), ("Wampler4", 100.0, 7.0), ("Wampler5", 1e4, 5.0)] {
        let at = |k: usize| {
            let x = k as f64;
            [(0..6).map(|power| x.powi(power)).sum::<f64>() + factor * f64::from(errors[k.min(20 - k)]), x]
        };
        let data: Vec<[f64; 2]> = (0..=20).map(at).collect();
        let [parameters, residual] = fit(&data, 0, &[1.0; 6], 83_554_268.0 * factor * factor);
        assert!(parameters > least && residual > 12.0, "{name}: {parameters} and {residual} digits");
    }
}
