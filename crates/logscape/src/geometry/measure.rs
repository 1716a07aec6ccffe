//! Everything that theories need to know of a minimum, measured at once.

use super::classes::class_structure;
use super::decoupling::{DirectionalNoise, along, directional_noise, kinks, scaling, shape};
use super::effective::effective_parameters;
use super::jacobians::{output_grams, sample_jacobians};
use super::leverage::Leverage;
use super::moments::hessian_moments;
use super::places::Places;
use super::sharpness::box_sharpness;
use super::spectrum::spectrum_around;
use super::subspace::noise_subspace;
use crate::Interrupted;
use crate::Stop;
use crate::geometry::{OutlierRule, Spectrum, SpectrumConfig, outliers};
use crate::model::Minimum;
use crate::model::{Decoupling, DirectionNoise, FisherDecoupling, Geometry};
use crate::network::OutputLoss;
use crate::operator::dense::EigenError;
use crate::operator::full::losses;
use crate::operator::{
    Counted, LanczosProgress, Linearisation, Matrix, SamplesAlong, TraceConfig, dot, trace_and_norm,
};
use crate::problem::{ProblemFailure, unless_failed};
use crate::{Estimate, Problem};
use std::ops::Range;
use thiserror::Error;

/// Bootstrap resamples behind the intervals of directions that are no outliers.
const FURTHER_RESAMPLES: usize = 400;

/// Settings of [`measure`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeometryConfig {
    /// How the spectrum is computed.
    pub spectrum: SpectrumConfig,
    /// How outliers are told from the bulk.
    pub outliers: OutlierRule,
    /// Bootstrap resamples behind the intervals.
    pub resamples: usize,
    /// Leading directions along which noise is reported, all outliers at least.
    pub directions: usize,
    /// Displaced points behind the scaling exponent.
    pub scaling_points: usize,
    /// Products that estimate `tr H` where the spectrum is partial.
    pub trace_products: usize,
    /// Seed of resamples, displacements and random vectors.
    pub seed: u64,
}

impl Default for GeometryConfig {
    fn default() -> Self {
        Self {
            spectrum: SpectrumConfig::default(),
            outliers: OutlierRule::default(),
            resamples: 2000,
            directions: 60,
            scaling_points: 24,
            trace_products: 60,
            seed: 1,
        }
    }
}

