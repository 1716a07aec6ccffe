//! How well `C ≈ 2 s L H` holds: noise along eigendirections, shape in their span, scaling away from the minimum.

use super::bootstrap::log_studentised;
use super::leverage::Leverage;
use super::places::Places;
use crate::Estimate;
use crate::Interrupted;
use crate::Stop;
use crate::model::DirectionNoise;
use crate::operator::{Linearisation, SamplesAlong, axpy, dot, norm, scale};
use crate::random::{Purpose, stream};
use crate::stats::slope;
use rand_distr::{Distribution, StandardNormal};

/// Noise along eigendirections `v_i`, with the projections that it is made of.
pub(super) struct DirectionalNoise {
    /// Per direction: curvature, noise and ratio.
    pub(super) directions: Vec<DirectionNoise>,
    /// Noise strength `s`, the mean of the ratios.
    pub(super) strength: Estimate,
    /// Geometric mean of the curvatures (loss per squared parameter).
    pub(super) typical_curvature: Estimate,
    /// `VᵀCV`, row by row (squared gradient).
    pub(super) covariance: Vec<Vec<f64>>,
}

/// Noise `C_ii = mean a² − (mean a)²`, `a_μi = g_μ·v_i`, and ratios `C_ii/(2 L h_i)` along unit vectors `v_i`, from how the samples
/// change `along` them and their `losses` (`N`).
///
/// The intervals, and that of `h* = (Π_i h_i)^{1/k}`, come from a studentised bootstrap over the samples that resamples
/// `a_μi`, `ℓ_μ` and the curvature `v_iᵀH_μ v_i` of each sample together, the first two as large as they were without the samples' `leverage`;
/// the point and the directions stay fixed. Where that of `C_ii`, of its ratio or of `s` has no upper end those of the latter have no
/// ends at all.
///
/// # Errors
/// On an interrupt.
pub(super) fn directional_noise(
    losses: &[f64],
    along: &[SamplesAlong],
    leverage: &Leverage,
    (resamples, seed): (usize, u64),
    stop: &Stop,
) -> Result<DirectionalNoise, Interrupted> {
    let (n, k) = (losses.len(), along.len());
    let width = 3 * k + 1;
    let mut rows = Vec::with_capacity(n * width);
    let mut means = vec![0.0; width];
    let mut row = vec![0.0; width];
    let set = |row: &mut [f64], m: usize, factor: f64, of_loss: f64| {
        for (i, samples) in along.iter().enumerate() {
            let slope = factor * samples.slopes[m];
            [row[i], row[k + i], row[2 * k + i]] = [slope, slope * slope, samples.curvatures[m]];
        }
        row[3 * k] = losses[m] + of_loss;
    };
    for m in 0..n {
        set(&mut row, m, 1.0, 0.0);
        axpy(1.0 / n as f64, &row, &mut means);
        set(&mut row, m, leverage.factor(m), leverage.of_loss(m));
        rows.extend_from_slice(&row);
    }
    // Statistics: noises, ratios, noise strength, typical curvature.
    let values = |means: &[f64]| {
        let mut out: Vec<f64> = (0..k).map(|i| means[k + i] - means[i] * means[i]).collect();
        (0..k).for_each(|i| out.push(out[i] / (2.0 * means[3 * k] * means[2 * k + i])));
        out.push(out[k..].iter().sum::<f64>() / k as f64);
        out.push((means[2 * k..3 * k].iter().map(|h| h.ln()).sum::<f64>() / k as f64).exp());
        out
    };
    let influences = |means: &[f64], values: &[f64], row: &[f64], out: &mut [f64]| {
        let of_loss = row[3 * k] / means[3 * k] - 1.0;
        let (mut strength, mut typical) = (0.0, 0.0);
        for i in 0..k {
            // Linear in the row, which may be the mean of several samples.
            out[i] = (row[k + i] - 2.0 * means[i] * row[i] + means[i] * means[i]) / values[i] - 1.0;
            let of_curvature = row[2 * k + i] / means[2 * k + i] - 1.0;
            out[k + i] = out[i] - of_loss - of_curvature;
            strength += values[k + i] * out[k + i];
            typical += of_curvature;
        }
        out[2 * k] = strength / (values[2 * k] * k as f64);
        out[2 * k + 1] = typical / k as f64;
    };
    let mut estimates = log_studentised(&rows, width, (resamples, seed), stop, values, influences)?;
    for (estimate, value) in estimates.iter_mut().zip(values(&means)) {
        let [lower, upper] = estimate.ci95;
        *estimate = if lower == upper {
            Estimate::exact(value)
        } else {
            Estimate::new(value, value.min(lower), value.max(upper))
        };
    }
    // A ratio is known no better than the noise in it, and their mean no better than any of them.
    let open = |estimate: &Estimate| estimate.ci95[1] == f64::INFINITY;
    for i in 0..k {
        if open(&estimates[i]) || open(&estimates[k + i]) {
            [k + i, 2 * k].into_iter().for_each(|of| estimates[of].ci95[1] = f64::INFINITY);
        }
    }
    estimates[k..=2 * k].iter_mut().filter(|estimate| open(estimate)).for_each(|estimate| estimate.ci95[0] = 0.0);
    let (strength, typical_curvature) = (estimates[2 * k], estimates[2 * k + 1]);
    let mean = |a: &[f64]| a.iter().sum::<f64>() / n as f64;
    let slopes = |i: usize| along[i].slopes.as_slice();
    let means: Vec<f64> = (0..k).map(|i| mean(slopes(i))).collect();
    let covariance =
        (0..k).map(|i| (0..k).map(|j| dot(slopes(i), slopes(j)) / n as f64 - means[i] * means[j]).collect()).collect();
    let directions = (0..k)
        .map(|i| DirectionNoise { curvature: mean(&along[i].curvatures), noise: estimates[i], ratio: estimates[k + i] })
        .collect();
    Ok(DirectionalNoise { directions, strength, typical_curvature, covariance })
}

