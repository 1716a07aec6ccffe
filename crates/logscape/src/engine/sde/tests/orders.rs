//! Strong and weak orders, fitted.

use super::super::scheme::{Scheme, StepWork};
use super::*;
use crate::lanes::{LANES, Lane, dispatch};
use crate::random::Normals;

/// Geometric Brownian motion `dX = λX dt + μX dW`, whose solution is `X₀ exp((λ − μ²/2) t + μW)`.
#[derive(Debug, Clone, Copy)]
struct Geometric {
    growth: f64,
    noise: f64,
}

impl Sde<f64> for Geometric {
    type Point = Lane<f64>;

    fn dim(&self) -> usize {
        1
    }
    fn noises(&self) -> usize {
        1
    }
    fn time_unit(&self) -> TimeUnit {
        TimeUnit::LearningTime
    }
    fn point(&self) -> Lane<f64> {
        Lane::splat(0.0)
    }
    fn evaluate(&self, theta: &[Lane<f64>], at: &mut Lane<f64>) {
        *at = theta[0];
    }
    fn add_drift(&self, at: &mut Lane<f64>, scale: Lane<f64>, out: &mut [Lane<f64>]) {
        out[0] = out[0] + Lane::splat(self.growth) * scale * *at;
    }
    fn add_noise(&self, at: &mut Lane<f64>, normals: &[Lane<f64>], scale: Lane<f64>, out: &mut [Lane<f64>]) {
        out[0] = out[0] + Lane::splat(self.noise) * scale * *at * normals[0];
    }
    fn has_diagonal_noise(&self) -> bool {
        true
    }
    fn add_noise_slope(&self, at: &mut Lane<f64>, scale: &[Lane<f64>], out: &mut [Lane<f64>]) {
        out[0] = out[0] + Lane::splat(self.noise * self.noise) * scale[0] * *at;
    }
}

/// Slope of `ln error` against `ln step` for steps `2^−k`, by least squares.
pub(super) fn order(first: i32, errors: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> = (first..).zip(errors).map(|(k, e)| (-f64::from(k), e.abs().log2())).collect();
    let n = points.len() as f64;
    let (x, y) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let product: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    product / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>()
}

fn normals(seed: u64) -> Normals<f64> {
    let mut normals = Normals::idle();
    for lane in 0..LANES {
        let state = replica(&[], seed, lane as u64);
        normals.set(lane, state.rng, None);
    }
    normals
}

type Apply = fn(&Geometric, f64, (&mut [Lane<f64>], &mut Lane<f64>), &mut StepWork<f64, Lane<f64>>);

/// Mean error at `t = 1` along the exact path for steps `2^−3` to `2^−8` of one Brownian path: the fitted order in each of
/// twenty batches, as mean and error.
fn strong_order(apply: Apply) -> (f64, f64) {
    let sde = Geometric { growth: 0.5, noise: 1.0 };
    let (first, last) = (3, 8);
    let fine = 1_usize << last;
    let mut source = normals(1);
    let batch = |_| {
        let mut errors = vec![0.0; (last - first + 1) as usize];
        for _ in 0..60 {
            let path: Vec<Lane<f64>> = (0..fine).map(|_| source.draw()).collect();
            let end = path.iter().fold(Lane::splat(0.0), |sum, w| sum + *w);
            for (error, level) in errors.iter_mut().zip(first..) {
                let steps = 1_usize << level;
                let (mut x, mut time) = ([Lane::splat(1.0)], Lane::splat(0.0));
                let mut work = <EulerMaruyama as Scheme<f64, Geometric>>::work(&EulerMaruyama, &sde);
                for part in path.chunks(fine / steps) {
                    let sum = part.iter().fold(Lane::splat(0.0), |sum, w| sum + *w);
                    work.set_normals(&[sum * Lane::splat((part.len() as f64).sqrt().recip())]);
                    apply(&sde, 1.0 / steps as f64, (&mut x, &mut time), &mut work);
                }
                for k in 0..LANES {
                    let w = end[k] / (fine as f64).sqrt();
                    *error += (x[0][k] - (sde.growth - 0.5 * sde.noise.powi(2) + sde.noise * w).exp()).abs();
                }
            }
        }
        order(first, &errors)
    };
    mean((0..20).map(batch))
}

/// Four standard errors, and 0.08 for what higher orders leave at these steps.
#[test]
fn strong_orders_are_one_half_and_one() {
    let (euler, euler_error) = strong_order(EulerMaruyama::apply);
    let (milstein, milstein_error) = strong_order(Milstein::apply);
    assert!((euler - 0.5).abs() < 4.0 * euler_error + 0.08, "{euler} ± {euler_error}");
    assert!((milstein - 1.0).abs() < 4.0 * milstein_error + 0.08, "{milstein} ± {milstein_error}");
    assert!((milstein - 0.5).abs() > 8.0 * milstein_error + 0.08);
}

