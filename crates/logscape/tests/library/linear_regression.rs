//! Linear regression with Gaussian inputs, where minimum, curvature, noise and stationary covariance are known exactly.

use logscape::Stop;
use logscape::data::synthetic::{LinearTeacher, linear_teacher};

use logscape::ensemble::StationaryRun;
use logscape::geometry::OutlierRule;
use logscape::geometry::{GeometryConfig, measure};
use logscape::landscape::{MinimumConfig, find_minimum};
use logscape::model::Minimum;
use logscape::problem::LinearRegression;

use logscape::{Geometry, Sampling, SgdSettings};
use statrs::distribution::{ChiSquared, ContinuousCDF};

const SAMPLES: usize = 20_000;
const SPECTRUM: [f64; 3] = [2.0, 1.0, 0.5];
const TEACHER: [f64; 3] = [1.0, -0.5, 2.0];
const NOISE: f64 = 0.7;

/// Standard errors that a correct result stays within: of a normal law, 7·10⁻⁶ lies outside.
const LIMIT: f64 = 4.5;

type Matrix = [[f64; 3]; 3];

/// One data set with the problem made of it and the minimum found.
struct Case {
    inputs: Vec<[f64; 3]>,
    targets: Vec<f64>,
    problem: LinearRegression,
    minimum: Minimum,
}

impl Case {
    fn new(noise: f64, seed: u64) -> Self {
        let settings =
            LinearTeacher { samples: SAMPLES, spectrum: SPECTRUM.to_vec(), teacher: TEACHER.to_vec(), noise };
        let data = linear_teacher(&settings, seed).unwrap().data;
        let problem = LinearRegression::new(data.inputs.clone(), data.targets.clone(), 3).unwrap();
        let minimum = find_minimum(&problem, &[0.0; 3], &MinimumConfig::default(), &Stop::new()).unwrap();
        assert!(minimum.converged, "{minimum:?}");
        let inputs = data.inputs.chunks_exact(3).map(|x| [x[0], x[1], x[2]]).collect();
        Self { inputs, targets: data.targets, problem, minimum }
    }

    fn geometry(&self) -> Geometry {
        // Neighbouring eigenvalues have the ratio 2; below 3 no gap makes a bulk.
        let outliers = OutlierRule { min_gap: 3.0, ..OutlierRule::default() };
        let config = GeometryConfig { resamples: 400, outliers, ..GeometryConfig::default() };
        measure(&self.problem, &self.minimum, &config, &Stop::new()).unwrap()
    }

    /// `Σ_i λ_i (θ_i − θ*_i)² N/σ²` for the assumed noise `σ`.
    fn distance(&self, noise: f64) -> f64 {
        let errors = self.minimum.theta.iter().zip(&TEACHER).zip(&SPECTRUM);
        errors.map(|((a, b), λ)| λ * (a - b).powi(2)).sum::<f64>() * SAMPLES as f64 / noise.powi(2)
    }
}

/// Given the inputs, `θ̂ − θ*` is normal with covariance `σ²H⁻¹/N`, so that `N (θ̂−θ*)ᵀH(θ̂−θ*)/σ²` has the χ² law with 3
/// degrees of freedom. `Λ` for `H` changes it by a share of `√(2/N) = 0.01`, far inside the law's own width.
#[test]
fn the_minimum_scatters_about_the_teacher_as_least_squares_does() {
    let runs: u32 = 20;
    let law = ChiSquared::new(3.0 * f64::from(runs)).unwrap();
    let limits = [law.inverse_cdf(1e-4), law.inverse_cdf(1.0 - 1e-4)];
    let sum = |noise: f64| (0..runs).map(|seed| Case::new(noise, u64::from(seed)).distance(NOISE)).sum::<f64>();
    let found = sum(NOISE);
    assert!(limits[0] < found && found < limits[1], "{found} outside {limits:?}");
    let control = sum(0.5 * NOISE);
    assert!(control < limits[0], "half the noise passes: {control} within {limits:?}");
}

