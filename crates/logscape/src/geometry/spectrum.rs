//! The Hessian spectrum at a point: eigenpairs, index and outliers.

use super::places::Places;
use crate::model::{Outliers, memory};
use crate::operator::dense::{EigenError, NEGATIVE, eigen, to_dense};
use crate::operator::{
    Eigenpairs, End, ExtremeEigenpairs, LanczosConfig, LanczosProgress, LinearOperator, Linearisation, Matrix,
    extreme_eigenpairs, probe_hessian, probe_symmetry,
};
use crate::{Estimate, Interrupted, Precision, Problem, Stop};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par, Scale};
use serde::{Deserialize, Serialize};

/// How a spectrum is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpectrumConfig {
    /// Largest number of parameters for which the whole matrix is decomposed.
    pub dense_up_to: usize,
    /// The iteration beyond that, in whose precision products are computed too. Its lower end tells whether the point is a saddle.
    pub lanczos: LanczosConfig,
    /// Bytes in which passes over the data are kept from product to product.
    pub passes: u64,
}

impl Default for SpectrumConfig {
    /// With a quarter of the memory's limit for passes, and 4 GiB for the iteration unless half of the limit is less.
    fn default() -> Self {
        let memory = (memory::limit() / 2).min(LanczosConfig::default().memory);
        let lanczos = LanczosConfig { upper: End::new(50, 1e-8), lower: LOWEST, memory, ..LanczosConfig::default() };
        Self { dense_up_to: 4000, lanczos, passes: memory::limit() / 4 }
    }
}

impl SpectrumConfig {
    /// How the problem is looked at around points.
    pub(super) fn places<'a>(&self, problem: &'a dyn Problem) -> Places<'a> {
        let partial = problem.dim() > self.dense_up_to;
        Places::new(problem, partial.then_some((self.lanczos.precision, self.passes)))
    }
}

/// Eigenpairs of a symmetric matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// The largest eigenvalues, descending; all where it is complete (for the Hessian: loss per squared parameter).
    pub values: Vec<f64>,
    /// Unit eigenvectors of the leading eigenvalues (at most 200 in the dense case), same order.
    pub vectors: Vec<Vec<f64>>,
    /// Residual norms `‖Av − λv‖` of the values, same order.
    pub residuals: Vec<f64>,
    /// Whether each residual meets its tolerance.
    pub converged: Vec<bool>,
    /// Whether `values` is the whole spectrum.
    pub complete: bool,
    /// The lowest eigenvalues, ascending; none of a complete spectrum, which has them among `values`.
    pub lowest: Eigenpairs,
    /// Number of eigenvalues below `−10⁻⁶ λ_max`; of a partial spectrum, how many of its lowest Ritz values are, which bounds it
    /// from below: a Ritz value is never beyond the spectrum.
    pub index: usize,
    /// Products with single vectors.
    pub products: usize,
    /// Numbers of the iteration's basis.
    pub precision: Precision,
    /// Whether it was stopped on request: then there are fewer pairs than wanted, or pairs that have not converged.
    pub interrupted: bool,
}

/// The search for negative eigenvalues of a partial spectrum: signs matter, not digits.
const LOWEST: End = End { count: 2, tolerance: 1e-4 };

/// Eigenvectors kept of a complete spectrum.
const KEPT: usize = 200;

/// The Hessian spectrum of `problem` at `theta`: whole for few parameters, beyond these extreme eigenpairs by Lanczos, before which
/// it is looked at whether products are symmetric and derivatives of the gradient.
///
/// # Errors
/// If the Hessian has entries that are not finite or is not what it must be, or on an interrupt.
pub fn spectrum(
    problem: &dyn Problem,
    theta: &[f64],
    config: &SpectrumConfig,
    stop: &Stop,
    progress: &dyn Fn(&LanczosProgress),
) -> Result<Spectrum, EigenError> {
    let places = config.places(problem);
    spectrum_around(problem, theta, &*places.staying(theta), config, stop, progress)
}