/// Vectors that share the passes over the data.
const TOGETHER: usize = 8;

/// How the samples change along each of `vectors`, some at once.
///
/// # Errors
/// On an interrupt.
pub(super) fn along(
    around: &dyn Linearisation,
    vectors: &[Vec<f64>],
    stop: &Stop,
) -> Result<Vec<SamplesAlong>, Interrupted> {
    let mut found = Vec::with_capacity(vectors.len());
    for vectors in vectors.chunks(TOGETHER) {
        found.extend(around.along(vectors, stop)?);
    }
    Ok(found)
}

/// Shape of the noise in an eigenbasis with curvatures `h`: `‖C − aH‖_F/‖C‖_F` at the best scalar
/// `a = ⟨C,H⟩/⟨H,H⟩`, and the share of `‖C‖_F²` off the diagonal. Both are 0 where there is no noise.
pub(super) fn shape(covariance: &[Vec<f64>], h: &[f64]) -> (f64, f64) {
    let total: f64 = covariance.iter().map(|row| dot(row, row)).sum();
    if total <= 0.0 {
        return (0.0, 0.0);
    }
    let diagonal: Vec<f64> = covariance.iter().enumerate().map(|(i, row)| row[i]).collect();
    let inner = dot(&diagonal, h);
    let distance = (total - inner * inner / dot(h, h)).max(0.0);
    ((distance / total).sqrt(), (1.0 - dot(&diagonal, &diagonal) / total).max(0.0))
}

/// How the noise changes along displacements from a minimum.
pub(super) struct Scaling {
    /// The exponent `γ` of `tr C ∝ L^γ`.
    pub(super) exponent: Estimate,
    /// The points `(L, tr C)` behind it.
    pub(super) points: Vec<(f64, f64)>,
    /// The exponent of `tr C/tr G ∝ L^x`, where `tr G` was asked for.
    pub(super) fisher: Option<Estimate>,
}

