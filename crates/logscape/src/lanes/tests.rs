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

/// `Φ` and `φ` from 50 digits.
#[allow(clippy::unreadable_literal, reason = "a table of digits")]
const NORMAL: [(f64, f64, f64); 17] = [
    (-37.5, 4.605353009581955e-308, 1.7282337322841054e-306),
    (-30.0, 4.906713927148187e-198, 1.4736461348785476e-196),
    (-20.0, 2.7536241186062337e-89, 5.520948362159764e-88),
    (-10.0, 7.619853024160525e-24, 7.694598626706419e-23),
    (-6.25, 2.0522634252189388e-10, 1.3140018181558838e-9),
    (-5.0, 2.866515718791939e-7, 1.4867195147342977e-6),
    (-3.0, 0.0013498980316300946, 0.0044318484119380075),
    (-2.5, 0.006209665325776135, 0.017528300493568537),
    (-1.5, 0.06680720126885807, 0.12951759566589172),
    (-0.75, 0.2266273523768682, 0.30113743215480443),
    (-0.0625, 0.47508233097075275, 0.3981638566868866),
    (-9.5367431640625e-7, 0.49999961953899347, 0.39894228040125124),
    (0.0, 0.5, 0.3989422804014327),
    (0.5, 0.6914624612740131, 0.35206532676429947),
    (1.0, 0.8413447460685429, 0.24197072451914334),
    (2.5, 0.9937903346742238, 0.017528300493568537),
    (8.0, 0.9999999999999993, 5.052271083536892e-15),
];

#[test]
fn normal_law_is_within_eight_ulp() {
    for (x, cdf, density) in NORMAL {
        let found = Real::normal(x);
        assert!(ulp64(found.0, cdf) <= 8.0 && ulp64(found.1, density) <= 8.0, "{x}: {found:?}");
        if x > -12.0 {
            let found = Real::normal(x as f32);
            assert!(ulp32(found.0, cdf) < 8.0 && ulp32(found.1, density) < 8.0, "{x}: {found:?}");
        }
    }
    // In between, by another formula.
    let reference = |x: f64| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
    let [single, double] = worst(grid(-1.0, 9.0, 400_000), |x| x.normal().0, |x| x.normal().0, reference);
    assert!(single < 8.0 && double <= 8.0, "{single} {double}");
    let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    let [single, double] = worst(grid(-1.0, 1.0, 100_000), |x| x.normal().1, |x| x.normal().1, density);
    assert!(single < 8.0 && double <= 8.0, "{single} {double}");
    for x in grid(-37.0, -1.0, 100_000) {
        // The argument of the reference is rounded, which is a relative error of x² roundings in the tail.
        let error = x.normal().0 / reference(x) - 1.0;
        assert!(error.abs() < (8.0 + x * x) * f64::EPSILON, "{x}: {error}");
    }
    assert_eq!((f64::INFINITY.normal(), (-1e30_f32).normal()), ((1.0, 0.0), (0.0, 0.0)));
    assert!(f64::NAN.normal().0.is_nan() && f32::NAN.normal().1.is_nan());
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
            - x.tanh() / (x * x + Lane::splat(R::ONE)).sqrt()
            + x.map(|x| x.normal().0 - x.normal().1);
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