/// Why a geometry cannot be measured.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum GeometryError {
    /// The minimum has the wrong length.
    #[error("the minimum has {found} parameters, the problem {expected}")]
    Length {
        /// Parameters of the problem.
        expected: usize,
        /// Parameters given.
        found: usize,
    },
    /// A covariance needs two samples.
    #[error("the problem has fewer than two samples")]
    TooFewSamples,
    /// The loss is 0 or not finite, so `C/(2LH)` has no meaning.
    #[error("the loss at the minimum is {0}, and ratios to the loss have no meaning")]
    Loss(f64),
    /// A setting is out of range.
    #[error("{0}")]
    Setting(&'static str),
    /// A measured number is not finite, for instance where there is no noise at all.
    #[error("the {0} is not finite")]
    NotFinite(&'static str),
    /// No eigenvalue is positive.
    #[error("the Hessian has no positive eigenvalue")]
    NoCurvature,
    /// The problem failed at its work.
    #[error(transparent)]
    Problem(#[from] ProblemFailure),
    /// The Hessian could not be decomposed.
    #[error(transparent)]
    Eigen(EigenError),
    /// The work was stopped on request.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl From<EigenError> for GeometryError {
    fn from(error: EigenError) -> Self {
        match error {
            EigenError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            error => Self::Eigen(error),
        }
    }
}

/// How far the measurement of a geometry has come.
#[derive(Debug, Clone, Copy)]
pub enum GeometryProgress<'a> {
    /// The eigenpairs of a Hessian that is not decomposed, so far.
    Eigenpairs(&'a LanczosProgress),
    /// Of a measurement after these so many pieces are done.
    Part {
        /// What is measured.
        what: &'static str,
        /// Pieces that are done.
        done: usize,
        /// All of its pieces.
        of: usize,
    },
}

/// Measures curvature, gradient noise and how one follows the other at a minimum.
///
/// `tr H` is exact where the spectrum is complete, otherwise an estimate of [`trace_and_norm`]; `tr G` is exact. Where the fit interpolates there is no noise at the minimum, and only curvature is measured.
///
/// # Errors
/// If the minimum does not fit the problem, its loss is not positive and the fit does not interpolate, its Hessian has no positive eigenvalue, the problem
/// fails, or on a stop, which is asked for before every piece of work of about a second.
pub fn measure(
    problem: &dyn Problem,
    minimum: &Minimum,
    config: &GeometryConfig,
    stop: &Stop,
) -> Result<Geometry, GeometryError> {
    measure_telling(problem, minimum, None, config, stop, &|_| {})
}

/// [`measure`], which tells how far it has come. The `known` spectrum, where there is one, is that which [`spectrum`](super::spectrum())
/// finds there with the same `config`: it is not computed again.
///
/// # Errors
/// As [`measure`].
pub fn measure_telling(
    problem: &dyn Problem,
    minimum: &Minimum,
    known: Option<Spectrum>,
    config: &GeometryConfig,
    stop: &Stop,
    progress: &(dyn Fn(GeometryProgress) + Sync),
) -> Result<Geometry, GeometryError> {
    unless_failed(problem, measured(problem, minimum, known, config, stop, progress))
}

fn measured(
    problem: &dyn Problem,
    minimum: &Minimum,
    known: Option<Spectrum>,
    config: &GeometryConfig,
    stop: &Stop,
    progress: &(dyn Fn(GeometryProgress) + Sync),
) -> Result<Geometry, GeometryError> {
    let (p, theta) = (problem.dim(), minimum.theta.as_slice());
    if theta.len() != p {
        return Err(GeometryError::Length { expected: p, found: theta.len() });
    }
    if problem.samples() < 2 {
        return Err(GeometryError::TooFewSamples);
    }
    if config.resamples < 2 || config.scaling_points < 3 {
        return Err(GeometryError::Setting("at least 2 resamples and 3 scaling points are needed"));
    }
    let loss = crate::operator::full::loss(problem, theta);
    if !loss.is_finite() || (loss <= 0.0 && minimum.interpolating.is_none()) {
        return Err(GeometryError::Loss(loss));
    }
    let places = config.spectrum.places(problem);
    let around = places.staying(theta);
    let part = |what: &'static str, done: usize, of: usize| progress(GeometryProgress::Part { what, done, of });
    let eigenpairs = |found: &LanczosProgress| progress(GeometryProgress::Eigenpairs(found));
    let spectrum = match known {
        Some(known) => known,
        None => spectrum_around(problem, theta, &*around, &config.spectrum, stop, &eigenpairs)?,
    };
    part("noise along eigenvectors", 0, 1);
    let mut rule = config.outliers;
    rule.max_count = rule.max_count.min(spectrum.vectors.len());
    let mut outliers = outliers(&spectrum.values, spectrum.complete, &rule).ok_or(GeometryError::NoCurvature)?;
    let vectors = &spectrum.vectors[..outliers.count];
    let losses = losses(problem, theta);
    let along_outliers = along(&*around, vectors, stop)?;
    let further =
        along(&*around, &spectrum.vectors[further_directions(&spectrum, outliers.count, config.directions)], stop)?;
    let all: Vec<SamplesAlong> = along_outliers.iter().chain(&further).cloned().collect();
    let leverage = match problem.output_loss() {
        Some(OutputLoss::MeanSquare) => Leverage::new(&all, losses.len(), problem.outputs()),
        _ => Leverage::none(losses.len()),
    };
    let noise = directional_noise(&losses, &along_outliers, &leverage, (config.resamples, config.seed), stop)?;
    outliers.h_star.ci95 = noise.typical_curvature.ci95;
    part("samples' Jacobians", 0, 1);
    let grams = output_grams(problem, theta, stop)?;
    part("classes", 0, 1);
    let classes = class_structure(problem, theta, &grams, (&all, &spectrum.values), stop)?;
    let (trace_gauss_newton, sample_curvature) = sample_jacobians(problem, theta, grams)?;
    let mut geometry = Geometry {
        parameters: p,
        samples: problem.samples(),
        outputs: problem.outputs(),
        loss,
        interpolating: minimum.interpolating.clone(),
        gradient_norm: minimum.gradient_norm,
        index: spectrum.index,
        eigenvalues: spectrum.values.clone(),
        residuals: spectrum.residuals.clone(),
        complete: spectrum.complete,
        lowest: spectrum.lowest.values.clone(),
        lowest_residuals: spectrum.lowest.residuals.clone(),
        products: spectrum.products,
        basis: spectrum.precision,
        vectors: vectors.to_vec(),
        outliers,
        directions: Vec::new(),
        noise_strength: None,
        decoupling: None,
        output_loss: problem.output_loss(),
        accuracy: problem.accuracy(theta),
        fisher: None,
        kinks: None,
        noise_subspace: None,
        classes,
        sharpness: box_sharpness(places, (theta, loss), &spectrum.vectors[0], stop, &|done, of| {
            part("sharpness", done, of);
        })?,
        effective_parameters: None,
        hessian_sums: None,
        sample_curvature,
        hessian_moments: hessian_moments(problem, theta, vectors, stop)?,
    };
    if geometry.interpolating.is_none() {
        let at = At {
            problem,
            theta,
            places,
            around: &*around,
            losses: &losses,
            leverage: &leverage,
            further: &further,
            config,
            stop,
            part: &part,
        };
        add_noise(&mut geometry, noise, trace_gauss_newton, &spectrum, at)?;
    }
    Ok(geometry)
}

/// A problem at its minimum.
#[derive(Clone, Copy)]
struct At<'a> {
    problem: &'a dyn Problem,
    theta: &'a [f64],
    places: Places<'a>,
    around: &'a dyn Linearisation,
    /// Losses of the samples (`N`).
    losses: &'a [f64],
    leverage: &'a Leverage,
    /// How they change along directions after the outliers.
    further: &'a [SamplesAlong],
    config: &'a GeometryConfig,
    stop: &'a Stop,
    /// Hears what is measured, pieces that are done and all of them.
    part: &'a (dyn Fn(&'static str, usize, usize) + Sync),
}