/// How the noise changes along displacements `Σ z_i v_i/√h_i` in the span of `vectors`, and `tr G` with it if `gauss_newton`.
///
/// `z` is uniform on a sphere, on which the quadratic loss is constant: each direction has the same share of its rise on average, and
/// stiff ones are displaced less. The radii are those at which the quadratic loss is a factor times `L*`, the factors spread evenly on
/// a logarithmic scale from 1.3 to 4. Loss and noise are those of the problem there. Where `tr C` depends on more than `L`, as it does
/// with unequal curvatures, the exponent belongs to this law of displacements: isotropic ones have another. It is the least-squares
/// slope of `ln tr C` on `ln L` with Student's interval. `told` hears how many points are done, and of how many.
///
/// # Errors
/// On an interrupt.
pub(super) fn scaling(
    places: Places,
    (theta, base): (&[f64], f64),
    (vectors, h): (&[Vec<f64>], &[f64]),
    (points, seed): (usize, u64),
    gauss_newton: bool,
    stop: &Stop,
    told: &dyn Fn(usize, usize),
) -> Result<Scaling, Interrupted> {
    let mut rng = stream(seed, Purpose::Displacement, 0);
    let (mut found, mut traces) = (Vec::with_capacity(points), Vec::new());
    for k in 0..points {
        told(k, points);
        let factor = 1.3 * (4.0_f64 / 1.3).powf(k as f64 / (points.max(2) - 1) as f64);
        let z: Vec<f64> = h.iter().map(|_| StandardNormal.sample(&mut rng)).collect();
        let theta = displaced(theta, vectors, h, z, base * (factor - 1.0));
        let around = places.passing(&theta);
        let gradients = around.gradients(stop)?;
        found.push((gradients.loss, gradients.noise_trace()));
        if gauss_newton {
            traces.push(around.gauss_newton_trace(stop)?);
        }
    }
    let positive = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().filter(|p| p.0 > 0.0 && p.1 > 0.0).map(|p| (p.0.ln(), p.1.ln())).collect()
    };
    let ratios: Vec<(f64, f64)> = found.iter().zip(&traces).map(|(point, trace)| (point.0, point.1 / trace)).collect();
    let fisher = gauss_newton.then(|| slope(&positive(&ratios)));
    Ok(Scaling { exponent: slope(&positive(&found)), points: found, fisher })
}

/// `θ + Σ c z_i v_i/√h_i` with the `c` by which the quadratic loss rises by so much.
fn displaced(theta: &[f64], vectors: &[Vec<f64>], h: &[f64], mut z: Vec<f64>, rise: f64) -> Vec<f64> {
    let length = norm(&z);
    let radius = (2.0 * rise).sqrt();
    scale(radius / length, &mut z);
    let mut place = theta.to_vec();
    for ((z, h), v) in z.iter().zip(h).zip(vectors) {
        axpy(z / h.sqrt(), v, &mut place);
    }
    place
}

/// Share of the loss by which the quadratic loss rises where [`kinks`] are looked for.
const RISE: f64 = 0.01;

/// The norm of `(∇L(θ+δ) − ∇L(θ−δ))/2 − Hδ` in units of `‖Hδ‖`, for a random displacement `δ` in the span of the eigenvectors
/// `vectors` with eigenvalues `h`, by which the quadratic loss rises by a hundredth of the loss.
///
/// # Errors
/// On an interrupt.
pub(super) fn kinks(
    places: Places,
    (theta, base): (&[f64], f64),
    (vectors, h): (&[Vec<f64>], &[f64]),
    seed: u64,
    stop: &Stop,
) -> Result<f64, Interrupted> {
    let mut rng = stream(seed, Purpose::Displacement, 1);
    let z: Vec<f64> = h.iter().map(|_| StandardNormal.sample(&mut rng)).collect();
    let step = displaced(&vec![0.0; theta.len()], vectors, h, z, RISE * base);
    let gradient = |sign: f64| {
        let mut theta = theta.to_vec();
        axpy(sign, &step, &mut theta);
        Ok::<_, Interrupted>(places.passing(&theta).gradients(stop)?.gradient)
    };
    let mut slope: Vec<f64> = gradient(1.0)?.iter().zip(gradient(-1.0)?).map(|(a, b)| 0.5 * (a - b)).collect();
    let mut size = 0.0;
    for (v, h) in vectors.iter().zip(h) {
        let along = h * dot(v, &step);
        axpy(-along, v, &mut slope);
        size += along * along;
    }
    Ok(norm(&slope) / size.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_is_perfect_for_a_multiple_of_the_curvature() {
        let (distance, off) = shape(&[vec![4.0, 0.0], vec![0.0, 2.0]], &[2.0, 1.0]);
        assert!(distance < 1e-7 && off < 1e-15);
        let (distance, off) = shape(&[vec![1.0, 1.0], vec![1.0, 1.0]], &[1.0, 1.0]);
        assert!((distance - 0.5_f64.sqrt()).abs() < 1e-12 && (off - 0.5).abs() < 1e-12);
    }
}
