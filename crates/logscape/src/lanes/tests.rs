//! Vector functions against the standard library's, and the same bits on every instruction set.

use super::*;

/// `count` arguments with uniform spacing.
fn grid(from: f64, to: f64, count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |k| from + (to - from) * (k as f64 + 0.5) / count as f64)
}

/// Error of `found` in units of the last place of single precision at `exact`.
fn ulp32(found: f32, exact: f64) -> f64 {
    (f64::from(found) - exact).abs() / f64::from((exact as f32).abs().next_up() - (exact as f32).abs())
}

fn ulp64(found: f64, exact: f64) -> f64 {
    (found - exact).abs() / (exact.abs().next_up() - exact.abs())
}

/// Largest errors (f32, f64) over arguments `x`, which are first rounded to single precision. The standard library's
/// function in double precision is the reference, itself wrong by up to 1 ulp.
fn worst(
    arguments: impl Iterator<Item = f64>,
    single: impl Fn(f32) -> f32,
    double: impl Fn(f64) -> f64,
    reference: impl Fn(f64) -> f64,
) -> [f64; 2] {
    let mut worst = [0.0_f64; 2];
    for x in arguments {
        let rounded = f64::from(x as f32);
        worst[0] = worst[0].max(ulp32(single(x as f32), reference(rounded)));
        worst[1] = worst[1].max(ulp64(double(x), reference(x)));
    }
    worst
}

#[test]
fn exponential_is_within_two_ulp() {
    let [single, double] = worst(grid(-87.0, 88.0, 400_000), Real::exp, Real::exp, f64::exp);
    assert!(single < 2.0 && double <= 2.0, "{single} {double}");
    let [_, double] = worst(grid(-708.0, 709.7, 400_000), |_| 0.0, Real::exp, f64::exp);
    assert!(double <= 2.0, "{double}");
    for (x, want) in [(0.0, 1.0), (-1e4, 0.0), (1e4, f64::INFINITY), (f64::INFINITY, f64::INFINITY)] {
        assert_eq!((Real::exp(x), f64::from(Real::exp(x as f32))), (want, want));
    }
    assert!(Real::exp(f64::NAN).is_nan() && Real::exp(f32::NAN).is_nan());
    // Below the normal numbers, within the spacing there.
    assert!((Real::exp(-740.0) - (-740.0_f64).exp()).abs() <= 2.0 * f64::from_bits(1));
}

#[test]
fn logarithm_is_within_two_ulp() {
    for arguments in [grid(0.01, 3.0, 400_000), grid(0.97, 1.03, 100_000), grid(1.0, 1e9, 100_000)] {
        let [single, double] = worst(arguments, Real::ln, Real::ln, f64::ln);
        assert!(single < 2.0 && double <= 2.0, "{single} {double}");
    }
    let small = (-320..-30).map(|k| 10.0_f64.powi(k) * 1.7);
    let error = small.map(|x| ulp64(Real::ln(x), f64::ln(x))).fold(0.0, f64::max);
    assert!(error <= 2.0, "{error}");
    assert_eq!((Real::ln(0.0), Real::ln(f64::INFINITY), Real::ln(1.0)), (f64::NEG_INFINITY, f64::INFINITY, 0.0));
    assert!(Real::ln(-1.0_f64).is_nan() && Real::ln(f64::NAN).is_nan() && Real::ln(-1.0_f32).is_nan());
}

#[test]
fn hyperbolic_tangent_is_within_three_ulp() {
    for arguments in [grid(-30.0, 30.0, 400_000), grid(-0.1, 0.1, 100_000), grid(-1e-9, 1e-9, 1_000)] {
        let [single, double] = worst(arguments, Real::tanh, Real::tanh, f64::tanh);
        assert!(single < 3.0 && double < 4.0, "{single} {double}");
    }
    assert_eq!((Real::tanh(f64::INFINITY), Real::tanh(-1e5_f32), Real::tanh(0.0)), (1.0, -1.0, 0.0));
    assert!(Real::tanh(f64::NAN).is_nan());
}

#[test]
fn sine_and_cosine_are_within_two_ulp() {
    for reach in [1.0, 10.0, 1e4, 9e5] {
        let sine = worst(grid(-reach, reach, 300_000), |x| x.sin_cos().0, |x| Real::sin_cos(x).0, f64::sin);
        let cosine = worst(grid(-reach, reach, 300_000), |x| Real::sin_cos(x).1, |x| Real::sin_cos(x).1, f64::cos);
        assert!(sine[0] < 2.0 && sine[1] <= 2.0, "{reach}: {sine:?}");
        assert!(cosine[0] < 2.0 && cosine[1] <= 2.0, "{reach}: {cosine:?}");
    }
    // Near the zeros at multiples of π/2 the reduction must keep relative accuracy.
    for k in 1..6000 {
        let x = f64::from(k) * std::f64::consts::FRAC_PI_2;
        assert!(ulp64(Real::sin_cos(x).0, x.sin()) <= 2.0 && ulp64(Real::sin_cos(x).1, x.cos()) <= 2.0);
    }
}

#[test]
fn far_arguments_fall_back_lane_by_lane() {
    let mut x = Lane::splat(0.3_f64);
    (x[3], x[7]) = (1e300, f64::NAN);
    let (sine, cosine) = x.sin_cos();
    assert_eq!((sine[3], cosine[3]), 1e300_f64.sin_cos());
    assert!(sine[7].is_nan() && cosine[7].is_nan());
    assert_eq!((sine[0], cosine[0]), Real::sin_cos(0.3_f64));
}

/// The bits of a chain of all functions.
fn chain<R: Real>() -> Lane<R> {
    let mut x = Lane::from_fn(|k| R::from_f64(0.1 + 0.07 * k as f64));
    for _ in 0..200 {
        let (sine, cosine) = x.mul_add(Lane::splat(R::from_f64(3.0)), x).sin_cos();
        x = (sine * cosine).exp() + (x * x + Lane::splat(R::ONE)).ln()
            - x.tanh() / (x * x + Lane::splat(R::ONE)).sqrt();
    }
    x
}

#[test]
fn bits_do_not_depend_on_the_instruction_set() {
    assert_eq!(dispatch(chain::<f64>), chain::<f64>());
    assert_eq!(dispatch(chain::<f32>), chain::<f32>());
    // The chain moves: its lanes end apart.
    assert!(chain::<f64>()[0] != chain::<f64>()[1]);
}

#[test]
fn lanes_gather_their_own_entries_and_stay_inside_the_table() {
    let table: Vec<f64> = (0..50).map(f64::from).collect();
    let index = Lane::from_fn(|k| (k * 7 % 50) as u32);
    let gathered = dispatch(|| Lane::gather(&table, &index));
    assert_eq!(gathered, index.map(f64::from));
    assert_eq!(Lane::gather(&table, &Lane::splat(u32::MAX)), Lane::splat(49.0));
}

fn check_columns<R: Real>() {
    let mut rows = [[R::ZERO; ROW]; LANES];
    for (k, row) in rows.iter_mut().enumerate() {
        for (j, x) in row.iter_mut().enumerate() {
            *x = R::from_f64((k * ROW + j) as f64);
        }
    }
    for columns in [dispatch(|| R::columns(Shuffles::detect(), &rows)), columns::plain(&rows)] {
        for (j, column) in columns.iter().enumerate() {
            for k in 0..LANES {
                assert_eq!(column[k].to_f64(), (k * ROW + j) as f64, "row {k}, column {j}");
            }
        }
    }
}

#[test]
fn columns_are_those_of_the_matrix() {
    check_columns::<f32>();
    check_columns::<f64>();
}
