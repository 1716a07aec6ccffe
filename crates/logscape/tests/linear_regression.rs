//! Linear regression with Gaussian inputs, where minimum, curvature, noise and stationary covariance are known exactly.

use logscape::data::synthetic::{LinearTeacher, linear_teacher};

use logscape::landscape::{Minimum, MinimumConfig, OutlierRule, find_minimum};
use logscape::noise::{GeometryConfig, measure};
use logscape::problem::LinearRegression;

use logscape::Geometry;
use statrs::distribution::{ChiSquared, ContinuousCDF};

const SAMPLES: usize = 20_000;
const SPECTRUM: [f64; 3] = [2.0, 1.0, 0.5];
const TEACHER: [f64; 3] = [1.0, -0.5, 2.0];
const NOISE: f64 = 0.7;

/// Standard errors that a correct result stays within: of a normal law, 7·10⁻⁶ lies outside.
const LIMIT: f64 = 4.5;

/// One data set with the problem made of it and the minimum found.
struct Case {
    problem: LinearRegression,
    minimum: Minimum,
}

impl Case {
    fn new(noise: f64, seed: u64) -> Self {
        let settings =
            LinearTeacher { samples: SAMPLES, spectrum: SPECTRUM.to_vec(), teacher: TEACHER.to_vec(), noise };
        let data = linear_teacher(&settings, seed).unwrap().data;
        let problem = LinearRegression::new(data.inputs, data.targets, 3).unwrap();
        let minimum = find_minimum(&problem, &[0.0; 3], &MinimumConfig::default(), &|| false).unwrap();
        assert!(minimum.converged, "{minimum:?}");
        Self { problem, minimum }
    }

    fn geometry(&self) -> Geometry {
        // Neighbouring eigenvalues have the ratio 2; below 3 no gap makes a bulk.
        let outliers = OutlierRule { min_gap: 3.0, ..OutlierRule::default() };
        let config = GeometryConfig { resamples: 400, outliers, ..GeometryConfig::default() };
        measure(&self.problem, &self.minimum, &config).unwrap()
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
        assert!((geometry.noise_strength.value - 1.0).abs() < relative(4.0 / 3.0), "{:?}", geometry.noise_strength);
        good
    };
    let geometry = Case::new(NOISE, 1).geometry();
    assert!(within(&geometry), "{geometry:?}");
    assert_eq!((geometry.outliers.count, geometry.index, geometry.complete), (3, 0, true));
    // The ratios do not know the size of the noise, loss and covariance do.
    assert!(!within(&Case::new(0.5 * NOISE, 1).geometry()), "half the noise passes");
}