/// Adds what tells of the noise at a minimum whose loss is resolved: that along the outliers, which is given, and what follows.
fn add_noise(
    geometry: &mut Geometry,
    mut noise: DirectionalNoise,
    trace_gauss_newton: f64,
    spectrum: &Spectrum,
    at: At,
) -> Result<(), GeometryError> {
    let At { problem, theta, places, around, losses, leverage, further, config, stop, part } = at;
    let (loss, count) = (geometry.loss, geometry.outliers.count);
    let (vectors, h) = (&spectrum.vectors[..count], &spectrum.values[..count]);
    noise.directions.iter_mut().zip(h).for_each(|(direction, &h)| direction.curvature = h);
    let more = further_directions(spectrum, count, config.directions);
    // The first resamples of the samples again.
    let resamples = (FURTHER_RESAMPLES, config.seed);
    let further = directional_noise(losses, further, leverage, resamples, stop)?;
    let known = |direction: &DirectionNoise| finite(&direction.noise) && finite(&direction.ratio);
    let further = further.directions.into_iter().zip(&spectrum.values[more]);
    let further = further.map(|(direction, &curvature)| DirectionNoise { curvature, ..direction }).filter(known);
    noise.directions.extend(further);
    let (frobenius_distance, off_diagonal_share) = shape(&noise.covariance, h);
    part("leading noise", 0, 1);
    let trace_noise = around.gradients(stop)?.noise_trace();
    let of_outliers = (noise.covariance.as_slice(), trace_noise);
    let lanczos = &config.spectrum.lanczos;
    let (of_samples, resamples) = ((losses, leverage), (config.resamples, config.seed));
    geometry.noise_subspace = Some(noise_subspace(around, of_samples, vectors, of_outliers, lanczos, resamples, stop)?);
    let of_probabilities = problem.output_loss() != Some(OutputLoss::MeanSquare);
    let points = (config.scaling_points, config.seed);
    let told = |done: usize, of: usize| part("noise against loss", done, of);
    let scaling = scaling(places, (theta, loss), (vectors, h), points, of_probabilities, stop, &told)?;
    if !finite(&scaling.exponent) {
        return Err(GeometryError::NotFinite("scaling exponent"));
    }
    if !finite(&noise.strength) {
        return Err(GeometryError::NotFinite("noise strength"));
    }
    let trace_hessian = if spectrum.complete {
        spectrum.values.iter().sum()
    } else {
        let trace = TraceConfig { products: config.trace_products, seed: config.seed, ..TraceConfig::default() };
        let hessian = around.operator(Matrix::Hessian);
        let told = |done: usize| part("trace of the Hessian", done, config.trace_products);
        let sums = trace_and_norm(&Counted::new(&*hessian, &told), &trace, stop)?;
        geometry.hessian_sums = Some(sums);
        sums.trace.value
    };
    if let Some(output_loss) = problem.output_loss().filter(|_| spectrum.complete) {
        let square = dot(theta, theta);
        let (sizes, loss) = ((geometry.samples, geometry.outputs), (loss, output_loss));
        geometry.effective_parameters = effective_parameters(&spectrum.values, sizes, loss, square);
    }
    geometry.directions = noise.directions;
    geometry.noise_strength = Some(noise.strength);
    geometry.decoupling = Some(Decoupling {
        trace_ratio_hessian: trace_noise / (2.0 * loss * trace_hessian),
        trace_ratio_gauss_newton: trace_noise / (2.0 * loss * trace_gauss_newton),
        frobenius_distance,
        off_diagonal_share,
        scaling_exponent: scaling.exponent,
        scaling_points: scaling.points,
    });
    geometry.fisher =
        scaling.fisher.map(|exponent| FisherDecoupling { trace_ratio: trace_noise / trace_gauss_newton, exponent });
    if !problem.is_smooth() {
        geometry.kinks = Some(kinks(places, (theta, loss), (vectors, h), config.seed, stop)?);
    }
    Ok(())
}