/// [`spectrum`] of the problem `around` the point.
pub(super) fn spectrum_around(
    problem: &dyn Problem,
    theta: &[f64],
    around: &dyn Linearisation,
    config: &SpectrumConfig,
    stop: &Stop,
    progress: &dyn Fn(&LanczosProgress),
) -> Result<Spectrum, EigenError> {
    let LanczosConfig { precision, seed, .. } = config.lanczos;
    let hessian = around.operator(Matrix::Hessian);
    let found = if problem.dim() <= config.dense_up_to {
        complete_spectrum(&*hessian, stop)?
    } else {
        stop.check()?;
        probe_symmetry(&*hessian, precision, seed, stop)?;
        probe_hessian(problem, theta, &*hessian, precision, seed, stop)?;
        partial_spectrum(&*hessian, &config.lanczos, stop, progress)?
    };
    if found.interrupted { Err(Interrupted.into()) } else { Ok(found) }
}

/// All eigenpairs of `operator`, whose matrix takes `P²` numbers.
///
/// # Errors
/// If an entry is not finite, or on an interrupt.
pub fn complete_spectrum(operator: &dyn LinearOperator, stop: &Stop) -> Result<Spectrum, EigenError> {
    let p = operator.dim();
    let dense = to_dense(operator, stop)?;
    let (values, matrix) = eigen(dense.as_ref())?;
    let mut image = Mat::zeros(p, p);
    matmul(image.as_mut(), Accum::Replace, dense.as_ref(), matrix.as_ref(), 1.0, Par::Seq);
    let residuals = (0..p).map(|j| (image.col(j) - matrix.col(j) * Scale(values[j])).norm_l2()).collect();
    let vectors: Vec<Vec<f64>> = (0..p.min(KEPT)).map(|j| matrix.col(j).iter().copied().collect()).collect();
    Ok(Spectrum {
        index: index(&values, &values),
        values,
        vectors,
        residuals,
        converged: vec![true; p],
        complete: true,
        lowest: Eigenpairs::default(),
        products: p,
        precision: Precision::Float64,
        interrupted: false,
    })
}

/// The extreme eigenpairs of `operator`; where they were stopped on request, what is known.
///
/// # Errors
/// If a product is not finite, or the memory holds no basis.
pub fn partial_spectrum(
    operator: &dyn LinearOperator,
    config: &LanczosConfig,
    stop: &Stop,
    progress: &dyn Fn(&LanczosProgress),
) -> Result<Spectrum, EigenError> {
    let ExtremeEigenpairs { upper, lower, products, precision, interrupted, .. } =
        extreme_eigenpairs(operator, config, stop, progress)?;
    Ok(Spectrum {
        index: index(&upper.values, &lower.values),
        values: upper.values,
        vectors: upper.vectors,
        residuals: upper.residuals,
        converged: upper.converged,
        complete: false,
        lowest: lower,
        products,
        precision,
        interrupted,
    })
}

/// How many of the `lowest` eigenvalues curve down, beside the first of those `descending`.
fn index(descending: &[f64], lowest: &[f64]) -> usize {
    let floor = -NEGATIVE * descending.first().copied().unwrap_or(0.0).abs();
    lowest.iter().filter(|&&h| h < floor).count()
}

/// The rule that separates outliers from bulk.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OutlierRule {
    /// Most outliers.
    pub max_count: usize,
    /// Outliers are at least this fraction of the largest eigenvalue.
    pub floor: f64,
    /// Eigenvalues within this relative distance are tied and never separated.
    pub tie: f64,
    /// A complete spectrum whose largest gap is below this ratio has no bulk: all of it counts.
    pub min_gap: f64,
}

impl Default for OutlierRule {
    fn default() -> Self {
        Self { max_count: 100, floor: 0.01, tie: 0.05, min_gap: 2.0 }
    }
}