/// Errors of `E f(θ)` at `t = 1` for steps 1/2, 1/4, 1/8, each with its standard error.
fn weak_errors<S: Sde<f64>, M: Scheme<f64, S>>(
    sde: &S,
    scheme: &M,
    start: &[f64],
    observable: impl Fn(&[Lane<f64>]) -> Lane<f64>,
    exact: f64,
    blocks: usize,
) -> Vec<(f64, f64)> {
    let mut source = normals(2);
    let mut work = scheme.work(sde);
    let errors = [2, 4, 8].map(|steps| {
        let values = (0..blocks).flat_map(|_| {
            let mut theta: Vec<Lane<f64>> = start.iter().map(|&x| Lane::splat(x)).collect();
            let mut time = Lane::splat(0.0);
            dispatch(
                #[inline(always)]
                || {
                    for _ in 0..steps {
                        scheme.step(sde, 1.0 / f64::from(steps), (&mut theta, &mut time), &mut source, &mut work);
                    }
                },
            );
            assert!((time[0] - 1.0).abs() < 1e-12);
            observable(&theta).0
        });
        let (found, error) = mean(values);
        (found - exact, error)
    });
    errors.to_vec()
}

/// Checks that the order fitted to the errors is `want` within four standard errors (by propagation) and `slack`.
fn check_order(what: &str, errors: &[(f64, f64)], want: f64, slack: f64) {
    let values: Vec<f64> = errors.iter().map(|e| e.0).collect();
    // With three equidistant points the slope is half the difference of the outer ones.
    let error = 0.5 * std::f64::consts::LOG2_E * (errors[0].1 / errors[0].0).hypot(errors[2].1 / errors[2].0);
    let found = order(1, &values);
    assert!((found - want).abs() < 4.0 * error + slack, "{what}: {found} ± {error}, {errors:?}");
    assert!(error < 0.15, "{what}: {found} ± {error}, {errors:?}");
}

/// `E X² = e^{2λ + μ²}`. Errors of Euler and Platen at these steps are `1 − (1 + ...)` with their own higher orders: slack 0.25.
#[test]
fn weak_orders_are_one_and_two() {
    let sde = Geometric { growth: -1.0, noise: 0.3 };
    let exact = (2.0 * sde.growth + sde.noise.powi(2)).exp();
    let square = |theta: &[Lane<f64>]| theta[0] * theta[0];
    let euler = weak_errors(&sde, &EulerMaruyama, &[1.0], square, exact, 20_000);
    let platen = weak_errors(&sde, &Platen, &[1.0], square, exact, 80_000);
    check_order("euler", &euler, 1.0, 0.3);
    check_order("platen", &platen, 2.0, 0.5);
    assert!(order(1, &platen.iter().map(|e| e.0).collect::<Vec<_>>()) > 1.6);
}

/// Decoupled noise in two dimensions does not commute. `m = E r²` has `m' = −2hm + n v (L* + ½hm)` with `v = 2ηs/B`; for
/// Euler's scheme the recursion is exact, which is a second check of the equation.
#[test]
fn platen_is_of_second_order_where_noises_do_not_commute() {
    let (n, v) = (2.0, 0.2);
    let sde = DecoupledNoise::<f64, _>::new(basin(2), isotropic(2), v).unwrap();
    let (rate, rest) = (2.0 - 0.5 * n * v, n * v * LOW);
    let start = [0.8, 0.6];
    let exact = rest / rate + (1.0 - rest / rate) * (-rate).exp();
    let square = |theta: &[Lane<f64>]| theta[0] * theta[0] + theta[1] * theta[1];
    let euler = weak_errors(&sde, &EulerMaruyama, &start, square, exact, 20_000);
    let platen = weak_errors(&sde, &Platen, &start, square, exact, 100_000);
    for ((error, noise), steps) in euler.iter().zip([2, 4, 8]) {
        let dt = 1.0 / f64::from(steps);
        let recursion = (0..steps).fold(1.0, |m, _| (1.0 - dt).powi(2) * m + n * v * dt * (LOW + 0.5 * m));
        assert!((exact + error - recursion).abs() < 4.0 * noise, "{steps}: {error} ± {noise}");
    }
    // Errors fall by four at least with each half of the step, within four standard errors; Euler's do not.
    let fall = |errors: &[(f64, f64)]| {
        (1..3).all(|i| errors[i].0.abs() < errors[0].0.abs() / [1.0, 4.0, 16.0][i] + 4.0 * errors[i].1)
    };
    assert!(fall(&platen) && platen[0].0.abs() > 4.0 * platen[0].1, "{platen:?}");
    assert!(!fall(&euler), "{euler:?}");
    assert!(platen[2].0.abs() < 0.3 * euler[2].0.abs(), "{platen:?} {euler:?}");
}