/// With `z ~ N(0, I)` for the whitened inputs and `w ~ N(0, 1)` for the residual over `σ`, one sample's influence on
/// - an eigenvalue is `λ(z²−1)`, relative variance 2;
/// - `2L*` is `σ²(w²−1)`: `2N L*/σ²` is χ² with `N − 3` degrees of freedom;
/// - `C_ii` is `σ²λ_i(z²w²−1)`, relative variance `3·3 − 1 = 8`;
/// - `C_ii/(2L*h_i)` is `z²w² − z² − w² + 1 = (z²−1)(w²−1)`, variance 4;
/// - `s`, the mean of three, is `(w²−1) mean(z_i²−1)`, variance 4/3.
///
/// What is of second order in these, and rotation of the eigenvectors, is of order `1/N`.
#[test]
fn curvature_and_noise_are_those_of_the_gaussian_law() {
    let within = |geometry: &Geometry| {
        let relative = |variance: f64| LIMIT * (variance / SAMPLES as f64).sqrt();
        let mut good = (2.0 * geometry.loss / NOISE.powi(2) - 1.0).abs() < relative(2.0) + 3.0 / SAMPLES as f64;
        for ((direction, h), λ) in geometry.directions.iter().zip(&geometry.eigenvalues).zip(&SPECTRUM) {
            assert!((direction.curvature - h).abs() < 1e-12);
            assert!((h / λ - 1.0).abs() < relative(2.0), "{h} {λ}");
            assert!((direction.ratio.value - 1.0).abs() < relative(4.0), "{:?}", direction.ratio);
            good &= (direction.noise.value / (NOISE.powi(2) * λ) - 1.0).abs() < relative(8.0);
        }
        let strength = geometry.noise_strength.expect("a resolved loss");
        assert!((strength.value - 1.0).abs() < relative(4.0 / 3.0), "{strength:?}");
        good
    };
    let geometry = Case::new(NOISE, 1).geometry();
    assert!(within(&geometry), "{geometry:?}");
    assert_eq!((geometry.outliers.count, geometry.index, geometry.complete), (3, 0, true));
    // The ratios do not know the size of the noise, loss and covariance do.
    assert!(!within(&Case::new(0.5 * NOISE, 1).geometry()), "half the noise passes");
}

fn matrix(entry: impl Fn(usize, usize) -> f64) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| entry(i, j)))
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    matrix(|i, j| (0..3).map(|k| a[i][k] * b[k][j]).sum())
}

/// Moments of a finite data set at its minimum `θ̂`: `H`, `C` and `Q_ijkl = mean x_i x_j x_k x_l`.
struct DataMoments {
    h: Matrix,
    c: Matrix,
    fourth: [[Matrix; 3]; 3],
}

impl DataMoments {
    fn of(case: &Case) -> Self {
        let theta = &case.minimum.theta;
        let residual = |m: usize| (0..3).map(|i| case.inputs[m][i] * theta[i]).sum::<f64>() - case.targets[m];
        let mean = |f: &dyn Fn(usize) -> f64| (0..SAMPLES).map(f).sum::<f64>() / SAMPLES as f64;
        let x = |m: usize, i: usize| case.inputs[m][i];
        Self {
            h: matrix(|i, j| mean(&|m| x(m, i) * x(m, j))),
            c: matrix(|i, j| mean(&|m| x(m, i) * x(m, j) * residual(m).powi(2))),
            fourth: std::array::from_fn(|i| {
                std::array::from_fn(|j| matrix(|k, l| mean(&|m| x(m, i) * x(m, j) * x(m, k) * x(m, l))))
            }),
        }
    }

    /// `mean X S X − HSH` with `X_μ = x_μ x_μᵀ`: what the scatter of the curvature adds to the noise.
    fn curvature_noise(&self, s: &Matrix) -> Matrix {
        let hsh = product(&product(&self.h, s), &self.h);
        matrix(|i, j| {
            let pairs = (0..3).flat_map(|k| (0..3).map(move |l| (k, l)));
            pairs.map(|(k, l)| self.fourth[i][j][k][l] * s[k][l]).sum::<f64>() - hsh[i][j]
        })
    }

    /// The fixed point of `S ← (I−ηH) S (I−ηH) + (η²/B) [C + w (mean X S X − HSH)]`.
    ///
    /// With replacement `δ' = (I − ηX_B) δ − ηq_B`, where `X_B` and `q_B` are means over the batch, independent of `δ`, and
    /// `mean q = 0` at the minimum. So `E δ = 0`, the cross terms vanish, and `w = 1` is exact. With `w = 0` the noise is
    /// additive and the fixed point solves `SH + HS − ηHSH = ηC/B`.
    fn covariance(&self, eta: f64, batch: f64, weight: f64) -> Matrix {
        let shrink = matrix(|i, j| f64::from(u8::from(i == j)) - eta * self.h[i][j]);
        let mut s = [[0.0; 3]; 3];
        // Each pass shrinks the slowest mode by about 1 − 2·0.5 η.
        for _ in 0..(40.0 / eta) as usize {
            let kept = product(&product(&shrink, &s), &shrink);
            let scatter = self.curvature_noise(&s);
            s = matrix(|i, j| kept[i][j] + eta * eta / batch * (self.c[i][j] + weight * scatter[i][j]));
        }
        s
    }
}

/// The six entries of a symmetric matrix.
fn entries() -> impl Iterator<Item = (usize, usize)> {
    (0..3).flat_map(|i| (i..3).map(move |j| (i, j)))
}