/// Cuts a descending spectrum where the ratio of neighbours is largest. `None` without a positive eigenvalue.
///
/// Candidates are the cuts after the `n`-th eigenvalue, `n ≤ max_count`, `h_n ≥ floor · h_1`, between eigenvalues that
/// are not tied. The ratio to an eigenvalue that is not positive is infinite. Eigenvalues alone tell no error of `h*`;
/// [`measure`](crate::geometry::measure) adds its interval.
pub fn outliers(values: &[f64], complete: bool, rule: &OutlierRule) -> Option<Outliers> {
    let top = values.first().copied().filter(|&h| h > 0.0)?;
    let geometric = |n: usize| (values[..n].iter().map(|h| h.ln()).sum::<f64>() / n as f64).exp();
    let window = values.iter().take_while(|&&h| h >= rule.floor * top && h > 0.0).count().min(rule.max_count);
    let ratio = |n: usize| if values[n] > 1e-12 * top { values[n - 1] / values[n] } else { f64::INFINITY };
    let mut cuts: Vec<(usize, f64, f64)> = (1..=window)
        .filter(|&n| n < values.len() && values[n] < (1.0 - rule.tie) * values[n - 1])
        .map(|n| (n, geometric(n), ratio(n)))
        .collect();
    cuts.sort_by(|a, b| b.2.total_cmp(&a.2));
    let whole = complete && window == values.len() && cuts.first().is_none_or(|cut| cut.2 < rule.min_gap);
    let (count, h_star, gap) = if whole {
        (values.len(), geometric(values.len()), f64::INFINITY)
    } else if cuts.is_empty() {
        let n = window.max(1);
        (n, geometric(n), 1.0)
    } else {
        cuts.remove(0)
    };
    cuts.truncate(4);
    let rule = format!(
        "largest ratio of neighbouring eigenvalues among the first {} that are at least {} of the largest; ties within {} are \
         kept together; all count if no ratio reaches {}",
        rule.max_count, rule.floor, rule.tie, rule.min_gap
    );
    Some(Outliers { count, h_star: Estimate::exact(h_star), rule, gap, alternatives: cuts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::testing::Linear;
    use crate::problem::Sinusoid;
    use faer::Mat;

    #[test]
    fn a_partial_spectrum_tells_a_saddle_from_a_minimum() {
        // f = θ₂ sin(θ₁ x) at θ = 0 with y = x: H is off-diagonal, with eigenvalues ±E[xy].
        let x: Vec<f64> = (1..30).map(|k| 0.1 * f64::from(k)).collect();
        let saddle = Sinusoid::new(x.clone(), x, true).unwrap();
        let partial = SpectrumConfig { dense_up_to: 0, ..SpectrumConfig::default() };
        assert_eq!(spectrum(&saddle, &[0.0; 2], &partial, &Stop::new(), &|_| {}).unwrap().index, 1);
        let minimum = Linear::gaussian(40, 400, 1.0, 2);
        assert_eq!(spectrum(&minimum, &[0.0; 40], &partial, &Stop::new(), &|_| {}).unwrap().index, 0);
    }

    #[test]
    fn linear_regression_has_the_spectrum_of_its_second_moment() {
        let problem = Linear::gaussian(6, 400, 1.0, 2);
        let moment =
            Mat::from_fn(6, 6, |i, j| problem.x.iter().map(|x| x[i] * x[j]).sum::<f64>() / problem.x.len() as f64);
        let (expected, _) = eigen(moment.as_ref()).unwrap();
        let lanczos = LanczosConfig { upper: End::new(6, 1e-8), lower: LOWEST, ..LanczosConfig::default() };
        for dense_up_to in [4000, 0] {
            let config = SpectrumConfig { dense_up_to, lanczos, ..SpectrumConfig::default() };
            let found = spectrum(&problem, &[0.0; 6], &config, &Stop::new(), &|_| {}).unwrap();
            assert_eq!(found.index, 0);
            for j in 0..6 {
                assert!((found.values[j] - expected[j]).abs() < 1e-10);
                assert!(found.residuals[j] < 1e-10);
            }
        }
    }

    #[test]
    fn outliers_are_cut_at_the_largest_gap_and_never_inside_a_tie() {
        let mut values = vec![9.67; 10];
        values.extend([2.92; 10]);
        values.extend([1.14; 10]);
        values.extend([0.7, 0.5, 0.3, 0.2, 0.12, 0.08, 0.05, -1e-9]);
        let found = outliers(&values, true, &OutlierRule::default()).unwrap();
        assert_eq!(found.count, 10);
        assert!((found.h_star.value - 9.67).abs() < 1e-12 && (found.gap - 9.67 / 2.92).abs() < 1e-12);
        assert!(found.alternatives.iter().all(|a| a.0 >= 10));
        assert_eq!(found.alternatives[0].0, 20);
        assert_eq!(outliers(&[1.2, 1.0, 0.9], true, &OutlierRule::default()).unwrap().count, 3);
        assert!(outliers(&[-1.0], true, &OutlierRule::default()).is_none());
    }
}