fn finite(x: &Estimate) -> bool {
    x.value.is_finite()
}

/// The known directions after the outliers whose curvature is above `10⁻⁶ λ_max`, up to `directions` in all.
fn further_directions(spectrum: &Spectrum, outliers: usize, directions: usize) -> Range<usize> {
    let floor = 1e-6 * spectrum.values[0];
    let curved = spectrum.values.iter().take_while(|&&h| h > floor).count();
    outliers..directions.min(curved).min(spectrum.vectors.len()).max(outliers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Estimate;
    use crate::landscape::{MinimumConfig, find_minimum};
    use crate::operator::{End, LanczosConfig, dot, testing::Linear};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn geometry(problem: &Linear, config: &GeometryConfig) -> Geometry {
        let start = vec![0.0; problem.dim()];
        let minimum = find_minimum(problem, &start, &MinimumConfig::default(), &Stop::new()).unwrap();
        measure(problem, &minimum, config, &Stop::new()).unwrap()
    }

    #[test]
    fn gaussian_regression_decouples_with_unit_strength() {
        let problem = Linear::gaussian(3, 4000, 0.7, 12);
        let found = geometry(&problem, &GeometryConfig::default());
        assert_eq!(found.outliers.count, 3);
        let strength = found.noise_strength.unwrap();
        assert!(strength.covers(1.0), "{strength:?}");
        let decoupling = found.decoupling.unwrap();
        assert!((decoupling.trace_ratio_hessian - 1.0).abs() < 0.1);
        assert!((decoupling.trace_ratio_hessian - decoupling.trace_ratio_gauss_newton).abs() < 1e-12);
        assert!(decoupling.frobenius_distance < 0.15 && decoupling.off_diagonal_share < 0.02);
        let largest = problem.x.iter().map(|x| dot(x, x)).fold(0.0, f64::max);
        assert!((found.sample_curvature[3] - largest).abs() < 1e-9);
    }

    #[test]
    fn noise_grows_with_the_loss_as_gaussian_moments_say() {
        // At displacement δ: tr C = d σ² + (d+1)|δ|² and 2L = σ² + |δ|².
        let (d, n, sigma) = (4, 20_000, 1.0);
        let found = geometry(&Linear::gaussian(d, n, sigma, 6), &GeometryConfig::default());
        let decoupling = found.decoupling.unwrap();
        for &(loss, trace) in &decoupling.scaling_points {
            let square = 2.0 * loss - 1.0;
            let expected = d as f64 + (d as f64 + 1.0) * square;
            assert!((trace / expected - 1.0).abs() < 0.1, "{trace} {expected}");
        }
        assert!((decoupling.scaling_exponent.value - 1.1).abs() < 0.1);
    }

    #[test]
    fn displacements_share_the_rise_of_the_loss_among_the_outliers() {
        // Gaussian inputs of variances 4 and 1: tr C = 2 L tr H + δᵀH²δ, and δᵀH²δ/δᵀHδ is 4 c² + s² for a share c² of the rise in the
        // stiff direction: 2.5 ± 1.06 where (c, s) is uniform on the circle, and 3 for isotropic δ.
        let (n, points) = (20_000, 1000);
        let mut problem = Linear::gaussian(2, n, 1.0, 9);
        problem.x.iter_mut().for_each(|x| x[0] *= 2.0);
        let outliers = OutlierRule { min_gap: 10.0, ..OutlierRule::default() };
        let config = GeometryConfig { resamples: 2, scaling_points: points, outliers, ..GeometryConfig::default() };
        let found = geometry(&problem, &config);
        assert_eq!(found.outliers.count, 2);
        let trace: f64 = found.eigenvalues.iter().sum();
        let ratios = found.decoupling.as_ref().unwrap().scaling_points.iter().map(|&(loss, noise)| {
            assert!((1.29..4.01).contains(&(loss / found.loss)), "{loss}");
            (noise - 2.0 * loss * trace) / (2.0 * (loss - found.loss))
        });
        let mean = ratios.sum::<f64>() / points as f64;
        // Four deviations of the mean of the draws, and as much again of fourth moments over the samples (√(96/n) of 5 each).
        assert!((mean - 2.5).abs() < 4.0 * 1.06 / 1000.0_f64.sqrt() + 0.2, "{mean}");
    }

    #[test]
    fn intervals_of_strength_and_typical_curvature_cover_at_their_level() {
        // The features are standard normal, so `s = 1` and `h* = 1`.
        let config = GeometryConfig { resamples: 400, scaling_points: 3, ..GeometryConfig::default() };
        let covered = (0..200).fold([0, 0], |[strength, typical], seed| {
            let found = geometry(&Linear::gaussian(2, 400, 1.0, 1000 + seed), &config);
            assert_eq!(found.outliers.count, 2);
            let [low, high] = found.outliers.h_star.ci95;
            assert!(low < found.outliers.h_star.value && found.outliers.h_star.value < high);
            let covers = |estimate: &Estimate| u64::from(estimate.covers(1.0));
            [strength + covers(&found.noise_strength.unwrap()), typical + covers(&found.outliers.h_star)]
        });
        // Binomial(200, 0.95) lies in 184..=196 with probability 0.96.
        assert!(covered.iter().all(|covered| (184..=196).contains(covered)), "{covered:?}");
    }

    #[test]
    fn an_interrupt_ends_every_stage() {
        let problem = Linear::gaussian(3, 400, 1.0, 5);
        let minimum = find_minimum(&problem, &[0.0; 3], &MinimumConfig::default(), &Stop::new()).unwrap();
        for dense_up_to in [0, 10] {
            let lanczos = LanczosConfig { upper: End::new(3, 1e-8), ..LanczosConfig::default() };
            let config = GeometryConfig {
                spectrum: SpectrumConfig { dense_up_to, lanczos, ..SpectrumConfig::default() },
                resamples: 50,
                scaling_points: 3,
                ..GeometryConfig::default()
            };
            let asked = Arc::new(AtomicUsize::new(0));
            let counts = Arc::clone(&asked);
            let never = Stop::when(move || counts.fetch_add(1, Ordering::Relaxed) == usize::MAX);
            measure(&problem, &minimum, &config, &never).unwrap();
            for allowed in 0..asked.load(Ordering::Relaxed) {
                let left = AtomicUsize::new(0);
                let stop = Stop::when(move || left.fetch_add(1, Ordering::Relaxed) >= allowed);
                let ended = measure(&problem, &minimum, &config, &stop);
                assert_eq!(ended, Err(GeometryError::Interrupted(Interrupted)), "{allowed}");
            }
        }
    }

    #[test]
    fn a_partial_spectrum_and_the_thread_count_change_nothing() {
        let problem = Linear::gaussian(4, 1000, 1.0, 31);
        let run = |threads, dense_up_to| {
            let lanczos = LanczosConfig { upper: End::new(4, 1e-8), ..LanczosConfig::default() };
            let config = GeometryConfig {
                spectrum: SpectrumConfig { dense_up_to, lanczos, ..SpectrumConfig::default() },
                ..GeometryConfig::default()
            };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| geometry(&problem, &config))
        };
        let dense = run(1, 4000);
        assert_eq!(dense, run(2, 4000));
        let partial = run(2, 0);
        assert!(!partial.complete);
        let traces = [&dense, &partial].map(|found| found.decoupling.as_ref().unwrap().trace_ratio_hessian);
        assert!((traces[0] - traces[1]).abs() < 0.05);
        for (a, b) in dense.eigenvalues.iter().zip(&partial.eigenvalues) {
            assert!((a - b).abs() < 1e-9);
        }
    }

    #[test]
    fn a_fit_that_interpolates_has_curvature_and_no_noise() {
        let noisy = Linear::gaussian(3, 40, 0.0, 12);
        let y = noisy.x.iter().map(|x| x[0] - 2.0 * x[2]).collect();
        let found = geometry(&Linear { x: noisy.x.clone(), y }, &GeometryConfig::default());
        assert!(found.interpolating.is_some() && found.noise_strength.is_none() && found.decoupling.is_none());
        assert!(found.directions.is_empty());
        // Curvature does not know the targets.
        let same = geometry(
            &Linear { y: (0..40).map(|k| f64::from(k * k % 7)).collect(), ..noisy },
            &GeometryConfig::default(),
        );
        assert!(same.interpolating.is_none() && same.noise_strength.is_some());
        assert_eq!((found.eigenvalues, found.outliers), (same.eigenvalues, same.outliers));
        assert_eq!(found.sample_curvature, same.sample_curvature);
    }

    #[test]
    fn a_perfect_fit_is_an_error() {
        let problem = Linear { x: vec![vec![1.0], vec![2.0]], y: vec![0.0, 0.0] };
        let minimum = find_minimum(&problem, &[0.0], &MinimumConfig::default(), &Stop::new()).unwrap();
        assert_eq!(
            measure(&problem, &minimum, &GeometryConfig::default(), &Stop::new()),
            Err(GeometryError::Loss(0.0))
        );
    }
}