/// Second moments of SGD about the minimum, mean and standard error over 64 independent groups.
///
/// Each sample costs a pass over the data, so samples are few and far apart: 12,800 with a relative error near 0.013.
fn simulated(case: &Case, eta: f64, batch_size: usize, thin: u64) -> (Matrix, Matrix) {
    let run = StationaryRun {
        start: case.minimum.theta.clone(),
        replicas: 64,
        groups: 64,
        // The slowest mode forgets its start as exp(−2·0.5 ηk).
        burn_in: (30.0 / eta) as u64,
        samples: 200,
        thin,
        observables: vec![],
        moments: true,
        seed: 5,
    };
    let settings = SgdSettings { learning_rate: eta, batch_size, sampling: Sampling::WithReplacement };
    let groups = run.run_sgd(&case.problem, settings, &Stop::new()).unwrap();
    assert!(groups.iter().all(|group| group.diverged == 0));
    let seconds: Vec<Matrix> = groups
        .iter()
        .map(|group| {
            let moments = group.moments.as_ref().unwrap();
            let (covariance, mean) = (moments.covariance(), moments.mean());
            let off = |i: usize| mean[i] - case.minimum.theta[i];
            matrix(|i, j| covariance[3 * i + j] + off(i) * off(j))
        })
        .collect();
    let n = seconds.len() as f64;
    let mean = matrix(|i, j| seconds.iter().map(|s| s[i][j]).sum::<f64>() / n);
    let error =
        matrix(|i, j| (seconds.iter().map(|s| (s[i][j] - mean[i][j]).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt());
    (mean, error)
}

/// Largest deviation in standard errors, after `allowance(i, j)` is granted.
fn deviation(found: &(Matrix, Matrix), expected: &Matrix, allowance: impl Fn(usize, usize) -> f64) -> f64 {
    let one = |(i, j): (usize, usize)| ((found.0[i][j] - expected[i][j]).abs() - allowance(i, j)) / found.1[i][j];
    entries().map(one).fold(f64::NEG_INFINITY, f64::max)
}

#[test]
fn the_stationary_covariance_is_that_of_the_linear_recursion() {
    let case = Case::new(NOISE, 3);
    let moments = DataMoments::of(&case);
    for (eta, batch) in [(0.1, 1), (0.2, 4)] {
        let found = simulated(&case, eta, batch, 40);
        let exact = moments.covariance(eta, batch as f64, 1.0);
        let worst = deviation(&found, &exact, |_, _| 0.0);
        assert!(worst < LIMIT, "η = {eta}, B = {batch}: {worst} standard errors: {found:?} {exact:?}");
        // The check sees the scatter of the curvature, and half the noise.
        let additive = moments.covariance(eta, batch as f64, 0.0);
        assert!(deviation(&found, &additive, |_, _| 0.0) > 2.0 * LIMIT);
        let control = deviation(&simulated(&Case::new(0.5 * NOISE, 3), eta, batch, 40), &exact, |_, _| 0.0);
        assert!(control > 2.0 * LIMIT, "half the noise passes: {control}");
    }
}

/// `SH + HS − ηHSH = ηC/B` lacks the scatter of the curvature. To leading order `S = (ησ²/2B) I`, where
/// `mean X S X − HSH = (ησ²/2B)(Λ² + Λ tr Λ)` for Gaussian inputs, so that the true `S_ii` is larger by the share
/// `ρ_i = η(λ_i + tr Λ)/(2B)`, up to `ρ_i²` and the sampling error of fourth moments: a sample's influence on
/// `mean x_i² |x|²` has a relative variance below 40 here, which is `LIMIT √(40/N) = 0.2` of `ρ_i`.
#[test]
fn the_additive_noise_formula_is_the_limit_of_small_steps() {
    let case = Case::new(NOISE, 4);
    let moments = DataMoments::of(&case);
    let share = |eta: f64, i: usize| 0.5 * eta * (SPECTRUM[i] + SPECTRUM.iter().sum::<f64>());
    let bound = |eta: f64, i: usize| share(eta, i) * (1.2 + 2.0 * share(eta, i));
    for eta in [0.04, 0.02, 0.01] {
        let (exact, additive) = (moments.covariance(eta, 1.0, 1.0), moments.covariance(eta, 1.0, 0.0));
        for i in 0..3 {
            let excess = exact[i][i] / additive[i][i] - 1.0;
            assert!(excess > 0.8 * share(eta, i) && excess < bound(eta, i), "{eta} {i}: {excess} {}", share(eta, i));
        }
    }
    let eta = 0.02;
    let additive = moments.covariance(eta, 1.0, 0.0);
    let allowance = |i: usize, j: usize| (bound(eta, i) * bound(eta, j) * additive[i][i] * additive[j][j]).sqrt();
    let found = simulated(&case, eta, 1, 100);
    let worst = deviation(&found, &additive, allowance);
    assert!(worst < LIMIT, "{worst} standard errors: {found:?} {additive:?}");
    let control = deviation(&simulated(&Case::new(0.5 * NOISE, 4), eta, 1, 100), &additive, allowance);
    assert!(control > 2.0 * LIMIT, "half the noise passes: {control}");
}
